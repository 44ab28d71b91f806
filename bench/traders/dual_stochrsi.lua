-- StochRSI low and rising on two timeframes, price above VWAP, volume above its average.
local shift = input.int("shift", 0, {min = 0, max = 4, help = "added to its lengths: one trader in five variants"})

local function is_low(bars)
  local k = ta.stochrsi(bars.close, 14 + shift, 14 + shift, 3, 3).k
  return k[0] < 30 and k[0] > k[1]
end

return trader {
  name = "Dual StochRSI with VWAP and volume",
  interval = "1m", timeframes = {"5m"}, warmup = 400,
  filter = function(m)
    return is_low(m) and is_low(m["5m"]) and m.close[0] > ta.vwap(m["5m"].hlc3)[0] and m.volume[0] > ta.sma(m.volume, 20 + shift)[0]
  end,
}
