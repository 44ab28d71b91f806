--- Moving averages and what is made of them alone.
local indicator = require "indicator"
local define = indicator.define

local M = {}

--- Simple moving average: mean of the last `length` values. First value at bar length - 1.
-- @param source series @param length bars, 1..5000 @return series in the unit of the source
-- @usage local fast = ta.sma(m.close, 20)
M.sma = define {"sma", sources = {"source"}, params = {"length"}}

--- Exponential moving average, alpha = 2 / (length + 1), seeded with the SMA of the first `length` values.
-- @param source series @param length bars, 1..5000 @return series in the unit of the source
-- @usage local slow = ta.ema(m.close, 50)
M.ema = define {"ema", sources = {"source"}, params = {"length"}}

--- Wilder's moving average, alpha = 1 / length, seeded with the SMA of the first `length` values.
-- @param source series @param length bars, 1..5000 @return series in the unit of the source
-- @usage local smooth = ta.rma(m.close, 14)
M.rma = define {"rma", sources = {"source"}, params = {"length"}}

--- Moving average convergence/divergence: ema(fast) - ema(slow), its EMA, and their difference.
-- @param source series @param fast bars (12) @param slow bars (26) @param signal bars (9)
-- @return {macd, signal, hist}, series in the unit of the source
-- @usage local rising = ta.macd(m.close, 12, 26, 9).hist[0] > 0
M.macd = define {"macd", sources = {"source"}, params = {{"fast", 12}, {"slow", 26}, {"signal", 9}}, outputs = {"macd", "signal", "hist"}}

return M
