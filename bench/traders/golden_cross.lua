-- Golden cross on fifteen minutes.
return trader {
  name = "Golden cross",
  interval = "1m", timeframes = {"15m"}, warmup = 400,
  filter = function(m)
    local close = m["15m"].close
    return ta.crossover(ta.sma(close, 50), ta.sma(close, 200))
  end,
}
