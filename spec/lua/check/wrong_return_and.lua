-- expect: wrong-return 4:58
return trader {
  name = "`a and b` is b", interval = "5m",
  filter = function(m) return m.close[0] > m.open[0] and m.volume[0] end,
}
