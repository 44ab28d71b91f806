-- expect: unused-variable 5:11
return trader {
  name = "Nothing asks for the average", interval = "5m",
  filter = function(m)
    local average = ta.sma(m.close, 20)
    return m.close[0] > m.open[0]
  end,
}
