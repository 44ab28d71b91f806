-- expect: undeclared-timeframe 4:46
return trader {
  name = "An hour that was not asked for", interval = "5m",
  filter = function(m) return m.close[0] > m["1h"].close[1] end,
}
