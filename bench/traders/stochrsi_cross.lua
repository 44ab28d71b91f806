-- StochRSI crosses up from the floor with MACD rising and room by ATR.
local shift = input.int("shift", 0, {min = 0, max = 4, help = "added to its lengths: one trader in five variants"})

return trader {
  name = "StochRSI cross",
  interval = "1m", timeframes = {"5m"}, warmup = 400,
  filter = function(m)
    local stoch, hist = ta.stochrsi(m.close, 14 + shift, 14 + shift, 3, 3), ta.macd(m["5m"].close, 12 + shift, 26 + shift, 9).hist
    return ta.crossover(stoch.k, stoch.d) and stoch.k[0] < 50 and hist[0] > hist[1] and ta.atr(14 + shift)[0] / m.close[0] > 0.0005
  end,
}
