return trader {
  name = "Crosses above the day's VWAP",
  interval = "5m",
  filter = function(m) return ta.crossover(m.close, ta.vwap(m.hlc3, {anchor = "day"})) end,
}
