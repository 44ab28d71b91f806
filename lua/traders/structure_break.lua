-- Market structure break: swing highs and swing lows both rise, and the price closes above the last swing high on volume. A
-- swing point stands out from the bars on each side of it; it is known once those after it have closed.
local side = input.int("side", 5, {min = 1, max = 20, help = "bars on each side of a swing point"})
local lookback = input.int("lookback", 120, {min = 20, max = 500, help = "bars in which the swing points are looked for"})
local times = input.float("times", 1.5, {min = 1, max = 4, help = "mean volume of 5 bars, as a multiple of that of 20"})

-- The two newest values that stand out, the newer one first; nothing when there are not two. `sign` -1 looks for lows.
local function last_swings(source, sign)
  local newer
  for k = side, lookback do
    local value, stands_out = sign * source[k], true
    for j = 1, side do
      stands_out = stands_out and value > sign * source[k - j] and value > sign * source[k + j]
    end
    if stands_out then
      if newer then return newer, source[k] end
      newer = source[k]
    end
  end
end

local function is_rising(source, sign)
  local newer, older = last_swings(source, sign)
  return older ~= nil and newer > older
end

return trader {
  name = "Market structure break",
  description = "Rising highs and lows, close above the last swing high on volume",
  interval = "5m",
  warmup = lookback + 2 * side,
  conditions = {
    {"swing highs rise", function(m) return is_rising(m.high, 1) end},
    {"swing lows rise", function(m) return is_rising(m.low, -1) end},
    {"close above the last swing high", function(m) return m.close[0] > (last_swings(m.high, 1) or math.huge) end},
    {"volume above the multiple of its average", function(m) return ta.sma(m.volume, 5)[0] > times * ta.sma(m.volume, 20)[0] end},
  },
  risk = {stop_pct = 1, target_pct = 4},
  plots = function(m) return {plot.histogram("volume", m.volume, {pane = 1})} end,
}
