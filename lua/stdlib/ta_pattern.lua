--- Candlestick patterns, TA-Lib's meaning: -100, 0 or 100.
local M = {}

return M
