-- expect: depends-on-history 4:31
return trader {
  name = "An even number of bars", interval = "5m",
  filter = function(m) return m.close:len() % 2 == 0 and m.close[0] > m.open[0] end,
}
