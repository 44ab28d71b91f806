-- Multi-timeframe momentum: RSI and MACD point up on 1m, 5m and 15m at once, and the RSI of 1m is rising.
local length = input.int("length", 14, {min = 2, max = 100, help = "RSI length, bars"})

local function points_up(bars)
  return ta.rsi(bars.close, length)[0] > 50 and ta.macd(bars.close, 12, 26, 9).hist[0] > 0
end

return trader {
  name = "Multi-timeframe momentum",
  description = "RSI above 50 and MACD histogram above 0 on 1m, 5m and 15m, 1m RSI rising",
  interval = "1m",
  timeframes = {"5m", "15m"},
  conditions = {
    {"1m RSI above 50, MACD histogram above 0", function(m) return points_up(m) end},
    {"5m the same", function(m) return points_up(m["5m"]) end},
    {"15m the same", function(m) return points_up(m["15m"]) end},
    {"1m RSI rising", function(m)
      local rsi = ta.rsi(m.close, length)
      return rsi[0] > rsi[1]
    end},
  },
  risk = {stop_pct = 1.5, target_pct = 4.5},
  plots = function(m)
    return {plot.line("RSI", ta.rsi(m.close, length), {pane = 1}), plot.histogram("MACD histogram", ta.macd(m.close, 12, 26, 9).hist, {pane = 2})}
  end,
}
