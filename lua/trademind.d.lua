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

--- Number of bars known.
---@return integer # whole number, 0 or more
function series:len() end

--- A series of a slower timeframe as seen at each bar of this market: the last value that had closed by then. The same as Pine's request.security without look-ahead.
---@param source trademind.series series of a slower timeframe
---@return trademind.series # series; NaN where none had closed
function market:align(source) end

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
