-- expect: bad-index 4:52
return trader {
  name = "Before the newest bar", interval = "5m",
  filter = function(m) return m.close[0] > m.close[-1] end,
}
