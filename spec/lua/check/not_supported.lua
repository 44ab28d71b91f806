-- expect: not-supported 3:8
return trader {
  on = "tick",
  name = "At each tick", interval = "5m",
  filter = function(m) return m.close[0] > m.open[0] end,
}
