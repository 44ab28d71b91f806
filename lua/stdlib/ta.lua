--- Indicators. Names, argument order and conventions are Pine Script's.
--
-- Every function gives a series (or named series: ta.bb(...).upper); index it: ta.rsi(m.close, 14)[0]. Values are
-- computed once per closed bar in C and shared by all traders that ask for the same; a call is a look-up. NaN during the
-- warm-up.
local ffi = require "ffi"
local fail = require "fail"
local series = require "series"

local newproxy, getmetatable, type, tostring = newproxy, getmetatable, type, tostring

local C = ffi.C

local M = {}

local function on(entry)
  local slot = entry.slot
  slot.count = slot.available
  return entry.series
end

local function source_of(value, name)
  fail(("%s: source is %s; expected a series such as m.close"):format(name, series.describe(value)))
end

local function number_of(value, name, what)
  if type(value) == "number" and value == value then return value end
  fail(("%s: %s is %s; expected a number"):format(name, what, series.describe(value)))
end

local kinds = {}
for _, name in ipairs {"sma", "ema", "rma", "rsi", "macd", "bb", "atr", "tr", "highest", "lowest", "vwap", "hl2", "hlc3", "ohlc4"} do
  kinds[name] = C.script_kind(name)
  assert(kinds[name] >= 0, name)
end
M.kinds = kinds

-- A kind with one source and one length.
local function windowed(name)
  local kind = kinds[name]
  local function claim(entry, length)
    number_of(length, "ta." .. name, "length")
    local made = series.claim(entry.interval, kind, entry.index, nil, length, nil, nil, nil, 0, ("%s(%s, %s)"):format(name, entry.text, length))
    entry.memo[name][length] = made
    return made
  end
  return function(source, length)
    local entry = series.entry(source) or source_of(source, "ta." .. name)
    local memo = entry.memo[name]
    if not memo then
      memo = {}
      entry.memo[name] = memo
    end
    return on(memo[length] or claim(entry, length))
  end
end

--- Simple moving average: mean of the last `length` values. First value at bar length - 1.
-- @param source series @param length bars, 1..5000 @return series in the unit of the source
-- @usage local fast = ta.sma(m.close, 20)
M.sma = windowed "sma"

--- Exponential moving average, alpha = 2 / (length + 1), seeded with the SMA of the first `length` values.
-- @param source series @param length bars, 1..5000 @return series in the unit of the source
-- @usage local slow = ta.ema(m.close, 50)
M.ema = windowed "ema"

--- Wilder's moving average, alpha = 1 / length, seeded with the SMA of the first `length` values.
-- @param source series @param length bars, 1..5000 @return series in the unit of the source
-- @usage local smooth = ta.rma(m.close, 14)
M.rma = windowed "rma"

--- Relative strength index: 100 - 100 / (1 + rma(gains) / rma(losses)). NaN while nothing has moved.
-- @param source series @param length bars, 1..5000 @return series, 0..100
-- @usage local oversold = ta.rsi(m.close, 14)[0] < 30
M.rsi = windowed "rsi"

--- Highest value of the last `length` bars, the newest included.
-- @param source series @param length bars, 1..5000 @return series
-- @usage local top = ta.highest(m.high, 20)[1]
M.highest = windowed "highest"

--- Lowest value of the last `length` bars, the newest included.
-- @param source series @param length bars, 1..5000 @return series
-- @usage local bottom = ta.lowest(m.low, 20)[1]
M.lowest = windowed "lowest"

-- Several outputs: a read-only userdata with a series under each name, made once per set of parameters, so that a call
-- allocates nothing and what a script holds cannot be changed.
local function make_outputs(name, fields, entry, p0, p1, p2)
  local entries = {}
  for output, field in ipairs(fields) do
    local text = ("%s(%s).%s"):format(name, entry.text, field)
    entries[field] = series.claim(entry.interval, kinds[name], entry.index, nil, p0, p1, p2, nil, output - 1, text)
  end
  local outputs = newproxy(true)
  local meta = getmetatable(outputs)
  meta.__index = function(_, field)
    local wanted = entries[field]
    if wanted then return on(wanted) end
    fail(("ta.%s has no output %q; expected %s"):format(name, tostring(field), table.concat(fields, ", ")))
  end
  meta.__newindex = function() fail(("the outputs of ta.%s are read-only"):format(name)) end
  meta.__tostring = function() return ("outputs of ta.%s"):format(name) end
  meta.__metatable = false
  local memo = entry.memo[name] or {}
  memo[p0] = memo[p0] or {}
  memo[p0][p1] = memo[p0][p1] or {}
  memo[p0][p1][p2 or 0] = outputs
  entry.memo[name] = memo
  return outputs
end

local function multiple(name, fields)
  return function(entry, p0, p1, p2)
    local memo = entry.memo[name]
    memo = memo and memo[p0]
    memo = memo and memo[p1]
    return memo and memo[p2 or 0] or make_outputs(name, fields, entry, p0, p1, p2)
  end
end

local macd_outputs = multiple("macd", {"macd", "signal", "hist"})
local bb_outputs = multiple("bb", {"basis", "upper", "lower"})

--- Moving average convergence/divergence: ema(fast) - ema(slow), its EMA, and their difference.
-- @param source series @param fast bars (12) @param slow bars (26) @param signal bars (9)
-- @return {macd, signal, hist}, series in the unit of the source
-- @usage local rising = ta.macd(m.close, 12, 26, 9).hist[0] > 0
function M.macd(source, fast, slow, signal)
  local entry = series.entry(source) or source_of(source, "ta.macd")
  return macd_outputs(entry, number_of(fast or 12, "ta.macd", "fast"), number_of(slow or 26, "ta.macd", "slow"),
    number_of(signal or 9, "ta.macd", "signal"))
end

--- Bollinger bands: SMA and `deviations` population standard deviations around it.
-- @param source series @param length bars (20) @param deviations (2)
-- @return {basis, upper, lower}, series in the unit of the source
-- @usage local below = m.close[0] < ta.bb(m.close, 20, 2).lower[0]
function M.bb(source, length, deviations)
  local entry = series.entry(source) or source_of(source, "ta.bb")
  return bb_outputs(entry, number_of(length or 20, "ta.bb", "length"), number_of(deviations or 2, "ta.bb", "deviations"))
end

-- The trader that runs.
local function running(name)
  local trader = series.trader()
  if trader then return trader end
  fail(name .. ": there is no market yet; call it inside the filter")
end

local anchors = {day = 0, week = 1, month = 2}

--- Volume-weighted average price since the start of the session (UTC).
-- @param source series (m.hlc3 when left out) @param options {anchor = "day"|"week"|"month"} @return series, a price; NaN before volume
-- @usage local above = m.close[0] > ta.vwap(m.hlc3, {anchor = "day"})[0]
function M.vwap(source, options)
  local market = running("ta.vwap").market
  local entry = source == nil and series.entry(market.hlc3) or series.entry(source) or source_of(source, "ta.vwap")
  if options ~= nil and type(options) ~= "table" then
    fail(("ta.vwap: options is %s; expected a table such as {anchor = \"week\"}"):format(series.describe(options)))
  end
  local name = options and options.anchor or "day"
  local anchor = anchors[name]
  if not anchor then fail(("ta.vwap: anchor is %q; expected \"day\", \"week\" or \"month\""):format(tostring(name))) end
  local key = "vwap " .. name
  local made = entry.memo[key]
  if not made then
    made = series.claim(entry.interval, kinds.vwap, entry.index, nil, anchor, nil, nil, nil, 0, ("vwap(%s)"):format(entry.text))
    entry.memo[key] = made
  end
  return on(made)
end

-- What needs no source is bound to a market: m.ta and m["1h"].ta differ only in it; the plain ta is that of m.
local function without_source(name, parameter_of)
  local kind = kinds[name]
  return function(market, parameter)
    local value = parameter_of(parameter)
    local memo = market.memo[name]
    if not memo then
      memo = {}
      market.memo[name] = memo
    end
    local made = memo[value]
    if not made then
      made = series.claim(market.interval, kind, nil, nil, value, nil, nil, nil, 0, ("%s(%s)"):format(name, value))
      memo[value] = made
    end
    return on(made)
  end
end

local bound = {}
bound.atr = without_source("atr", function(length) return number_of(length, "ta.atr", "length") end)
bound.tr = without_source("tr", function(handle_na)
  if handle_na == nil or type(handle_na) == "boolean" then return handle_na and 1 or 0 end
  fail(("ta.tr: handle_na is %s; expected true or false"):format(series.describe(handle_na)))
end)

--- Average true range: rma of tr(true).
-- @param length bars, 1..5000 @return series, a price difference
-- @usage local range = ta.atr(14)[0]
function M.atr(length) return bound.atr(running("ta.atr").entry, length) end

--- True range: the largest of high - low and the distances of both from the previous close.
-- @param handle_na true: the first bar gives high - low; else NaN @return series, a price difference
-- @usage local range = ta.tr(true)[0]
function M.tr(handle_na) return bound.tr(running("ta.tr").entry, handle_na) end

-- The two newest values of a series or number.
local function two(value, name)
  if type(value) == "number" then return value, value end
  local entry = series.entry(value) or source_of(value, name)
  return entry.series[0], nil, entry
end

-- Both values on the last bar before the newest where both were defined; nil when there is none.
local function before(a, entry_a, b, entry_b)
  local n_a, n_b = entry_a and entry_a.slot.count or math.huge, entry_b and entry_b.slot.count or math.huge
  local n = math.min(n_a, n_b)
  for k = 1, n - 1 do
    local x, y = a, b
    if entry_a then x = entry_a.series[k] end
    if entry_b then y = entry_b.series[k] end
    if x == x and y == y then return x, y end
  end
end

local function check_pair(name, entry_a, entry_b)
  if not entry_a and not entry_b then fail(name .. ": expected at least one series, found two numbers") end
  if entry_a and entry_b and entry_a.interval ~= entry_b.interval then
    fail(("%s: %s and %s are of different timeframes"):format(name, entry_a.text, entry_b.text))
  end
end

--- True at the bar where `a` has come to be above `b`: strictly above now, at or below on the last bar where both were defined.
-- @param a series or number @param b series or number @return boolean of the newest bar; false where NaN is met
-- @usage local up = ta.crossover(ta.ema(m.close, 9), ta.ema(m.close, 21))
function M.crossover(a, b)
  local a0, _, entry_a = two(a, "ta.crossover")
  local b0, _, entry_b = two(b, "ta.crossover")
  check_pair("ta.crossover", entry_a, entry_b)
  if not (a0 > b0) then return false end
  local a1, b1 = before(a, entry_a, b, entry_b)
  return a1 ~= nil and a1 <= b1
end

--- True at the bar where `a` has come to be below `b`: strictly below now, at or above on the last bar where both were defined.
-- @param a series or number @param b series or number @return boolean of the newest bar; false where NaN is met
-- @usage local down = ta.crossunder(ta.rsi(m.close, 14), 70)
function M.crossunder(a, b)
  local a0, _, entry_a = two(a, "ta.crossunder")
  local b0, _, entry_b = two(b, "ta.crossunder")
  check_pair("ta.crossunder", entry_a, entry_b)
  if not (a0 < b0) then return false end
  local a1, b1 = before(a, entry_a, b, entry_b)
  return a1 ~= nil and a1 >= b1
end

M.bound = bound -- taken out before a script sees the table

return M
