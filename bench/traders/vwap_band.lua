-- VWAP band breakout: a close above VWAP plus twice the ATR.
return trader {
  name = "VWAP band breakout",
  interval = "1m", timeframes = {"5m"}, warmup = 400,
  filter = function(m)
    local vwap, range = ta.vwap(m["5m"].hlc3)[0], ta.atr(14)
    return m.close[0] > vwap + 2 * range[0] and m.close[1] <= vwap + 2 * range[1]
  end,
}
