return trader {
  name = "Below the lower band",
  interval = "15m",
  filter = function(m) return m.close[0] < ta.bb(m.close, 20, 2).lower[0] end,
}
