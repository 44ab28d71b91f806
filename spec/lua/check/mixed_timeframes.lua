-- expect: mixed-timeframes 6:12
return trader {
  name = "The hour's average under the close of five minutes", interval = "5m", timeframes = {"1h"},
  filter = function(m)
    local slow = ta.sma(m["1h"].close, 20)
    return ta.crossover(m.close, slow)
  end,
}
