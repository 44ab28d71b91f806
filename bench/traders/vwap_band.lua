-- VWAP band breakout: a close above the upper band of the day.
local shift = input.int("shift", 0, {min = 0, max = 4, help = "added to its lengths: one trader in five variants"})

return trader {
  name = "VWAP band breakout",
  interval = "1m", timeframes = {"5m"}, warmup = 400,
  filter = function(m) return ta.crossover(m["5m"].close, m["5m"].ta.vwap_bands(m["5m"].hlc3, 2 + shift / 4).upper) end,
}
