-- UT Bot: a trailing stop some ATRs away from the close. It follows while the close stays on its side, never back; when the
-- close passes it, it jumps to the other side, and that is the signal: long upwards, short downwards.
-- The stop at a bar is made of the stop at the bar before. In Pine that is a `var` with `:=`; here it is a series of the
-- trader's own, a function that is called once per closed bar with the value before, `prev` (NaN at first).
local key = input.float("key", 1, {min = 0.1, max = 20, help = "distance of the stop, in ATRs"})
local period = input.int("period", 10, {min = 1, max = 200, help = "length of the ATR, bars"})

return trader {
  name = "UT Bot",
  interval = "5m",
  fire = "every", -- long and short may follow each other without a bar between
  series = {
    stop = function(m, prev)
      local close, before, distance = m.close[0], m.close[1], key * ta.atr(period)[0]
      if na(prev) then return close - distance end
      if close > prev and before > prev then return math.max(prev, close - distance) end
      if close < prev and before < prev then return math.min(prev, close + distance) end
      return close > prev and close - distance or close + distance
    end,
  },
  filter = function(m)
    local stop = m.my.stop
    if ta.crossover(m.close, stop) then return {match = true, side = "long", stop = stop[0]} end
    if ta.crossunder(m.close, stop) then return {match = true, side = "short", stop = stop[0]} end
    return false
  end,
  conditions = {"close passes its trailing stop"},
  plots = function(m) return {plot.line("stop", m.my.stop)} end,
}
