-- expect: unknown-option 4:3 unknown-option 5:3
return trader {
  name = "Two fields that a trader does not have",
  timeframe = "5m",
  cooldwon = 3,
  filter = function(m) return m.close[0] > m.open[0] end,
}
