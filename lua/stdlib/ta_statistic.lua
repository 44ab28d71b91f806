--- Statistics of a window: deviations, order, counts.
local indicator = require "indicator"
local define = indicator.define

local M = {}

--- Bollinger bands: SMA and `deviations` population standard deviations around it. First value at bar length - 1.
-- @param source series @param length bars (20) @param deviations number, 0..100 (2)
-- @return {basis, upper, lower}, series in the unit of the source
-- @usage local below = m.close[0] < ta.bb(m.close, 20, 2).lower[0]
M.bb = define {"bb", sources = {"source"}, params = {{"length", 20}, {"deviations", 2}}, outputs = {"basis", "upper", "lower"}}

--- Width of the Bollinger bands: (upper - lower) / basis, times 100.
-- @param source series @param length bars (20) @param deviations number, 0..100 (2) @return series, per cent of the basis
-- @usage local squeezed = ta.bbw(m.close, 20, 2)[0] < 5
M.bbw = define {"bbw", sources = {"source"}, params = {{"length", 20}, {"deviations", 2}}}

--- Standard deviation of the last `length` values. Of the population, as in Pine; biased = false: of a sample. A window of equal
-- values has exactly 0; so has one that varies by less than 1e-10 of its mean.
-- @param source series @param length bars, 1..5000 @param biased true or false (true) @return series in the unit of the source
-- @usage local calm = ta.stdev(m.close, 20)[0] < ta.stdev(m.close, 20)[20]
M.stdev = define {"stdev", sources = {"source"}, params = {"length", {"biased", true}}}

--- Variance of the last `length` values: the square of ta.stdev.
-- @param source series @param length bars, 1..5000 @param biased true or false (true) @return series in the square of the source's unit
-- @usage local v = ta.variance(m.close, 20)[0]
M.variance = define {"variance", sources = {"source"}, params = {"length", {"biased", true}}}

--- Mean absolute deviation of the last `length` values from their mean. First value at bar length - 1. Exactly 0 where all are equal,
-- or where they vary by less than 1e-10 of the value. Up to 640 bars it goes through the window at each bar.
-- @param source series @param length bars, 1..5000 @return series in the unit of the source
-- @usage local spread = ta.dev(m.close, 20)[0]
M.dev = define {"dev", sources = {"source"}, params = {"length"}}

--- Median of the last `length` values; of an even number the mean of the two in the middle.
-- @param source series @param length bars, 1..5000 @return series in the unit of the source
-- @usage local middle = ta.median(m.volume, 20)[0]
M.median = define {"median", sources = {"source"}, params = {"length"}}

--- Per cent of the `length` values before that are at or below the newest one. First value at bar `length`.
-- @param source series @param length bars, 1..5000 @return series, 0..100
-- @usage local busy = ta.percentrank(m.volume, 100)[0] > 95
M.percentrank = define {"percentrank", sources = {"source"}, params = {"length"}}

--- Pearson's correlation of the last `length` values of two series. First value at bar length - 1. NaN where one of them does not vary
-- by more than 1e-10 of its value (TradingView gives 0).
-- @param a series @param b series @param length bars, 1..5000 @return series, -1..1
-- @usage local c = ta.correlation(m.close, m.volume, 50)[0]
M.correlation = define {"correlation", sources = {"a", "b"}, params = {"length"}}

--- Sum of all values since the beginning of the history that is known: it depends on how much that is. NaN where the value is no
-- number, which is left out.
-- @param source series @return series in the unit of the source
-- @usage local rises = ta.change(ta.cum(m.volume))[0] > 0
M.cum = define {"cum", sources = {"source"}}

--- How many of the last `length` values of a 1/0 series are not 0. NaN while one of them is NaN.
-- @param condition series of 1 and 0 @param length bars, 1..5000 @return series, 0..length
-- @usage local up = ta.count(m.close:gt(m.open), 10)[0] >= 7
M.count = define {"count", sources = {"condition"}, params = {"length"}}

return M
