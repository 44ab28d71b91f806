-- BTC regime filter: a symbol is bought at a cross of its averages only while Bitcoin is in an up-trend: above its own hourly
-- average, and that average rising.
-- Another symbol is listed in `references`; m.ref.BTCUSDT is its market, with the timeframes of this trader. The trader waits
-- until the bars of both have arrived.
local fast = input.int("fast", 20, {min = 2, max = 200, help = "fast average, bars"})
local slow = input.int("slow", 50, {min = 3, max = 500, help = "slow average, bars"})
local regime = input.int("regime", 200, {min = 10, max = 1000, help = "average of Bitcoin, hours"})

return trader {
  name = "BTC regime filter",
  interval = "15m",
  timeframes = {"1h"},
  references = {"BTCUSDT"},
  symbols = {exclude = {"BTCUSDT"}},
  conditions = {
    {"fast average crosses above the slow one", function(m) return ta.crossover(ta.ema(m.close, fast), ta.ema(m.close, slow)) end},
    {"Bitcoin above its average, which rises", function(m)
      local hour = m.ref.BTCUSDT["1h"]
      local average = ta.ema(hour.close, regime)
      return hour.close[0] > average[0] and average[0] > average[1]
    end},
  },
}
