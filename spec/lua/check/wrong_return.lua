-- expect: wrong-return 4:31
return trader {
  name = "A number for an answer", interval = "5m",
  filter = function(m) return m.close[0] - m.open[0] end,
}
