-- RSI divergence with volume: price at its low, RSI above its own.
return trader {
  name = "RSI divergence",
  interval = "1m", timeframes = {"15m"}, warmup = 400,
  filter = function(m)
    local rsi = ta.rsi(m.close, 14)
    return m.low[0] <= ta.lowest(m.low, 20)[0] and rsi[0] > ta.lowest(rsi, 20)[1] + 2
      and m.volume[0] > ta.sma(m.volume, 20)[0] and ta.rsi(m["15m"].close, 14)[0] < 60
  end,
}
