--- Helpers of the structure of the market: extremes, patterns, bands.
local call = require "helpers_call"
local ta = require "ta"

local M = {}

--- Highest high of the last `period` bars, the newest included.
-- @param klines market: m or m["1h"] @param period bars, 1..5000 @return number, a price; nil while there are fewer bars
-- @usage local at_top = m.high[0] == helpers.getHighestHigh(m, 20)
function M.getHighestHigh(klines, period)
  local k = call.market_of("getHighestHigh", klines)
  return call.newest("getHighestHigh", ta.highest(k.high, call.bars_of("getHighestHigh", "period", period)), period)
end

--- Lowest low of the last `period` bars, the newest included.
-- @param klines market: m or m["1h"] @param period bars, 1..5000 @return number, a price; nil while there are fewer bars
-- @usage local at_bottom = m.low[0] == helpers.getLowestLow(m, 20)
function M.getLowestLow(klines, period)
  local k = call.market_of("getLowestLow", klines)
  return call.newest("getLowestLow", ta.lowest(k.low, call.bars_of("getLowestLow", "period", period)), period)
end

--- Whether the body of the newest bar encloses that of the bar before, of the other color, beyond both its ends: where
-- `ta.cdl_engulfing()` is 100 or -100. The original looked at the bars before the last, which was open; here the last has closed.
-- @param klines market: m or m["1h"] @return text "bullish" or "bearish", or nil: neither, or fewer than 3 bars
-- @usage local bullish = helpers.detectEngulfingPattern(m) == "bullish"
function M.detectEngulfingPattern(klines)
  local found = call.newest("detectEngulfingPattern", call.market_of("detectEngulfingPattern", klines).ta.cdl_engulfing(), 3)
  return found == 100 and "bullish" or found == -100 and "bearish" or nil
end

--- Bollinger bands of the close: `ta.bb(m.close, period, stdDev)` under other names.
-- @param klines market: m or m["1h"] @param period bars, 1..5000 (20) @param stdDev population standard deviations (2)
-- @return {upper, middle, lower}, series, prices
-- @usage local below = m.close[0] < helpers.calculateBollingerBands(m, 20, 2).lower[0]
function M.calculateBollingerBands(klines, period, stdDev)
  local name = "calculateBollingerBands"
  local bb = ta.bb(call.market_of(name, klines).close, call.bars_of(name, "period", period, 20), call.number_of(name, "stdDev", stdDev, 2))
  return {upper = bb.upper, middle = bb.basis, lower = bb.lower}
end

--- The newest values of helpers.calculateBollingerBands.
-- @param klines market: m or m["1h"] @param period bars, 1..5000 (20) @param stdDev population standard deviations (2)
-- @return {upper, middle, lower}, prices, all nil while there are fewer bars
-- @usage local below = m.close[0] < helpers.getLatestBollingerBands(m).lower
function M.getLatestBollingerBands(klines, period, stdDev)
  local name = "getLatestBollingerBands"
  local k = call.market_of(name, klines)
  local bands = M.calculateBollingerBands(k, period, stdDev)
  if not call.newest(name, bands.upper, period or 20) then return {} end
  return {upper = bands.upper[0], middle = bands.middle[0], lower = bands.lower[0]}
end

return M
