--- Moving averages and what is made of them alone.
--
-- Two kinds. Averages of a window (sma, wma, hma, vwma, alma, linreg) know the last `length` values and nothing else; a
-- NaN in the source restarts the window. Recursive ones (ema, rma, dema, tema, kama, macd, ppo, trix) are seeded with the
-- mean of the first `length` values and never quite forget; a NaN in the source gives NaN and is passed over. In a window
-- of equal values every average is exactly that value.
local indicator = require "indicator"
local define = indicator.define

local M = {}

--- Simple moving average: mean of the last `length` values. Of prices and volumes, which are short decimals, it is the
-- number nearest to the mean on paper, so where both sides of a comparison are equal on paper no rounding decides.
-- First value at bar length - 1.
-- @param source series @param length bars, 1..5000 @return series in the unit of the source
-- @usage local fast = ta.sma(m.close, 20)
M.sma = define {"sma", sources = {"source"}, params = {"length"}}

--- Exponential moving average, alpha = 2 / (length + 1), seeded with the SMA of the first `length` values. First value at
-- bar length - 1.
-- @param source series @param length bars, 1..5000 @return series in the unit of the source
-- @usage local slow = ta.ema(m.close, 50)
M.ema = define {"ema", sources = {"source"}, params = {"length"}}

--- Wilder's moving average, alpha = 1 / length, seeded with the SMA of the first `length` values. First value at bar
-- length - 1.
-- @param source series @param length bars, 1..5000 @return series in the unit of the source
-- @usage local smooth = ta.rma(m.close, 14)
M.rma = define {"rma", sources = {"source"}, params = {"length"}}

--- Linearly weighted moving average: the newest value counts `length` times, the oldest once. First value at bar
-- length - 1.
-- @param source series @param length bars, 1..5000 @return series in the unit of the source
-- @usage local quick = ta.wma(m.close, 20)
M.wma = define {"wma", sources = {"source"}, params = {"length"}}

--- Hull moving average: wma(2 * wma(source, length / 2) - wma(source, length), sqrt(length)), both lengths rounded down.
-- First value at bar length + sqrt(length) - 2.
-- @param source series @param length bars, 1..5000 @return series in the unit of the source
-- @usage local turns_up = ta.hma(m.close, 20)[0] > ta.hma(m.close, 20)[1]
M.hma = define {"hma", sources = {"source"}, params = {"length"}}

--- Double exponential moving average: 2 * e1 - e2 with e1 = ema(source, length), e2 = ema(e1, length). First value at bar
-- 2 * (length - 1), as in TA-Lib.
-- @param source series @param length bars, 1..5000 @return series in the unit of the source
-- @usage local trend = ta.dema(m.close, 20)
M.dema = define {"dema", sources = {"source"}, params = {"length"}}

--- Triple exponential moving average: 3 * e1 - 3 * e2 + e3, each an ema of the one before. First value at bar
-- 3 * (length - 1), as in TA-Lib.
-- @param source series @param length bars, 1..5000 @return series in the unit of the source
-- @usage local trend = ta.tema(m.close, 20)
M.tema = define {"tema", sources = {"source"}, params = {"length"}}

--- Kaufman's adaptive moving average: alpha = (e * (2/3 - 2/31) + 2/31)^2, where e is how far the source has come in
-- `length` bars over the way it has gone; 1 where that way is below 1e-10 of the source. First value at bar length, as in
-- TA-Lib (Tulip shows its seed one bar earlier). After a NaN in the source there are `length` more bars without a value;
-- the average goes on from where it was.
-- @param source series @param length bars, 1..5000 @return series in the unit of the source
-- @usage local calm = ta.kama(m.close, 10)
M.kama = define {"kama", sources = {"source"}, params = {"length"}}

--- Volume-weighted moving average: sum of source x volume over sum of volume, of the last `length` bars. NaN where these
-- bars have no volume. First value at bar length - 1.
-- @param source series @param length bars, 1..5000 @return series in the unit of the source
-- @usage local heavy = ta.vwma(m.close, 20)
M.vwma = define {"vwma", sources = {"source"}, params = {"length"}}

--- Arnaud Legoux moving average: weights exp(-(i - c)^2 / (2 s^2)) with i = 0 for the oldest value, c = offset *
-- (length - 1) and s = length / sigma. It has no rolling form: a step costs `length` additions. First value at bar
-- length - 1.
-- @param source series @param length bars, 1..5000 @param offset where the weights are largest (0.85): 0 oldest, 1 newest
-- @param sigma how narrow they are (6), 0.01..1000 @param floor whether c is rounded down (false)
-- @return series in the unit of the source
-- @usage local smooth = ta.alma(m.close, 9, 0.85, 6)
M.alma = define {"alma", sources = {"source"}, params = {"length", {"offset", 0.85}, {"sigma", 6}, {"floor", false}}}

--- Linear regression: the least-squares line through the last `length` values, `offset` bars before its end. First value
-- at bar length - 1.
-- @param source series @param length bars, 1..5000 @param offset bars (0); below 0 the line is drawn on
-- @return series in the unit of the source
-- @usage local above_line = m.close[0] > ta.linreg(m.close, 20)[0]
M.linreg = define {"linreg", sources = {"source"}, params = {"length", {"offset", 0}}}

--- Moving average convergence/divergence: ema(fast) - ema(slow), its EMA, and their difference. The line has its first
-- value at bar max(fast, slow) - 1, the signal, seeded with the mean of the line's first `signal` values, signal - 1 bars
-- later: 25 and 33 with the defaults, as on TradingView (TA-Lib begins both at 33, with other seeds).
-- @param source series @param fast bars (12) @param slow bars (26) @param signal bars (9)
-- @return {macd, signal, hist}, series in the unit of the source
-- @usage local rising = ta.macd(m.close, 12, 26, 9).hist[0] > 0
M.macd = define {"macd", sources = {"source"}, params = {{"fast", 12}, {"slow", 26}, {"signal", 9}}, outputs = {"macd", "signal", "hist"}}

--- Percentage price oscillator: 100 * (ema(fast) - ema(slow)) / ema(slow). NaN where ema(slow) is 0. First value at bar
-- max(fast, slow) - 1. (TA-Lib's default is of simple averages.)
-- @param source series @param fast bars (12) @param slow bars (26) @return series, per cent
-- @usage local strong = ta.ppo(m.close)[0] > 1
M.ppo = define {"ppo", sources = {"source"}, params = {{"fast", 12}, {"slow", 26}}}

--- TRIX: change of the triple EMA from bar to bar, in per cent of the bar before (TA-Lib's; TradingView's study is of the
-- logarithm of the price, times 10,000). First value at bar 3 * length - 2.
-- @param source series @param length bars (18), 1..5000 @return series, per cent
-- @usage local momentum = ta.trix(m.close, 18)
M.trix = define {"trix", sources = {"source"}, params = {{"length", 18}}}

return M
