return trader {
  name = "Hourly EMA cross, down",
  interval = "1h",
  filter = function(m) return ta.crossunder(ta.ema(m.close, 9), ta.ema(m.close, 21)) end,
}
