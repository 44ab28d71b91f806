-- StochRSI low on two timeframes, price above VWAP, volume above its average. K is unsmoothed.
local function stoch_rsi(bars)
  local rsi = ta.rsi(bars.close, 14)
  local top, bottom = ta.highest(rsi, 14)[0], ta.lowest(rsi, 14)[0]
  return 100 * (rsi[0] - bottom) / (top - bottom)
end

return trader {
  name = "Dual StochRSI with VWAP and volume",
  interval = "1m", timeframes = {"5m"}, warmup = 400,
  filter = function(m)
    return stoch_rsi(m) < 20 and stoch_rsi(m["5m"]) < 20 and m.close[0] > ta.vwap(m["5m"].hlc3)[0]
      and m.volume[0] > ta.sma(m.volume, 20)[0]
  end,
}
