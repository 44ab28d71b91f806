-- Squeeze momentum: while the Bollinger bands lie inside of the Keltner channel, the market is squeezed. The bar at which they
-- come out is the release, and the momentum of that bar says where to.
-- Momentum is the end of a regression line through the distance of the close from the middle of the range and of the average.
-- The channel is built of simple averages, as in the script that made the idea known; ta.kc takes exponential ones.
local length = input.int("length", 20, {min = 5, max = 200, help = "bars of bands, channel and momentum"})
local deviations = input.float("deviations", 2, {min = 0.5, max = 5, help = "half the width of the bands, standard deviations"})
local ranges = input.float("ranges", 1.5, {min = 0.5, max = 5, help = "half the width of the channel, average ranges"})

-- Whether the bands lay inside of the channel k bars ago.
local function is_squeezed(m, k)
  local band = ta.bb(m.close, length, deviations)
  local middle, range = ta.sma(m.close, length), ta.sma(ta.tr(true), length)
  return band.lower[k] > middle[k] - ranges * range[k] and band.upper[k] < middle[k] + ranges * range[k]
end

local function momentum(m)
  local middle = ta.avg(ta.highest(m.high, length), ta.lowest(m.low, length))
  return ta.linreg(m.close - ta.avg(middle, ta.sma(m.close, length)), length, 0)
end

return trader {
  name = "Squeeze momentum",
  interval = "15m",
  conditions = {
    {"squeezed at the bar before", function(m) return is_squeezed(m, 1) end},
    {"released now", function(m) return not is_squeezed(m, 0) end},
    {"momentum above 0 and rising", function(m)
      local value = momentum(m)
      return value[0] > 0 and value[0] > value[1]
    end},
  },
  plots = function(m) return {plot.histogram("momentum", momentum(m), {pane = 1})} end,
}
