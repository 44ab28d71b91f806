-- expect: unused-timeframe 3:82
return trader {
  name = "Nothing looks at the four hours", interval = "5m", timeframes = {"1h", "4h"},
  filter = function(m) return m.close[0] > m["1h"].close[1] end,
}
