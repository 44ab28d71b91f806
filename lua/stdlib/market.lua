--- The market as a trader sees it: `m`, one symbol at the close of one bar; `m["1h"]`, another timeframe of it.
local ffi = require "ffi"
local dialect = require "dialect"
local fail = require "fail"
local indicator = require "indicator"
local series = require "series"
local suggest = require "suggest"
local ta = require "ta"

local newproxy, getmetatable, type, tostring, tonumber = newproxy, getmetatable, type, tostring, tonumber
local floor = math.floor
local C = ffi.C

local M = {}

--- One symbol at the close of one bar: what a filter is called with. Another timeframe, m["1h"], has the series, interval, ta and
-- align.
-- @class market
-- @field open series, price @field high series, price @field low series, price @field close series, price
-- @field volume series, in the base asset @field quote_volume series, in the quote asset @field trades series, number of trades
-- @field taker_base series: volume of takers who bought, in the base asset @field taker_quote series: the same in the quote asset
-- @field hl2 series: (high + low) / 2 @field hlc3 series: (high + low + close) / 3 @field ohlc4 series: (open + high + low + close) / 4
-- @field symbol text such as "BTCUSDT" @field base text such as "BTC" @field quote text such as "USDT"
-- @field interval interval such as "5m"
-- @field time number: open time of the bar, Unix ms, UTC @field close_time number: open time of the bar after it
-- @field hour whole number: hour of the open time, UTC @field weekday whole number of the open time, UTC: Monday 1, Sunday 7
-- @field count whole number: bars known @field tick_size number: smallest step of the price; 0 when unknown
-- @field forming boolean: false in this version
-- @field day day: the rolling 24 hours @field my table: series of the trader's own, by name
-- @field ta ta: its functions, bound to this timeframe

--- The rolling 24 hours of closed bars: numbers, NaN while they are not known, and above 1d.
-- @class day
-- @field change_pct number: change of the close, percent @field high number: price @field low number: price
-- @field volume number: base asset @field quote_volume number: quote asset

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
for _, name in ipairs {"interval", "ta", "align", "day", "my"} do known[#known + 1] = name end

local markets = setmetatable({}, {__mode = "k"}) -- userdata -> true

--- Whether a value is m, or another timeframe of it.
function M.is_market(value) return markets[value] == true end

-- Names of the fields that are series.
M.series_fields = {}
for name in pairs(fields) do M.series_fields[name] = true end
for name in pairs(derived) do M.series_fields[name] = true end

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

-- What to do about a timeframe that is not there.
M.not_listed = "m[%q] is not listed in timeframes of this trader; add timeframes = {%q}"

local function no_field(key)
  if later[key] then fail(("m.%s is not in this version"):format(key)) end
  if type(key) == "number" then fail(("m[%s]: a market is no series; write m.close[%s]"):format(key, key)) end
  if type(key) == "string" and C.interval_parse(key, #key) >= 0 then
    fail(M.not_listed:format(key, key))
  end
  if type(key) == "string" and key:find "^%d+%a$" then
    fail(("m[%q] is no interval; expected one of 1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M"):format(key))
  end
  fail(("the market has no field %q%s"):format(tostring(key), dialect.field("market", key) or suggest(tostring(key), known)))
end

local DAY_FIELDS = {"change_pct", "high", "low", "volume", "quote_volume"}
M.known, M.day_fields = known, DAY_FIELDS

-- m.day: the rolling 24 hours as numbers.
local function day_of(interval, name)
  local entries = {}
  local day = newproxy(true)
  local meta = getmetatable(day)
  for output, field in ipairs(DAY_FIELDS) do
    entries[field] = function()
      local made = series.claim(interval, indicator.kind("day"), nil, nil, nil, nil, nil, nil, nil, output - 1, ("day.%s %s"):format(field, name))
      entries[field] = function() return indicator.on(made)[0] end
      return entries[field]()
    end
  end
  meta.__index = function(_, field)
    local get = entries[field]
    if get then return get() end
    fail(("m.day has no field %q%s"):format(tostring(field), suggest(tostring(field), DAY_FIELDS)))
  end
  meta.__newindex = function() fail "m.day is read-only" end
  meta.__tostring = function() return "day of market " .. name end
  meta.__metatable = false
  return day
end

-- m.my: the author's own series.
local function own_of(interval, own)
  local known_names, numbers, made = {}, {}, {}
  for i, o in ipairs(own) do
    known_names[i] = o[1]
    numbers[o[1]] = i - 1
  end
  local my = newproxy(true)
  local meta = getmetatable(my)
  meta.__index = function(_, key)
    local entry = made[key]
    if not entry then
      if not numbers[key] then
        if #known_names == 0 then fail("this trader has no series of its own; add series = {name = function(m, prev) ... end}") end
        fail(("m.my has no series %q%s"):format(tostring(key), suggest(tostring(key), known_names)))
      end
      entry = series.claim_own(interval, numbers[key], "my." .. key)
      made[key] = entry
    end
    return indicator.on(entry)
  end
  meta.__newindex = function() fail "m.my is read-only; the function of a series returns its value" end
  meta.__tostring = function() return "series of the trader's own" end
  meta.__metatable = false
  return my
end

--- A series of a slower timeframe as seen at each bar of this market: the last value that had closed by then. The same as Pine's
-- request.security without look-ahead.
-- @function m:align
-- @param source series of a slower timeframe @return series; NaN where none had closed
-- @usage local gap = (m.close - m:align(ta.ema(m["1h"].close, 50)))[0]
local function align_of(entry, name)
  local made = {}
  return function(market, s)
    local source = series.entry(s)
    if type(market) ~= "userdata" or series.entry(market) or not source then
      fail(("m:align: found %s; expected a series of a slower timeframe: m:align(m[\"1h\"].close)"):format(series.describe(source and market or s)))
    end
    if source.home == entry.home then return indicator.on(source) end
    if C.interval_ms(source.interval) <= C.interval_ms(entry.interval) then
      fail(("m:align: %s is of a faster timeframe than %s; expected one of a slower"):format(source.text, name))
    end
    local aligned = made[source]
    if not aligned then
      aligned = series.claim(entry.interval, indicator.kind("align"), source.index, nil, nil, source.interval, nil, nil, nil, 0,
        ("align(%s)"):format(source.text))
      made[source] = aligned
    end
    return indicator.on(aligned)
  end
end

--- A market of the running trader.
-- @param interval number of the interval @param name its text @param others interval name -> market, or nil
-- @param own list of {name, function}: the trader's own series
-- @return the userdata that a filter gets, and its entry {interval, memo}
function M.new(interval, name, others, own)
  local entry = {interval = interval, home = interval, memo = {}}
  local own_ta
  local getters = {
    interval = function() return name end,
    ta = function()
      own_ta = own_ta or bound_ta(entry)
      return own_ta
    end,
  }
  local align = align_of(entry, name)
  getters.align = function() return align end
  if others then
    local day, my = day_of(interval, name), own_of(interval, own)
    getters.day, getters.my = function() return day end, function() return my end
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
  markets[market] = true
  return market, entry
end

return M
