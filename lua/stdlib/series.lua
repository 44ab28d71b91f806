--- Series: what a trader reads the market through.
--
-- A series is a userdata without contents whose metamethods close over a C slot {data, count}; the worker repoints the
-- slots before each symbol. The script holds neither a pointer nor a cdata, every read is bounds-checked, and nothing
-- is allocated. Asking for a series (m.close, ta.sma(...)) switches its slot on for the running call; a series kept
-- from an earlier call reads as empty until it is asked for again.
local ffi = require "ffi"
local dialect = require "dialect"
local fail = require "fail"
local tobit = require("bit").tobit
local newproxy, getmetatable, ipairs, next, type, tostring = newproxy, getmetatable, ipairs, next, type, tostring

local C, NaN, max = ffi.C, 0 / 0, math.max

local M = {}

local context -- script_context *
local info = {} -- series -> {slot, index, place, text, series, memo}; never given to a script
local groups = {} -- outputs of an indicator -> {fields, entries}
local traders = {} -- index -> {market, entry, made = list of the entries of its series}

function M.init(pointer) context = ffi.cast("script_context *", pointer) end

function M.context() return context end

local methods = {}
M.methods, M.entries = methods, info

--- Number of bars known of a series, by its slot: those that are hidden too, which are there once they are read.
function M.length(slot)
  local count = slot.count
  return count > 0 and count + slot.hidden or 0
end

--- The values of the newest `bars` bars are about to be read at slot.data, past the series itself.
function M.want(slot, bars) slot.wanted = max(slot.wanted, bars) end

--- Number of bars known.
-- @function s:len
-- @return whole number, 0 or more
-- @usage local n = m.close:len()
function methods.len(series)
  local entry = info[series]
  if not entry then fail "len: expected a series; call it as s:len()" end
  return M.length(entry.slot)
end

local function bad_index(key, text)
  if type(key) ~= "number" then
    fail(("a series has no field %q%s"):format(tostring(key), dialect.field("series", key) or "; the newest bar is s[0]"))
  end
  if key < 0 then fail(("index %s of %s; the newest bar is s[0], the one before s[1]"):format(key, text)) end
  fail(("index %s of %s is not a whole number; the newest bar is s[0]"):format(key, text))
end

local function forbid(what)
  return function() fail(what .. " a series; index it first: s[0] is the newest bar") end
end

-- The same functions in all metatables: comparisons look for that.
local refusals = {
  __newindex = function() fail "a series is read-only" end,
  __len = function() fail "#s is not the length of a series; call s:len()" end,
  __call = forbid "attempt to call",
  __concat = forbid "attempt to concatenate",
  __lt = forbid "attempt to compare",
  __le = forbid "attempt to compare",
  __eq = forbid "attempt to compare",
}

-- What gives a series again: filled by expression.lua, before any series is made.
local operators = {}
M.operators = operators

local function new_series(index, place, text)
  local slot = context.slots + index
  local series = newproxy(true)
  local meta = getmetatable(series)
  meta.__index = function(_, key)
    if type(key) == "number" then
      local back = tobit(key)
      if back ~= key or back < 0 then
        if key >= 2 ^ 31 and key % 1 == 0 then return NaN end
        bad_index(key, text)
      end
      -- data[-1] is NaN. A branch would compile a loop for whichever side it met first, such as a series that is still
      -- empty, and leave the other side eight times slower for good.
      slot.deepest = max(slot.deepest, back)
      return slot.data[max(slot.count - 1 - back, -1)]
    end
    local method = methods[key]
    if method then return method end
    bad_index(key, text)
  end
  for event, refusal in next, refusals do meta[event] = refusal end
  for event, operator in next, operators do meta[event] = operator end
  meta.__tostring = function() return "series " .. text end
  meta.__metatable = false
  local entry = {slot = slot, index = index, place = place, text = text, series = series, memo = {}}
  info[series] = entry
  local trader = traders[context.trader]
  if trader then trader.made[#trader.made + 1] = entry end
  return entry
end

--- The entry of a series; nil for anything else.
function M.entry(value) return info[value] end

--- Notes what the outputs of an indicator are. @param outputs userdata @param fields list of names @param entries by name
function M.set_outputs(outputs, fields, entries) groups[outputs] = {fields = fields, entries = entries} end

--- {fields, entries} of the outputs of an indicator; nil for anything else.
function M.outputs(value) return groups[value] end

--- What a value is, for the sentence of an error: "a number", "nil", "series close 5m", "market 1h".
function M.describe(value)
  if value == nil then return "nil" end
  if type(value) == "number" and value ~= value then return "NaN" end
  return type(value) == "userdata" and tostring(value) or "a " .. type(value)
end

--- Where a series is at home, as a number: its interval, of the trader's own symbol (reference 0) or of one of its references
-- (1, 2, ...), as in src/script/trader.h. Its interval and its reference, from that number.
function M.place(reference, interval) return reference * C.N_INTERVALS + interval end
function M.interval_of(place) return place % C.N_INTERVALS end
function M.reference_of(place) return (place - place % C.N_INTERVALS) / C.N_INTERVALS end

--- Raises: two series that are to be combined are at home in different places. @param a entry @param b entry
function M.different(what, a, b)
  local is_symbol = M.reference_of(a.place) ~= M.reference_of(b.place)
  fail(("%s: %s and %s are of different %s; m:align(s) gives a %s as seen at each bar of m"):format(what, a.text, b.text,
    is_symbol and "symbols" or "timeframes", is_symbol and "series of a reference" or "slower series"))
end

--- Ask C for a series of the running trader.
-- @return entry
function M.claim(place, kind, source0, source1, source2, p0, p1, p2, p3, output, text)
  local index = C.script_series(context, place, kind, source0 or -1, source1 or -1, source2 or -1, p0 or 0, p1 or 0, p2 or 0, p3 or 0, output or 0)
  if index == C.SCRIPT_BAD_PARAMETER then fail("ta." .. ffi.string(context.message)) end
  if index < 0 then fail(ffi.string(context.message)) end
  return new_series(index, place, text)
end

--- An own series of the running trader. @param place number of its interval @param number which of them, from 0
function M.claim_own(place, number, text)
  local index = C.script_own(context, number)
  if index < 0 then fail(ffi.string(context.message)) end
  return new_series(index, place, text)
end

--- Forgets which series of a trader have been asked for and read in this call. Afterwards M.read says which.
function M.forget_reads(index)
  for _, entry in ipairs(traders[index].made) do
    local slot = entry.slot
    if slot.count > 0 then slot.count = 0 end -- -1: it was not asked for at all, which C wants to know
    M.want(slot, slot.deepest + 1) -- C is not to forget it
    slot.deepest = -1
  end
end

--- Calls each(text, newest value) for every series that has been read since.
function M.each_read(index, each)
  for _, entry in ipairs(traders[index].made) do
    local slot = entry.slot
    if slot.deepest >= 0 and slot.count > 0 then each(entry.text, slot.data[slot.count - 1]) end
  end
end

--- What the stdlib keeps for the trader that runs now.
function M.trader() return traders[context.trader] end

function M.set_trader(index, state) traders[index] = state end

return M
