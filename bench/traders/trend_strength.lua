-- A strong trend on the hour: ADX and a stack of EMAs, confirmed on the minute.
return trader {
  name = "Trend strength with EMA stack",
  interval = "1m", timeframes = {"1h"}, warmup = 400,
  filter = function(m)
    local hour = m["1h"]
    local e1, e2, e3 = ta.ema(hour.close, 10)[0], ta.ema(hour.close, 20)[0], ta.ema(hour.close, 50)[0]
    return hour.ta.dmi(14, 14).adx[0] > 25 and e1 > e2 and e2 > e3 and m.close[0] > ta.ema(m.close, 20)[0]
  end,
}
