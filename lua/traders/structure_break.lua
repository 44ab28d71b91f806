-- Market structure break: swing highs and swing lows both rise, and the price closes above the last swing high on volume. A
-- swing point is the extreme of five bars on each side; it is known once the five bars after it have closed.
local side = input.int("side", 5, {min = 1, max = 50, help = "bars on each side of a swing point"})
local times = input.float("times", 1.5, {min = 1, max = 20, help = "mean volume of 5 bars, as a multiple of that of 20"})

return trader {
  name = "Market structure break",
  description = "Higher highs and lows, close above the last swing high on volume",
  interval = "5m",
  filter = function(m) return false end,
}
