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

--- One symbol at the close of one bar, or at its forming bar: what a filter is called with. Another timeframe, m["1h"], has the series, interval, ta and align; another symbol, m.ref.BTCUSDT, has the series, interval, symbol, day, ta and its timeframes.
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
---@field forming boolean boolean: the newest bar is still forming (on = "tick")
---@field day trademind.day day: the rolling 24 hours
---@field my table table: series of the trader's own, by name
---@field ticker? trademind.ticker ticker: of the exchange; nil at a close
---@field ref table table: markets of the references, by symbol
---@field rank? integer whole number: place among the symbols that the trader has ranked, the best is 1
---@field universe? trademind.universe universe: all symbols that the trader has ranked
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

--- The exchange's ticker of the last 24 hours, at a tick.
---@class trademind.ticker
---@field last number number: price
---@field change_pct number number: percent
---@field high number number: price
---@field low number number: price
---@field volume number number: base asset
---@field quote_volume number number: quote asset
---@field bid number number: price
---@field ask number number: price

--- All symbols among which a trader with rank chooses: numbers.
---@class trademind.universe
---@field count integer whole number: symbols with a score
---@field advancing integer whole number: those that have risen in 24 hours
---@field declining integer whole number: those that have fallen
---@field median_change number number: change of the close in 24 hours, percent
---@field missing integer whole number: symbols without a score at this bar

--- The rolling 24 hours of closed bars: numbers, NaN while they are not known, and above 1d.
---@class trademind.day
---@field change_pct number number: change of the close, percent
---@field high number number: price
---@field low number number: price
---@field volume number number: base asset
---@field quote_volume number number: quote asset

--- What `prompt` is called with besides the market: the signal that the match has made.
---@class trademind.signal
---@field price number number: close of the bar
---@field side? string "long" or "short"
---@field score? number number, 0..1
---@field stop? number price
---@field targets number[] list of prices
---@field conditions string[] list of texts: those that hold
---@field values table table: what they have read, by name
---@field plots table[] list of tables {kind, title, pane, value or upper and lower}

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
---@field symbols? table table {include, exclude, quote, min_quote_volume, top}
---@field on? string "close" or "tick"
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
---@field notify? boolean|table boolean or table {to, events, message, min_score, max_per_hour}
---@field references? table[] list of symbols such as "BTCUSDT", read as m.ref.BTCUSDT
---@field rank? table table {by = function(m) -> number, top = symbols}

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

---@class trademind.prompt
prompt = {}

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

--- Simple moving average: mean of the last `length` values. Of prices and volumes, which are short decimals, it is the number nearest to the mean on paper, so where both sides of a comparison are equal on paper no rounding decides. First value at bar length - 1.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@return trademind.series # series in the unit of the source
function ta.sma(source, length) end

--- Exponential moving average, alpha = 2 / (length + 1), seeded with the SMA of the first `length` values. First value at bar length - 1.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@return trademind.series # series in the unit of the source
function ta.ema(source, length) end

--- Wilder's moving average, alpha = 1 / length, seeded with the SMA of the first `length` values. First value at bar length - 1.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@return trademind.series # series in the unit of the source
function ta.rma(source, length) end

--- Linearly weighted moving average: the newest value counts `length` times, the oldest once. First value at bar length - 1.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@return trademind.series # series in the unit of the source
function ta.wma(source, length) end

--- Hull moving average: wma(2 * wma(source, length / 2) - wma(source, length), sqrt(length)), both lengths rounded down. First value at bar length + sqrt(length) - 2.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@return trademind.series # series in the unit of the source
function ta.hma(source, length) end

--- Double exponential moving average: 2 * e1 - e2 with e1 = ema(source, length), e2 = ema(e1, length). First value at bar 2 * (length - 1), as in TA-Lib.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@return trademind.series # series in the unit of the source
function ta.dema(source, length) end

--- Triple exponential moving average: 3 * e1 - 3 * e2 + e3, each an ema of the one before. First value at bar 3 * (length - 1), as in TA-Lib.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@return trademind.series # series in the unit of the source
function ta.tema(source, length) end

--- Kaufman's adaptive moving average: alpha = (e * (2/3 - 2/31) + 2/31)^2, where e is how far the source has come in `length` bars over the way it has gone; 1 where that way is below 1e-10 of the source. First value at bar length, as in TA-Lib (Tulip shows its seed one bar earlier). After a NaN in the source there are `length` more bars without a value; the average goes on from where it was.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@return trademind.series # series in the unit of the source
function ta.kama(source, length) end

--- Volume-weighted moving average: sum of source x volume over sum of volume, of the last `length` bars. NaN where these bars have no volume. First value at bar length - 1.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@return trademind.series # series in the unit of the source
function ta.vwma(source, length) end

--- Arnaud Legoux moving average: weights exp(-(i - c)^2 / (2 s^2)) with i = 0 for the oldest value, c = offset * (length - 1) and s = length / sigma. It has no rolling form: a step costs `length` additions. First value at bar length - 1.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@param offset? number where the weights are largest (0.85): 0 oldest, 1 newest
---@param sigma? number how narrow they are (6), 0.01..1000
---@param floor? boolean whether c is rounded down (false)
---@return trademind.series # series in the unit of the source
function ta.alma(source, length, offset, sigma, floor) end

--- Linear regression: the least-squares line through the last `length` values, `offset` bars before its end. First value at bar length - 1.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@param offset? integer bars (0); below 0 the line is drawn on
---@return trademind.series # series in the unit of the source
function ta.linreg(source, length, offset) end

---@class trademind.ta_macd_outputs
---@field macd trademind.series
---@field signal trademind.series
---@field hist trademind.series

--- Moving average convergence/divergence: ema(fast) - ema(slow), its EMA, and their difference. The line has its first value at bar max(fast, slow) - 1, the signal, seeded with the mean of the line's first `signal` values, signal - 1 bars later: 25 and 33 with the defaults, as on TradingView (TA-Lib begins both at 33, with other seeds).
---@param source trademind.series series
---@param fast? integer bars (12)
---@param slow? integer bars (26)
---@param signal? integer bars (9)
---@return trademind.ta_macd_outputs
function ta.macd(source, fast, slow, signal) end

--- Percentage price oscillator: 100 * (ema(fast) - ema(slow)) / ema(slow). NaN where ema(slow) is 0. First value at bar max(fast, slow) - 1. (TA-Lib's default is of simple averages.)
---@param source trademind.series series
---@param fast? integer bars (12)
---@param slow? integer bars (26)
---@return trademind.series # series, per cent
function ta.ppo(source, fast, slow) end

--- TRIX: change of the triple EMA from bar to bar, in per cent of the bar before (TA-Lib's; TradingView's study is of the logarithm of the price, times 10,000). First value at bar 3 * length - 2.
---@param source trademind.series series
---@param length? integer bars (18), 1..5000
---@return trademind.series # series, per cent
function ta.trix(source, length) end

--- Relative strength index: 100 - 100 / (1 + rma(gains) / rma(losses)). First value at bar `length`. NaN while nothing has moved since the beginning; a bar without a change leaves the value as it was.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@return trademind.series # series, 0..100
function ta.rsi(source, length) end

--- Raw stochastic, %K: where the source stands in the range of the last `length` bars, 100 * (source - lowest(low)) / (highest(high) - lowest(low)). First value at bar length - 1. NaN where the range is zero (below 1e-10 of the price). Its averages are %K and %D: ta.sma(ta.stoch(...), 3).
---@param source trademind.series series
---@param high trademind.series series
---@param low trademind.series series
---@param length integer bars, 1..5000
---@return trademind.series # series, 0..100
function ta.stoch(source, high, low, length) end

---@class trademind.ta_stochrsi_outputs
---@field k trademind.series
---@field d trademind.series

--- Stochastic of the RSI: k = sma(stoch(rsi, rsi, rsi, stoch), smooth_k), d = sma(k, smooth_d). First k at bar length + stoch + smooth_k - 2, when the range holds `stoch` values of the RSI, as in TA-Lib and Tulip; Pine passes over what is missing in a range and shows its first k after smooth_k + 1 values of the RSI. From then on they are equal. NaN where the RSI has not moved in the range; the means begin anew after that.
---@param source trademind.series series
---@param length? integer bars of the RSI (14)
---@param stoch? integer bars of the stochastic (14)
---@param smooth_k? integer bars (3)
---@param smooth_d? integer bars (3)
---@return trademind.ta_stochrsi_outputs
function ta.stochrsi(source, length, stoch, smooth_k, smooth_d) end

--- Commodity channel index: (source - sma) / (0.015 * mean absolute deviation). First value at bar length - 1. NaN where the deviation is zero (below 1e-10 of the price). Pine's study uses hlc3.
---@param source? trademind.series series (m.hlc3)
---@param length integer bars, 1..5000
---@return trademind.series # series around 0
function ta.cci(source, length) end

--- Chande momentum oscillator: 100 * (gains - losses) / (gains + losses), plain sums of `length` changes. First value at bar `length`. NaN where nothing has moved. TA-Lib smooths the sums and differs for ever.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@return trademind.series # series, -100..100
function ta.cmo(source, length) end

--- Rate of change in per cent: 100 * (source - source `length` bars ago) / the latter.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@return trademind.series # series, per cent
function ta.roc(source, length) end

--- Momentum: the source minus the source `length` bars ago.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@return trademind.series # series in the unit of the source
function ta.mom(source, length) end

--- Change: the source minus the source `length` bars ago; the same as ta.mom.
---@param source trademind.series series
---@param length? integer bars, 1..5000 (1)
---@return trademind.series # series in the unit of the source
function ta.change(source, length) end

--- Williams %R: where the close stands below the highest high of the last `length` bars, in per cent of their range. First value at bar length - 1. NaN where the range is zero (below 1e-10 of the price).
---@param length integer bars, 1..5000
---@return trademind.series # series, -100..0
function ta.wpr(length) end

--- Ultimate oscillator: buying pressure over true range in three windows, weighted 4, 2 and 1. First value at bar `slow`. NaN where a window has no range.
---@param fast? integer bars (7)
---@param middle? integer bars (14)
---@param slow? integer bars (28)
---@return trademind.series # series, 0..100
function ta.uo(fast, middle, slow) end

---@class trademind.ta_bb_outputs
---@field basis trademind.series
---@field upper trademind.series
---@field lower trademind.series

--- Bollinger bands: SMA and `deviations` population standard deviations around it. First value at bar length - 1.
---@param source trademind.series series
---@param length? integer bars (20)
---@param deviations? number number, 0..100 (2)
---@return trademind.ta_bb_outputs
function ta.bb(source, length, deviations) end

--- Width of the Bollinger bands: (upper - lower) / basis, times 100.
---@param source trademind.series series
---@param length? integer bars (20)
---@param deviations? number number, 0..100 (2)
---@return trademind.series # series, per cent of the basis
function ta.bbw(source, length, deviations) end

--- Standard deviation of the last `length` values. Of the population, as in Pine; biased = false: of a sample. A window of equal values has exactly 0; so has one that varies by less than 1e-10 of its mean.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@param biased? boolean true or false (true)
---@return trademind.series # series in the unit of the source
function ta.stdev(source, length, biased) end

--- Variance of the last `length` values: the square of ta.stdev.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@param biased? boolean true or false (true)
---@return trademind.series # series in the square of the source's unit
function ta.variance(source, length, biased) end

--- Mean absolute deviation of the last `length` values from their mean. First value at bar length - 1. Exactly 0 where all are equal, or where they vary by less than 1e-10 of the value. Up to 640 bars it goes through the window at each bar.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@return trademind.series # series in the unit of the source
function ta.dev(source, length) end

--- Median of the last `length` values; of an even number the mean of the two in the middle.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@return trademind.series # series in the unit of the source
function ta.median(source, length) end

--- Per cent of the `length` values before that are at or below the newest one. First value at bar `length`.
---@param source trademind.series series
---@param length integer bars, 1..5000
---@return trademind.series # series, 0..100
function ta.percentrank(source, length) end

--- Pearson's correlation of the last `length` values of two series. First value at bar length - 1. NaN where one of them does not vary by more than 1e-10 of its value (TradingView gives 0).
---@param a trademind.series series
---@param b trademind.series series
---@param length integer bars, 1..5000
---@return trademind.series # series, -1..1
function ta.correlation(a, b, length) end

--- Sum of all values since the beginning of the history that is known: it depends on how much that is. NaN where the value is no number, which is left out.
---@param source trademind.series series
---@return trademind.series # series in the unit of the source
function ta.cum(source) end

--- How many of the last `length` values of a 1/0 series are not 0. NaN while one of them is NaN.
---@param condition trademind.series series of 1 and 0
---@param length integer bars, 1..5000
---@return trademind.series # series, 0..length
function ta.count(condition, length) end

--- True range: the largest of high - low and the distances of both from the previous close.
---@param handle_na? boolean true: the first bar gives high - low; else NaN (false)
---@return trademind.series # series, a price difference
function ta.tr(handle_na) end

--- Average true range: rma of tr(true). First value at bar length - 1.
---@param length integer bars, 1..5000
---@return trademind.series # series, a price difference
function ta.atr(length) end

--- Average true range in percent of the close: 100 * atr / close (TA-Lib's NATR). First value at bar length - 1.
---@param length integer bars, 1..5000
---@return trademind.series # series, percent
function ta.natr(length) end

--- Highest value of the last `length` bars, the newest included. Without a source, ta.highest(length): of the high. First value at bar length - 1; a NaN of the source begins the window anew.
---@param source? trademind.series series (m.high, when the length comes first)
---@param length integer bars, 1..5000
---@return trademind.series # series in the unit of the source
---@overload fun(length: integer): trademind.series
function ta.highest(source, length) end

--- Lowest value of the last `length` bars, the newest included. Without a source, ta.lowest(length): of the low. First value at bar length - 1; a NaN of the source begins the window anew.
---@param source? trademind.series series (m.low, when the length comes first)
---@param length integer bars, 1..5000
---@return trademind.series # series in the unit of the source
---@overload fun(length: integer): trademind.series
function ta.lowest(source, length) end

--- Where the highest value of the last `length` bars stands: 0 is the newest bar, -3 three bars before it. Of equal values the oldest (TA-Lib: the newest). Without a source, ta.highestbars(length): of the high. First value at bar length - 1.
---@param source? trademind.series series (m.high, when the length comes first)
---@param length integer bars, 1..5000
---@return trademind.series # series, bars, -(length - 1)..0
---@overload fun(length: integer): trademind.series
function ta.highestbars(source, length) end

--- Where the lowest value of the last `length` bars stands: 0 is the newest bar, -3 three bars before it. Of equal values the oldest (TA-Lib: the newest). Without a source, ta.lowestbars(length): of the low. First value at bar length - 1.
---@param source? trademind.series series (m.low, when the length comes first)
---@param length integer bars, 1..5000
---@return trademind.series # series, bars, -(length - 1)..0
---@overload fun(length: integer): trademind.series
function ta.lowestbars(source, length) end

---@class trademind.ta_donchian_outputs
---@field basis trademind.series
---@field upper trademind.series
---@field lower trademind.series

--- Donchian channel: highest high and lowest low of the last `length` bars, the newest included, and their middle. First values at bar length - 1. A breakout is measured from the bar before: upper[1].
---@param length integer bars, 1..5000
---@return trademind.ta_donchian_outputs
function ta.donchian(length) end

---@class trademind.ta_kc_outputs
---@field basis trademind.series
---@field upper trademind.series
---@field lower trademind.series

--- Keltner channels: ema(source) and `mult` times the ema of the true range around it. The true range begins with the second bar, so the basis has its first value at bar length - 1 and the bands at bar length. With use_true_range = false the range is high - low, and the bands begin with the basis.
---@param source trademind.series series
---@param length? integer bars, 1..5000 (20)
---@param mult? number ranges from the basis to a band (2)
---@param use_true_range? boolean true, or false: high - low (true)
---@return trademind.ta_kc_outputs
function ta.kc(source, length, mult, use_true_range) end

--- Pivot high: the value `right` bars ago where it is at least as high as the `left` bars before it and higher than the `right` bars after it; NaN elsewhere. It is known, and shown, `right` bars late. Without a source, ta.pivothigh(left, right): of the high. A NaN of the source begins the window anew.
---@param source? trademind.series series (m.high, when the numbers come first)
---@param left integer bars, 1 or more
---@param right integer bars, 1 or more; both together below 5000
---@return trademind.series # series in the unit of the source
---@overload fun(left: integer, right: integer): trademind.series
function ta.pivothigh(source, left, right) end

--- Pivot low: the value `right` bars ago where it is at least as low as the `left` bars before it and lower than the `right` bars after it; NaN elsewhere. It is known, and shown, `right` bars late. Without a source, ta.pivotlow(left, right): of the low. A NaN of the source begins the window anew.
---@param source? trademind.series series (m.low, when the numbers come first)
---@param left integer bars, 1 or more
---@param right integer bars, 1 or more; both together below 5000
---@return trademind.series # series in the unit of the source
---@overload fun(left: integer, right: integer): trademind.series
function ta.pivotlow(source, left, right) end

---@class trademind.ta_dmi_outputs
---@field plus trademind.series
---@field minus trademind.series
---@field adx trademind.series

--- Directional movement: +DI and -DI are 100 * rma(movement) / rma(true range), ADX the rma of 100 * |plus - minus| / (plus + minus). A movement counts when it is larger than the opposite one by more than 1e-10, as Pine compares. plus and minus have their first value at bar di_length, adx at bar di_length + adx_smoothing - 1. NaN where the average range is below 1e-10 of the price: nothing has moved.
---@param di_length? integer bars, 1..5000 (14)
---@param adx_smoothing? integer bars, 1..5000 (14)
---@return trademind.ta_dmi_outputs
function ta.dmi(di_length, adx_smoothing) end

---@class trademind.ta_supertrend_outputs
---@field line trademind.series
---@field direction trademind.series

--- Supertrend: a stop `factor` average true ranges from hl2 that moves with the price only and changes sides when the close crosses it. The direction is Pine's: -1 in an up-trend (the line is below the price), 1 in a down-trend, and 1 before there is a line. The line begins at bar length - 1, NaN before. It depends on its whole past, so on where the series began.
---@param factor number average true ranges, 0..1000
---@param length integer bars of the atr, 1..5000
---@return trademind.ta_supertrend_outputs
function ta.supertrend(factor, length) end

--- Parabolic stop and reverse. As in Pine a reversal is tested before the stop is held beyond the last two bars (TA-Lib: after it), and the second bar begins short when its high is lower than the first's. First value at the second bar. It depends on its whole past, so on where the series began.
---@param start? number acceleration at first, 0..1 (0.02)
---@param step? number what a new extreme adds to it, 0..1 (0.02)
---@param max? number largest acceleration, start..1 (0.2)
---@return trademind.series # series, a price
function ta.sar(start, step, max) end

---@class trademind.ta_ichimoku_outputs
---@field conversion trademind.series
---@field base trademind.series
---@field span_a trademind.series
---@field span_b trademind.series
---@field lagging trademind.series

--- Ichimoku: middles of the highest high and the lowest low: conversion, base and span_b of as many bars as the parameter of that name says; span_a is the mean of conversion and base. All are those of the bar itself, and lagging is its close. With {displaced = true} the spans are those a chart draws under the bar: of base - 1 bars before. lagging is the close then too: a chart draws it base - 1 bars back, where it is compared with the prices of that time; its value under the bar would be a close of the future. First values as the windows fill, displaced spans base - 1 bars later.
---@param conversion? integer bars, 1..5000 (9)
---@param base? integer bars, 1..5000 (26)
---@param span_b? integer bars, 1..5000 (52)
---@param options? table {displaced = true|false} (false)
---@return trademind.ta_ichimoku_outputs
function ta.ichimoku(conversion, base, span_b, options) end

---@class trademind.ta_aroon_outputs
---@field up trademind.series
---@field down trademind.series

--- Aroon: how new the highest high and the lowest low of the last length + 1 bars are: 100 the newest bar, 0 the oldest. Of equal ones the oldest counts, as in Pine (TA-Lib: the newest), so both are 0 where nothing moves. First values at bar length.
---@param length? integer bars, 1..5000 (14)
---@return trademind.ta_aroon_outputs
function ta.aroon(length) end

--- On-balance volume: the volume is added on a bar that closes higher, taken off on one that closes lower. NaN on the first bar, then from 0 (Pine's; TA-Lib starts with the first volume). Counts from where the series begins on the symbol: compare it with itself, not with a level.
---@return trademind.series # series in the base asset
function ta.obv() end

--- Accumulation/distribution line: the sum of volume x ((close - low) - (high - close)) / (high - low). A range below 1e-10 of the price adds 0. First value at bar 0; counts from where the series begins on the symbol.
---@return trademind.series # series in the base asset
function ta.ad() end

--- Chaikin oscillator: ema(ad, fast) - ema(ad, slow), seeded with SMAs. First value at bar slow - 1.
---@param fast? integer bars (3)
---@param slow? integer bars (10)
---@return trademind.series # series in the base asset
function ta.adosc(fast, slow) end

--- Positive volume index: starts at 1 and changes as the close does on bars with more volume than the bar before. Counts from where the series begins on the symbol.
---@return trademind.series # series, a ratio
function ta.pvi() end

--- Negative volume index: starts at 1 and changes as the close does on bars with less volume than the bar before. Counts from where the series begins on the symbol.
---@return trademind.series # series, a ratio
function ta.nvi() end

--- Money flow index: 100 x rising / (rising + falling), of source x volume over `length` bars on which the source rose and fell. First value at bar length - 1: the very first bar counts on both sides (Pine's; TA-Lib begins one bar later). 100 where nothing has fallen, also where nothing has moved or been traded.
---@param source? trademind.series series (m.hlc3)
---@param length integer bars, 1..5000
---@return trademind.series # series, 0..100
function ta.mfi(source, length) end

--- Volume-weighted average price since the start of the session (UTC). A price that stands still is its own average, to the last bit.
---@param source? trademind.series series (m.hlc3)
---@param options? table {anchor = "day"|"week"|"month"} ("day")
---@return trademind.series # series, a price; NaN before the first start of a session that is known, and before volume
function ta.vwap(source, options) end

---@class trademind.ta_vwap_bands_outputs
---@field vwap trademind.series
---@field upper trademind.series
---@field lower trademind.series

--- Volume-weighted average price with bands: `mult` volume-weighted (population) standard deviations around it, sqrt(sum(volume x (source - vwap)^2) / sum(volume)). The squares are summed around the running mean (West 1979), so that nothing is lost at large prices. At a session's first bar all three are equal.
---@param source? trademind.series series (m.hlc3)
---@param mult? number 0..100 (1)
---@param options? table {anchor = "day"|"week"|"month"} ("day")
---@return trademind.ta_vwap_bands_outputs
function ta.vwap_bands(source, mult, options) end

--- Rolling volume-weighted average price: sum(hlc3 x volume) / sum(volume) over `length` bars. First value at bar length - 1. NaN where the window has no volume.
---@param length integer bars, 1..5000
---@return trademind.series # series, a price
function ta.rvwap(length) end

--- Volume that takers bought: m.taker_base. 0 where the source of the bars does not tell.
---@return trademind.series # series in the base asset
function ta.buy_volume() end

--- Volume that takers sold: volume - m.taker_base.
---@return trademind.series # series in the base asset
function ta.sell_volume() end

--- Volume delta: what takers bought less what they sold.
---@return trademind.series # series in the base asset
function ta.delta() end

--- Buying pressure: the part of the volume that takers bought. NaN on a bar without volume.
---@return trademind.series # series, 0..1
function ta.pressure() end

--- Bars since a condition last held: 0 on the bar itself. NaN before it has held for the first time; a condition that is NaN does not hold. Counts from where the series begins on the symbol (cumulative: 250 bars of warm-up).
---@param condition trademind.series series of 1 and 0
---@return trademind.series # series of whole numbers, bars
function ta.barssince(condition) end

--- Value of the source at the newest bar where a condition held; `occurrence` 1: at the one before, and so on. NaN before there are so many; a condition that is NaN does not hold, and a NaN of the source at that bar is the value (Pine's).
---@param condition trademind.series series of 1 and 0
---@param source trademind.series series
---@param occurrence? number 0..5000, counted back from the newest (0)
---@return trademind.series # series in the unit of the source
function ta.valuewhen(condition, source, occurrence) end

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

--- True at the bar where `a` has come to be above or below `b`: crossover or crossunder.
---@param a trademind.series|number series or number
---@param b trademind.series|number series or number
---@return boolean # boolean of the newest bar; false where NaN is met
function ta.cross(a, b) end

--- True when the source has risen on each of the last `length` bars (as Pine's ta.rising does: not merely above them).
---@param source trademind.series series
---@param length integer bars, 1..5000
---@return boolean # boolean of the newest bar; false where NaN is met
function ta.rising(source, length) end

--- True when the source has fallen on each of the last `length` bars (as Pine's ta.falling does: not merely below them).
---@param source trademind.series series
---@param length integer bars, 1..5000
---@return boolean # boolean of the newest bar; false where NaN is met
function ta.falling(source, length) end

--- High volume nodes: prices at which much was traded. The prices of the newest `lookback` bars are cut into `bins` from the lowest low to the highest high, and the volume of each bar is spread evenly over the bins that it spans. A bin is a node when its volume is at or above the `percentile` of all bins, above both neighbours' x (1 + tolerance), and at least `min_strength` percent of the largest bin's. Empty where all prices are the same, or nothing was traded. The trader waits for `lookback` bars; computed at each call.
---@param options? table {bins = 3..200 (30), lookback = bars, 1..5000 (250), percentile = 0..100 (70), tolerance = 0..100 (0.05), min_strength = 0..100 (50)}
---@return table[] # list of {price, volume, strength, low, high, buy_volume, sell_volume}, strongest first: price the bin's middle, strength in percent of the largest bin
function ta.hvn(options) end

--- Divergence of a price `a` and an oscillator `b` at two turns of the price within the newest `lookback` bars, at least `separation` bars apart. A turn is a bar strictly below (above) both neighbours, so that the newest bar is none yet; b is read at the same bars. Lows: "bullish" where a is lower and b higher than before, "hidden_bullish" where a is higher and b lower. Highs: "bearish" where a is higher and b lower, "hidden_bearish" where a is lower and b higher. Of several the first of "bullish", "bearish", "hidden_bullish", "hidden_bearish". A NaN is no turn. The trader waits for `lookback` bars.
---@param a trademind.series series
---@param b trademind.series series of the same timeframe
---@param options? table {lookback = bars, 3..500 (30), separation = bars, 1..500 (5)}
---@return string|nil # "bullish", "bearish", "hidden_bullish", "hidden_bearish" or nil
function ta.divergence(a, b, options) end

--- Swing highs of m.high and swing lows of m.low: bars strictly above (below) the `left` bars before them and not below (above) the `right` bars after them, so that of equal bars in a row the oldest is the swing. The newest `right` bars are none yet: nothing is known of what comes after them. All within the newest `lookback` bars, for which the trader waits; computed at each call.
---@param options? table {left = bars, 1..100 (5), right = bars, 1..100 (5), n = at most so many of each, 1..100 (4), lookback = bars, up to 5000 (250)}
---@return table # {highs = list of {price, bars_ago}, lows = the same}, newest first
function ta.swings(options) end

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

--- A series of a slower timeframe, or one of a reference that is of the same timeframe or a slower one, as seen at each bar of this market: the last value that had closed by then. The same as Pine's request.security without look-ahead.
---@param source trademind.series series of a slower timeframe, or of a reference
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

--- Average directional index, the strength of a trend: `ta.dmi(period, period).adx`, and 0 where nothing moves. First value at bar 2 x period - 1. The original was no ADX: mean true range / mean close x 1000, at most 100, and 0 while there were fewer bars; here that is nil.
---@param klines trademind.market market: m or m["1h"]
---@param period? integer bars, 1..2500 (14)
---@return number|nil # number, 0..100; nil while there are too few bars
function helpers.calculateADX(klines, period) end

--- Regular divergence between two lines: the first makes a lower low and the second a higher one (bullish), else the first makes a higher high and the second a lower one (bearish). A low is below both its neighbours; the second line is read on the same bars. Any two lows of the last `lookback` bars count that are `minSeparation` apart: `ta.divergence` without its hidden ones.
---@param series1 trademind.series|number[] series, or list of numbers, oldest first: usually a price
---@param series2 trademind.series|number[] series, or list of numbers: usually an oscillator
---@param lookback? integer bars, 3..500 (30)
---@param minSeparation? integer bars between two lows, 1..500 (5)
---@return string|nil # text "bullish_regular" or "bearish_regular", or nil: none, too few bars, or not as many of the one as of the other
function helpers.detectGenericDivergence(series1, series2, lookback, minSeparation) end

--- helpers.detectGenericDivergence between the close and its RSI.
---@param klines trademind.market market: m or m["1h"]
---@param rsiPeriod? integer bars, 1..4999 (14)
---@param lookback? integer bars, 3..500 (30)
---@param minSeparation? integer bars between two lows, 1..500 (5)
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

--- Prices at which much was traded: the peaks of the volume of the last `lookback` bars, spread over `bins` equal parts of their range; strongest first: `ta.hvn` under other names. The original dropped part of the volume of the bar with the highest price.
---@param klines trademind.market market: m or m["1h"]
---@param options? table {bins = 30, threshold = 70 (percentile), lookback = 250, minStrength = 50, peakTolerance = 0.05}; a cacheKey is ignored: nothing is kept between calls
---@return table[] # list of {price, volume, buyVolume, sellVolume, strength (0..100), priceRange = {low, high}}, empty where nothing was traded or all at one price
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
---@param key? string text; may be left out
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

--- The prompt that a trader without one of its own has: symbol and price, the strategy in its author's words, conditions met with their values, plots, ranges, trend, volume, ATR (the mean true range of 14 bars), swing highs and lows, other timeframes, risk rules and the last candles. At most 2,500 tokens by prompt.tokens, of which the candles take what is left.
---@param m trademind.market market
---@param signal trademind.signal signal, as `prompt` is called with
---@param options? table {focus = text: what to look at}
---@return string # text
function prompt.default(m, signal, options) end

--- About how many tokens a text is to a model, rather more than fewer: each digit and sign is one, four letters are one.
---@param text string text
---@return integer # whole number
function prompt.tokens(text) end

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
