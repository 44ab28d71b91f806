-- Trend on rising volume: the positive volume index crosses above its average, and volume's averages are in order.
return trader {
  name = "Volume trend",
  interval = "1m", timeframes = {"5m"}, warmup = 400,
  filter = function(m)
    local index = m["5m"].ta.pvi()
    return ta.crossover(index, ta.ema(index, 50)) and ta.sma(m.volume, 10)[0] > ta.sma(m.volume, 50)[0]
  end,
}
