-- 15-minute reversal: RSI and stochastic are oversold, and the price stands at the first support S1 = 2 P - H, where
-- P = (H + L + C) / 3 is the pivot of the last bars: their highest high, lowest low and last close.
local bars = input.int("bars", 24, {min = 2, max = 500, help = "bars of the pivot"})
local near = input.float("near", 0.5, {min = 0.01, max = 5, help = "distance from S1, per cent, at most"})
local oversold = input.float("oversold", 30, {min = 1, max = 50, help = "RSI below this"})

local function support(m)
  local high, low = ta.highest(m.high, bars)[0], ta.lowest(m.low, bars)[0]
  return 2 * (high + low + m.close[0]) / 3 - high
end

return trader {
  name = "15-minute reversal",
  description = "Oversold at the first support",
  interval = "15m",
  conditions = {
    {"RSI oversold", function(m) return ta.rsi(m.close, 14)[0] < oversold end},
    {"stochastic below 20", function(m) return ta.stoch(m.close, m.high, m.low, 14)[0] < 20 end},
    {"price at the first support", function(m)
      local s1 = support(m)
      return 100 * math.abs(m.close[0] - s1) / s1 < near
    end},
  },
  risk = {stop_pct = 0.8},
  plots = function(m)
    return {plot.line("RSI", ta.rsi(m.close, 14), {pane = 1}), plot.line("%K", ta.stoch(m.close, m.high, m.low, 14), {pane = 1})}
  end,
}
