-- expect: kept-between-calls 5:5
return trader {
  name = "A number put into a library", interval = "5m",
  filter = function(m)
    math.last = m.close[0]
    return m.close[0] > m.open[0]
  end,
}
