-- expect: depends-on-history 5:12
return trader {
  name = "The sign of a sum that began somewhere", interval = "5m",
  filter = function(m)
    return ta.obv()[0] > 0 and m.close[0] > m.open[0]
  end,
}
