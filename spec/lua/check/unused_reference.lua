-- expect: unused-reference 3:90
return trader {
  name = "Nothing looks at the second symbol", interval = "5m", references = {"BTCUSDT", "ETHUSDT"},
  filter = function(m) return m.ref.BTCUSDT.close[0] > m.ref.BTCUSDT.close[1] end,
}
