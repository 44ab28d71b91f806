-- Golden cross: the faster average of the close crosses above the slower one.
local fast = input.int("fast", 50, {min = 2, max = 500, help = "fast average, bars"})
local slow = input.int("slow", 200, {min = 3, max = 1000, help = "slow average, bars"})

return trader {
  name = "Golden cross",
  description = "SMA of the close crosses above a slower SMA",
  interval = "15m",
  conditions = {
    {"fast SMA crosses above the slow SMA", function(m) return ta.crossover(ta.sma(m.close, fast), ta.sma(m.close, slow)) end},
  },
  risk = {stop_pct = 3, target_pct = 10},
  plots = function(m) return {plot.line("fast", ta.sma(m.close, fast)), plot.line("slow", ta.sma(m.close, slow))} end,
}
