-- expect: bad-value 5:36
return trader {
  name = "A plot of a number", interval = "5m",
  filter = function(m) return m.close[0] > m.open[0] end,
  plots = function(m) return {plot.line("close", m.close[0])} end,
}
