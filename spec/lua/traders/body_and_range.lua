return trader {
  name = "A body larger than the average range, three rising closes",
  interval = "5m",
  fire = "every",
  filter = function(m)
    local range = ta.sma(m.high - m.low, 30)
    local rises = m.close:gt(m.open)
    return m.close[0] - m.open[0] > range[0] * 1.5 and rises[0] == 1 and rises[1] == 1 and (m.hl2 / m.close)[0] < 1
  end,
  conditions = {{"close at the high", function(m) return m.close[0] == m.high[0] end}, "a large body"},
}
