--- Series: what a trader reads the market through.
--
-- A series is a userdata without contents whose metamethods close over a C slot {data, count}; the worker repoints the
-- slots before each symbol. The script holds neither a pointer nor a cdata, every read is bounds-checked, and nothing
-- is allocated. Asking for a series (m.close, ta.sma(...)) switches its slot on for the running call; a series kept
-- from an earlier call reads as empty until it is asked for again.
local ffi = require "ffi"
local tobit = require("bit").tobit
local newproxy, getmetatable, type, error, tostring = newproxy, getmetatable, type, error, tostring

local C, NaN = ffi.C, 0 / 0

local M = {}

local context -- script_context *
local info = {} -- series -> {slot, index, interval, text}; never given to a script
local traders = {} -- index -> {markets = {interval -> market entry}}

function M.init(pointer) context = ffi.cast("script_context *", pointer) end

function M.context() return context end

local methods = {}

--- Number of bars known.
-- @return whole number, 0 or more
-- @usage local n = m.close:len()
function methods.len(series)
  local entry = info[series]
  if not entry then error("len: expected a series; call it as s:len()", 2) end
  return entry.slot.count
end

local function bad_index(key, text)
  if type(key) == "number" then
    if key < 0 then error(("index %s of %s; the newest bar is s[0], the one before s[1]"):format(key, text), 3) end
    error(("index %s of %s is not a whole number; the newest bar is s[0]"):format(key, text), 3)
  end
  error(("a series has no field %q; the newest bar is s[0]"):format(tostring(key), text), 3)
end

local function forbid(what)
  return function() error(what .. " on a series: index it first, s[0] is the newest bar", 2) end
end

local function new_series(index, interval, text)
  local slot = context.slots + index
  local series = newproxy(true)
  local meta = getmetatable(series)
  meta.__index = function(_, key)
    local count = slot.count
    if type(key) == "number" then
      if tobit(key) ~= key or key < 0 then
        if key >= 2 ^ 31 and key % 1 == 0 then return NaN end
        bad_index(key, text)
      end
      if key < count then return slot.data[count - 1 - key] end
      return NaN
    end
    local method = methods[key]
    if method then return method end
    bad_index(key, text)
  end
  meta.__newindex = function() error("a series is read-only", 2) end
  meta.__tostring = function() return "series " .. text end
  meta.__len = forbid("#: use s:len();")
  meta.__call = forbid("a call")
  meta.__concat = forbid("..")
  meta.__metatable = false
  info[series] = {slot = slot, index = index, interval = interval, text = text, series = series, memo = {}}
  return info[series]
end

--- The entry of a series; nil for anything else.
function M.entry(value) return info[value] end

--- Ask C for a series of the running trader. Level: where an error points.
-- @return entry
function M.claim(interval, kind, source0, source1, p0, p1, p2, p3, output, text, level)
  local index = C.script_series(context, interval, kind, source0 or -1, source1 or -1, p0 or 0, p1 or 0, p2 or 0, p3 or 0, output or 0)
  if index < 0 then error(ffi.string(context.message), level + 1) end
  return new_series(index, interval, text)
end

--- What the stdlib keeps for the trader that runs now.
function M.trader() return traders[context.trader] end

function M.set_trader(index, state) traders[index] = state end

return M
