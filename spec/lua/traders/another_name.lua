return trader {
  id = "quick_ema",
  name = "Crosses its EMA, long before that is settled",
  interval = "5m",
  warmup = 30,
  fire = {every = 1},
  symbols = {exclude = {"LTCUSDT", "S2USDT", "ETHUSDT"}, quote = "USDT"},
  filter = function(m) return ta.crossover(m.close, ta.ema(m.close, 12)) end,
}
