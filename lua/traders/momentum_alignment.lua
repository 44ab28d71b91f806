-- Multi-timeframe momentum: RSI and MACD point up on 1m, 5m and 15m at once.
local length = input.int("length", 14, {min = 2, max = 100, help = "RSI length, bars"})

local function points_up(bars)
  return ta.rsi(bars.close, length)[0] > 50 and ta.macd(bars.close, 12, 26, 9).hist[0] > 0
end

return trader {
  name = "Multi-timeframe momentum",
  description = "RSI above 50 and MACD histogram above 0 on 1m, 5m and 15m",
  interval = "1m",
  timeframes = {"5m", "15m"},
  filter = function(m)
    return points_up(m) and points_up(m["5m"]) and points_up(m["15m"])
  end,
  conditions = {"1m RSI above 50, MACD histogram above 0", "5m the same", "15m the same"},
  risk = {stop_pct = 1.5, target_pct = 4.5},
}
