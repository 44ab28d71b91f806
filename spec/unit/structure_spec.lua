-- The structure of a market: volume by price, divergences and swings against slow, obvious computations.
-- builds: release dev (a child process does not start under ThreadSanitizer, and there is one thread)
local ffi = require "ffi"
local tm = require "spec.tm"
local C = tm.C

local NaN = 0 / 0

-- Bars as arrays: prices in steps of 0.01, so that ties and edges of bins are met often.
local function random_market(n)
  local m = {n = n}
  for _, name in ipairs {"high", "low", "volume", "bought"} do m[name] = ffi.new("double[?]", n) end
  local price = 50
  for i = 0, n - 1 do
    price = math.max(1, price + math.random(-20, 20) / 100)
    m.high[i] = price + math.random(0, 15) / 100
    m.low[i] = price - math.random(0, 15) / 100
    m.volume[i] = math.random(8) == 1 and 0 or math.random(1, 1000)
    m.bought[i] = m.volume[i] * math.random()
  end
  return m
end

local function profile_of(m, lookback, bins)
  local out = ffi.new("volume_bin[?]", bins)
  return C.structure_profile(m.high, m.low, m.volume, m.bought, m.n, lookback, out, bins), out
end

describe("volume by price", function()
  it("loses no volume, at the top edge neither", function()
    math.randomseed(tm.seed "profile")
    for _ = 1, 300 do
      local n, bins, lookback = math.random(2, 300), math.random(1, 200), math.random(2, 300)
      local m = random_market(n)
      local has_range, out = profile_of(m, lookback, bins)
      local volume, bought, sum, sum_bought = 0, 0, 0, 0
      for i = math.max(0, n - lookback), n - 1 do volume, bought = volume + m.volume[i], bought + m.bought[i] end
      for k = 0, bins - 1 do sum, sum_bought = sum + out[k].volume, sum_bought + out[k].buy_volume end
      if has_range then
        assert.is_true(math.abs(sum - volume) <= 1e-9 * volume, ("%d bars, %d bins: %.17g of %.17g"):format(n, bins, sum, volume))
        assert.is_true(math.abs(sum_bought - bought) <= 1e-9 * volume)
      end
    end
  end)

  it("spreads each bar evenly over what it spans", function()
    local m = random_market(4)
    local bars = {{10, 20, 60}, {10, 10, 7}, {20, 20, 5}, {12, 14.5, 9}} -- low, high, volume; bins of 2
    for i, b in ipairs(bars) do m.low[i - 1], m.high[i - 1], m.volume[i - 1], m.bought[i - 1] = b[1], b[2], b[3], b[3] / 3 end
    local has_range, out = profile_of(m, 4, 5)
    assert.is_true(has_range)
    for k, expected in ipairs {12 + 7, 12 + 4.5, 12 + 4.5, 12, 12 + 5} do
      assert.equal(expected, out[k - 1].volume)
      assert.is_true(math.abs(out[k - 1].buy_volume - expected / 3) < 1e-12)
      assert.is_true(math.abs(out[k - 1].strength - expected / 19 * 100) < 1e-12)
      assert.equal(8 + 2 * k, out[k - 1].low)
      assert.equal(10 + 2 * k, out[k - 1].high)
    end
  end)

  it("looks at the newest bars only, and at those without a NaN", function()
    local m = random_market(50)
    for i = 0, 19 do m.high[i], m.volume[i] = 1000, 1e9 end
    m.high[30] = NaN
    local _, out = profile_of(m, 30, 10)
    local volume, sum = 0, 0
    for i = 20, 49 do if i ~= 30 then volume = volume + m.volume[i] end end
    for k = 0, 9 do sum = sum + out[k].volume end
    assert.is_true(out[9].high < 100)
    assert.is_true(math.abs(sum - volume) < 1e-6)
  end)

  it("has none without prices to tell apart, without volume, without bars", function()
    local m = random_market(10)
    for i = 0, 9 do m.high[i], m.low[i] = 7, 7 end
    assert.is_false((profile_of(m, 10, 5)))
    m.high[3] = 7 + 1e-10
    assert.is_false((profile_of(m, 10, 5)))
    m.high[3] = 8
    assert.is_true((profile_of(m, 10, 5)))
    for i = 0, 9 do m.volume[i] = 0 end
    assert.is_false((profile_of(m, 10, 5)))
    m.n = 0
    assert.is_false((profile_of(m, 10, 5)))
  end)
end)

local function nodes_of(bin, bins, percentile, tolerance, min_strength)
  local places, found = ffi.new("int32_t[?]", bins), {}
  for i = 1, C.structure_nodes(bin, bins, percentile, tolerance, min_strength, places) do found[i] = places[i - 1] end
  return found
end

local function naive_nodes(bin, bins, percentile, tolerance, min_strength)
  local sorted, found, most = {}, {}, 0
  for k = 0, bins - 1 do
    sorted[k + 1] = bin[k].volume
    most = math.max(most, bin[k].volume)
  end
  table.sort(sorted)
  local threshold = sorted[math.min(math.floor(percentile / 100 * bins), bins - 1) + 1]
  for k = 0, bins - 1 do
    local v = bin[k].volume
    local below, above = k > 0 and bin[k - 1].volume or 0, k < bins - 1 and bin[k + 1].volume or 0
    if v >= threshold and v > below * (1 + tolerance) and v > above * (1 + tolerance) and v / most * 100 >= min_strength then found[#found + 1] = k end
  end
  table.sort(found, function(a, b)
    if bin[a].volume ~= bin[b].volume then return bin[a].volume > bin[b].volume end
    return a < b
  end)
  return found
end

describe("volume nodes", function()
  it("agree with a naive computation", function()
    math.randomseed(tm.seed "nodes")
    local n_found = 0
    for _ = 1, 500 do
      local bins = math.random(3, 200)
      local has_range, out = profile_of(random_market(math.random(20, 300)), 300, bins)
      assert.is_true(has_range)
      if math.random(2) == 1 then -- few distinct volumes: ties
        local most = 0
        for k = 0, bins - 1 do
          out[k].volume = math.random(0, 6)
          most = math.max(most, out[k].volume)
        end
        for k = 0, bins - 1 do out[k].strength = out[k].volume / most * 100 end
      end
      local percentile, tolerance, min_strength = math.random(0, 100), math.random() * 0.3, math.random(0, 100)
      local expected = naive_nodes(out, bins, percentile, tolerance, min_strength)
      assert.same(expected, nodes_of(out, bins, percentile, tolerance, min_strength))
      n_found = n_found + #expected
    end
    assert.is_true(n_found > 500)
  end)
end)

-- ---- divergences ----

-- All pairs of turns, the newest first, as the definition says it.
local function naive_divergence(a, b, n, lookback, separation)
  local first = math.max(0, n - lookback)
  local function turns(sign)
    local found = {}
    for i = n - 2, first + 1, -1 do
      if sign * a[i] < sign * a[i - 1] and sign * a[i] < sign * a[i + 1] and b[i] == b[i] then found[#found + 1] = i end
    end
    return found
  end
  local function any(list, agrees)
    for i = 1, #list do
      for k = i + 1, #list do
        if list[i] - list[k] >= separation and agrees(list[i], list[k]) then return true end
      end
    end
    return false
  end
  local lows, highs = turns(1), turns(-1)
  if any(lows, function(new, old) return a[new] < a[old] and b[new] > b[old] end) then return C.DIVERGENCE_BULLISH end
  if any(highs, function(new, old) return a[new] > a[old] and b[new] < b[old] end) then return C.DIVERGENCE_BEARISH end
  if any(lows, function(new, old) return a[new] > a[old] and b[new] < b[old] end) then return C.DIVERGENCE_HIDDEN_BULLISH end
  if any(highs, function(new, old) return a[new] < a[old] and b[new] > b[old] end) then return C.DIVERGENCE_HIDDEN_BEARISH end
  return C.DIVERGENCE_NONE
end

local function array(list)
  local x = ffi.new("double[?]", #list)
  for i, v in ipairs(list) do x[i - 1] = v end
  return x, #list
end

describe("divergences", function()
  it("agree with a naive computation", function()
    math.randomseed(tm.seed "divergence")
    local seen = {}
    for _ = 1, 20000 do
      local n = math.random(0, 60)
      local a, b = ffi.new("double[?]", n + 1), ffi.new("double[?]", n + 1)
      -- b follows a more or less; few distinct values, so that there are ties
      local loose = math.random(0, 3)
      for i = 0, n - 1 do
        a[i] = math.random(25) == 1 and NaN or math.random(0, 12)
        b[i] = math.random(25) == 1 and NaN or a[i] + math.random(-loose, loose)
      end
      local lookback, separation = math.random(3, 60), math.random(1, 12)
      local expected = naive_divergence(a, b, n, lookback, separation)
      assert.equal(tonumber(expected), C.structure_divergence(a, b, n, lookback, separation))
      seen[tonumber(expected)] = (seen[tonumber(expected)] or 0) + 1
    end
    for kind = 0, 4 do assert.is_true((seen[kind] or 0) > 100, ("kind %d: %d times"):format(kind, seen[kind] or 0)) end
  end)

  it("know the textbook's four", function()
    local low_low, low_high = {5, 3, 5, 6, 5, 2, 4}, {5, 2, 5, 6, 5, 3, 4}
    local high_high, high_low = {5, 7, 5, 4, 5, 8, 6}, {5, 8, 5, 4, 5, 7, 6}
    local function kind(a, b)
      local x, n = array(a)
      return C.structure_divergence(x, (array(b)), n, 30, 4)
    end
    assert.equal(tonumber(C.DIVERGENCE_BULLISH), kind(low_low, low_high))
    assert.equal(tonumber(C.DIVERGENCE_HIDDEN_BULLISH), kind(low_high, low_low))
    assert.equal(tonumber(C.DIVERGENCE_BEARISH), kind(high_high, high_low))
    assert.equal(tonumber(C.DIVERGENCE_HIDDEN_BEARISH), kind(high_low, high_high))
    assert.equal(tonumber(C.DIVERGENCE_NONE), kind(low_low, low_low))
  end)

  it("take 500 bars of zigzag", function()
    local a, b = ffi.new("double[600]"), ffi.new("double[600]")
    for i = 0, 599 do a[i], b[i] = i % 2 * 1000 + i, i % 2 * 1000 + i end
    assert.equal(tonumber(C.DIVERGENCE_NONE), C.structure_divergence(a, b, 600, 500, 1))
  end)
end)

-- ---- swings ----

local function naive_swings(x, n, lookback, left, right, is_high, most)
  local found, sign = {}, is_high and 1 or -1
  for i = n - 1 - right, left, -1 do
    local is_swing = i - left >= n - lookback and #found < most
    for k = i - left, i - 1 do is_swing = is_swing and sign * x[i] > sign * x[k] end
    for k = i + 1, i + right do is_swing = is_swing and sign * x[i] >= sign * x[k] end
    if is_swing then found[#found + 1] = n - 1 - i end
  end
  return found
end

describe("swings", function()
  it("agree with a naive computation", function()
    math.randomseed(tm.seed "swings")
    local n_found = 0
    for _ = 1, 3000 do
      local n = math.random(0, 120)
      local x, out = ffi.new("double[?]", n + 1), ffi.new("int32_t[100]")
      for i = 0, n - 1 do x[i] = math.random(40) == 1 and NaN or math.random(0, 15) end
      local left, right, lookback, most = math.random(1, 8), math.random(1, 8), math.random(3, 120), math.random(1, 6)
      local is_high = math.random(2) == 1
      local expected, got = naive_swings(x, n, lookback, left, right, is_high, most), {}
      for i = 1, C.structure_swings(x, n, lookback, left, right, is_high, most, out) do got[i] = out[i - 1] end
      assert.same(expected, got)
      n_found = n_found + #expected
    end
    assert.is_true(n_found > 3000)
  end)

  it("take the oldest of equal bars in a row", function()
    local x, n = array {1, 2, 3, 5, 5, 5, 3, 2, 1, 1, 1, 2, 3}
    local out = ffi.new("int32_t[10]")
    assert.equal(1, C.structure_swings(x, n, 100, 2, 2, true, 10, out))
    assert.equal(n - 1 - 3, out[0])
    assert.equal(1, C.structure_swings(x, n, 100, 2, 2, false, 10, out))
    assert.equal(n - 1 - 8, out[0])
  end)
end)
