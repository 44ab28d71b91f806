--- What the traders of docs/examples mean, said again without their code, as in oracle_traders.lua. A chart "BTCUSDT/1h" is
-- that of a reference.
local indicators = require "spec.lua.oracle_indicators"
local depth, crosses_above, crosses_below = indicators.depth, indicators.crosses_above, indicators.crosses_below

local M = {}

-- ---- UT Bot ----

-- The stop from the first bar that has an ATR on.
local function trailing_stop(m, key, period)
  local atr, stop = m:get("atr", period), {}
  for i = 1, m.n do
    local distance, close, last = key * atr[i], m.close[i], stop[i - 1]
    if not last then
      if atr[i] == atr[i] then stop[i] = close - distance end
    else
      local is_above, was_above = close > last, m.close[i - 1] > last
      local is_below, was_below = close < last, m.close[i - 1] < last
      if is_above then stop[i] = was_above and math.max(last, close - distance) or close - distance
      else stop[i] = is_below and was_below and math.min(last, close + distance) or close + distance end
    end
  end
  for i = 1, m.n do stop[i] = stop[i] or 0 / 0 end
  return stop
end

M.ut_bot = {
  interval = "5m", fire = "every", depth = {["5m"] = 250},
  matches = function(at)
    local m = at["5m"]
    m.ut_stop = m.ut_stop or trailing_stop(m, 1, 10)
    return crosses_above(m.close, m.ut_stop, m.now) or crosses_below(m.close, m.ut_stop, m.now)
  end,
}

-- ---- squeeze momentum ----

-- Where a straight line through the last `length` values, by least squares, ends.
local function end_of_line(values, i, length)
  local n, sx, sy, sxx, sxy = length, 0, 0, 0, 0
  for k = 1, n do
    local x, y = k, values[i - n + k] or 0 / 0
    sx, sy, sxx, sxy = sx + x, sy + y, sxx + x * x, sxy + x * y
  end
  local slope = (n * sxy - sx * sy) / (n * sxx - sx * sx)
  return (sy - slope * sx) / n + slope * n
end

local function squeeze(m)
  local band, average, range = m:get("bb", m.close, 20, 2), m:get("sma", m.close, 20), {}
  local high, low = m:get("highest", m.high, 20), m:get("lowest", m.low, 20)
  local is_squeezed, away, momentum = {}, {}, {}
  for i = 1, m.n do
    range[i] = m.high[i] - m.low[i]
    if i > 1 then range[i] = math.max(range[i], math.abs(m.high[i] - m.close[i - 1]), math.abs(m.low[i] - m.close[i - 1])) end
  end
  local mean_range = indicators.sma(m, range, 20)
  for i = 1, m.n do
    is_squeezed[i] = band.lower[i] > average[i] - 1.5 * mean_range[i] and band.upper[i] < average[i] + 1.5 * mean_range[i]
    away[i] = m.close[i] - ((high[i] + low[i]) / 2 + average[i]) / 2
    momentum[i] = end_of_line(away, i, 20)
  end
  return {is_squeezed = is_squeezed, momentum = momentum}
end

M.squeeze_momentum = {
  interval = "15m", depth = {["15m"] = depth.window(20) + 20 - 1},
  matches = function(at)
    local m = at["15m"]
    m.squeeze = m.squeeze or squeeze(m)
    local was, is, value = m.squeeze.is_squeezed[m.now - 1], m.squeeze.is_squeezed[m.now], m.squeeze.momentum
    return was and not is and value[m.now] > 0 and value[m.now] > value[m.now - 1]
  end,
}

-- ---- WaveTrend ----

local function wave_trend(m)
  local typical, away, index = {}, {}, {}
  for i = 1, m.n do typical[i] = (m.high[i] + m.low[i] + m.close[i]) / 3 end
  local average = indicators.ema(m, typical, 10)
  for i = 1, m.n do away[i] = math.abs(typical[i] - average[i]) end
  local usual = indicators.ema(m, away, 10)
  for i = 1, m.n do
    index[i] = (typical[i] - average[i]) / (0.015 * usual[i])
    if index[i] - index[i] ~= 0 then index[i] = 0 / 0 end
  end
  local wave = indicators.ema(m, index, 21)
  return {wave = wave, signal = indicators.sma(m, wave, 4)}
end

M.wave_trend = {
  interval = "5m", depth = {["5m"] = 250 + 249 + 249 + 3},
  matches = function(at)
    local m = at["5m"]
    m.wave_trend = m.wave_trend or wave_trend(m)
    return crosses_above(m.wave_trend.wave, m.wave_trend.signal, m.now) and m.wave_trend.wave[m.now] < -53
  end,
}

-- ---- Supertrend ----

-- true where it is up. Bands around the middle of the bar; each gives way only in its own direction, until the close before
-- has passed it.
local function supertrend(m)
  local atr, is_up, upper, lower = m:get("atr", 10), {}, nil, nil
  for i = 1, m.n do
    if atr[i] == atr[i] then
      local middle, before = (m.high[i] + m.low[i]) / 2, m.close[i - 1]
      local new_upper, new_lower = middle + 3 * atr[i], middle - 3 * atr[i]
      if not upper then
        is_up[i] = false
      else
        if new_upper > upper and before <= upper then new_upper = upper end
        if new_lower < lower and before >= lower then new_lower = lower end
        if is_up[i - 1] then is_up[i] = m.close[i] >= new_lower else is_up[i] = m.close[i] > new_upper end
      end
      upper, lower = new_upper, new_lower
    end
  end
  return is_up
end

M.supertrend_hourly = {
  interval = "5m", depth = {["5m"] = depth.wilder(10), ["1h"] = depth.wilder(10)},
  matches = function(at)
    local m, hour = at["5m"], at["1h"]
    m.supertrend, hour.supertrend = m.supertrend or supertrend(m), hour.supertrend or supertrend(hour)
    return m.supertrend[m.now] == true and m.supertrend[m.now - 1] == false and hour.supertrend[hour.now] == true
  end,
}

-- ---- breakout, then pullback ----

M.breakout_pullback = {
  interval = "5m", depth = {["5m"] = 250 + 249},
  matches = function(at)
    local m = at["5m"]
    local high = m:get("highest", m.high, 20)
    if m.close[m.now] > high[m.now - 1] then return false end -- a breakout itself
    for i = m.now - 1, m.now - 10, -1 do
      if m.close[i] > high[i - 1] then return m.low[m.now] <= high[i - 1] and m.close[m.now] > high[i - 1] end
    end
    return false
  end,
}

-- ---- BTC regime filter ----

-- The intervals of the trader are waited for, of its reference as well as its own, whether it reads them or not.
M.btc_regime = {
  interval = "15m", excludes = {BTCUSDT = true},
  depth = {["15m"] = depth.exponential(50), ["1h"] = 0, ["BTCUSDT/15m"] = 0, ["BTCUSDT/1h"] = depth.exponential(200)},
  matches = function(at)
    local m, hour = at["15m"], at["BTCUSDT/1h"]
    local average = hour:get("ema", hour.close, 200)
    local is_up = hour.close[hour.now] > average[hour.now] and average[hour.now] > average[hour.now - 1]
    return is_up and crosses_above(m:get("ema", m.close, 20), m:get("ema", m.close, 50), m.now)
  end,
}

return M
