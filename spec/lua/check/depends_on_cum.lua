-- expect: depends-on-history 4:31
return trader {
  name = "All volume since the first bar", interval = "5m",
  filter = function(m) return ta.cum(m.volume)[0] > 3e5 and m.close[0] > m.open[0] end,
}
