-- Trend on rising volume: the positive volume index crosses above its average, and volume's averages are in order.
local shift = input.int("shift", 0, {min = 0, max = 4, help = "added to its lengths: one trader in five variants"})

return trader {
  name = "Volume trend",
  interval = "1m", timeframes = {"5m"}, warmup = 400,
  filter = function(m)
    local index = m["5m"].ta.pvi()
    return ta.crossover(index, ta.ema(index, 50 + shift)) and ta.sma(m.volume, 10 + shift)[0] > ta.sma(m.volume, 50 + shift)[0]
  end,
}
