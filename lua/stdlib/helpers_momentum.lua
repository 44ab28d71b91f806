--- Helpers of momentum, and of its divergence from the price.
local call = require "helpers_call"
local define = require("indicator").define
local series = require "series"
local ta = require "ta"

local ipairs, max = ipairs, math.max

local RSI_MOST, DIVERGENCE_MOST = 4999, 500 -- bars; of the RSI one more is looked at

local M = {}

-- `s` where it is defined, else `number` where `where` is: a market that has not moved is in the middle.
local otherwise = define {"otherwise", sources = {"source", "where"}, params = {"number"}}

local function rsi_of(k, period) return otherwise(ta.rsi(k.close, period), ta.sma(k.close, period + 1), 50) end

local function rsi_period(name, period) return call.bars_of(name, "period", period, 14, RSI_MOST) end

--- Relative strength index of the close, Wilder's: `ta.rsi(m.close, period)`, and 50 where nothing has moved yet.
-- First value at bar `period`.
-- @param klines market: m or m["1h"] @param period bars, 1..4999 (14) @return series, 0..100; nil while there are fewer than period + 1 bars
-- @usage local rsi = helpers.calculateRSI(m, 14)
function M.calculateRSI(klines, period)
  local k = call.market_of("calculateRSI", klines)
  period = rsi_period("calculateRSI", period)
  local rsi = rsi_of(k, period)
  if rsi:len() > period then return rsi end
  return call.too_few("calculateRSI", rsi:len(), period + 1)
end

--- The newest value of helpers.calculateRSI.
-- @param klines market: m or m["1h"] @param period bars, 1..4999 (14) @return number, 0..100; nil while there are fewer than period + 1 bars
-- @usage local oversold = helpers.getLatestRSI(m, 14) < 30
function M.getLatestRSI(klines, period)
  local k = call.market_of("getLatestRSI", klines)
  period = rsi_period("getLatestRSI", period)
  return call.newest("getLatestRSI", rsi_of(k, period), period + 1)
end

-- 100 * (source - lowest) / (highest - lowest) of the last n bars; 50 where both are the same.
local function stochastic(source, high, low, n) return otherwise(ta.stoch(source, high, low, n), ta.sma(source, n), 50) end

-- k, d, and the bars that d needs.
local function stoch_rsi(name, klines, rsi_length, stoch_length, k_length, d_length)
  local bars = call.market_of(name, klines)
  rsi_length = call.bars_of(name, "rsiPeriod", rsi_length, 14, RSI_MOST)
  stoch_length = call.bars_of(name, "stochPeriod", stoch_length, 14)
  k_length, d_length = call.bars_of(name, "kPeriod", k_length, 3), call.bars_of(name, "dPeriod", d_length, 3)
  local rsi = rsi_of(bars, rsi_length)
  local k = ta.sma(stochastic(rsi, rsi, rsi, stoch_length), k_length)
  return k, ta.sma(k, d_length), rsi_length + stoch_length + k_length - 1, d_length - 1
end

--- Stochastic of the RSI, smoothed: k is the mean of the last `kPeriod` raw values, d that of the last `dPeriod` of k. 50 is
-- the raw value where the RSI has not moved. The original filled the warm-up with 0, a reading like any other; here it is NaN.
-- @param klines market: m or m["1h"] @param rsiPeriod bars, 1..4999 (14) @param stochPeriod bars, 1..5000 (14)
-- @param kPeriod bars, 1..5000 (3) @param dPeriod bars, 1..5000 (3) @return {k, d}, series, 0..100; nil while k has no value
-- @usage local stoch = helpers.calculateStochRSI(m, 14, 14, 3, 3)
function M.calculateStochRSI(klines, rsiPeriod, stochPeriod, kPeriod, dPeriod)
  local k, d, need = stoch_rsi("calculateStochRSI", klines, rsiPeriod, stochPeriod, kPeriod, dPeriod)
  if k:len() < need then return call.too_few("calculateStochRSI", k:len(), need) end
  return {k = k, d = d}
end

--- The newest values of helpers.calculateStochRSI. The original skipped a true reading of 0 and 0 and gave an older one.
-- @param klines market: m or m["1h"] @param rsiPeriod bars, 1..4999 (14) @param stochPeriod bars, 1..5000 (14)
-- @param kPeriod bars, 1..5000 (3) @param dPeriod bars, 1..5000 (3) @return {k, d}, 0..100; nil while one of them has no value
-- @usage local oversold = helpers.getLatestStochRSI(m).k < 20
function M.getLatestStochRSI(klines, rsiPeriod, stochPeriod, kPeriod, dPeriod)
  local k, d, need, more = stoch_rsi("getLatestStochRSI", klines, rsiPeriod, stochPeriod, kPeriod, dPeriod)
  local d0 = call.newest("getLatestStochRSI", d, need + more)
  if not d0 then return nil end
  return {k = k[0], d = d0}
end

--- Stochastic of the close between high and low: k is the raw value smoothed over `smooth` bars, d the mean of the last
-- `dPeriod` of k. 50 is the raw value where high and low are the same. The original ignored `smooth` and `dPeriod`, called 0.9 k
-- the d, and gave 0 while there were fewer bars; here k and d are nil then.
-- @param klines market: m or m["1h"] @param kPeriod bars, 1..5000 (14) @param dPeriod bars, 1..5000 (3) @param smooth bars, 1..5000 (3)
-- @return {k, d}, 0..100, each nil while it has no value
-- @usage local oversold = helpers.calculateStochastic(m, 14, 3, 3).k < 20
function M.calculateStochastic(klines, kPeriod, dPeriod, smooth)
  local name = "calculateStochastic"
  local bars = call.market_of(name, klines)
  kPeriod, dPeriod = call.bars_of(name, "kPeriod", kPeriod, 14), call.bars_of(name, "dPeriod", dPeriod, 3)
  smooth = call.bars_of(name, "smooth", smooth, 3)
  local k = ta.sma(stochastic(bars.close, bars.high, bars.low, kPeriod), smooth)
  local need = kPeriod + smooth - 1
  return {d = call.newest(name, ta.sma(k, dPeriod), need + dPeriod - 1), k = call.newest(name, k, need)}
end

--- Average directional index, the strength of a trend: `ta.dmi(period, period).adx`, and 0 where nothing moves. First value at
-- bar 2 x period - 1. The original was no ADX: mean true range / mean close x 1000, at most 100, and 0 while there were fewer bars;
-- here that is nil.
-- @param klines market: m or m["1h"] @param period bars, 1..2500 (14) @return number, 0..100; nil while there are too few bars
-- @usage local trending = helpers.calculateADX(m, 14) > 25
function M.calculateADX(klines, period)
  local k = call.market_of("calculateADX", klines)
  period = call.bars_of("calculateADX", "period", period, 14, 2500)
  return call.newest("calculateADX", otherwise(k.ta.dmi(period, period).adx, ta.sma(k.close, 2 * period), 0), 2 * period)
end

-- The last n values, oldest first.
local function tail_of(values, n)
  local result = {}
  if call.is_series(values) then
    for i = 1, n do result[i] = values[n - i] end
  else
    for i = 1, n do result[i] = values[#values - n + i] end
  end
  return result
end

-- Whether an older and a newer turn of x, at least `separation` apart, lie in the order of a divergence; `sign`: 1 for lows,
-- -1 for highs. Turns stick out on both sides; where y is not defined there is none.
local function has_divergence(x, y, separation, sign)
  local turns = {}
  for i = 2, #x - 1 do
    if y[i] == y[i] and sign * x[i] < sign * x[i - 1] and sign * x[i] < sign * x[i + 1] then
      for _, k in ipairs(turns) do
        if i - k >= separation and sign * x[i] < sign * x[k] and sign * y[i] > sign * y[k] then return true end
      end
      turns[#turns + 1] = i
    end
  end
  return false
end

local function length_of(values) return call.is_series(values) and values:len() or #values end

local REGULAR = {bullish = "bullish_regular", bearish = "bearish_regular"}

local function divergence(name, a, b, lookback, separation)
  local n, need = length_of(a), max(lookback, 2 * separation + 2)
  if n ~= length_of(b) then return call.none(name, ("%d values beside %d"):format(n, length_of(b))) end
  if n < need then return call.too_few(name, n, need) end
  if call.is_series(a) and call.is_series(b) then
    return REGULAR[ta.divergence(a, b, {lookback = lookback, separation = separation})]
  end
  local x, y = tail_of(a, lookback), tail_of(b, lookback)
  return has_divergence(x, y, separation, 1) and "bullish_regular" or has_divergence(x, y, separation, -1) and "bearish_regular" or nil
end

local function divergence_bars(name, lookback, separation)
  return call.bars_of(name, "lookback", lookback, 30, DIVERGENCE_MOST, 3), call.bars_of(name, "minSeparation", separation, 5, DIVERGENCE_MOST)
end

--- Regular divergence between two lines: the first makes a lower low and the second a higher one (bullish), else the first
-- makes a higher high and the second a lower one (bearish). A low is below both its neighbours; the second line is read
-- on the same bars. Any two lows of the last `lookback` bars count that are `minSeparation` apart: `ta.divergence`
-- without its hidden ones.
-- @param series1 series, or list of numbers, oldest first: usually a price @param series2 series, or list of numbers: usually an oscillator
-- @param lookback bars, 3..500 (30) @param minSeparation bars between two lows, 1..500 (5)
-- @return text "bullish_regular" or "bearish_regular", or nil: none, too few bars, or not as many of the one as of the other
-- @usage local turn = helpers.detectGenericDivergence(m.close, ta.rsi(m.close, 14), 30, 5)
function M.detectGenericDivergence(series1, series2, lookback, minSeparation)
  local name = "detectGenericDivergence"
  local a, b = call.values_of(name, "series1", series1), call.values_of(name, "series2", series2)
  if call.is_series(a) and call.is_series(b) and series.entry(a).place ~= series.entry(b).place then
    series.different("helpers." .. name, series.entry(a), series.entry(b))
  end
  return divergence(name, a, b, divergence_bars(name, lookback, minSeparation))
end

--- helpers.detectGenericDivergence between the close and its RSI.
-- @param klines market: m or m["1h"] @param rsiPeriod bars, 1..4999 (14) @param lookback bars, 3..500 (30)
-- @param minSeparation bars between two lows, 1..500 (5) @return text "bullish_regular" or "bearish_regular", or nil
-- @usage local turned = helpers.detectRSIDivergence(m) == "bullish_regular"
function M.detectRSIDivergence(klines, rsiPeriod, lookback, minSeparation)
  local name = "detectRSIDivergence"
  local k = call.market_of(name, klines)
  rsiPeriod = call.bars_of(name, "rsiPeriod", rsiPeriod, 14, RSI_MOST)
  lookback, minSeparation = divergence_bars(name, lookback, minSeparation)
  local close, rsi = k.close, rsi_of(k, rsiPeriod)
  local n = close:len()
  if n <= rsiPeriod then return call.too_few(name, n, rsiPeriod + 1) end
  for i = 0, lookback - 1 do
    if close[i] ~= close[i] then return call.too_few(name, n, lookback) end
  end
  return divergence(name, close, rsi, lookback, minSeparation)
end

return M
