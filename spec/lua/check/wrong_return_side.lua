-- expect: wrong-return 4:71
return trader {
  name = "A side that does not exist", interval = "5m",
  filter = function(m) return {match = m.close[0] > m.open[0], side = "buy"} end,
}
