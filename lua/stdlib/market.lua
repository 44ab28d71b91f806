--- The market as a trader sees it: `m`, one symbol at the close of one bar; `m["1h"]`, another timeframe of it.
local ffi = require "ffi"
local fail = require "fail"
local indicator = require "indicator"
local series = require "series"
local suggest = require "suggest"
local ta = require "ta"

local newproxy, getmetatable, type, tostring, tonumber = newproxy, getmetatable, type, tostring, tonumber
local floor = math.floor
local C = ffi.C

local M = {}

local fields = {open = 0, high = 1, low = 2, close = 3, volume = 4, quote_volume = 5, trades = 6, taker_base = 7, taker_quote = 8}
local derived = {hl2 = true, hlc3 = true, ohlc4 = true}
local names = {} -- symbol id -> {symbol, base, quote}

local function texts()
  local context = series.context()
  local known = names[context.symbol_id]
  if not known then
    known = {symbol = ffi.string(context.symbol), base = ffi.string(context.base), quote = ffi.string(context.quote)}
    names[context.symbol_id] = known
  end
  return known
end

local HOUR, DAY = 3600000, 86400000

-- Scalars of the bar under evaluation.
local scalars = {
  symbol = function() return texts().symbol end,
  base = function() return texts().base end,
  quote = function() return texts().quote end,
  time = function() return tonumber(series.context().open_ms) end,
  close_time = function() return tonumber(series.context().close_ms) end,
  hour = function() return floor(tonumber(series.context().open_ms) / HOUR) % 24 end,
  -- 1970-01-01 was a Thursday; Monday is 1.
  weekday = function() return (floor(tonumber(series.context().open_ms) / DAY) + 3) % 7 + 1 end,
  count = function() return series.context().count end,
  tick_size = function() return series.context().tick_size end,
  forming = function() return false end,
}

local known = {}
for name in pairs(fields) do known[#known + 1] = name end
for name in pairs(derived) do known[#known + 1] = name end
for name in pairs(scalars) do known[#known + 1] = name end
known[#known + 1] = "interval"
known[#known + 1] = "ta"

local function getter_of(entry)
  local slot, value = entry.slot, entry.series
  return function()
    slot.count = slot.available
    return value
  end
end

-- The functions of ta that need no source, for one market.
local function bound_ta(entry)
  local result = {}
  for name, f in pairs(ta) do result[name] = f end
  for name, f in pairs(indicator.bound) do result[name] = function(...) return f(entry, ...) end end
  return result
end

-- In the language, not in this version: said, never guessed at.
local later = {ticker = true, ref = true, rank = true, universe = true}

local function no_field(key)
  if later[key] then fail(("m.%s is not in this version"):format(key)) end
  if type(key) == "number" then fail(("m[%s]: a market is no series; write m.close[%s]"):format(key, key)) end
  if type(key) == "string" and C.interval_parse(key, #key) >= 0 then
    fail(("m[%q] is not listed in timeframes of this trader; add timeframes = {%q}"):format(key, key))
  end
  if type(key) == "string" and key:find "^%d+%a$" then
    fail(("m[%q] is no interval; expected one of 1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M"):format(key))
  end
  fail(("the market has no field %q%s"):format(tostring(key), suggest(tostring(key), known)))
end

--- A market of the running trader.
-- @param interval number of the interval @param name its text @param others interval name -> market, or nil
-- @return the userdata that a filter gets, and its entry {interval, memo}
function M.new(interval, name, others)
  local entry = {interval = interval, home = interval, memo = {}}
  local own_ta
  local getters = {
    interval = function() return name end,
    ta = function()
      own_ta = own_ta or bound_ta(entry)
      return own_ta
    end,
  }
  if others then
    for key, get in pairs(scalars) do getters[key] = get end
    for other, market in pairs(others) do getters[other] = function() return market end end
  end
  local market = newproxy(true)
  local meta = getmetatable(market)
  local function first_use(key)
    local made
    if fields[key] then
      made = series.claim(interval, -1, fields[key], nil, nil, nil, nil, nil, nil, 0, key .. " " .. name)
    elseif derived[key] then
      made = series.claim(interval, indicator.kind(key), nil, nil, nil, nil, nil, nil, nil, 0, key .. " " .. name)
    else
      no_field(key)
    end
    getters[key] = getter_of(made)
    return getters[key]()
  end
  local function index(_, key)
    local get = getters[key]
    if get then return get() end
    return first_use(key)
  end
  entry.get = function(key) return index(nil, key) end -- a series by name, for functions of ta that read the market
  meta.__index = index
  meta.__newindex = function() fail "the market is read-only" end
  meta.__tostring = function() return "market " .. name end
  meta.__metatable = false
  return market, entry
end

return M
