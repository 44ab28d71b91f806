--- Trend: direction, its strength, and lines that follow the price.
local M = {}

return M
