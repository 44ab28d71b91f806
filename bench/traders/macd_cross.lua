-- MACD line crosses above its signal on five minutes, with volume behind the newest bar.
local shift = input.int("shift", 0, {min = 0, max = 4, help = "added to its lengths: one trader in five variants"})

return trader {
  name = "MACD cross",
  interval = "1m", timeframes = {"5m"}, warmup = 400,
  filter = function(m)
    local bars = m["5m"]
    local macd = ta.macd(bars.close, 12 + shift, 26 + shift, 9)
    return ta.crossover(macd.macd, macd.signal) and bars.volume[0] > ta.sma(bars.volume, 20 + shift)[0]
  end,
}
