-- expect: matches-nan 4:31
return trader {
  name = "NaN differs from everything", interval = "5m",
  filter = function(m) return m.close[0] ~= m.open[0] end,
}
