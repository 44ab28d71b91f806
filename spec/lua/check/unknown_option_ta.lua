-- expect: unknown-option 4:61
return trader {
  name = "An option that ta.vwap does not have", interval = "5m",
  filter = function(m) return m.close[0] > ta.vwap(m.hlc3, {ancor = "day"})[0] end,
}
