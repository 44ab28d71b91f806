--- Ranges: of a bar, and of a window.
local indicator = require "indicator"
local define = indicator.define

local M = {}

--- Highest value of the last `length` bars, the newest included.
-- @param source series @param length bars, 1..5000 @return series
-- @usage local top = ta.highest(m.high, 20)[1]
M.highest = define {"highest", sources = {"source"}, params = {"length"}}

--- Lowest value of the last `length` bars, the newest included.
-- @param source series @param length bars, 1..5000 @return series
-- @usage local bottom = ta.lowest(m.low, 20)[1]
M.lowest = define {"lowest", sources = {"source"}, params = {"length"}}

--- True range: the largest of high - low and the distances of both from the previous close.
-- @param handle_na true: the first bar gives high - low; else NaN (false) @return series, a price difference
-- @usage local range = ta.tr(true)[0]
M.tr = define {"tr", params = {{"handle_na", false}}}

--- Average true range: rma of tr(true).
-- @param length bars, 1..5000 @return series, a price difference
-- @usage local range = ta.atr(14)[0]
M.atr = define {"atr", params = {"length"}}

return M
