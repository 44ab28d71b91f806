-- Market structure break: swing highs and swing lows both rise, and the price closes above the last swing high on volume. A
-- swing point stands out from the bars on each side of it; it is known once those after it have closed.
local side = input.int("side", 5, {min = 1, max = 20, help = "bars on each side of a swing point"})
local lookback = input.int("lookback", 120, {min = 50, max = 500, help = "bars in which the swing points are looked for"})
local times = input.float("times", 1.5, {min = 1, max = 4, help = "mean volume of 5 bars, as a multiple of that of 20"})

local function swings(m) return m.ta.swings {left = side, right = side, n = 2, lookback = lookback} end
local function is_rising(points) return #points == 2 and points[1].price > points[2].price end

return trader {
  name = "Market structure break",
  description = "Rising highs and lows, close above the last swing high on volume",
  interval = "5m",
  conditions = {
    {"swing highs rise", function(m) return is_rising(swings(m).highs) end},
    {"swing lows rise", function(m) return is_rising(swings(m).lows) end},
    {"close above the last swing high", function(m)
      local top = swings(m).highs[1]
      return top ~= nil and m.close[0] > top.price
    end},
    {"volume above the multiple of its average", function(m) return ta.sma(m.volume, 5)[0] > times * ta.sma(m.volume, 20)[0] end},
  },
  risk = {stop_pct = 1, target_pct = 4},
  plots = function(m) return {plot.histogram("volume", m.volume, {pane = 1})} end,
}
