-- Bullish engulfing at the lower band.
local shift = input.int("shift", 0, {min = 0, max = 4, help = "added to its lengths: one trader in five variants"})

return trader {
  name = "Engulfing at the lower band",
  interval = "1m", timeframes = {"5m"}, warmup = 400,
  filter = function(m)
    local bars = m["5m"]
    local open, close = bars.open, bars.close
    local engulfs = close[1] < open[1] and close[0] > open[0] and close[0] >= open[1] and open[0] <= close[1]
    return engulfs and bars.low[1] <= ta.bb(close, 20 + shift, 2).lower[1]
  end,
}
