-- Reversal on fifteen minutes: oversold at the low of the window, RSI higher than at the low before.
return trader {
  name = "15m reversal",
  interval = "1m", timeframes = {"15m"}, warmup = 400,
  filter = function(m)
    local bars = m["15m"]
    local rsi, bottom = ta.rsi(bars.close, 14), ta.lowest(bars.low, 20)
    local top = ta.highest(bars.high, 14)[0]
    local k = (bars.close[0] - ta.lowest(bars.low, 14)[0]) / (top - ta.lowest(bars.low, 14)[0])
    return rsi[0] < 35 and k < 0.2 and bottom[0] <= bottom[10] and rsi[0] > ta.lowest(rsi, 20)[1]
  end,
}
