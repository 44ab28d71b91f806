-- StochRSI turns up from the floor with MACD rising and room by ATR. K is unsmoothed.
local function k(rsi, top, bottom, back)
  return (rsi[back] - bottom[back]) / (top[back] - bottom[back])
end

return trader {
  name = "StochRSI cross",
  interval = "1m", timeframes = {"5m"}, warmup = 400,
  filter = function(m)
    local rsi = ta.rsi(m.close, 14)
    local top, bottom = ta.highest(rsi, 14), ta.lowest(rsi, 14)
    local hist = ta.macd(m["5m"].close, 12, 26, 9).hist
    return k(rsi, top, bottom, 0) > 0.2 and k(rsi, top, bottom, 1) <= 0.2 and hist[0] > hist[1]
      and ta.atr(14)[0] / m.close[0] > 0.0005
  end,
}
