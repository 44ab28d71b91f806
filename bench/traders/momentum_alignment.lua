-- RSI and MACD point up on three timeframes at once.
local shift = input.int("shift", 0, {min = 0, max = 4, help = "added to its lengths: one trader in five variants"})

local function points_up(bars)
  return ta.rsi(bars.close, 14 + shift)[0] > 50 and ta.macd(bars.close, 12 + shift, 26 + shift, 9).hist[0] > 0
end

return trader {
  name = "Three-timeframe momentum",
  interval = "1m", timeframes = {"5m", "15m"}, warmup = 400,
  filter = function(m)
    return points_up(m) and points_up(m["5m"]) and points_up(m["15m"])
  end,
}
