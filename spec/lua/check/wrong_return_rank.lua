-- expect: wrong-return 4:35
return trader {
  name = "Ranked by a text", interval = "5m",
  rank = {by = function(m) return m.symbol end, top = 5},
  filter = function(m) return m.close[0] > m.open[0] end,
}
