--- Statistics of a window: deviations, order, counts.
local indicator = require "indicator"
local define = indicator.define

local M = {}

--- Bollinger bands: SMA and `deviations` population standard deviations around it.
-- @param source series @param length bars (20) @param deviations (2)
-- @return {basis, upper, lower}, series in the unit of the source
-- @usage local below = m.close[0] < ta.bb(m.close, 20, 2).lower[0]
M.bb = define {"bb", sources = {"source"}, params = {{"length", 20}, {"deviations", 2}}, outputs = {"basis", "upper", "lower"}}

return M
