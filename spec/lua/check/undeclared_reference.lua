-- expect: undeclared-reference 4:56
return trader {
  name = "Another symbol that was not asked for", interval = "5m",
  filter = function(m) return m.close[0] > 0 and m.ref.BTCUSDT.close[0] > 5 end,
}
