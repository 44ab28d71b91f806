return trader {
  name = "Crosses its own trailing stop, above the hour's average",
  interval = "5m",
  timeframes = {"1h"},
  series = {
    stop = function(m, prev)
      local close, before = m.close[0], m.close[1]
      if na(prev) then return close * 0.99 end
      if close > prev and before > prev then return math.max(prev, close * 0.99) end
      if close < prev and before < prev then return math.min(prev, close * 1.01) end
      return close > prev and close * 0.99 or close * 1.01
    end,
    bars = function(m, prev) -- since the close was last above the stop of the bar before
      if m.close[0] > m.my.stop[0] then return 0 end
      return nz(prev) + 1
    end,
  },
  conditions = {
    {"close crosses above its stop", function(m) return ta.crossover(m.close, m.my.stop) end},
    {"it was below for three bars", function(m) return m.my.bars[1] >= 3 end},
    {"above the average of the hours", function(m) return m.close[0] > m:align(ta.sma(m["1h"].close, 12))[0] end},
  },
}
