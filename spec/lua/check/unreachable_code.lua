-- expect: unreachable-code 6:5
return trader {
  name = "What stands behind a return", interval = "5m",
  filter = function(m)
    do return m.close[0] > m.open[0] end
    if m.volume[0] > 0 then return false end
    return m.high[0] > m.low[0]
  end,
}
