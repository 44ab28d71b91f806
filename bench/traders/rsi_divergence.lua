-- RSI divergence with volume.
return trader {
  name = "RSI divergence",
  interval = "1m", timeframes = {"15m"}, warmup = 400,
  filter = function(m)
    return ta.divergence(m.close, ta.rsi(m.close, 14)) == "bullish" and m.volume[0] > ta.sma(m.volume, 20)[0]
      and ta.rsi(m["15m"].close, 14)[0] < 60
  end,
}
