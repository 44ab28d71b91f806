return trader {
  name = "Far above its average",
  interval = "5m",
  fire = "every",
  filter = function(m) return m.close[0] > ta.sma(m.close, 20)[0] * 1.004 end,
}
