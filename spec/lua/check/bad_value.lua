-- expect: bad-value 4:47
return trader {
  name = "A length of nothing", interval = "5m",
  filter = function(m) return m.close[0] > ta.sma(m.close, 0)[0] end,
}
