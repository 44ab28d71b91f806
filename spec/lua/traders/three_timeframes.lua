return trader {
  name = "EMA cross with quarter and hour",
  interval = "5m",
  timeframes = {"15m", "1h"},
  filter = function(m)
    local quarter, hour = m["15m"], m["1h"]
    return ta.crossover(ta.ema(m.close, 9), ta.ema(m.close, 21))
      and ta.rsi(quarter.close, 14)[0] > 45
      and hour.close[0] > ta.sma(hour.close, 24)[0]
  end,
}
