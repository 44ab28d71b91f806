-- Bounce at a high-volume node of fifteen minutes.
local shift = input.int("shift", 0, {min = 0, max = 4, help = "added to its lengths: one trader in five variants"})

return trader {
  name = "High-volume node bounce",
  interval = "1m", timeframes = {"15m"}, warmup = 400,
  filter = function(m)
    local range, low = 0.5 * ta.atr(14 + shift)[0], m.low[0]
    if not (m.volume[0] > ta.sma(m.volume, 30 + shift)[0]) then return false end
    for _, node in ipairs(m["15m"].ta.hvn()) do
      if math.abs(low - node.price) < range and m.close[0] > node.price then return true end
    end
    return false
  end,
}
