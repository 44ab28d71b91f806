return trader {
  name = "Above its EMA, not twice within ten bars",
  interval = "1m",
  cooldown = 10,
  filter = function(m) return m.close[0] > ta.ema(m.close, 21)[0] end,
}
