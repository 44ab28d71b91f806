-- EMA 9 crosses above 21 with MACD and VWAP on its side.
local shift = input.int("shift", 0, {min = 0, max = 4, help = "added to its lengths: one trader in five variants"})

return trader {
  name = "EMA 9/21 momentum",
  interval = "1m", timeframes = {"5m"}, warmup = 400,
  filter = function(m)
    local fast, slow = ta.ema(m.close, 9 + shift), ta.ema(m.close, 21 + shift)
    return ta.crossover(fast, slow) and ta.macd(m.close, 12 + shift, 26 + shift, 9).hist[0] > 0 and m.close[0] > ta.vwap(m["5m"].hlc3)[0]
  end,
}
