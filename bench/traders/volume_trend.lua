-- Trend on rising volume: a long average of the close, and volume's averages in order.
return trader {
  name = "Volume trend",
  interval = "1m", timeframes = {"5m"}, warmup = 400,
  filter = function(m)
    local slow = ta.ema(m["5m"].close, 50)
    return ta.crossover(m["5m"].close, slow) and ta.sma(m.volume, 10)[0] > ta.sma(m.volume, 50)[0]
  end,
}
