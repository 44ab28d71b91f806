-- VWAP band breakout: a close above the upper band of the day.
return trader {
  name = "VWAP band breakout",
  interval = "1m", timeframes = {"5m"}, warmup = 400,
  filter = function(m) return ta.crossover(m["5m"].close, m["5m"].ta.vwap_bands(m["5m"].hlc3, 2).upper) end,
}
