--- Momentum: how fast and how one-sidedly a source has moved.
local indicator = require "indicator"
local define = indicator.define

local M = {}

--- Relative strength index: 100 - 100 / (1 + rma(gains) / rma(losses)). NaN while nothing has moved.
-- @param source series @param length bars, 1..5000 @return series, 0..100
-- @usage local oversold = ta.rsi(m.close, 14)[0] < 30
M.rsi = define {"rsi", sources = {"source"}, params = {"length"}}

return M
