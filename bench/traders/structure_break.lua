-- Break of structure: the close passes the highest high before it after a higher low; windows stand for swing points.
return trader {
  name = "Market structure break",
  interval = "1m", timeframes = {"5m"}, warmup = 400,
  filter = function(m)
    local bars = m["5m"]
    local high, low = ta.highest(bars.high, 30), ta.lowest(bars.low, 15)
    return bars.close[0] > high[1] and low[0] > low[15] and bars.close[1] <= high[2]
  end,
}
