--- Events: when a condition last held, and what stood there. A condition is a series of 1 and 0, such as m.close:gt(m.open).
local indicator = require "indicator"
local define = indicator.define

local M = {}

--- Bars since a condition last held: 0 on the bar itself. NaN before it has held for the first time; a condition that is
-- NaN does not hold. Counts from where the series begins on the symbol (cumulative: 250 bars of warm-up).
-- @param condition series of 1 and 0 @return series of whole numbers, bars
-- @usage local fresh = ta.barssince(m.close:crossover(ta.sma(m.close, 50)))[0] <= 3
M.barssince = define {"barssince", sources = {"condition"}}

--- Value of the source at the newest bar where a condition held; `occurrence` 1: at the one before, and so on. NaN before
-- there are so many; a condition that is NaN does not hold, and a NaN of the source at that bar is the value (Pine's).
-- @param condition series of 1 and 0 @param source series @param occurrence 0..5000, counted back from the newest (0)
-- @return series in the unit of the source
-- @usage local level = ta.valuewhen(m.close:crossover(ta.sma(m.close, 50)), m.low, 0)[0]
M.valuewhen = define {"valuewhen", sources = {"condition", "source"}, params = {{"occurrence", 0}}}

return M
