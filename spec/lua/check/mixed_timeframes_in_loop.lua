-- expect: mixed-timeframes 6:7
return trader {
  name = "A timeframe that only the run knows", interval = "5m", timeframes = {"1h"},
  filter = function(m)
    for _, name in ipairs {"1h"} do
      local difference = m.close - m[name].close
      if difference[0] > 0 then return true end
    end
    return false
  end,
}
