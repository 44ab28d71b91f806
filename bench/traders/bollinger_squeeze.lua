-- Bollinger squeeze exit: the bands were narrow, the close leaves them upward.
return trader {
  name = "Bollinger squeeze exit",
  interval = "1m", timeframes = {"15m"}, warmup = 400,
  filter = function(m)
    local bars = m["15m"]
    local bb = ta.bb(bars.close, 20, 2)
    local width = (bb.upper[0] - bb.lower[0]) / bb.basis[0]
    local width_before = (bb.upper[5] - bb.lower[5]) / bb.basis[5]
    return width > width_before and width_before < 0.03 and bars.close[0] > bb.upper[0]
  end,
}
