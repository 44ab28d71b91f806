-- Donchian breakout with volume.
return trader {
  name = "Donchian breakout",
  interval = "1m", timeframes = {"5m"}, warmup = 400,
  filter = function(m)
    local bars = m["5m"]
    return bars.close[0] > ta.highest(bars.high, 20)[1] and bars.volume[0] > 1.5 * ta.sma(bars.volume, 20)[0]
  end,
}
