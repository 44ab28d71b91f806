-- expect: series-as-number 4:31
return trader {
  name = "# of a series", interval = "5m",
  filter = function(m) return #m.close > 10 and m.close[0] > m.open[0] end,
}
