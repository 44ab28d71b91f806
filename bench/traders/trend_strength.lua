-- A strong trend on the hour: ADX and a stack of EMAs, confirmed on the minute.
local shift = input.int("shift", 0, {min = 0, max = 4, help = "added to its lengths: one trader in five variants"})

return trader {
  name = "Trend strength with EMA stack",
  interval = "1m", timeframes = {"1h"}, warmup = 400,
  filter = function(m)
    local hour = m["1h"]
    local e1, e2, e3 = ta.ema(hour.close, 10 + shift)[0], ta.ema(hour.close, 20 + shift)[0], ta.ema(hour.close, 50 + shift)[0]
    return hour.ta.dmi(14 + shift, 14 + shift).adx[0] > 25 and e1 > e2 and e2 > e3 and m.close[0] > ta.ema(m.close, 20 + shift)[0]
  end,
}
