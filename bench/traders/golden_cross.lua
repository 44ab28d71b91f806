-- Golden cross on fifteen minutes.
local shift = input.int("shift", 0, {min = 0, max = 4, help = "added to its lengths: one trader in five variants"})

return trader {
  name = "Golden cross",
  interval = "1m", timeframes = {"15m"}, warmup = 400,
  filter = function(m)
    local close = m["15m"].close
    return ta.crossover(ta.sma(close, 50 + shift), ta.sma(close, 200 + shift))
  end,
}
