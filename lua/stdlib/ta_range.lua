--- Ranges: of a bar, of a window of bars, and what stands out of them.
local indicator = require "indicator"
local define = indicator.define

local M = {}

--- True range: the largest of high - low and the distances of both from the previous close.
-- @param handle_na true: the first bar gives high - low; else NaN (false) @return series, a price difference
-- @usage local range = ta.tr(true)[0]
M.tr = define {"tr", params = {{"handle_na", false}}}

--- Average true range: rma of tr(true). First value at bar length - 1.
-- @param length bars, 1..5000 @return series, a price difference
-- @usage local range = ta.atr(14)[0]
M.atr = define {"atr", params = {"length"}}

--- Average true range in percent of the close: 100 * atr / close (TA-Lib's NATR). First value at bar length - 1.
-- @param length bars, 1..5000 @return series, percent
-- @usage local is_calm = ta.natr(14)[0] < 0.5
M.natr = define {"natr", params = {"length"}}

--- Highest value of the last `length` bars, the newest included. Without a source, ta.highest(length): of the high.
-- First value at bar length - 1; a NaN of the source begins the window anew.
-- @param source series (m.high, when the length comes first) @param length bars, 1..5000 @return series in the unit of the source
-- @usage local is_breakout = m.close[0] > ta.highest(20)[1]
M.highest = define {"highest", sources = {{"source", optional = "high"}}, params = {"length"}}

--- Lowest value of the last `length` bars, the newest included. Without a source, ta.lowest(length): of the low.
-- First value at bar length - 1; a NaN of the source begins the window anew.
-- @param source series (m.low, when the length comes first) @param length bars, 1..5000 @return series in the unit of the source
-- @usage local bottom = ta.lowest(m.close, 20)[1]
M.lowest = define {"lowest", sources = {{"source", optional = "low"}}, params = {"length"}}

--- Where the highest value of the last `length` bars stands: 0 is the newest bar, -3 three bars before it. Of equal values
-- the oldest (TA-Lib: the newest). Without a source, ta.highestbars(length): of the high. First value at bar length - 1.
-- @param source series (m.high, when the length comes first) @param length bars, 1..5000 @return series, bars, -(length - 1)..0
-- @usage local is_new_high = ta.highestbars(20)[0] == 0
M.highestbars = define {"highestbars", sources = {{"source", optional = "high"}}, params = {"length"}}

--- Where the lowest value of the last `length` bars stands: 0 is the newest bar, -3 three bars before it. Of equal values
-- the oldest (TA-Lib: the newest). Without a source, ta.lowestbars(length): of the low. First value at bar length - 1.
-- @param source series (m.low, when the length comes first) @param length bars, 1..5000 @return series, bars, -(length - 1)..0
-- @usage local bars_since_low = -ta.lowestbars(20)[0]
M.lowestbars = define {"lowestbars", sources = {{"source", optional = "low"}}, params = {"length"}}

--- Donchian channel: highest high and lowest low of the last `length` bars, the newest included, and their middle. First
-- values at bar length - 1. A breakout is measured from the bar before: upper[1].
-- @param length bars, 1..5000 @return {basis, upper, lower}, series of prices
-- @usage local is_breakout = m.close[0] > ta.donchian(20).upper[1]
M.donchian = define {"donchian", params = {"length"}, outputs = {"basis", "upper", "lower"}}

--- Keltner channels: ema(source) and `mult` times the ema of the true range around it. The true range begins with the second
-- bar, so the basis has its first value at bar length - 1 and the bands at bar length. With use_true_range = false the
-- range is high - low, and the bands begin with the basis.
-- @param source series @param length bars, 1..5000 (20) @param mult ranges from the basis to a band (2)
-- @param use_true_range true, or false: high - low (true) @return {basis, upper, lower}, series in the unit of the source
-- @usage local is_squeezed = ta.bb(m.close, 20, 2).upper[0] < ta.kc(m.close, 20, 1.5).upper[0]
M.kc = define {"kc", sources = {"source"}, params = {{"length", 20}, {"mult", 2}, {"use_true_range", true}}, outputs = {"basis", "upper", "lower"}}

--- Pivot high: the value `right` bars ago where it is at least as high as the `left` bars before it and higher than the
-- `right` bars after it; NaN elsewhere. It is known, and shown, `right` bars late. Without a source,
-- ta.pivothigh(left, right): of the high. A NaN of the source begins the window anew.
-- @param source series (m.high, when the numbers come first) @param left bars, 1 or more @param right bars, 1 or more; both together below 5000
-- @return series in the unit of the source
-- @usage local is_confirmed = not na(ta.pivothigh(5, 5)[0])
M.pivothigh = define {"pivothigh", sources = {{"source", optional = "high"}}, params = {"left", "right"}}

--- Pivot low: the value `right` bars ago where it is at least as low as the `left` bars before it and lower than the
-- `right` bars after it; NaN elsewhere. It is known, and shown, `right` bars late. Without a source,
-- ta.pivotlow(left, right): of the low. A NaN of the source begins the window anew.
-- @param source series (m.low, when the numbers come first) @param left bars, 1 or more @param right bars, 1 or more; both together below 5000
-- @return series in the unit of the source
-- @usage local is_confirmed = not na(ta.pivotlow(m.close, 5, 5)[0])
M.pivotlow = define {"pivotlow", sources = {{"source", optional = "low"}}, params = {"left", "right"}}

return M
