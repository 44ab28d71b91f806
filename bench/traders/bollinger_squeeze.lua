-- Bollinger squeeze exit: the bands were narrow, the close leaves them upward.
local shift = input.int("shift", 0, {min = 0, max = 4, help = "added to its lengths: one trader in five variants"})

return trader {
  name = "Bollinger squeeze exit",
  interval = "1m", timeframes = {"15m"}, warmup = 400,
  filter = function(m)
    local bars = m["15m"]
    local bb = ta.bb(bars.close, 20 + shift, 2)
    local width = (bb.upper[0] - bb.lower[0]) / bb.basis[0]
    local width_before = (bb.upper[5] - bb.lower[5]) / bb.basis[5]
    return width > width_before and width_before < 0.03 and bars.close[0] > bb.upper[0]
  end,
}
