-- Break of structure: swing highs and lows rise, and the close passes the last swing high.
local shift = input.int("shift", 0, {min = 0, max = 4, help = "added to its lengths: one trader in five variants"})

return trader {
  name = "Market structure break",
  interval = "1m", timeframes = {"5m"}, warmup = 400,
  filter = function(m)
    local bars = m["5m"]
    local swings = bars.ta.swings({left = 5 + shift, right = 5, n = 2})
    local highs, lows = swings.highs, swings.lows
    if #highs < 2 or #lows < 2 then return false end
    return highs[1].price > highs[2].price and lows[1].price > lows[2].price and bars.close[0] > highs[1].price
      and ta.sma(bars.volume, 5 + shift)[0] > 1.5 * ta.sma(bars.volume, 20 + shift)[0]
  end,
}
