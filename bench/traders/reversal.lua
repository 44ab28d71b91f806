-- Reversal on fifteen minutes: oversold by RSI and stochastic, with a divergence or near the pivot's first support.
local shift = input.int("shift", 0, {min = 0, max = 4, help = "added to its lengths: one trader in five variants"})

return trader {
  name = "15m reversal",
  interval = "1m", timeframes = {"15m"}, warmup = 400,
  filter = function(m)
    local bars = m["15m"]
    local rsi = ta.rsi(bars.close, 14 + shift)
    if not (rsi[0] < 35 and ta.stoch(bars.close, bars.high, bars.low, 14 + shift)[0] < 20) then return false end
    local high, low, close = ta.highest(bars.high, 24 + shift)[1], ta.lowest(bars.low, 24 + shift)[1], bars.close[1]
    local support = 2 * (high + low + close) / 3 - high
    return ta.divergence(bars.close, rsi) == "bullish" or math.abs(m.close[0] / support - 1) < 0.005
  end,
}
