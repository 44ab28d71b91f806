-- expect: series-as-number 4:31
return trader {
  name = "A series is no number", interval = "5m",
  filter = function(m) return m.close > 100 end,
}
