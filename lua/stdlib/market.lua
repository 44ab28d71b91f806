--- The market as a trader sees it: `m`, one symbol at the close of one bar or at a tick; `m["1h"]`, another timeframe of it;
-- `m.ref.BTCUSDT`, another symbol.
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

--- One symbol at the close of one bar, or at its forming bar: what a filter is called with. Another timeframe, m["1h"], has the
-- series, interval, ta and align; another symbol, m.ref.BTCUSDT, has the series, interval, symbol, day, ta and its timeframes.
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
-- @field forming boolean: the newest bar is still forming (on = "tick")
-- @field day day: the rolling 24 hours @field my table: series of the trader's own, by name
-- @field ticker? ticker: of the exchange; nil at a close @field ref table: markets of the references, by symbol
-- @field rank? whole number: place among the symbols that the trader has ranked, the best is 1
-- @field universe? universe: all symbols that the trader has ranked
-- @field ta ta: its functions, bound to this timeframe

--- The exchange's ticker of the last 24 hours, at a tick.
-- @class ticker
-- @field last number: price @field change_pct number: percent @field high number: price @field low number: price
-- @field volume number: base asset @field quote_volume number: quote asset @field bid number: price @field ask number: price

--- All symbols among which a trader with rank chooses: numbers.
-- @class universe
-- @field count whole number: symbols with a score @field advancing whole number: those that have risen in 24 hours
-- @field declining whole number: those that have fallen @field median_change number: change of the close in 24 hours, percent
-- @field missing whole number: symbols without a score at this bar

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
  forming = function() return series.context().is_tick == 1 end,
}

local known = {}
for name in pairs(fields) do known[#known + 1] = name end
for name in pairs(derived) do known[#known + 1] = name end
for name in pairs(scalars) do known[#known + 1] = name end
for _, name in ipairs {"interval", "ta", "align", "day", "my", "ticker", "ref", "rank", "universe"} do known[#known + 1] = name end
local elsewhere = {"interval", "ta"} -- what every market has
for name in pairs(fields) do elsewhere[#elsewhere + 1] = name end
for name in pairs(derived) do elsewhere[#elsewhere + 1] = name end

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

-- What to do about a timeframe that is not there.
M.not_listed = "%s[%q] is not listed in timeframes of this trader; add timeframes = {%q}"

-- What to do about another symbol that is not there.
M.not_referred = "m.ref.%s is not listed in references of this trader; add references = {%q}"

-- `path`: how the script calls the market.
local function no_field(path, key)
  if type(key) == "number" then fail(("%s[%s]: a market is no series; write %s.close[%s]"):format(path, key, path, key)) end
  if type(key) == "string" and C.interval_parse(key, #key) >= 0 then
    fail(M.not_listed:format(path, key, key))
  end
  if type(key) == "string" and key:find "^%d+%a$" then
    fail(("%s[%q] is no interval; expected one of 1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M"):format(path, key))
  end
  local is_own = path == "m"
  local hint = is_own and dialect.field("market", key) or suggest(tostring(key), is_own and known or elsewhere)
  fail(("%s has no field %q%s"):format(is_own and "the market" or path, tostring(key), hint))
end

local DAY_FIELDS = {"change_pct", "high", "low", "volume", "quote_volume"}
local TICKER_FIELDS = {"last", "change_pct", "high", "low", "volume", "quote_volume", "bid", "ask"}
local UNIVERSE_FIELDS = {"count", "advancing", "declining", "median_change", "missing"}
M.known, M.day_fields, M.ticker_fields, M.universe_fields = known, DAY_FIELDS, TICKER_FIELDS, UNIVERSE_FIELDS

-- m.day: the rolling 24 hours as numbers.
local function day_of(place, name, path)
  local entries = {}
  local day = newproxy(true)
  local meta = getmetatable(day)
  for output, field in ipairs(DAY_FIELDS) do
    entries[field] = function()
      local made = series.claim(place, indicator.kind("day"), nil, nil, nil, nil, nil, nil, nil, output - 1, ("day.%s %s"):format(field, name))
      -- The forming bar of a tick is no part of it.
      entries[field] = function() return indicator.on(made)[place < C.N_INTERVALS and series.context().is_tick or 0] end
      return entries[field]()
    end
  end
  meta.__index = function(_, field)
    local get = entries[field]
    if get then return get() end
    fail(("%s.day has no field %q%s"):format(path, tostring(field), suggest(tostring(field), DAY_FIELDS)))
  end
  meta.__newindex = function() fail(path .. ".day is read-only") end
  meta.__tostring = function() return "day of market " .. name end
  meta.__metatable = false
  return day
end

-- m.ticker and m.universe: numbers of a struct that C has for the time of a call. `get`: gives its pointer.
local function numbers_of(name, list, get)
  local is_known = {}
  for _, field in ipairs(list) do is_known[field] = true end
  local numbers = newproxy(true)
  local meta = getmetatable(numbers)
  meta.__index = function(_, field)
    if not is_known[field] then fail(("%s has no field %q%s"):format(name, tostring(field), suggest(tostring(field), list))) end
    local struct = get()
    if struct == nil then return 0 / 0 end -- kept from an earlier call
    return tonumber(struct[field])
  end
  meta.__newindex = function() fail(name .. " is read-only") end
  meta.__tostring = function() return name end
  meta.__metatable = false
  return numbers
end

local function ticker_pointer() return series.context().ticker end
local function rank_pointer() return series.context().rank end

-- What is nil for now, with a note for the error to come if it is used all the same.
local function nil_because(why)
  ffi.copy(series.context().missing, why)
  return nil
end

-- The getters of what only some traders have. `t`: the trader's fields.
local function add_gifts(getters, t)
  local ticker, universe = numbers_of("m.ticker", TICKER_FIELDS, ticker_pointer), numbers_of("m.universe", UNIVERSE_FIELDS, rank_pointer)
  function getters.ticker()
    if t.on ~= "tick" then fail "m.ticker is there only at ticks; add on = \"tick\"" end
    if ticker_pointer() ~= nil then return ticker end
    return nil_because "m.ticker is nil at a close; ask for m.forming first"
  end
  local function ranked(name, get)
    return function()
      if not t.rank then fail(("m.%s: this trader ranks nothing; add rank = {by = function(m) return ... end, top = 10}"):format(name)) end
      if rank_pointer() ~= nil then return get() end
      return nil_because(("m.%s is nil until all symbols have their score"):format(name))
    end
  end
  getters.rank = ranked("rank", function() return rank_pointer().rank end)
  getters.universe = ranked("universe", function() return universe end)
end

-- m.ref: markets of other symbols.
local function references_of(references)
  local ref = newproxy(true)
  local meta = getmetatable(ref)
  meta.__index = function(_, symbol)
    local market = references[symbol]
    if market then return market end
    if type(symbol) ~= "string" then fail(("m.ref: found %s; expected a symbol: m.ref.BTCUSDT"):format(series.describe(symbol))) end
    fail(M.not_referred:format(symbol, symbol))
  end
  meta.__newindex = function() fail "m.ref is read-only" end
  meta.__tostring = function() return "references" end
  meta.__metatable = false
  return ref
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

--- A series of a slower timeframe, or one of a reference that is of the same timeframe or a slower one, as seen at each bar of this
-- market: the last value that had closed by then. The same as Pine's request.security without look-ahead.
-- @function m:align
-- @param source series of a slower timeframe, or of a reference @return series; NaN where none had closed
-- @usage local gap = (m.close - m:align(ta.ema(m["1h"].close, 50)))[0]
local function align_of(entry, name)
  local made = {}
  return function(market, s)
    local source = series.entry(s)
    if type(market) ~= "userdata" or series.entry(market) or not source then
      fail(("m:align: found %s; expected a series of a slower timeframe: m:align(m[\"1h\"].close)"):format(series.describe(source and market or s)))
    end
    if source.place == entry.place then return indicator.on(source) end
    local its, ours = C.interval_ms(series.interval_of(source.place)), C.interval_ms(series.interval_of(entry.place))
    if its < ours then
      fail(("m:align: %s is of a faster timeframe than %s; expected one of a slower"):format(source.text, name))
    end
    local aligned = made[source]
    if not aligned then
      aligned = series.claim(entry.place, indicator.kind("align"), source.index, nil, nil, nil, nil, nil, nil, 0, ("align(%s)"):format(source.text))
      made[source] = aligned
    end
    return indicator.on(aligned)
  end
end

-- What `m` has besides series. `trader`: {fields, others, own, references}, see M.new.
local function add_scalars(getters, interval, name, trader)
  local day, my, ref = day_of(interval, name, "m"), own_of(interval, trader.own), references_of(trader.references)
  getters.day, getters.my, getters.ref = function() return day end, function() return my end, function() return ref end
  for key, get in pairs(scalars) do getters[key] = get end
  add_gifts(getters, trader.fields)
end

--- A market of the running trader.
-- @param place of its series, see series.lua @param name text for messages: "5m" or "BTCUSDT 5m"
-- @param options {path = how the script calls it, others = {interval name = market}, symbol = of a reference; of `m` itself:
-- fields = the table of the trader, own = list of {name, function}: its own series, references = {symbol = market}}
-- @return the userdata that a filter gets, and its entry {place, memo}
function M.new(place, name, options)
  local entry = {place = place, memo = {}}
  local own_ta
  local interval = ffi.string(C.interval_name(series.interval_of(place)))
  local getters = {
    interval = function() return interval end,
    ta = function()
      own_ta = own_ta or bound_ta(entry)
      return own_ta
    end,
  }
  if options.symbol then
    local day = day_of(place, name, options.path)
    getters.symbol, getters.day = function() return options.symbol end, function() return day end
  else
    local align = align_of(entry, name)
    getters.align = function() return align end
  end
  if options.fields then add_scalars(getters, place, name, options) end
  for other, market in pairs(options.others or {}) do getters[other] = function() return market end end
  local market = newproxy(true)
  local meta = getmetatable(market)
  local function first_use(key)
    local made
    if fields[key] then
      made = series.claim(place, -1, fields[key], nil, nil, nil, nil, nil, nil, 0, key .. " " .. name)
    elseif derived[key] then
      made = series.claim(place, indicator.kind(key), nil, nil, nil, nil, nil, nil, nil, 0, key .. " " .. name)
    else
      no_field(options.path, key)
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
