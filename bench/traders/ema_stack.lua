-- EMA stack on three timeframes.
local function stacked(bars)
  return ta.ema(bars.close, 9)[0] > ta.ema(bars.close, 21)[0] and ta.ema(bars.close, 21)[0] > ta.ema(bars.close, 50)[0]
end

return trader {
  name = "EMA stack on three timeframes",
  interval = "1m", timeframes = {"5m", "1h"}, warmup = 400,
  filter = function(m)
    return stacked(m) and stacked(m["5m"]) and stacked(m["1h"])
  end,
}
