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

local macd_depth = depth.exponential(12, 26, 9)

local function points_up(m) return m:get("rsi", m.close, 14)[m.now] > 50 and m:get("macd", m.close, 12, 26, 9).hist[m.now] > 0 end
local function rises(x, i) return x[i] > x[i - 1] end
local both = math.max(depth.wilder(14), macd_depth)

M.momentum_alignment = {
  interval = "1m", depth = {["1m"] = both, ["5m"] = both, ["15m"] = both},
  matches = function(at)
    local m = at["1m"]
    return points_up(m) and points_up(at["5m"]) and points_up(at["15m"]) and rises(m:get("rsi", m.close, 14), m.now)
  end,
}

-- Lows of the close over three bars, of which the last is the newest at most: its middle, from the newest back.
M.macd_bullish_divergence = {
  interval = "5m", depth = {["5m"] = 320},
  matches = function(at)
    local m, lows = at["5m"], {}
    for middle = m.now - 1, m.now - 60, -1 do
      local is_low = m.close[middle] == math.min(m.close[middle - 1], m.close[middle], m.close[middle + 1])
      if is_low and m.close[middle - 1] ~= m.close[middle] and m.close[middle + 1] ~= m.close[middle] then lows[#lows + 1] = middle end
    end
    if #lows < 2 then return false end
    local hist = m:get("macd", m.close, 12, 26, 9).hist
    return m.close[lows[1]] < m.close[lows[2]] and hist[lows[1]] > hist[lows[2]]
  end,
}

M.bollinger_squeeze_exit = {
  interval = "5m", depth = {["5m"] = depth.window(20)},
  matches = function(at)
    local m = at["5m"]
    local band, price = m:get("bb", m.close, 20, 2), m.close[m.now]
    local function share(i) return ((band.upper[i] or 0 / 0) - (band.lower[i] or 0 / 0)) / (band.basis[i] or 0 / 0) end
    if not (share(m.now - 5) < 0.05) or not (share(m.now) >= 0.05) then return false end
    return price > band.upper[m.now] or price < band.lower[m.now]
  end,
}

-- Whether `price` is within `pct` per cent of `level`.
local function is_within(pct, price, level) return math.abs(price - level) / level < pct / 100 end
local function is_above_usual(m, times) return m.volume[m.now] > times * m:get("sma", m.volume, 20)[m.now] end

M.quick_scalp = {
  interval = "1m", depth = {["1m"] = math.max(depth.day(MINUTE), depth.wilder(14))},
  matches = function(at)
    local m = at["1m"]
    return is_within(0.1, m.close[m.now], m:get("vwap")[m.now]) and m:get("rsi", m.close, 14)[m.now] < 35 and is_above_usual(m, 2)
  end,
}

M.five_minute_momentum = {
  interval = "5m", depth = {["5m"] = math.max(depth.day(5 * MINUTE), macd_depth)},
  matches = function(at)
    local m = at["5m"]
    return crosses_above(m:get("ema", m.close, 9), m:get("ema", m.close, 21), m.now) and m:get("macd", m.close, 12, 26, 9).hist[m.now] > 0
      and is_above_usual(m, 1.5) and m.close[m.now] > m:get("vwap")[m.now]
  end,
}

M.fifteen_minute_reversal = {
  interval = "15m", depth = {["15m"] = depth.wilder(14)},
  matches = function(at)
    local m = at["15m"]
    local high, low, close = -math.huge, math.huge, m.close[m.now]
    for i = m.now - 23, m.now do high, low = math.max(high, m.high[i]), math.min(low, m.low[i]) end
    local pivot = (high + low + close) / 3
    return m:get("rsi", m.close, 14)[m.now] < 30 and m:get("stoch", m.close, 14)[m.now] < 20 and is_within(0.5, close, 2 * pivot - high)
  end,
}

M.breakout_scalp = {
  interval = "5m", depth = {["5m"] = depth.wilder(14)},
  matches = function(at)
    local m = at["5m"]
    local high = -math.huge
    for i = m.now - 6, m.now - 1 do high = math.max(high, m.high[i]) end
    local adx = m:get("adx", 14, 14)
    return m.close[m.now] > 1.001 * high and is_above_usual(m, 3) and adx[m.now] > 25 and rises(adx, m.now)
  end,
}

M.bull_flag_micro = {
  interval = "1m", depth = {["1m"] = both},
  matches = function(at)
    local m = at["1m"]
    local top, bottom = -math.huge, math.huge
    for back = 0, 4 do top, bottom = math.max(top, m.close[m.now - back]), math.min(bottom, m.close[m.now - 5 - back]) end
    local rsi, macd = m:get("rsi", m.close, 14)[m.now], m:get("macd", m.close, 12, 26, 9)
    return (top - bottom) / bottom > 0.005 and m.volume[m.now - 2] > m.volume[m.now - 1] and m.volume[m.now - 1] > m.volume[m.now]
      and rsi >= 50 and rsi <= 65 and macd.macd[m.now] > macd.signal[m.now]
  end,
}

-- The newest two swing points, newest first: bars beyond the five before them, and not short of one of the five after; of
-- the last 120 bars.
local function swings(x, now, is_beyond)
  local found = {}
  for i = now - 5, now - 114, -1 do
    local stands_out = true
    for k = 1, 5 do stands_out = stands_out and is_beyond(x[i], x[i - k]) and not is_beyond(x[i + k], x[i]) end
    if stands_out then found[#found + 1] = x[i] end
  end
  return found[1], found[2]
end

M.structure_break = {
  interval = "5m", depth = {["5m"] = 120},
  matches = function(at)
    local m = at["5m"]
    local high, high_before = swings(m.high, m.now, function(a, b) return a > b end)
    local low, low_before = swings(m.low, m.now, function(a, b) return a < b end)
    if not high_before or not low_before then return false end
    return high > high_before and low > low_before and m.close[m.now] > high
      and m:get("sma", m.volume, 5)[m.now] > 1.5 * m:get("sma", m.volume, 20)[m.now]
  end,
}

M.hourly_swing = {
  interval = "1h", depth = {["1h"] = macd_depth},
  matches = function(at)
    local m = at["1h"]
    local newer, older = math.huge, math.huge
    for back = 0, 4 do newer, older = math.min(newer, m.low[m.now - back]), math.min(older, m.low[m.now - 10 - back]) end
    local macd = m:get("macd", m.close, 12, 26, 9)
    return newer > older and is_within(0.5, m.close[m.now], m:get("sma", m.close, 20)[m.now]) and macd.macd[m.now] > macd.signal[m.now]
      and rises(m:get("sma", m.close, 50), m.now)
  end,
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
