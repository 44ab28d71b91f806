-- Donchian breakout with volume.
local shift = input.int("shift", 0, {min = 0, max = 4, help = "added to its lengths: one trader in five variants"})

return trader {
  name = "Donchian breakout",
  interval = "1m", timeframes = {"5m"}, warmup = 400,
  filter = function(m)
    local bars = m["5m"]
    return bars.close[0] > ta.highest(bars.high, 20 + shift)[1] and bars.volume[0] > 1.5 * ta.sma(bars.volume, 20 + shift)[0]
  end,
}
