-- Supertrend with an hourly filter: the Supertrend of 5m turns up while that of the hour is up already, so that only turns in
-- the direction of the larger trend count.
-- Another timeframe is listed in `timeframes` and has everything that `m` has; `m["1h"].ta` are the functions that read the
-- bars themselves, such as the Supertrend. It shows the last hour that had closed by then. Direction -1 is up, as in Pine.
local factor = input.float("factor", 3, {min = 0.5, max = 10, help = "width, in ATRs"})
local length = input.int("length", 10, {min = 2, max = 100, help = "length of the ATR, bars"})

return trader {
  name = "Supertrend with an hourly filter",
  interval = "5m",
  timeframes = {"1h"},
  conditions = {
    {"Supertrend turns up", function(m)
      local direction = ta.supertrend(factor, length).direction
      return direction[0] < 0 and direction[1] > 0
    end},
    {"the hour's is up", function(m) return m["1h"].ta.supertrend(factor, length).direction[0] < 0 end},
  },
  plots = function(m) return {plot.line("Supertrend", ta.supertrend(factor, length).line)} end,
}
