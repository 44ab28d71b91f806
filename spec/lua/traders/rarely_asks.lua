return trader {
  name = "Volume below the quarter's average price",
  interval = "1m",
  timeframes = {"15m"},
  filter = function(m)
    if not (m.volume[0] > 2 * ta.sma(m.volume, 20)[0]) then return false end
    local quarter = m["15m"]
    return quarter.close[0] < ta.sma(quarter.close, 60)[0]
  end,
}
