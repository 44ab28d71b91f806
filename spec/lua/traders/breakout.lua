return trader {
  name = "Out of the range of four hours",
  interval = "5m",
  fire = {every = 3},
  cooldown = 5,
  filter = function(m)
    local high, low = ta.highest(m.high, 48)[1], ta.lowest(m.low, 48)[1]
    if m.close[0] > high then return {match = true, side = "long", stop = low} end
    return {match = m.close[0] < low, side = "short"}
  end,
}
