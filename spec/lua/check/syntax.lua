-- expect: syntax 7:3
return trader {
  name = "An expression that ends too early",
  interval = "5m",
  filter = function(m)
    return (m.close[0] > m.open[0]
  end,
}
