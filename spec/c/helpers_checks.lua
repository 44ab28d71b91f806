-- Each helper against a plain computation over the bars, oldest first, written from what the helper is said to give. A trader:
-- spec/c/helpers_test.c runs it in the real sandbox, a check at a time, on many markets, at many bars, most of them in a warm-up.
local which = input.string("check", "all")

local MILLISECONDS = {["5m"] = 300000, ["1h"] = 3600000}
local DAY = 86400000

-- ---- the bars as lists ----

local function lists_of(m, interval)
  local k = interval == m.interval and m or m[interval]
  local n, step = k.close:len(), MILLISECONDS[interval]
  local b = {n = n, k = k, time = {}}
  for _, field in ipairs {"open", "high", "low", "close", "volume", "taker_base"} do
    local s, list = k[field], {}
    for i = 1, n do list[i] = s[n - i] end
    b[field] = list
  end
  b.typical = {}
  local newest = math.floor(m.close_time / step) * step - step
  for i = 1, n do
    b.typical[i] = (b.high[i] + b.low[i] + b.close[i]) / 3
    b.time[i] = newest - (n - i) * step
  end
  return b
end

-- ---- comparisons ----

local function same(what, found, expected)
  if found == expected then return end
  if type(found) == "number" and type(expected) == "number" then
    if math.abs(found - expected) <= 1e-9 * math.max(1, math.abs(found), math.abs(expected)) then return end
    error(("%s is %.17g; expected %.17g"):format(what, found, expected), 0)
  end
  error(("%s is %s; expected %s"):format(what, tostring(found), tostring(expected)), 0)
end

-- A series beside a list: NaN where the list has nothing.
local function same_series(what, s, list, n)
  same(what .. ": length", s:len(), n)
  for i = 1, n do
    local found = s[n - i]
    if found ~= found then found = nil end
    same(("%s, bar %d of %d"):format(what, i, n), found, list[i])
  end
end

local function same_fields(what, found, expected, names)
  for name in names:gmatch "%S+" do same(what .. "." .. name, found[name], expected[name]) end
  for name in pairs(found) do same(what .. " has " .. name, names:find(name, 1, true) ~= nil, true) end
end

-- ---- plain computations: lists that have nothing where there is no value ----

local function mean(list, n, length)
  if n < length then return nil end
  local sum = 0
  for i = n - length + 1, n do
    if not list[i] then return nil end
    sum = sum + list[i]
  end
  return sum / length
end

local function means(list, n, length)
  local result = {}
  for i = 1, n do result[i] = mean(list, i, length) end
  return result
end

-- alpha times the new one and the rest of the old, from the mean of the first `length`.
local function smoothed(list, n, length, alpha)
  local result, seen, sum, value = {}, 0, 0, nil
  for i = 1, n do
    if list[i] then
      seen, sum = seen + 1, sum + list[i]
      if seen == length then value = sum / length elseif value then value = alpha * list[i] + (1 - alpha) * value end
      result[i] = value
    end
  end
  return result
end

local function ema(list, n, length) return smoothed(list, n, length, 2 / (length + 1)) end
local function rma(list, n, length) return smoothed(list, n, length, 1 / length) end

local function rsi(close, n, length)
  local result, gain, loss = {}, 0, 0
  for i = 2, n do
    local change = close[i] - close[i - 1]
    local up, down = math.max(change, 0), math.max(-change, 0)
    if i <= length + 1 then
      gain, loss = gain + up / length, loss + down / length
    else
      gain, loss = (gain * (length - 1) + up) / length, (loss * (length - 1) + down) / length
    end
    if i > length then
      if loss == 0 then result[i] = gain > 0 and 100 or 50 else result[i] = 100 - 100 / (1 + gain / loss) end
    end
  end
  return result
end

local function extremes(high, low, i, length)
  local top, bottom = -math.huge, math.huge
  for j = i - length + 1, i do
    if not high[j] then return nil end
    top, bottom = math.max(top, high[j]), math.min(bottom, low[j])
  end
  return top, bottom
end

local function stochastic(source, high, low, n, length)
  local result = {}
  for i = length, n do
    local top, bottom = extremes(high, low, i, length)
    if top then result[i] = top - bottom <= 1e-10 * top and 50 or 100 * (source[i] - bottom) / (top - bottom) end
  end
  return result
end

local function stoch_rsi(b, rsi_length, stoch_length, k_length, d_length)
  local r = rsi(b.close, b.n, rsi_length)
  local k = means(stochastic(r, r, r, b.n, stoch_length), b.n, k_length)
  return k, means(k, b.n, d_length)
end

local function macd(list, n, fast, slow, signal)
  local a, b, line, hist = ema(list, n, fast), ema(list, n, slow), {}, {}
  for i = 1, n do if a[i] and b[i] then line[i] = a[i] - b[i] end end
  local smooth = ema(line, n, signal)
  for i = 1, n do if smooth[i] then hist[i] = line[i] - smooth[i] end end
  return line, smooth, hist
end

local function adx(b, length)
  local plus, minus, range, dx = {}, {}, {}, {}
  for i = 2, b.n do
    local up, down = b.high[i] - b.high[i - 1], b.low[i - 1] - b.low[i]
    if math.abs(up - down) < 1e-10 then up, down = 0, 0 end -- prices are decimals: a tie on paper is a tie
    plus[i], minus[i] = up > down and up > 0 and up or 0, down > up and down > 0 and down or 0
    range[i] = math.max(b.high[i] - b.low[i], math.abs(b.high[i] - b.close[i - 1]), math.abs(b.low[i] - b.close[i - 1]))
  end
  local p, q, r = rma(plus, b.n, length), rma(minus, b.n, length), rma(range, b.n, length)
  for i = 1, b.n do
    if r[i] and r[i] > 1e-10 * b.close[i] then
      local a, c = p[i] / r[i], q[i] / r[i]
      dx[i] = 100 * math.abs(a - c) / (a + c == 0 and 1 or a + c)
    end
  end
  return rma(dx, b.n, length)[b.n] or b.n >= 2 * length and 0 or nil
end

local function divergence(x, y, n, lookback, separation)
  if n < math.max(lookback, 2 * separation + 2) then return nil end
  for _, sign in ipairs {1, -1} do
    for i = n - 1, n - lookback + 2, -1 do
      for j = i - separation, n - lookback + 2, -1 do
        local function turns(at) return y[at] and sign * x[at] < sign * x[at - 1] and sign * x[at] < sign * x[at + 1] end
        if turns(i) and turns(j) and sign * x[i] < sign * x[j] and sign * y[i] > sign * y[j] then
          return sign == 1 and "bullish_regular" or "bearish_regular"
        end
      end
    end
  end
end

-- vwap and volume-weighted deviation over the bars first..i; nil without volume.
local function vwap_over(b, first, i)
  local sum, volume, squares = 0, 0, 0
  for j = first, i do sum, volume = sum + b.typical[j] * b.volume[j], volume + b.volume[j] end
  if volume == 0 then return nil end
  local vwap = sum / volume
  for j = first, i do squares = squares + b.volume[j] * (b.typical[j] - vwap) ^ 2 end
  return vwap, math.sqrt(squares / volume)
end

-- Lists of both, since the day began, or over the last `anchor` bars.
local function vwaps(b, anchor)
  local vwap, deviation, first = {}, {}, nil
  for i = 1, b.n do
    if b.time[i] % DAY == 0 then first = i end
    local from = first
    if anchor then from = i >= anchor and i - anchor + 1 or nil end
    if from then vwap[i], deviation[i] = vwap_over(b, from, i) end
  end
  return vwap, deviation
end

local function bands(middle, width, n, by)
  local upper, lower = {}, {}
  for i = 1, n do
    if middle[i] then upper[i], lower[i] = middle[i] + by * width[i], middle[i] - by * width[i] end
  end
  return upper, lower
end

local function bollinger(b, length, by)
  local middle, width = means(b.close, b.n, length), {}
  for i = length, b.n do
    local sum = 0
    for j = i - length + 1, i do sum = sum + (b.close[j] - middle[i]) ^ 2 end
    width[i] = math.sqrt(sum / length)
  end
  local upper, lower = bands(middle, width, b.n, by)
  return upper, middle, lower
end

local function pvi(b, start)
  local result, value = {}, start
  for i = 1, b.n do
    if i > 1 and b.volume[i] > b.volume[i - 1] then value = value * (1 + (b.close[i] - b.close[i - 1]) / b.close[i - 1]) end
    result[i] = value
  end
  return result
end

-- Nothing on a market without a range: there is nothing to divide.
local function nodes(b, o)
  local from, bottom, top = math.max(1, b.n - o.lookback + 1), math.huge, -math.huge
  for i = from, b.n do bottom, top = math.min(bottom, b.low[i]), math.max(top, b.high[i]) end
  local size, volume, bought, sorted, most, result = (top - bottom) / o.bins, {}, {}, {}, 0, {}
  if size == 0 then return {} end
  for bin = 0, o.bins - 1 do volume[bin], bought[bin] = 0, 0 end
  for i = from, b.n do
    local first = math.min(math.floor((b.low[i] - bottom) / size), o.bins - 1)
    local last = math.min(math.floor((b.high[i] - bottom) / size), o.bins - 1)
    for bin = first, last do
      volume[bin] = volume[bin] + b.volume[i] / (last - first + 1)
      bought[bin] = bought[bin] + b.taker_base[i] / (last - first + 1)
    end
  end
  for bin = 0, o.bins - 1 do
    sorted[bin + 1] = volume[bin]
    most = math.max(most, volume[bin])
  end
  table.sort(sorted)
  for bin = 0, o.bins - 1 do
    local v, beside = volume[bin], math.max(volume[bin - 1] or 0, volume[bin + 1] or 0)
    if v >= sorted[math.floor(o.threshold / 100 * o.bins) + 1] and v > beside * (1 + o.peakTolerance) and v / most * 100 >= o.minStrength then
      local low = bottom + bin * size
      result[#result + 1] = {price = low + size / 2, volume = v, buyVolume = bought[bin], sellVolume = v - bought[bin], strength = v / most * 100,
        low = low, high = low + size}
    end
  end
  table.sort(result, function(x, y) return x.strength > y.strength end)
  return result
end

-- ---- the checks ----

local checks = {}

local PERIODS = {1, 2, 5, 14, 20, 50, 200}
local RSI_PERIODS = {2, 5, 14, 20, 50, 200} -- of one bar that has not moved, an RSI is what one takes it to be

function checks.calculateMA(b)
  for _, p in ipairs(PERIODS) do same("calculateMA " .. p, helpers.calculateMA(b.k, p), mean(b.close, b.n, p)) end
  same("calculateMA 0", helpers.calculateMA(b.k, 0), nil)
  same("calculateMA -3", helpers.calculateMA(b.k, -3), nil)
end

function checks.calculateMASeries(b)
  for _, p in ipairs(PERIODS) do same_series("calculateMASeries " .. p, helpers.calculateMASeries(b.k, p), means(b.close, b.n, p), b.n) end
end

function checks.calculateSMA(b)
  for _, p in ipairs(PERIODS) do
    same("calculateSMA of a series, " .. p, helpers.calculateSMA(b.k.volume, p), mean(b.volume, b.n, p))
    same("calculateSMA of a list, " .. p, helpers.calculateSMA(b.volume, p), mean(b.volume, b.n, p))
  end
  same("calculateSMA of nothing", helpers.calculateSMA({}, 1), nil)
  same("calculateSMA of NaN", helpers.calculateSMA({1, 0 / 0, 3}, 2), nil)
  same("calculateSMA behind NaN", helpers.calculateSMA({0 / 0, 2, 3}, 2), 2.5)
end

function checks.calculateAvgVolume(b)
  for _, p in ipairs(PERIODS) do same("calculateAvgVolume " .. p, helpers.calculateAvgVolume(b.k, p), mean(b.volume, b.n, p)) end
end

function checks.calculateRSI(b)
  for _, p in ipairs(RSI_PERIODS) do
    local found = helpers.calculateRSI(b.k, p)
    if b.n <= p then same("calculateRSI " .. p, found, nil) else same_series("calculateRSI " .. p, found, rsi(b.close, b.n, p), b.n) end
  end
  same("calculateRSI without a period", helpers.calculateRSI(b.k) == nil, b.n < 15)
end

function checks.getLatestRSI(b)
  for _, p in ipairs(RSI_PERIODS) do same("getLatestRSI " .. p, helpers.getLatestRSI(b.k, p), rsi(b.close, b.n, p)[b.n]) end
  same("getLatestRSI without a period", helpers.getLatestRSI(b.k), rsi(b.close, b.n, 14)[b.n])
end

function checks.detectGenericDivergence(b)
  local other = rsi(b.close, b.n, 5)
  local filled = {}
  for i = 1, b.n do filled[i] = other[i] or 0 / 0 end
  for _, p in ipairs {{30, 5}, {60, 1}, {12, 5}, {12, 8}, {8, 3}} do
    local expected = divergence(b.close, other, b.n, p[1], p[2])
    local what = ("detectGenericDivergence %d %d"):format(p[1], p[2])
    same(what .. " of lists", helpers.detectGenericDivergence(b.close, filled, p[1], p[2]), expected)
    local line = helpers.calculateRSI(b.k, 5)
    if line then
      same(what .. " of series", helpers.detectGenericDivergence(b.k.close, line, p[1], p[2]), expected)
      same(what .. " of a series and a list", helpers.detectGenericDivergence(b.k.close, filled, p[1], p[2]), expected)
    end
    -- Turned round, bullish becomes bearish: so both are met with.
    local mirror, mirrored, mirrored_filled = {}, {}, {}
    for i = 1, b.n do mirror[i], mirrored[i], mirrored_filled[i] = -b.close[i], other[i] and -other[i], -filled[i] end
    same(what .. " mirrored", helpers.detectGenericDivergence(mirror, mirrored_filled, p[1], p[2]), divergence(mirror, mirrored, b.n, p[1], p[2]))
  end
  same("of other lengths", helpers.detectGenericDivergence({1, 2, 3, 4}, {1, 2, 3}, 3, 1), nil)
  same("bullish", helpers.detectGenericDivergence({9, 5, 9, 4, 9}, {9, 1, 9, 2, 9}, 5, 1), "bullish_regular")
  same("bearish", helpers.detectGenericDivergence({1, 5, 1, 6, 1}, {1, 7, 1, 6, 1}, 5, 1), "bearish_regular")
  same("bullish before bearish", helpers.detectGenericDivergence({9, 5, 9, 4, 10, 9}, {9, 1, 9, 2, 8, 9}, 6, 2), "bullish_regular")
  same("too near", helpers.detectGenericDivergence({9, 9, 9, 5, 9, 4, 9, 9}, {9, 9, 9, 1, 9, 2, 9, 9}, 8, 3), nil)
  same("outside", helpers.detectGenericDivergence({9, 5, 9, 4, 9, 9}, {9, 1, 9, 2, 9, 9}, 4, 1), nil)
  same("a tie is no low", helpers.detectGenericDivergence({9, 5, 9, 4, 4, 9}, {9, 1, 9, 2, 2, 9}, 6, 1), nil)
end

function checks.detectRSIDivergence(b)
  for _, p in ipairs {{14, 30, 5}, {3, 60, 2}, {5, 20, 3}, {2, 12, 1}} do
    local expected = b.n > p[1] and divergence(b.close, rsi(b.close, b.n, p[1]), b.n, p[2], p[3]) or nil
    same("detectRSIDivergence " .. p[1], helpers.detectRSIDivergence(b.k, p[1], p[2], p[3]), expected)
  end
  local expected = divergence(b.close, rsi(b.close, b.n, 14), b.n, 30, 5)
  same("detectRSIDivergence without more", helpers.detectRSIDivergence(b.k), expected)
end

local STOCH_RSI = {{14, 14, 3, 3}, {7, 5, 1, 1}, {5, 20, 4, 2}}

function checks.calculateStochRSI(b)
  for _, p in ipairs(STOCH_RSI) do
    local found, k, d = helpers.calculateStochRSI(b.k, unpack(p)), stoch_rsi(b, unpack(p))
    if b.n < p[1] + p[2] + p[3] - 1 then
      same("calculateStochRSI", found, nil)
    else
      same_series("calculateStochRSI k", found.k, k, b.n)
      same_series("calculateStochRSI d", found.d, d, b.n)
    end
  end
  same("calculateStochRSI without periods", helpers.calculateStochRSI(b.k) == nil, b.n < 30)
end

function checks.getLatestStochRSI(b)
  for i, p in ipairs(STOCH_RSI) do
    local found, k, d = helpers.getLatestStochRSI(b.k, unpack(p)), stoch_rsi(b, unpack(p))
    if i == 1 then found = helpers.getLatestStochRSI(b.k) end
    if d[b.n] then same_fields("getLatestStochRSI", found, {k = k[b.n], d = d[b.n]}, "k d") else same("getLatestStochRSI", found, nil) end
  end
end

function checks.calculateEMASeries(b)
  for _, p in ipairs(PERIODS) do same_series("calculateEMASeries " .. p, helpers.calculateEMASeries(b.k, p), ema(b.close, b.n, p), b.n) end
end

function checks.getLatestEMA(b)
  for _, p in ipairs(PERIODS) do same("getLatestEMA " .. p, helpers.getLatestEMA(b.k, p), ema(b.close, b.n, p)[b.n]) end
end

function checks.calculateEMA(b)
  for _, p in ipairs(PERIODS) do
    same("calculateEMA of a series, " .. p, helpers.calculateEMA(b.k.high, p), ema(b.high, b.n, p)[b.n])
    same("calculateEMA of a list, " .. p, helpers.calculateEMA(b.high, p), ema(b.high, b.n, p)[b.n])
  end
  same("calculateEMA of 1, 2, 6", helpers.calculateEMA({1, 2, 6}, 2), 1.5 + 2 / 3 * 4.5)
  same("calculateEMA of NaN", helpers.calculateEMA({1, 0 / 0, 3}, 2), nil)
end

local MACDS = {{12, 26, 9}, {3, 7, 4}, {8, 5, 2}}

function checks.calculateMACDValues(b)
  for i, p in ipairs(MACDS) do
    local found = helpers.calculateMACDValues(b.k, unpack(p))
    if i == 1 then found = helpers.calculateMACDValues(b.k) end
    local line, signal, hist = macd(b.close, b.n, unpack(p))
    same_series("calculateMACDValues line", found.macdLine, line, b.n)
    same_series("calculateMACDValues signal", found.signalLine, signal, b.n)
    same_series("calculateMACDValues histogram", found.histogram, hist, b.n)
  end
end

function checks.getLatestMACD(b)
  for i, p in ipairs(MACDS) do
    local found = helpers.getLatestMACD(b.k, unpack(p))
    if i == 1 then found = helpers.getLatestMACD(b.k) end
    local line, signal, hist = macd(b.close, b.n, unpack(p))
    same_fields("getLatestMACD", found, {macd = line[b.n], signal = signal[b.n], histogram = hist[b.n]}, "macd signal histogram")
  end
end

function checks.calculateMACD(b)
  for i, p in ipairs(MACDS) do
    local line, signal, hist = macd(b.close, b.n, unpack(p))
    local expected = {MACD = line[b.n], signal = signal[b.n], histogram = hist[b.n]}
    same_fields("calculateMACD of a list", helpers.calculateMACD(b.close, unpack(p)), expected, "MACD signal histogram")
    same_fields("calculateMACD of a series", helpers.calculateMACD(b.k.close, unpack(p)), expected, "MACD signal histogram")
    if i == 1 then same_fields("calculateMACD without periods", helpers.calculateMACD(b.close), expected, "MACD signal histogram") end
  end
end

function checks.calculateADX(b)
  for _, p in ipairs {2, 5, 14} do same("calculateADX " .. p, helpers.calculateADX(b.k, p), adx(b, p)) end
  same("calculateADX without a period", helpers.calculateADX(b.k), adx(b, 14))
end

function checks.calculateStochastic(b)
  for i, p in ipairs {{14, 3, 3}, {5, 1, 1}, {20, 4, 2}, {3, 2, 6}} do
    local found = helpers.calculateStochastic(b.k, unpack(p))
    if i == 1 then found = helpers.calculateStochastic(b.k) end
    local k = means(stochastic(b.close, b.high, b.low, b.n, p[1]), b.n, p[3])
    same_fields("calculateStochastic", found, {k = k[b.n], d = means(k, b.n, p[2])[b.n]}, "k d")
  end
end

function checks.getHighestHigh(b)
  for _, p in ipairs(PERIODS) do same("getHighestHigh " .. p, helpers.getHighestHigh(b.k, p), (extremes(b.high, b.low, b.n, p))) end
end

function checks.getLowestLow(b)
  for _, p in ipairs(PERIODS) do
    local _, bottom = extremes(b.high, b.low, b.n, p)
    same("getLowestLow " .. p, helpers.getLowestLow(b.k, p), bottom)
  end
end

function checks.detectEngulfingPattern(b)
  local expected
  if b.n >= 3 then
    local o1, c1, o, c = b.open[b.n - 1], b.close[b.n - 1], b.open[b.n], b.close[b.n]
    if c1 < o1 and c > o1 and o < c1 then expected = "bullish" end
    if c1 >= o1 and c < o1 and o > c1 then expected = "bearish" end
  end
  same("detectEngulfingPattern", helpers.detectEngulfingPattern(b.k), expected)
end

function checks.calculatePVISeries(b)
  same_series("calculatePVISeries", helpers.calculatePVISeries(b.k), pvi(b, 1000), b.n)
  same_series("calculatePVISeries 1", helpers.calculatePVISeries(b.k, 1), pvi(b, 1), b.n)
end

function checks.getLatestPVI(b)
  same("getLatestPVI", helpers.getLatestPVI(b.k), pvi(b, 1000)[b.n])
  same("getLatestPVI 7", helpers.getLatestPVI(b.k, 7), pvi(b, 7)[b.n])
end

local DEFAULTS = {bins = 30, threshold = 70, lookback = 250, minStrength = 50, peakTolerance = 0.05}
local HVN_OPTIONS = {{}, {cacheKey = "BTCUSDT-5m"}, {bins = 12, lookback = 60}, {threshold = 50, minStrength = 20, peakTolerance = 0, lookback = 100}}

function checks.calculateHighVolumeNodes(b)
  for _, options in ipairs(HVN_OPTIONS) do
    local o = {}
    for name, value in pairs(DEFAULTS) do o[name] = options[name] or value end
    local found, expected = helpers.calculateHighVolumeNodes(b.k, options), nodes(b, o)
    same("calculateHighVolumeNodes: nodes", #found, #expected)
    for i, e in ipairs(expected) do
      same_fields("node", found[i], {price = e.price, volume = e.volume, buyVolume = e.buyVolume, sellVolume = e.sellVolume, strength = e.strength,
        priceRange = found[i].priceRange}, "price volume buyVolume sellVolume strength priceRange")
      same("node: low", found[i].priceRange[1], e.low)
      same("node: high", found[i].priceRange[2], e.high)
    end
  end
  same("calculateHighVolumeNodes without options", #helpers.calculateHighVolumeNodes(b.k), #helpers.calculateHighVolumeNodes(b.k, DEFAULTS))
end

local NODES = {{price = 100}, {price = 110}, {price = 90}, {price = 102}}

function checks.isNearHVN()
  for price = 88, 112, 0.25 do
    for _, tolerance in ipairs {0, 0.5, 2} do
      local expected = false
      for _, node in ipairs(NODES) do expected = expected or math.abs(price - node.price) <= price * tolerance / 100 end
      same("isNearHVN " .. price, helpers.isNearHVN(price, NODES, tolerance), expected)
      if tolerance == 0.5 then same("isNearHVN " .. price, helpers.isNearHVN(price, NODES), expected) end
    end
  end
  same("isNearHVN without nodes", helpers.isNearHVN(100, {}), false)
end

function checks.getClosestHVN()
  for price = 88, 112, 0.25 do
    for _, direction in ipairs {"above", "below", "both"} do
      local best
      for _, node in ipairs(NODES) do
        local fits = direction == "both" or (direction == "above") == (node.price > price) or node.price == price
        if fits and (not best or math.abs(node.price - price) < math.abs(best.price - price)) then best = node end
      end
      same(("getClosestHVN %g %s"):format(price, direction), helpers.getClosestHVN(price, NODES, direction), best)
      if direction == "both" then same("getClosestHVN " .. price, helpers.getClosestHVN(price, NODES), best) end
    end
  end
  same("getClosestHVN without nodes", helpers.getClosestHVN(100, {}), nil)
end

function checks.countHVNInRange()
  same("all", helpers.countHVNInRange(90, 110, NODES), 4)
  same("some", helpers.countHVNInRange(90.1, 109.9, NODES), 2)
  same("one", helpers.countHVNInRange(102, 102, NODES), 1)
  same("none", helpers.countHVNInRange(110, 90, NODES), 0)
end

function checks.clearHVNCache()
  same("results", select("#", helpers.clearHVNCache("BTCUSDT-5m"), helpers.clearHVNCache()), 1)
end

local BANDS = {{20, 2}, {5, 1}, {50, 2.5}}

function checks.calculateBollingerBands(b)
  for i, p in ipairs(BANDS) do
    local found = helpers.calculateBollingerBands(b.k, unpack(p))
    if i == 1 then found = helpers.calculateBollingerBands(b.k) end
    local upper, middle, lower = bollinger(b, unpack(p))
    same_series("upper band", found.upper, upper, b.n)
    same_series("middle band", found.middle, middle, b.n)
    same_series("lower band", found.lower, lower, b.n)
  end
end

function checks.getLatestBollingerBands(b)
  for i, p in ipairs(BANDS) do
    local found = helpers.getLatestBollingerBands(b.k, unpack(p))
    if i == 1 then found = helpers.getLatestBollingerBands(b.k) end
    local upper, middle, lower = bollinger(b, unpack(p))
    same_fields("getLatestBollingerBands", found, {upper = upper[b.n], middle = middle[b.n], lower = lower[b.n]}, "upper middle lower")
  end
end

local ANCHORS = {1, 7, 50}

function checks.calculateVWAP(b) same("calculateVWAP", helpers.calculateVWAP(b.k), vwaps(b)[b.n]) end

function checks.calculateVWAPSeries(b)
  same_series("calculateVWAPSeries", helpers.calculateVWAPSeries(b.k), (vwaps(b)), b.n)
  for _, anchor in ipairs(ANCHORS) do same_series("calculateVWAPSeries " .. anchor, helpers.calculateVWAPSeries(b.k, anchor), (vwaps(b, anchor)), b.n) end
end

function checks.getLatestVWAP(b)
  same("getLatestVWAP", helpers.getLatestVWAP(b.k), vwaps(b)[b.n])
  for _, anchor in ipairs(ANCHORS) do same("getLatestVWAP " .. anchor, helpers.getLatestVWAP(b.k, anchor), vwaps(b, anchor)[b.n]) end
end

-- Without and with an anchor, deviations left out and given.
local function each_bands(b, check)
  local vwap, width = vwaps(b)
  check("session", nil, nil, vwap, bands(vwap, width, b.n, 1))
  check("session, 2.5", nil, 2.5, vwap, bands(vwap, width, b.n, 2.5))
  for _, anchor in ipairs(ANCHORS) do
    vwap, width = vwaps(b, anchor)
    check("anchor " .. anchor, anchor, 2, vwap, bands(vwap, width, b.n, 2))
  end
end

function checks.calculateVWAPBands(b)
  each_bands(b, function(what, anchor, by, vwap, upper, lower)
    local found = helpers.calculateVWAPBands(b.k, anchor, by)
    same_series(what .. ": vwap", found.vwap, vwap, b.n)
    same_series(what .. ": upper", found.upperBand, upper, b.n)
    same_series(what .. ": lower", found.lowerBand, lower, b.n)
  end)
end

function checks.getLatestVWAPBands(b)
  each_bands(b, function(what, anchor, by, vwap, upper, lower)
    same_fields(what, helpers.getLatestVWAPBands(b.k, anchor, by), {vwap = vwap[b.n], upperBand = upper[b.n], lowerBand = lower[b.n]},
      "vwap upperBand lowerBand")
  end)
end

function checks.all()
  local n = 0
  for name in pairs(helpers) do
    n = n + 1
    same("a check of " .. name, type(checks[name]), "function")
  end
  same("helpers", n, 35)
end

return trader {
  name = "Checks of helpers",
  interval = "5m",
  timeframes = {"1h"},
  filter = function(m)
    checks[which](lists_of(m, "5m"))
    checks[which](lists_of(m, "1h"))
    return true
  end,
}
