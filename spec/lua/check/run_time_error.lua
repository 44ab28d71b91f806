-- expect: run-time-error 6:5
local steps = {1.01, 1.02, 1.05}
return trader {
  name = "A list that ends too soon", interval = "5m",
  filter = function(m)
    return m.close[0] > m.open[0] * steps[m.hour % 4 + 1]
  end,
}
