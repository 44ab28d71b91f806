-- RSI and MACD point up on three timeframes at once.
local function points_up(bars)
  return ta.rsi(bars.close, 14)[0] > 50 and ta.macd(bars.close, 12, 26, 9).hist[0] > 0
end

return trader {
  name = "Three-timeframe momentum",
  interval = "1m", timeframes = {"5m", "15m"}, warmup = 400,
  filter = function(m)
    return points_up(m) and points_up(m["5m"]) and points_up(m["15m"])
  end,
}
