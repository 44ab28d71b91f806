-- EMA stack on three timeframes.
local shift = input.int("shift", 0, {min = 0, max = 4, help = "added to its lengths: one trader in five variants"})

local function stacked(bars)
  return ta.ema(bars.close, 9 + shift)[0] > ta.ema(bars.close, 21 + shift)[0] and ta.ema(bars.close, 21 + shift)[0] > ta.ema(bars.close, 50 + shift)[0]
end

return trader {
  name = "EMA stack on three timeframes",
  interval = "1m", timeframes = {"5m", "1h"}, warmup = 400,
  filter = function(m)
    return stacked(m) and stacked(m["5m"]) and stacked(m["1h"])
  end,
}
