--- Helpers of averages and of what is made of them alone.
local call = require "helpers_call"
local ta = require "ta"

local ipairs, type, max = ipairs, type, math.max

local M = {}

--- Mean of the last `period` closes.
-- @param klines market: m or m["1h"] @param period bars, 1..5000 @return number, a price; nil while there are fewer bars, and for a period of 0 or less
-- @usage local above = m.close[0] > helpers.calculateMA(m, 20)
function M.calculateMA(klines, period)
  local k = call.market_of("calculateMA", klines)
  if type(period) == "number" and period <= 0 then return call.none("calculateMA", ("period is %g"):format(period)) end
  return call.newest("calculateMA", ta.sma(k.close, call.bars_of("calculateMA", "period", period)), period)
end

--- Mean of the last `period` closes, bar by bar: `ta.sma(m.close, period)`. First value at bar period - 1.
-- @param klines market: m or m["1h"] @param period bars, 1..5000 @return series, a price
-- @usage local rising = helpers.calculateMASeries(m, 20)[0] > helpers.calculateMASeries(m, 20)[1]
function M.calculateMASeries(klines, period)
  return ta.sma(call.market_of("calculateMASeries", klines).close, call.bars_of("calculateMASeries", "period", period))
end

--- Mean of the last `period` values. The original gave 0 while there were fewer; here that is nil.
-- @param values series, or list of numbers, oldest first @param period bars, 1..5000 @return number in the unit of the values, or nil
-- @usage local middle = helpers.calculateSMA({1, 2, 3, 4}, 2)
function M.calculateSMA(values, period)
  local name = "calculateSMA"
  call.values_of(name, "values", values)
  call.bars_of(name, "period", period)
  if call.is_series(values) then return call.newest(name, ta.sma(values, period), period) end
  local n, sum = #values, 0
  if n < period then return call.too_few(name, n, period) end
  for i = n - period + 1, n do sum = sum + values[i] end
  return sum == sum and sum / period or call.too_few(name, n, period)
end

--- Mean volume of the last `period` bars, the newest included.
-- @param klines market: m or m["1h"] @param period bars, 1..5000 @return number; nil while there are fewer bars
-- @usage local busy = m.volume[0] > 2 * helpers.calculateAvgVolume(m, 20)
function M.calculateAvgVolume(klines, period)
  local k = call.market_of("calculateAvgVolume", klines)
  return call.newest("calculateAvgVolume", ta.sma(k.volume, call.bars_of("calculateAvgVolume", "period", period)), period)
end

--- Exponential moving average of the close: `ta.ema(m.close, period)`. First value at bar period - 1, the mean up to there.
-- @param klines market: m or m["1h"] @param period bars, 1..5000 @return series, a price
-- @usage local above = m.close[0] > helpers.calculateEMASeries(m, 50)[0]
function M.calculateEMASeries(klines, period)
  return ta.ema(call.market_of("calculateEMASeries", klines).close, call.bars_of("calculateEMASeries", "period", period))
end

--- The newest value of helpers.calculateEMASeries.
-- @param klines market: m or m["1h"] @param period bars, 1..5000 @return number, a price; nil while there are fewer bars
-- @usage local above = m.close[0] > helpers.getLatestEMA(m, 50)
function M.getLatestEMA(klines, period)
  return call.newest("getLatestEMA", M.calculateEMASeries(call.market_of("getLatestEMA", klines), call.bars_of("getLatestEMA", "period", period)), period)
end

-- The EMA of a list, seeded with the mean of its first `period` items: a list from there on.
local function ema_of(list, period)
  local result, value, alpha = {}, 0, 2 / (period + 1)
  for i, x in ipairs(list) do
    if i <= period then value = value + x / period else value = value + alpha * (x - value) end
    if i >= period then result[i] = value end
  end
  return result
end

--- Newest exponential moving average of the values, seeded with the mean of the first `period` of them, as the series is.
-- The original began with the first value, which differs from its own series, and gave 0 while there were fewer; here that is nil.
-- @param values series, or list of numbers, oldest first @param period bars, 1..5000 @return number in the unit of the values, or nil
-- @usage local smooth = helpers.calculateEMA(m.close, 9)
function M.calculateEMA(values, period)
  local name = "calculateEMA"
  call.values_of(name, "values", values)
  call.bars_of(name, "period", period)
  if call.is_series(values) then return call.newest(name, ta.ema(values, period), period) end
  local value = ema_of(values, period)[#values]
  return value == value and value or call.too_few(name, #values, period)
end

--- Moving average convergence/divergence of the close: `ta.macd(m.close, fast, slow, signal)` under other names.
-- @param klines market: m or m["1h"] @param fastPeriod bars, 1..5000 (12) @param slowPeriod bars, 1..5000 (26)
-- @param signalPeriod bars, 1..5000 (9) @return {macdLine, signalLine, histogram}, series, price differences
-- @usage local up = helpers.calculateMACDValues(m).histogram[0] > 0
function M.calculateMACDValues(klines, fastPeriod, slowPeriod, signalPeriod)
  local name = "calculateMACDValues"
  local macd = ta.macd(call.market_of(name, klines).close, call.bars_of(name, "fastPeriod", fastPeriod, 12), call.bars_of(name, "slowPeriod", slowPeriod, 26),
    call.bars_of(name, "signalPeriod", signalPeriod, 9))
  return {macdLine = macd.macd, signalLine = macd.signal, histogram = macd.hist}
end

-- The newest values of a MACD of series, each nil while it has none; `line`: the name of the first.
local function latest_macd(name, line, source, fast, slow, signal)
  fast, slow = call.bars_of(name, "fastPeriod", fast, 12), call.bars_of(name, "slowPeriod", slow, 26)
  signal = call.bars_of(name, "signalPeriod", signal, 9)
  local macd, need = ta.macd(source, fast, slow, signal), max(fast, slow)
  local hist = call.newest(name, macd.hist, need + signal - 1)
  return {[line] = call.newest(name, macd.macd, need), signal = hist and macd.signal[0], histogram = hist}
end

--- The newest values of helpers.calculateMACDValues.
-- @param klines market: m or m["1h"] @param fastPeriod bars, 1..5000 (12) @param slowPeriod bars, 1..5000 (26)
-- @param signalPeriod bars, 1..5000 (9) @return {macd, signal, histogram}, price differences, each nil while it has no value
-- @usage local macd = helpers.getLatestMACD(m)
function M.getLatestMACD(klines, fastPeriod, slowPeriod, signalPeriod)
  return latest_macd("getLatestMACD", "macd", call.market_of("getLatestMACD", klines).close, fastPeriod, slowPeriod, signalPeriod)
end

--- Newest MACD of the values, its averages seeded with means, as the series are. The original began each average with the
-- first value and the signal at the 26th whatever the periods, and gave 0 while there were fewer; here that is nil.
-- @param closes series, or list of numbers, oldest first @param fastPeriod bars, 1..5000 (12) @param slowPeriod bars, 1..5000 (26)
-- @param signalPeriod bars, 1..5000 (9) @return {MACD, signal, histogram}, in the unit of the values, each nil while it has no value
-- @usage local macd = helpers.calculateMACD(m.close, 12, 26, 9)
function M.calculateMACD(closes, fastPeriod, slowPeriod, signalPeriod)
  local name = "calculateMACD"
  call.values_of(name, "closes", closes)
  if call.is_series(closes) then return latest_macd(name, "MACD", closes, fastPeriod, slowPeriod, signalPeriod) end
  fastPeriod, slowPeriod = call.bars_of(name, "fastPeriod", fastPeriod, 12), call.bars_of(name, "slowPeriod", slowPeriod, 26)
  signalPeriod = call.bars_of(name, "signalPeriod", signalPeriod, 9)
  local n, first, line = #closes, max(fastPeriod, slowPeriod), {}
  local fast, slow = ema_of(closes, fastPeriod), ema_of(closes, slowPeriod)
  for i = first, n do line[i - first + 1] = fast[i] - slow[i] end
  local macd, signal = line[#line], ema_of(line, signalPeriod)[#line]
  if not signal or macd ~= macd then call.too_few(name, n, macd and first + signalPeriod - 1 or first) end
  if macd ~= macd then return {} end
  return {MACD = macd, signal = signal, histogram = signal and macd - signal}
end

return M
