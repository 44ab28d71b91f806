--- Volume: where and on which side it was traded.
local indicator = require "indicator"
local define = indicator.define

local M = {}

local ANCHORS = {day = 0, week = 1, month = 2}

--- On-balance volume: the volume is added on a bar that closes higher, taken off on one that closes lower. NaN on the
-- first bar, then from 0 (Pine's; TA-Lib starts with the first volume). Counts from where the series begins on the symbol:
-- compare it with itself, not with a level.
-- @return series in the base asset
-- @usage local inflow = ta.obv()[0] > ta.sma(ta.obv(), 20)[0]
M.obv = define {"obv"}

--- Accumulation/distribution line: the sum of volume x ((close - low) - (high - close)) / (high - low). A range below 1e-10
-- of the price adds 0. First value at bar 0; counts from where the series begins on the symbol.
-- @return series in the base asset
-- @usage local inflow = ta.ad()[0] > ta.ad()[10]
M.ad = define {"ad"}

--- Chaikin oscillator: ema(ad, fast) - ema(ad, slow), seeded with SMAs. First value at bar slow - 1.
-- @param fast bars (3) @param slow bars (10) @return series in the base asset
-- @usage local turned = ta.adosc(3, 10)[0] > 0
M.adosc = define {"adosc", params = {{"fast", 3}, {"slow", 10}}}

--- Positive volume index: starts at 1 and changes as the close does on bars with more volume than the bar before. Counts
-- from where the series begins on the symbol.
-- @return series, a ratio
-- @usage local above = ta.pvi()[0] > ta.ema(ta.pvi(), 255)[0]
M.pvi = define {"pvi"}

--- Negative volume index: starts at 1 and changes as the close does on bars with less volume than the bar before. Counts
-- from where the series begins on the symbol.
-- @return series, a ratio
-- @usage local above = ta.nvi()[0] > ta.ema(ta.nvi(), 255)[0]
M.nvi = define {"nvi"}

--- Money flow index: 100 x rising / (rising + falling), of source x volume over `length` bars on which the source rose and
-- fell. First value at bar length - 1: the very first bar counts on both sides (Pine's; TA-Lib begins one bar later). 100
-- where nothing has fallen, also where nothing has moved or been traded.
-- @param source series (m.hlc3) @param length bars, 1..5000 @return series, 0..100
-- @usage local oversold = ta.mfi(m.hlc3, 14)[0] < 20
M.mfi = define {"mfi", sources = {{"source", default = "hlc3"}}, params = {"length"}}

--- Volume-weighted average price since the start of the session (UTC). A price that stands still is its own average, to
-- the last bit.
-- @param source series (m.hlc3) @param options {anchor = "day"|"week"|"month"} ("day")
-- @return series, a price; NaN before the first start of a session that is known, and before volume
-- @usage local above = m.close[0] > ta.vwap(m.hlc3, {anchor = "day"})[0]
M.vwap = define {"vwap", sources = {{"source", default = "hlc3"}}, params = {{"anchor", "day", choices = ANCHORS}}, options = 1}

--- Volume-weighted average price with bands: `mult` volume-weighted (population) standard deviations around it,
-- sqrt(sum(volume x (source - vwap)^2) / sum(volume)). The squares are summed around the running mean (West 1979), so that
-- nothing is lost at large prices. At a session's first bar all three are equal.
-- @param source series (m.hlc3) @param mult 0..100 (1) @param options {anchor = "day"|"week"|"month"} ("day")
-- @return {vwap, upper, lower}, series, prices; NaN as ta.vwap
-- @usage local stretched = m.close[0] < ta.vwap_bands(m.hlc3, 2, {anchor = "day"}).lower[0]
M.vwap_bands = define {"vwap_bands", sources = {{"source", default = "hlc3"}}, params = {{"mult", 1}, {"anchor", "day", choices = ANCHORS}},
  options = 1, outputs = {"vwap", "upper", "lower"}}

--- Rolling volume-weighted average price: sum(hlc3 x volume) / sum(volume) over `length` bars. First value at bar length - 1.
-- NaN where the window has no volume.
-- @param length bars, 1..5000 @return series, a price
-- @usage local above = m.close[0] > ta.rvwap(50)[0]
M.rvwap = define {"rvwap", params = {"length"}}

--- Volume that takers bought: m.taker_base. 0 where the source of the bars does not tell.
-- @return series in the base asset
-- @usage local more = ta.buy_volume()[0] > ta.sell_volume()[0]
M.buy_volume = define {"buy_volume", make = function(_, _, _, home) return home.get "taker_base" end}

--- Volume that takers sold: volume - m.taker_base.
-- @return series in the base asset
-- @usage local sold = ta.sma(ta.sell_volume(), 20)[0]
M.sell_volume = define {"sell_volume"}

--- Volume delta: what takers bought less what they sold.
-- @return series in the base asset
-- @usage local inflow = ta.sma(ta.delta(), 20)[0] > 0
M.delta = define {"delta"}

--- Buying pressure: the part of the volume that takers bought. NaN on a bar without volume.
-- @return series, 0..1
-- @usage local bought = ta.pressure()[0] > 0.6
M.pressure = define {"pressure"}

return M
