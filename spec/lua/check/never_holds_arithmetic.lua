-- expect: never-holds 6:39
return trader {
  name = "0/0 is NaN", interval = "5m",
  filter = function(m)
    local nothing = (m.high[0] - m.high[0]) / (m.low[0] - m.low[0])
    return m.close[0] > m.open[0] and nothing < 3
  end,
}
