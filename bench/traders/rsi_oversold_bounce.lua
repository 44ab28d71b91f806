-- RSI oversold bounce: still oversold, but turned up.
local shift = input.int("shift", 0, {min = 0, max = 4, help = "added to its lengths: one trader in five variants"})

return trader {
  name = "RSI oversold bounce",
  interval = "1m", warmup = 400,
  filter = function(m)
    local rsi = ta.rsi(m.close, 14 + shift)
    return rsi[0] < 30 and rsi[0] > rsi[1]
  end,
}
