---@meta
-- Written by ./dev docs from the comments of lua/stdlib: do not edit. For editors with the Lua language server, in .luarc.json:
-- {"runtime.version": "LuaJIT", "workspace.library": ["path to this folder"]}

---@class trademind.drawing what plot.* gives, for the list that `plots` returns

--- A series: s[0] is the newest bar, s[1] the one before.
---@class trademind.series
---@field [integer] number
---@operator add(trademind.series|number): trademind.series
---@operator sub(trademind.series|number): trademind.series
---@operator mul(trademind.series|number): trademind.series
---@operator div(trademind.series|number): trademind.series
---@operator mod(trademind.series|number): trademind.series
---@operator pow(trademind.series|number): trademind.series
---@operator unm: trademind.series
local series = {}

--- One symbol at the close of one bar: what a filter is called with. Another timeframe, m["1h"], has the series, interval, ta and align.
---@class trademind.market
---@field open trademind.series series, price
---@field high trademind.series series, price
---@field low trademind.series series, price
---@field close trademind.series series, price
---@field volume trademind.series series, in the base asset
---@field quote_volume trademind.series series, in the quote asset
---@field trades trademind.series series, number of trades
---@field taker_base trademind.series series: volume of takers who bought, in the base asset
---@field taker_quote trademind.series series: the same in the quote asset
---@field hl2 trademind.series series: (high + low) / 2
---@field hlc3 trademind.series series: (high + low + close) / 3
---@field ohlc4 trademind.series series: (open + high + low + close) / 4
---@field symbol string text such as "BTCUSDT"
---@field base string text such as "BTC"
---@field quote string text such as "USDT"
---@field interval string interval such as "5m"
---@field time number number: open time of the bar, Unix ms, UTC
---@field close_time number number: open time of the bar after it
---@field hour integer whole number: hour of the open time, UTC
---@field weekday integer whole number of the open time, UTC: Monday 1, Sunday 7
---@field count integer whole number: bars known
---@field tick_size number number: smallest step of the price; 0 when unknown
---@field forming boolean boolean: false in this version
---@field day trademind.day day: the rolling 24 hours
---@field my table table: series of the trader's own, by name
---@field ta trademind.ta ta: its functions, bound to this timeframe
---@field ["1s"] trademind.market listed in `timeframes`
---@field ["1m"] trademind.market listed in `timeframes`
---@field ["3m"] trademind.market listed in `timeframes`
---@field ["5m"] trademind.market listed in `timeframes`
---@field ["15m"] trademind.market listed in `timeframes`
---@field ["30m"] trademind.market listed in `timeframes`
---@field ["1h"] trademind.market listed in `timeframes`
---@field ["2h"] trademind.market listed in `timeframes`
---@field ["4h"] trademind.market listed in `timeframes`
---@field ["6h"] trademind.market listed in `timeframes`
---@field ["8h"] trademind.market listed in `timeframes`
---@field ["12h"] trademind.market listed in `timeframes`
---@field ["1d"] trademind.market listed in `timeframes`
---@field ["3d"] trademind.market listed in `timeframes`
---@field ["1w"] trademind.market listed in `timeframes`
---@field ["1M"] trademind.market listed in `timeframes`
local market = {}

--- The rolling 24 hours of closed bars: numbers, NaN while they are not known, and above 1d.
---@class trademind.day
---@field change_pct number number: change of the close, percent
---@field high number number: price
---@field low number number: price
---@field volume number number: base asset
---@field quote_volume number number: quote asset

--- JSON for scripts.
---@class trademind.json
---@field null any value that stands for null
json = {}

--- The table that `trader` is called with.
---@class trademind.fields
---@field id? string text of letters, digits, _ - .
---@field name? string text
---@field description? string text
---@field tags? string[] list of texts
---@field enabled? boolean boolean (true)
---@field interval? string interval such as "5m"
---@field timeframes? string[] list of intervals
---@field symbols? table table {include, exclude, quote}
---@field on? string "close"
---@field fire? string|table "edge", "every" or {every = bars}
---@field cooldown? integer bars
---@field warmup? integer bars
---@field series? table<string, fun(m: trademind.market, prev: number): number> table of function(m, prev) -> number
---@field filter? fun(m: trademind.market): boolean|trademind.result function(m) -> boolean or result
---@field conditions? string[]|table list of texts or {text, function(m) -> boolean}
---@field plots? fun(m: trademind.market): table function(m) -> table
---@field prompt? string|fun(m: trademind.market, signal: table): string text or function(m, signal) -> text
---@field analysis? table table {model, when, max_per_day}
---@field risk? table table {stop_pct, target_pct}
---@field notify? table table of rules
---@field references? table[] list of symbols; not in this version
---@field rank? table table; not in this version

--- What a filter may return in place of true or false.
---@class trademind.result
---@field match boolean boolean
---@field side? string "long" or "short"
---@field score? number number, 0..1
---@field stop? number price
---@field target? number|number[] price or list of prices
---@field conditions? string[] list of texts
---@field tags? string[] list of texts

---@class trademind.ta
ta = {}

---@class trademind.helpers
helpers = {}

---@class trademind.plot
plot = {}

---@class trademind.input
input = {}

---@class trademind.log
log = {}

--- Where the series is above x, bar by bar.
---@param x trademind.series|number series of the same timeframe, or number
---@return trademind.series # series of 1 and 0; NaN where either is NaN
function series:gt(x) end

--- Where the series is below x, bar by bar.
---@param x trademind.series|number series of the same timeframe, or number
---@return trademind.series # series of 1 and 0; NaN where either is NaN
function series:lt(x) end

--- Where the series is at or above x, bar by bar.
---@param x trademind.series|number series of the same timeframe, or number
---@return trademind.series # series of 1 and 0; NaN where either is NaN
function series:ge(x) end

--- Where the series is at or below x, bar by bar.
---@param x trademind.series|number series of the same timeframe, or number
---@return trademind.series # series of 1 and 0; NaN where either is NaN
function series:le(x) end

--- Where the series equals x, bar by bar.
---@param x trademind.series|number series of the same timeframe, or number
---@return trademind.series # series of 1 and 0; NaN where either is NaN
function series:eq(x) end

--- Bars at which the series has come to be above x: strictly above, and at or below on the last bar where both were defined.
---@param x trademind.series|number series of the same timeframe, or number
---@return trademind.series # series of 1 and 0; NaN where either is NaN
function series:crossover(x) end

--- Bars at which the series has come to be below x: strictly below, and at or above on the last bar where both were defined.
---@param x trademind.series|number series of the same timeframe, or number
---@return trademind.series # series of 1 and 0; NaN where either is NaN
function series:crossunder(x) end

--- Absolute value, bar by bar.
---@param source trademind.series series
---@return trademind.series # series in the unit of the source
function ta.abs(source) end

--- Natural logarithm, bar by bar.
---@param source trademind.series series
---@return trademind.series # series; NaN where the source is 0 or below
function ta.log(source) end

--- e to the power of the source, bar by bar.
---@param source trademind.series series
---@return trademind.series # series; NaN where it is infinite
function ta.exp(source) end

--- Square root, bar by bar.
---@param source trademind.series series
---@return trademind.series # series; NaN below 0
function ta.sqrt(source) end

--- Sign, bar by bar.
---@param source trademind.series series
---@return trademind.series # series of -1, 0 and 1
function ta.sign(source) end

--- Nearest whole number, bar by bar; halves go up.
---@param source trademind.series series
---@return trademind.series # series of whole numbers
function ta.round(source) end

--- The larger of two or more, bar by bar. Pine's math.max of series.
---@param a trademind.series|number series or number
---@param b trademind.series|number series or number
---@return trademind.series # series; NaN where one is NaN
function ta.max(a, b) end

--- The smaller of two or more, bar by bar. Pine's math.min of series.
---@param a trademind.series|number series or number
---@param b trademind.series|number series or number
---@return trademind.series # series; NaN where one is NaN
function ta.min(a, b) end

--- The mean of two or more, bar by bar. Pine's math.avg of series.
---@param a trademind.series|number series or number
---@param b trademind.series|number series or number
---@return trademind.series # series; NaN where one is NaN
function ta.avg(a, b) end

--- Simple moving average: mean of the last `length` values. First value at bar length - 1.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@return trademind.series # series in the unit of the source
function ta.sma(source, length) end

--- Exponential moving average, alpha = 2 / (length + 1), seeded with the SMA of the first `length` values.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@return trademind.series # series in the unit of the source
function ta.ema(source, length) end

--- Wilder's moving average, alpha = 1 / length, seeded with the SMA of the first `length` values.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@return trademind.series # series in the unit of the source
function ta.rma(source, length) end

---@class trademind.ta_macd_outputs
---@field macd trademind.series
---@field signal trademind.series
---@field hist trademind.series

--- Moving average convergence/divergence: ema(fast) - ema(slow), its EMA, and their difference.
---@param source trademind.series series
---@param fast? integer bars (12)
---@param slow? integer bars (26)
---@param signal? integer bars (9)
---@return trademind.ta_macd_outputs
function ta.macd(source, fast, slow, signal) end

--- Relative strength index: 100 - 100 / (1 + rma(gains) / rma(losses)). NaN while nothing has moved.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@return trademind.series # series, 0..100
function ta.rsi(source, length) end

---@class trademind.ta_bb_outputs
---@field basis trademind.series
---@field upper trademind.series
---@field lower trademind.series

--- Bollinger bands: SMA and `deviations` population standard deviations around it.
---@param source trademind.series series
---@param length? integer bars (20)
---@param deviations? number (2)
---@return trademind.ta_bb_outputs
function ta.bb(source, length, deviations) end

--- Highest value of the last `length` bars, the newest included.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@return trademind.series # series
function ta.highest(source, length) end

--- Lowest value of the last `length` bars, the newest included.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@return trademind.series # series
function ta.lowest(source, length) end

--- True range: the largest of high - low and the distances of both from the previous close.
---@param handle_na? boolean true: the first bar gives high - low; else NaN (false)
---@return trademind.series # series, a price difference
function ta.tr(handle_na) end

--- Average true range: rma of tr(true).
---@param length integer bars, 1..5000
---@return trademind.series # series, a price difference
function ta.atr(length) end

--- Volume-weighted average price since the start of the session (UTC).
---@param source? trademind.series series (m.hlc3)
---@param options? table {anchor = "day"|"week"|"month"} ("day")
---@return trademind.series # series, a price; NaN before the first start of a session that is known, and before volume
function ta.vwap(source, options) end

--- True at the bar where `a` has come to be above `b`: strictly above now, at or below on the last bar where both were defined.
---@param a trademind.series|number series or number
---@param b trademind.series|number series or number
---@return boolean # boolean of the newest bar; false where NaN is met
function ta.crossover(a, b) end

--- True at the bar where `a` has come to be below `b`: strictly below now, at or above on the last bar where both were defined.
---@param a trademind.series|number series or number
---@param b trademind.series|number series or number
---@return boolean # boolean of the newest bar; false where NaN is met
function ta.crossunder(a, b) end

--- Doji: the body is at most a tenth of the mean high - low of the 10 bars before. First value at bar 10. TA-Lib's CDLDOJI.
---@return trademind.series # series of 100 and 0
function ta.cdl_doji() end

--- Hammer: a small body low in the market, a lower shadow longer than the body, nearly no upper one. Body below the mean body of the 10 bars before; upper shadow below a tenth of their mean high - low; bottom of the body at or below the low of the bar before plus a fifth of the mean high - low of the 5 bars before that. First value at bar 11. TA-Lib's CDLHAMMER.
---@return trademind.series # series of 100 and 0
function ta.cdl_hammer() end

--- Hanging man: the shape of a hammer, with the bottom of its body near the high of the bar before, or above. First value at bar 11. TA-Lib's CDLHANGINGMAN.
---@return trademind.series # series of -100 and 0
function ta.cdl_hanging_man() end

--- Inverted hammer: a small body, an upper shadow longer than it, nearly no lower one, below the body of the bar before. First value at bar 11. TA-Lib's CDLINVERTEDHAMMER; where a bar opens at the close before, there is no gap and no pattern.
---@return trademind.series # series of 100 and 0
function ta.cdl_inverted_hammer() end

--- Shooting star: the shape of an inverted hammer, above the body of the bar before. First value at bar 11. TA-Lib's CDLSHOOTINGSTAR; where a bar opens at the close before, there is no gap and no pattern.
---@return trademind.series # series of -100 and 0
function ta.cdl_shooting_star() end

--- Engulfing: the body encloses that of the bar before, which has the other color. 100 or -100 when it is larger at both ends; 80 or -80, as TA-Lib gives since 0.6, when one end is the same, the usual case where markets never close and a bar opens at the close before. So compare with 0. First value at bar 2. TA-Lib's CDLENGULFING.
---@return trademind.series # series of 100, 80, 0, -80 and -100; above 0: the newest bar is white
function ta.cdl_engulfing() end

--- Harami: a body that is not long inside the long body of the bar before. 100 or -100 when it touches no end of it; 80 or -80, as TA-Lib gives since 0.6, when it does. So compare with 0. Long: above the mean body of the 10 bars before. First value at bar 11. TA-Lib's CDLHARAMI.
---@return trademind.series # series of 100, 80, 0, -80 and -100; above 0: the bar before is black
function ta.cdl_harami() end

--- Morning star: a long black body, a small one below it, a long white one that closes well inside the first. First value at bar 12. TA-Lib's CDLMORNINGSTAR.
---@param penetration? number part of the first body that the last close regains, 0..10 (0.3)
---@return trademind.series # series of 100 and 0
function ta.cdl_morning_star(penetration) end

--- Evening star: a long white body, a small one above it, a long black one that closes well inside the first. First value at bar 12. TA-Lib's CDLEVENINGSTAR.
---@param penetration? number part of the first body that the last close gives back, 0..10 (0.3)
---@return trademind.series # series of -100 and 0
function ta.cdl_evening_star(penetration) end

--- Three white soldiers: three white bars with rising closes and nearly no upper shadow, each opening inside the body before or near its close, none far shorter than the one before, the last one long. First value at bar 12. TA-Lib's CDL3WHITESOLDIERS.
---@return trademind.series # series of 100 and 0
function ta.cdl_three_white_soldiers() end

--- Three black crows: after a white bar three black ones with falling closes and nearly no lower shadow. The second and third open inside the body before; the first closes below the high of the white bar. A bar that opens at the close before is no crow. First value at bar 13. TA-Lib's CDL3BLACKCROWS.
---@return trademind.series # series of -100 and 0
function ta.cdl_three_black_crows() end

--- Piercing: after a long black body a long white one that opens below the low and closes above the middle of that body. First value at bar 11. TA-Lib's CDLPIERCING; it needs a gap between close and open, rare where markets never close.
---@return trademind.series # series of 100 and 0
function ta.cdl_piercing() end

--- Dark cloud cover: after a long white body a black one that opens above the high and closes well inside that body. First value at bar 11. TA-Lib's CDLDARKCLOUDCOVER; it needs a gap between close and open, rare where markets never close.
---@param penetration? number part of the white body that the close gives back, 0..10 (0.5)
---@return trademind.series # series of -100 and 0
function ta.cdl_dark_cloud_cover(penetration) end

--- Marubozu: a long body with nearly no shadows: each below a tenth of the mean high - low of the 10 bars before. First value at bar 10. TA-Lib's CDLMARUBOZU.
---@return trademind.series # series of 100 (white), 0 and -100 (black)
function ta.cdl_marubozu() end

--- Spinning top: a body below the mean of the 10 bars before, and both shadows longer than it. First value at bar 10. TA-Lib's CDLSPINNINGTOP.
---@return trademind.series # series of 100 (white), 0 and -100 (black)
function ta.cdl_spinning_top() end

--- Inside bar: the high is below the high of the bar before, the low above its low. First value at bar 1. TA-Lib has no such function; the sign is the color of the bar, as in its others: 100 when close >= open, else -100.
---@return trademind.series # series of 100, 0 and -100
function ta.cdl_inside_bar() end

--- Number of bars known.
---@return integer # whole number, 0 or more
function series:len() end

--- A series of a slower timeframe as seen at each bar of this market: the last value that had closed by then. The same as Pine's request.security without look-ahead.
---@param source trademind.series series of a slower timeframe
---@return trademind.series # series; NaN where none had closed
function market:align(source) end

--- Mean of the last `period` closes.
---@param klines trademind.market market: m or m["1h"]
---@param period integer bars, 1..5000
---@return number|nil # number, a price; nil while there are fewer bars, and for a period of 0 or less
function helpers.calculateMA(klines, period) end

--- Mean of the last `period` closes, bar by bar: `ta.sma(m.close, period)`. First value at bar period - 1.
---@param klines trademind.market market: m or m["1h"]
---@param period integer bars, 1..5000
---@return trademind.series # series, a price
function helpers.calculateMASeries(klines, period) end

--- Mean of the last `period` values. The original gave 0 while there were fewer; here that is nil.
---@param values trademind.series|number[] series, or list of numbers, oldest first
---@param period integer bars, 1..5000
---@return number|nil # number in the unit of the values, or nil
function helpers.calculateSMA(values, period) end

--- Mean volume of the last `period` bars, the newest included.
---@param klines trademind.market market: m or m["1h"]
---@param period integer bars, 1..5000
---@return number|nil # number; nil while there are fewer bars
function helpers.calculateAvgVolume(klines, period) end

--- Exponential moving average of the close: `ta.ema(m.close, period)`. First value at bar period - 1, the mean up to there.
---@param klines trademind.market market: m or m["1h"]
---@param period integer bars, 1..5000
---@return trademind.series # series, a price
function helpers.calculateEMASeries(klines, period) end

--- The newest value of helpers.calculateEMASeries.
---@param klines trademind.market market: m or m["1h"]
---@param period integer bars, 1..5000
---@return number|nil # number, a price; nil while there are fewer bars
function helpers.getLatestEMA(klines, period) end

--- Newest exponential moving average of the values, seeded with the mean of the first `period` of them, as the series is. The original began with the first value, which differs from its own series, and gave 0 while there were fewer; here that is nil.
---@param values trademind.series|number[] series, or list of numbers, oldest first
---@param period integer bars, 1..5000
---@return number|nil # number in the unit of the values, or nil
function helpers.calculateEMA(values, period) end

---@class trademind.helpers_calculateMACDValues_outputs
---@field macdLine trademind.series
---@field signalLine trademind.series
---@field histogram trademind.series

--- Moving average convergence/divergence of the close: `ta.macd(m.close, fast, slow, signal)` under other names.
---@param klines trademind.market market: m or m["1h"]
---@param fastPeriod? integer bars, 1..5000 (12)
---@param slowPeriod? integer bars, 1..5000 (26)
---@param signalPeriod? integer bars, 1..5000 (9)
---@return trademind.helpers_calculateMACDValues_outputs
function helpers.calculateMACDValues(klines, fastPeriod, slowPeriod, signalPeriod) end

---@class trademind.helpers_getLatestMACD_outputs
---@field macd number
---@field signal number
---@field histogram number

--- The newest values of helpers.calculateMACDValues.
---@param klines trademind.market market: m or m["1h"]
---@param fastPeriod? integer bars, 1..5000 (12)
---@param slowPeriod? integer bars, 1..5000 (26)
---@param signalPeriod? integer bars, 1..5000 (9)
---@return trademind.helpers_getLatestMACD_outputs
function helpers.getLatestMACD(klines, fastPeriod, slowPeriod, signalPeriod) end

---@class trademind.helpers_calculateMACD_outputs
---@field MACD number
---@field signal number
---@field histogram number

--- Newest MACD of the values, its averages seeded with means, as the series are. The original began each average with the first value and the signal at the 26th whatever the periods, and gave 0 while there were fewer; here that is nil.
---@param closes trademind.series|number[] series, or list of numbers, oldest first
---@param fastPeriod? integer bars, 1..5000 (12)
---@param slowPeriod? integer bars, 1..5000 (26)
---@param signalPeriod? integer bars, 1..5000 (9)
---@return trademind.helpers_calculateMACD_outputs
function helpers.calculateMACD(closes, fastPeriod, slowPeriod, signalPeriod) end

--- Relative strength index of the close, Wilder's: `ta.rsi(m.close, period)`, and 50 where nothing has moved yet. First value at bar `period`.
---@param klines trademind.market market: m or m["1h"]
---@param period? integer bars, 1..4999 (14)
---@return trademind.series|nil # series, 0..100; nil while there are fewer than period + 1 bars
function helpers.calculateRSI(klines, period) end

--- The newest value of helpers.calculateRSI.
---@param klines trademind.market market: m or m["1h"]
---@param period? integer bars, 1..4999 (14)
---@return number|nil # number, 0..100; nil while there are fewer than period + 1 bars
function helpers.getLatestRSI(klines, period) end

---@class trademind.helpers_calculateStochRSI_outputs
---@field k trademind.series
---@field d trademind.series

--- Stochastic of the RSI, smoothed: k is the mean of the last `kPeriod` raw values, d that of the last `dPeriod` of k. 50 is the raw value where the RSI has not moved. The original filled the warm-up with 0, a reading like any other; here it is NaN.
---@param klines trademind.market market: m or m["1h"]
---@param rsiPeriod? integer bars, 1..4999 (14)
---@param stochPeriod? integer bars, 1..5000 (14)
---@param kPeriod? integer bars, 1..5000 (3)
---@param dPeriod? integer bars, 1..5000 (3)
---@return trademind.helpers_calculateStochRSI_outputs|nil
function helpers.calculateStochRSI(klines, rsiPeriod, stochPeriod, kPeriod, dPeriod) end

---@class trademind.helpers_getLatestStochRSI_outputs
---@field k number
---@field d number

--- The newest values of helpers.calculateStochRSI. The original skipped a true reading of 0 and 0 and gave an older one.
---@param klines trademind.market market: m or m["1h"]
---@param rsiPeriod? integer bars, 1..4999 (14)
---@param stochPeriod? integer bars, 1..5000 (14)
---@param kPeriod? integer bars, 1..5000 (3)
---@param dPeriod? integer bars, 1..5000 (3)
---@return trademind.helpers_getLatestStochRSI_outputs|nil
function helpers.getLatestStochRSI(klines, rsiPeriod, stochPeriod, kPeriod, dPeriod) end

---@class trademind.helpers_calculateStochastic_outputs
---@field k number
---@field d number

--- Stochastic of the close between high and low: k is the raw value smoothed over `smooth` bars, d the mean of the last `dPeriod` of k. 50 is the raw value where high and low are the same. The original ignored `smooth` and `dPeriod`, called 0.9 k the d, and gave 0 while there were fewer bars; here k and d are nil then.
---@param klines trademind.market market: m or m["1h"]
---@param kPeriod? integer bars, 1..5000 (14)
---@param dPeriod? integer bars, 1..5000 (3)
---@param smooth? integer bars, 1..5000 (3)
---@return trademind.helpers_calculateStochastic_outputs
function helpers.calculateStochastic(klines, kPeriod, dPeriod, smooth) end

--- Average directional index, the strength of a trend: `ta.dmi(period, period).adx`. First value at bar 2 x period - 1. The original was no ADX: mean true range / mean close x 1000, at most 100, and 0 while there were fewer bars; here that is nil.
---@param klines trademind.market market: m or m["1h"]
---@param period? integer bars, 1..5000 (14)
---@return number|nil # number, 0..100; nil while there are too few bars
function helpers.calculateADX(klines, period) end

--- Regular divergence between two lines: the first makes a lower low and the second a higher one (bullish), else the first makes a higher high and the second a lower one (bearish). A low is below both its neighbours; the second line is read on the same bars. Any two lows of the last `lookback` bars count that are `minSeparation` apart. Hidden ones: `ta.divergence`.
---@param series1 trademind.series|number[] series, or list of numbers, oldest first: usually a price
---@param series2 trademind.series|number[] series, or list of numbers: usually an oscillator
---@param lookback? integer bars, 1..5000 (30)
---@param minSeparation? integer bars between two lows, 1..5000 (5)
---@return string|nil # text "bullish_regular" or "bearish_regular", or nil: none, too few bars, or not as many of the one as of the other
function helpers.detectGenericDivergence(series1, series2, lookback, minSeparation) end

--- helpers.detectGenericDivergence between the close and its RSI.
---@param klines trademind.market market: m or m["1h"]
---@param rsiPeriod? integer bars, 1..4999 (14)
---@param lookback? integer bars, 1..5000 (30)
---@param minSeparation? integer bars between two lows, 1..5000 (5)
---@return string|nil # text "bullish_regular" or "bearish_regular", or nil
function helpers.detectRSIDivergence(klines, rsiPeriod, lookback, minSeparation) end

--- Highest high of the last `period` bars, the newest included.
---@param klines trademind.market market: m or m["1h"]
---@param period integer bars, 1..5000
---@return number|nil # number, a price; nil while there are fewer bars
function helpers.getHighestHigh(klines, period) end

--- Lowest low of the last `period` bars, the newest included.
---@param klines trademind.market market: m or m["1h"]
---@param period integer bars, 1..5000
---@return number|nil # number, a price; nil while there are fewer bars
function helpers.getLowestLow(klines, period) end

--- Whether the body of the newest bar encloses that of the bar before, of the other color, beyond both its ends: where `ta.cdl_engulfing()` is 100 or -100. The original looked at the bars before the last, which was open; here the last has closed.
---@param klines trademind.market market: m or m["1h"]
---@return string|nil # text "bullish" or "bearish", or nil: neither, or fewer than 3 bars
function helpers.detectEngulfingPattern(klines) end

---@class trademind.helpers_calculateBollingerBands_outputs
---@field upper trademind.series
---@field middle trademind.series
---@field lower trademind.series

--- Bollinger bands of the close: `ta.bb(m.close, period, stdDev)` under other names.
---@param klines trademind.market market: m or m["1h"]
---@param period? integer bars, 1..5000 (20)
---@param stdDev? number population standard deviations (2)
---@return trademind.helpers_calculateBollingerBands_outputs
function helpers.calculateBollingerBands(klines, period, stdDev) end

---@class trademind.helpers_getLatestBollingerBands_outputs
---@field upper number
---@field middle number
---@field lower number

--- The newest values of helpers.calculateBollingerBands.
---@param klines trademind.market market: m or m["1h"]
---@param period? integer bars, 1..5000 (20)
---@param stdDev? number population standard deviations (2)
---@return trademind.helpers_getLatestBollingerBands_outputs
function helpers.getLatestBollingerBands(klines, period, stdDev) end

--- Positive volume index: where the volume is above that of the bar before, it goes with the close; else it stays. Begins with `initialValue` at the oldest bar known: `ta.pvi()` from another start.
---@param klines trademind.market market: m or m["1h"]
---@param initialValue? number number that it begins with (1000)
---@return trademind.series # series
function helpers.calculatePVISeries(klines, initialValue) end

--- The newest value of helpers.calculatePVISeries.
---@param klines trademind.market market: m or m["1h"]
---@param initialValue? number number that it begins with (1000)
---@return number|nil # number, or nil without a bar
function helpers.getLatestPVI(klines, initialValue) end

--- Prices at which much was traded: the peaks of the volume of the last `lookback` bars, spread over `bins` equal parts of their range; strongest first. Rests on `ta.hvn`. The original dropped part of the volume of the bar with the highest price.
---@param klines trademind.market market: m or m["1h"]
---@param options? table {bins = 30, threshold = 70 (percentile), lookback = 250, minStrength = 50, peakTolerance = 0.05}; a cacheKey is ignored: nothing is kept between calls
---@return table[] # list of {price, volume, buyVolume, sellVolume, strength (0..100), priceRange = {low, high}}, empty without bars
function helpers.calculateHighVolumeNodes(klines, options) end

--- Whether a price is at one of the nodes, or near.
---@param price number number
---@param nodes table[] list of nodes, by helpers.calculateHighVolumeNodes
---@param tolerance? number percent of the price (0.5)
---@return boolean # boolean: |price - node| <= price x tolerance / 100 for one of them
function helpers.isNearHVN(price, nodes, tolerance) end

--- The node that is closest to a price.
---@param price number number
---@param nodes table[] list of nodes, by helpers.calculateHighVolumeNodes
---@param direction? string text "above" (at the price or above it), "below" (at it or below) or "both" ("both")
---@return table|nil # table: the node; nil when there is none
function helpers.getClosestHVN(price, nodes, direction) end

--- How many nodes lie between two prices, both included.
---@param low number number, a price
---@param high number number, a price
---@param nodes table[] list of nodes, by helpers.calculateHighVolumeNodes
---@return integer # whole number
function helpers.countHVNInRange(low, high, nodes) end

--- Does nothing. The original kept nodes for 60 seconds by key; here none are kept, so none can be stale.
---@param key string|nil text, or nothing
function helpers.clearHVNCache(key) end

--- Newest volume-weighted average of (high + low + close) / 3 since the day began (UTC): `ta.vwap(m.hlc3)[0]`. The original had no day: it summed over all bars that it was given, and gave 0 without volume; here that is nil.
---@param klines trademind.market market: m or m["1h"]
---@return number|nil # number, a price; nil before the first start of a day, or volume, that is known
function helpers.calculateVWAP(klines) end

--- Volume-weighted average price bar by bar: since the day began (UTC), `ta.vwap(m.hlc3)`, or of the last `anchor` bars, `ta.rvwap(anchor)`. The original without an anchor summed over all bars that it was given; with one all its bars began at the same place, `anchor` bars before the newest, so the newest value is the same here and an older one has a window of its own.
---@param klines trademind.market market: m or m["1h"]
---@param anchor? integer bars, 1..5000; left out: the day
---@return trademind.series # series, a price
function helpers.calculateVWAPSeries(klines, anchor) end

--- The newest value of helpers.calculateVWAPSeries.
---@param klines trademind.market market: m or m["1h"]
---@param anchor? integer bars, 1..5000; left out: the day
---@return number|nil # number, a price; nil while there is none
function helpers.getLatestVWAP(klines, anchor) end

---@class trademind.helpers_calculateVWAPBands_outputs
---@field vwap trademind.series
---@field upperBand trademind.series
---@field lowerBand trademind.series

--- Bands around helpers.calculateVWAPSeries, `stdDevMultiplier` volume-weighted standard deviations away: `ta.vwap_bands`, or with an anchor those of the last `anchor` bars (a deviation below 1e-7 of the price counts as none). The original took the deviation of all bars from the newest VWAP, a bar with much volume like one with none.
---@param klines trademind.market market: m or m["1h"]
---@param anchor? integer bars, 1..5000; left out: the day
---@param stdDevMultiplier? number deviations (1)
---@return trademind.helpers_calculateVWAPBands_outputs
function helpers.calculateVWAPBands(klines, anchor, stdDevMultiplier) end

---@class trademind.helpers_getLatestVWAPBands_outputs
---@field vwap number
---@field upperBand number
---@field lowerBand number

--- The newest values of helpers.calculateVWAPBands.
---@param klines trademind.market market: m or m["1h"]
---@param anchor? integer bars, 1..5000; left out: the day
---@param stdDevMultiplier? number deviations (1)
---@return trademind.helpers_getLatestVWAPBands_outputs
function helpers.getLatestVWAPBands(klines, anchor, stdDevMultiplier) end

--- A line through the values of a series.
---@param title string text
---@param source trademind.series series
---@param options? table {pane = 0..9 (0, that of the candles), color, width = 1..8, style = "solid"|"dashed"|"dotted"}
---@return trademind.drawing # plot, for the list that `plots` returns
function plot.line(title, source, options) end

--- A column for each value of a series.
---@param title string text
---@param source trademind.series series
---@param options? table {pane = 0..9 (0), color}
---@return trademind.drawing # plot, for the list that `plots` returns
function plot.histogram(title, source, options) end

--- The space between two series.
---@param title string text
---@param upper trademind.series series
---@param lower trademind.series series
---@param options? table as plot.line
---@return trademind.drawing # plot, for the list that `plots` returns
function plot.band(title, upper, lower, options) end

--- A horizontal line.
---@param title string text
---@param level number number
---@param options? table as plot.line
---@return trademind.drawing # plot, for the list that `plots` returns
function plot.hline(title, level, options) end

--- A mark at the bars where a condition holds.
---@param title string text
---@param condition trademind.series|boolean series of 1 and 0, or boolean of the newest bar
---@param options? table {color, position = "above"|"below", shape = "arrow_up"|"arrow_down"|"circle"|"square", text}
---@return trademind.drawing # plot, for the list that `plots` returns
function plot.marker(title, condition, options) end

--- Declares a whole number.
---@param name string text, as it stands in NAME.json
---@param default integer whole number
---@param options? table {min, max, step, help}
---@return integer # whole number: the default, or what overrides it
function input.int(name, default, options) end

--- Declares a number.
---@param name string text
---@param default number number
---@param options? table {min, max, step, help}
---@return number # number
function input.float(name, default, options) end

--- Declares a switch.
---@param name string text
---@param default boolean true or false
---@param options? table {help}
---@return boolean # boolean
function input.bool(name, default, options) end

--- Declares a text, one of a list where `options` names one.
---@param name string text
---@param default string text
---@param options? table {options = list of texts, help}
---@return string # text
function input.string(name, default, options) end

--- Declares a series of the market by name: read it as m[source].
---@param name string text
---@param default string text: open, high, low, close, volume, hl2, hlc3 or ohlc4
---@param options? table {help}
---@return string # text
function input.source(name, default, options) end

--- Declares an interval.
---@param name string text
---@param default string interval such as "1h"
---@param options? table {help}
---@return string # interval
function input.interval(name, default, options) end

--- Declares a symbol.
---@param name string text
---@param default string text such as "BTCUSDT"
---@param options? table {help}
---@return string # text
function input.symbol(name, default, options) end

--- JSON text of a value.
---@param value any any: table, text, number, boolean or json.null
---@return string # text; raises when it is too big, too deep or holds a function
function json.encode(value) end

--- Value of a JSON text.
---@param text string text of at most 256 KB
---@return any # value (json.null for null); raises when the text is no JSON
function json.decode(text) end

--- Whether a number is missing: nil or NaN.
---@param x number|nil number or nil
---@return boolean # boolean
function na(x) end

--- A number, or another one where it is missing.
---@param x number|nil number or nil
---@param y? number number in its place (0)
---@return number # number
function nz(x, y) end

--- Writes a line to the daemon's log: at most 10 lines a second and worker, each of at most 1,000 bytes.
---@param ... any values, written with blanks between them
function log.info(...) end

--- Writes a warning to the log, as log.info.
---@param ... any values
function log.warn(...) end

--- Writes an error to the log, as log.info. The trader goes on.
---@param ... any values
function log.error(...) end

--- Writes a line to the log: the same as log.info.
---@param ... any values
function print(...) end

--- Describes a trader; the script returns what this returns.
---@param fields trademind.fields fields of a trader, in a table
---@return table # table, for `return`
function trader(fields) end
