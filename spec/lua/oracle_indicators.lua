--- Indicators from their definitions, each over a whole chart at once, the slow way: no rolling sums, no states.
-- A chart is {n, time, open, high, low, close, volume} with arrays 1..n, oldest first, and `step`, its interval in ms.
-- Every function gives an array 1..n; NaN where the value is not defined.
--
-- Prices and volumes are decimals of at most 8 places. Means of them are taken over whole numbers of 1e-8, so that two
-- means which are equal on paper are equal here.
local abs, floor, huge, max, min, sqrt = math.abs, math.floor, math.huge, math.max, math.min, math.sqrt

local M = {}

local NAN = 0 / 0
local UNIT = 1e8
local DAY = 86400000

local function is_nan(x) return x ~= x end

local function filled(n)
  local out = {}
  for i = 1, n do out[i] = NAN end
  return out
end

-- Sum of x[from..to]: exact for decimals; for anything else Neumaier's, which is as good as exact.
local function sum_of(x, from, to)
  local units, sum, lost, is_decimal = 0, 0, 0, true
  for i = from, to do
    local value = x[i]
    local unit = floor(value * UNIT + 0.5)
    is_decimal = is_decimal and unit / UNIT == value
    units = units + unit
    local next_sum = sum + value
    if abs(sum) >= abs(value) then lost = lost + ((sum - next_sum) + value) else lost = lost + ((value - next_sum) + sum) end
    sum = next_sum
  end
  if is_decimal and units < 2 ^ 53 then return units, UNIT end
  return sum + lost, 1
end

local function has_nan(x, from, to)
  for i = from, to do if is_nan(x[i]) then return true end end
  return false
end

function M.sma(chart, x, length)
  local out = filled(chart.n)
  for i = length, chart.n do
    if not has_nan(x, i - length + 1, i) then
      local sum, unit = sum_of(x, i - length + 1, i)
      out[i] = sum / (length * unit)
    end
  end
  return out
end

-- From the first defined value: the mean of `length` of them, then value + weight of the new one.
local function smoothed(n, x, length, step)
  local out, seed, value, before = filled(n), {}, nil, nil
  for i = 1, n do
    if not is_nan(x[i]) then
      if value then
        value = step(value, x[i], before)
      else
        seed[#seed + 1] = x[i]
        if #seed == length then
          local sum, unit = sum_of(seed, 1, length)
          value = sum / (length * unit)
        end
      end
      if value then out[i] = value end
      before = x[i]
    end
  end
  return out
end

-- Kept as the distance from the newest value: in a market that stands still the average comes to be the price, not one beside it.
function M.ema(chart, x, length)
  local past, distance = (length - 1) / (length + 1), nil
  return smoothed(chart.n, x, length, function(value, new, before)
    distance = past * ((distance or before - value) + (new - before))
    return new - distance
  end)
end

-- Wilder's own words: the old average times n - 1, plus the new value, over n.
function M.rma(chart, x, length)
  return smoothed(chart.n, x, length, function(value, new) return (value * (length - 1) + new) / length end)
end

-- A bar that closes where the last one did shrinks both averages by the same factor, hence leaves the RSI as it was.
function M.rsi(chart, x, length)
  local gains, losses = filled(chart.n), filled(chart.n)
  for i = 2, chart.n do gains[i], losses[i] = max(x[i] - x[i - 1], 0), max(x[i - 1] - x[i], 0) end
  local up, down = M.rma(chart, gains, length), M.rma(chart, losses, length)
  local out = filled(chart.n)
  for i = 1, chart.n do
    if i > 1 and not is_nan(out[i - 1]) and x[i] == x[i - 1] then out[i] = out[i - 1]
    elseif up[i] + down[i] > 0 then out[i] = 100 * up[i] / (up[i] + down[i]) end
  end
  return out
end

function M.macd(chart, x, fast, slow, signal)
  local a, b, line, hist = M.ema(chart, x, fast), M.ema(chart, x, slow), {}, {}
  for i = 1, chart.n do line[i] = a[i] - b[i] end
  local smooth = M.ema(chart, line, signal)
  for i = 1, chart.n do hist[i] = line[i] - smooth[i] end
  return {macd = line, signal = smooth, hist = hist}
end

function M.bb(chart, x, length, deviations)
  local basis = M.sma(chart, x, length)
  local upper, lower = filled(chart.n), filled(chart.n)
  for i = length, chart.n do
    local squares = 0
    for k = i - length + 1, i do squares = squares + (x[k] - basis[i]) ^ 2 end
    local deviation = sqrt(squares / length)
    if deviation < 1e-10 * abs(basis[i]) then deviation = 0 end
    upper[i], lower[i] = basis[i] + deviations * deviation, basis[i] - deviations * deviation
  end
  return {basis = basis, upper = upper, lower = lower}
end

function M.atr(chart, length)
  local range = {}
  for i = 1, chart.n do
    range[i] = chart.high[i] - chart.low[i]
    if i > 1 then range[i] = max(range[i], abs(chart.high[i] - chart.close[i - 1]), abs(chart.low[i] - chart.close[i - 1])) end
  end
  return M.rma(chart, range, length)
end

local function units(x) return floor(x * UNIT + 0.5) end

-- Wilder's directional movement: of two moves beyond the bar before only the larger counts, over the true range. Which one is
-- larger is decided on the decimals.
function M.adx(chart, length, smoothing)
  local n = chart.n
  local plus, minus, range, strength = filled(n), filled(n), filled(n), filled(n)
  for i = 2, n do
    local up, down = units(chart.high[i]) - units(chart.high[i - 1]), units(chart.low[i - 1]) - units(chart.low[i])
    plus[i], minus[i] = up > down and up > 0 and up / UNIT or 0, down > up and down > 0 and down / UNIT or 0
    range[i] = max(chart.high[i] - chart.low[i], abs(chart.high[i] - chart.close[i - 1]), abs(chart.low[i] - chart.close[i - 1]))
  end
  local p, q, r = M.rma(chart, plus, length), M.rma(chart, minus, length), M.rma(chart, range, length)
  for i = 1, n do
    local a, b = 100 * p[i] / r[i], 100 * q[i] / r[i]
    strength[i] = a + b == 0 and 0 or abs(a - b) / (a + b)
  end
  local out = M.rma(chart, strength, smoothing)
  for i = 1, n do out[i] = 100 * out[i] end
  return out
end

-- Where x stands between the lowest low and the highest high.
function M.stoch(chart, x, length)
  local high, low, out = M.highest(chart, chart.high, length), M.lowest(chart, chart.low, length), filled(chart.n)
  for i = length, chart.n do
    if high[i] > low[i] then out[i] = 100 * (x[i] - low[i]) / (high[i] - low[i]) end
  end
  return out
end

local function extreme(chart, x, length, pick, worst)
  local out = filled(chart.n)
  for i = length, chart.n do
    local best = worst
    for k = i - length + 1, i do best = pick(best, x[k]) end
    out[i] = best
  end
  return out
end

function M.highest(chart, x, length) return extreme(chart, x, length, max, -huge) end
function M.lowest(chart, x, length) return extreme(chart, x, length, min, huge) end

-- Of the day's bars so far; a day whose first bars the chart does not have has no value. Summed as distances from the day's
-- first price, so that a day of one price has just that one.
function M.vwap(chart)
  local out = filled(chart.n)
  local is_whole = chart.n > 0 and chart.time[1] % DAY == 0
  local day, first, traded, volume = nil, 0, 0, 0
  for i = 1, chart.n do
    local today, price = floor(chart.time[i] / DAY), (chart.high[i] + chart.low[i] + chart.close[i]) / 3
    if today ~= day then
      is_whole = is_whole or day ~= nil
      day, first, traded, volume = today, price, 0, 0
    end
    traded = traded + (price - first) * chart.volume[i]
    volume = volume + chart.volume[i]
    if is_whole and volume > 0 then out[i] = first + traded / volume end
  end
  return out
end

--- Whether `a` has come to be above `b` (array or number) at bar i: it is now, and was not when both last had a value.
function M.crosses_above(a, b, i)
  local function at(x, k) if type(x) == "number" then return x end return x[k] end
  if not (at(a, i) > at(b, i)) then return false end
  for k = i - 1, 1, -1 do
    local x, y = at(a, k), at(b, k)
    if not is_nan(x) and not is_nan(y) then return x <= y end
  end
  return false
end

function M.crosses_below(a, b, i) return M.crosses_above(b, a, i) end

-- Bars that must have been seen before a value counts.
M.depth = {
  window = function(length) return length end,
  exponential = function(...) return max(250, 10 * max(...)) end,
  wilder = function(length) return max(250, 25 * length) end,
  day = function(step) return DAY / step end,
}

return M
