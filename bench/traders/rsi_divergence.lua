-- RSI divergence with volume.
local shift = input.int("shift", 0, {min = 0, max = 4, help = "added to its lengths: one trader in five variants"})

return trader {
  name = "RSI divergence",
  interval = "1m", timeframes = {"15m"}, warmup = 400,
  filter = function(m)
    return ta.divergence(m.close, ta.rsi(m.close, 14 + shift)) == "bullish" and m.volume[0] > ta.sma(m.volume, 20 + shift)[0]
      and ta.rsi(m["15m"].close, 14 + shift)[0] < 60
  end,
}
