-- VWAP bounce scalp: the bar dipped to VWAP and closed above it in an up-trend.
local shift = input.int("shift", 0, {min = 0, max = 4, help = "added to its lengths: one trader in five variants"})

return trader {
  name = "VWAP bounce scalp",
  interval = "1m", timeframes = {"5m"}, warmup = 400,
  filter = function(m)
    local bars = m["5m"]
    local vwap = ta.vwap(bars.hlc3)[0]
    return ta.ema(bars.close, 9 + shift)[0] > ta.ema(bars.close, 21 + shift)[0] and m.low[0] <= vwap and m.close[0] > vwap
      and m.close[0] > m.open[0] and m.volume[0] > 1.2 * ta.sma(m.volume, 20 + shift)[0]
  end,
}
