--- What the traders of lua/traders and spec/lua/traders mean, said again without their code.
-- Of each: when its filter runs and fires, how many bars of each interval it must have seen, and whether it matches,
-- given `at[interval]`: a chart with `now`, the index of the newest bar, and indicators by name. `id` where it differs
-- from the name of the file, `excludes` for symbols that it does not look at.
local indicators = require "spec.lua.oracle_indicators"
local depth, crosses_above, crosses_below = indicators.depth, indicators.crosses_above, indicators.crosses_below

local MINUTE = 60000

local M = {}

M.rsi_oversold_bounce = {
  interval = "1m", depth = {["1m"] = depth.wilder(14)},
  matches = function(at)
    local m = at["1m"]
    local rsi = m:get("rsi", m.close, 14)
    return rsi[m.now] < 30 and rsi[m.now] > rsi[m.now - 1]
  end,
}

M.volume_spike = {
  interval = "1m", depth = {["1m"] = depth.window(20)},
  matches = function(at)
    local m = at["1m"]
    return m.volume[m.now] > 3 * m:get("sma", m.volume, 20)[m.now]
  end,
}

M.golden_cross = {
  interval = "15m", depth = {["15m"] = depth.window(200)},
  matches = function(at)
    local m = at["15m"]
    return crosses_above(m:get("sma", m.close, 50), m:get("sma", m.close, 200), m.now)
  end,
}

local function points_up(m) return m:get("rsi", m.close, 14)[m.now] > 50 and m:get("macd", m.close, 12, 26, 9).hist[m.now] > 0 end
local both = math.max(depth.wilder(14), depth.exponential(12, 26, 9))

M.momentum_alignment = {
  interval = "1m", depth = {["1m"] = both, ["5m"] = both, ["15m"] = both},
  matches = function(at) return points_up(at["1m"]) and points_up(at["5m"]) and points_up(at["15m"]) end,
}

M.fires_every_bar = {
  interval = "5m", fire = "every", depth = {["5m"] = depth.window(20)},
  matches = function(at)
    local m = at["5m"]
    return m.close[m.now] > m:get("sma", m.close, 20)[m.now] * 1.004
  end,
}

M.fires_every_seven = {
  interval = "1m", fire = 7, depth = {["1m"] = depth.wilder(14) + 5 - 1},
  matches = function(at)
    local m = at["1m"]
    return m:get("sma", m:get("rsi", m.close, 14), 5)[m.now] > 55
  end,
}

M.cools_down = {
  interval = "1m", cooldown = 10, depth = {["1m"] = depth.exponential(21)},
  matches = function(at)
    local m = at["1m"]
    return m.close[m.now] > m:get("ema", m.close, 21)[m.now]
  end,
}

M.breakout = {
  interval = "5m", fire = 3, cooldown = 5, depth = {["5m"] = 48},
  matches = function(at)
    local m = at["5m"]
    local up = m.close[m.now] > (m:get("highest", m.high, 48)[m.now - 1] or 0 / 0)
    local down = m.close[m.now] < (m:get("lowest", m.low, 48)[m.now - 1] or 0 / 0)
    return up or down
  end,
}

M.three_timeframes = {
  interval = "5m", depth = {["5m"] = depth.exponential(9, 21), ["15m"] = depth.wilder(14), ["1h"] = depth.window(24)},
  matches = function(at)
    local m, quarter, hour = at["5m"], at["15m"], at["1h"]
    return crosses_above(m:get("ema", m.close, 9), m:get("ema", m.close, 21), m.now)
      and (quarter:get("rsi", quarter.close, 14)[quarter.now] > 45)
      and hour.close[hour.now] > hour:get("sma", hour.close, 24)[hour.now]
  end,
}

M.below_the_band = {
  interval = "15m", depth = {["15m"] = depth.window(20)},
  matches = function(at)
    local m = at["15m"]
    return m.close[m.now] < m:get("bb", m.close, 20, 2).lower[m.now]
  end,
}

M.wide_range = {
  interval = "5m", fire = "every", cooldown = 2, depth = {["5m"] = depth.wilder(14)},
  matches = function(at)
    local m = at["5m"]
    return m.high[m.now] - m.low[m.now] > 2 * m:get("atr", 14)[m.now]
  end,
}

M.over_vwap = {
  interval = "5m", depth = {["5m"] = depth.day(5 * MINUTE)},
  matches = function(at)
    local m = at["5m"]
    return crosses_above(m.close, m:get("vwap"), m.now)
  end,
}

M.turns_down = {
  interval = "1h", depth = {["1h"] = depth.exponential(9, 21)},
  matches = function(at)
    local m = at["1h"]
    return crosses_below(m:get("ema", m.close, 9), m:get("ema", m.close, 21), m.now)
  end,
}

-- Uses its second indicator on rare bars only; it must have its depth all the same.
M.rarely_asks = {
  interval = "1m", depth = {["1m"] = depth.window(20), ["15m"] = depth.window(60)},
  matches = function(at)
    local m, quarter = at["1m"], at["15m"]
    return m.volume[m.now] > 2 * m:get("sma", m.volume, 20)[m.now]
      and quarter.close[quarter.now] < quarter:get("sma", quarter.close, 60)[quarter.now]
  end,
}

M.another_name = {
  id = "quick_ema", excludes = {LTCUSDT = true, S2USDT = true, ETHUSDT = true},
  interval = "5m", fire = "every", depth = {["5m"] = 30},
  matches = function(at)
    local m = at["5m"]
    return crosses_above(m.close, m:get("ema", m.close, 12), m.now)
  end,
}

-- The author's own series: from the oldest bar that there is, each value made of the one before.
local function trailing_stop(m)
  local stop, bars = {}, {}
  for i = 1, m.n do
    local close, before, last = m.close[i], m.close[i - 1], stop[i - 1]
    if not last then stop[i] = close * 0.99
    elseif close > last and before > last then stop[i] = math.max(last, close * 0.99)
    elseif close < last and before < last then stop[i] = math.min(last, close * 1.01)
    else stop[i] = close > last and close * 0.99 or close * 1.01 end
    bars[i] = last and close > last and 0 or (bars[i - 1] or 0) + 1
  end
  return {stop = stop, bars = bars}
end

M.trailing_stop = {
  interval = "5m", depth = {["5m"] = 250, ["1h"] = depth.window(12)},
  matches = function(at)
    local m, hour = at["5m"], at["1h"]
    m.own = m.own or trailing_stop(m)
    return crosses_above(m.close, m.own.stop, m.now) and m.own.bars[m.now - 1] >= 3
      and m.close[m.now] > hour:get("sma", hour.close, 12)[hour.now]
  end,
}

M.body_and_range = {
  interval = "5m", fire = "every", depth = {["5m"] = depth.window(30)},
  matches = function(at)
    local m, i = at["5m"], at["5m"].now
    if not m.range then
      m.range = {}
      for k = 1, m.n do m.range[k] = m.high[k] - m.low[k] end
    end
    return m.close[i] - m.open[i] > m:get("sma", m.range, 30)[i] * 1.5 and m.close[i - 1] > m.open[i - 1]
      and (m.high[i] + m.low[i]) / 2 / m.close[i] < 1
  end,
}

return M
