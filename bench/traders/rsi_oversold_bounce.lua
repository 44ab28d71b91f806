-- RSI oversold bounce: still oversold, but turned up.
return trader {
  name = "RSI oversold bounce",
  interval = "1m", warmup = 400,
  filter = function(m)
    local rsi = ta.rsi(m.close, 14)
    return rsi[0] < 30 and rsi[0] > rsi[1]
  end,
}
