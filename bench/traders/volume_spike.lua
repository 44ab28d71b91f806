-- Volume spike: three times the average volume on an up bar.
local shift = input.int("shift", 0, {min = 0, max = 4, help = "added to its lengths: one trader in five variants"})

return trader {
  name = "Volume spike",
  interval = "1m", warmup = 400,
  filter = function(m)
    return m.volume[0] > 3 * ta.sma(m.volume, 20 + shift)[0] and m.close[0] > m.open[0]
  end,
}
