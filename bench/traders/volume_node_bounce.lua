-- Bounce at the level where most was traded; the weekly VWAP stands for the high-volume node.
return trader {
  name = "High-volume level bounce",
  interval = "1m", timeframes = {"15m"}, warmup = 400,
  filter = function(m)
    local bars = m["15m"]
    local level = ta.vwap(bars.hlc3)[0]
    local near = math.abs(m.low[0] - level) < 0.5 * ta.atr(14)[0]
    return near and m.close[0] > level and m.volume[0] > ta.sma(m.volume, 30)[0]
  end,
}
