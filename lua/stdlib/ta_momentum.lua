--- Momentum: how fast and how one-sidedly a source has moved.
local indicator = require "indicator"
local define = indicator.define

local M = {}

--- Relative strength index: 100 - 100 / (1 + rma(gains) / rma(losses)). First value at bar `length`. NaN while nothing has moved
-- since the beginning; a bar without a change leaves the value as it was.
-- @param source series @param length bars, 1..5000 @return series, 0..100
-- @usage local oversold = ta.rsi(m.close, 14)[0] < 30
M.rsi = define {"rsi", sources = {"source"}, params = {"length"}}

--- Raw stochastic, %K: where the source stands in the range of the last `length` bars,
-- 100 * (source - lowest(low)) / (highest(high) - lowest(low)). First value at bar length - 1. NaN where the range is zero
-- (below 1e-10 of the price). Its averages are %K and %D: ta.sma(ta.stoch(...), 3).
-- @param source series @param high series @param low series @param length bars, 1..5000 @return series, 0..100
-- @usage local k = ta.sma(ta.stoch(m.close, m.high, m.low, 14), 3)[0]
M.stoch = define {"stoch", sources = {"source", "high", "low"}, params = {"length"}}

--- Stochastic of the RSI: k = sma(stoch(rsi, rsi, rsi, stoch), smooth_k), d = sma(k, smooth_d). First k at bar
-- length + stoch + smooth_k - 2, when the range holds `stoch` values of the RSI, as in TA-Lib and Tulip; Pine passes over what
-- is missing in a range and shows its first k after smooth_k + 1 values of the RSI. From then on they are equal. NaN where the
-- RSI has not moved in the range; the means begin anew after that.
-- @param source series @param length bars of the RSI (14) @param stoch bars of the stochastic (14) @param smooth_k bars (3)
-- @param smooth_d bars (3) @return {k, d}, series, 0..100
-- @usage local rising = ta.stochrsi(m.close).k[0] > ta.stochrsi(m.close).d[0]
M.stochrsi = define {"stochrsi", sources = {"source"}, params = {{"length", 14}, {"stoch", 14}, {"smooth_k", 3}, {"smooth_d", 3}},
  outputs = {"k", "d"}}

--- Commodity channel index: (source - sma) / (0.015 * mean absolute deviation). First value at bar length - 1. NaN where the
-- deviation is zero (below 1e-10 of the price). Pine's study uses hlc3.
-- @param source series (m.hlc3) @param length bars, 1..5000 @return series around 0
-- @usage local strong = ta.cci(m.hlc3, 20)[0] > 100
M.cci = define {"cci", sources = {{"source", default = "hlc3"}}, params = {"length"}}

--- Chande momentum oscillator: 100 * (gains - losses) / (gains + losses), plain sums of `length` changes. First value at bar
-- `length`. NaN where nothing has moved. TA-Lib smooths the sums and differs for ever.
-- @param source series @param length bars, 1..5000 @return series, -100..100
-- @usage local up = ta.cmo(m.close, 14)[0] > 50
M.cmo = define {"cmo", sources = {"source"}, params = {"length"}}

--- Rate of change in per cent: 100 * (source - source `length` bars ago) / the latter.
-- @param source series @param length bars, 1..5000 @return series, per cent
-- @usage local fast = ta.roc(m.close, 10)[0] > 2
M.roc = define {"roc", sources = {"source"}, params = {"length"}}

--- Momentum: the source minus the source `length` bars ago.
-- @param source series @param length bars, 1..5000 @return series in the unit of the source
-- @usage local up = ta.mom(m.close, 10)[0] > 0
M.mom = define {"mom", sources = {"source"}, params = {"length"}}

--- Change: the source minus the source `length` bars ago; the same as ta.mom.
-- @param source series @param length bars, 1..5000 (1) @return series in the unit of the source
-- @usage local jump = ta.change(m.close)[0]
M.change = define {"change", kernel = "mom", sources = {"source"}, params = {{"length", 1}}}

--- Williams %R: where the close stands below the highest high of the last `length` bars, in per cent of their range. First value at
-- bar length - 1. NaN where the range is zero (below 1e-10 of the price).
-- @param length bars, 1..5000 @return series, -100..0
-- @usage local oversold = ta.wpr(14)[0] < -80
M.wpr = define {"wpr", params = {"length"}}

--- Ultimate oscillator: buying pressure over true range in three windows, weighted 4, 2 and 1. First value at bar `slow`. NaN
-- where a window has no range.
-- @param fast bars (7) @param middle bars (14) @param slow bars (28) @return series, 0..100
-- @usage local low = ta.uo(7, 14, 28)[0] < 30
M.uo = define {"uo", params = {{"fast", 7}, {"middle", 14}, {"slow", 28}}}

return M
