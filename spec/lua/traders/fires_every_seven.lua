return trader {
  name = "Smooth RSI above 55, every seven bars",
  interval = "1m",
  fire = {every = 7},
  filter = function(m) return ta.sma(ta.rsi(m.close, 14), 5)[0] > 55 end,
}
