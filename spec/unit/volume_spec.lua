-- The kernels of volume against independent references (TA-Lib, Tulip, PyneCore, TradingView) and against naive computations.
-- builds: release dev (a child process does not start under ThreadSanitizer, and there is one thread)
local reference = require "spec.reference"
local tm = require "spec.tm"
local C = tm.C

local NaN = 0 / 0
local DAY, HOUR = 86400000, 3600000
local values, compare, column = reference.values, reference.compare, reference.column

-- ours, peer, indicator, parameters; `from`: where the peer begins or seeds otherwise; `factor`; `series`: only that one;
-- `untraded`: a bar of `walk` whose window has no volume, where the peer divides what is left of its rolling sums.
local REFERENCES = {
  {"obv()", "pynecore", "OBV", ""}, {"obv()", "tulip", "OBV", "", from = 1},
  {"ad()", "pynecore", "AD", ""}, {"ad()", "talib", "AD", ""}, {"ad()", "tulip", "AD", ""},
  {"adosc(3,10)", "pynecore", "ADOSC", "3,10"}, {"adosc(3,10)", "talib", "ADOSC", "3,10", from = 180},
  {"pvi()", "pynecore", "PVI", ""}, {"nvi()", "pynecore", "NVI", ""},
  {"pvi()", "tulip", "PVI", "", factor = 1000}, {"nvi()", "tulip", "NVI", "", factor = 1000},
  {"mfi(hlc3(),14)", "pynecore", "MFI", "14"}, {"mfi(hlc3(),14)", "talib", "MFI", "14", from = 14, series = "btcusdt-1h"},
  {"rvwap(20)", "pynecore", "VWAP", "rolling20", untraded = 339}, {"vwap(hlc3(),0)", "pynecore", "VWAP", "session"},
}

describe("volume against references", function()
  if not tm.data_file "reference/series/walk.csv.gz" then
    pending "no reference data beside the project"
    return
  end
  for _, series in ipairs {"btcusdt-1h", "walk", "flat"} do
    it("agrees on " .. series, function()
      local bars, n, interval = reference.series(series)
      local peers = {}
      for _, r in ipairs(REFERENCES) do
        local ours, peer = r[1], r[2]
        peers[peer] = peers[peer] or reference.peer(series, peer)
        local list = peers[peer][r[3]][r[4]].value
        assert.is_not_nil(list, ours)
        if not r.series or r.series == series then
          local got, expected = values(ours, interval, bars, n), reference.reference_of(list)
          local factor = r.factor or 1
          compare(ours .. " of " .. peer, got, function(i)
            if series == "walk" and i == r.untraded then return NaN end
            return expected(i) / factor
          end, n, r.from)
        end
      end
    end)
  end

  local TRADINGVIEW = {
    ["accdist+pvi+pvt+wad+wvad.csv"] = {["ta.accdist"] = "ad()", ["ta.pvi"] = "pvi()"},
    ["iii+nvi+obv.csv"] = {["ta.nvi"] = "nvi()", ["ta.obv"] = "obv()"},
    ["mfi+rsi+stoch.csv"] = {["ta.mfi(close, 14)"] = "mfi(close,14)"},
  }
  for file, columns in pairs(TRADINGVIEW) do
    it("agrees with TradingView on " .. file, function()
      local rows = reference.read_csv(tm.data_file("reference/tradingview/" .. file))
      local k = 0
      local bars = reference.to_bars(rows, function() k = k + 1 return 1672639200000 + k * HOUR end)
      for name, ours in pairs(columns) do
        assert.is_not_nil(rows[#rows][name], name)
        compare(name, values(ours, C.INTERVAL_1H, bars, #rows), function(i) return rows[i + 1][name] or NaN end, #rows)
      end
    end)
  end

  it("agrees with TradingView on sessions and bands", function()
    local rows = reference.read_csv(tm.data_file "reference/tradingview/vwap.csv")
    local n = #rows
    -- The session of this market begins at 21:00 UTC, ours at midnight.
    local bars = reference.to_bars(rows, function(r) return r.time * 1000 + 3 * HOUR end)
    compare("vwap", values("vwap(close,0)", C.INTERVAL_15M, bars, n), function(i) return rows[i + 1]["ta.vwap(close)"] or NaN end, n)
    -- The bands of the export begin anew every six hours: each such span becomes a day here, with a hole behind it.
    local function day_of(r) return math.floor((r.time - 3 * 3600) / 21600) end
    local spans = reference.to_bars(rows, function(r)
      local within = (r.time - 3 * 3600) % 21600
      return (day_of(r) - day_of(rows[1])) * DAY + 1600000000000 - 1600000000000 % DAY + within * 1000
    end)
    for output, name in ipairs {"vwap", "upper_band", "lower_band"} do
      local head = ("ta.vwap(close, timeframe.change(&quot;360&quot;), 2.0).%s"):format(name)
      local first = 0
      while rows[first + 1][head] ~= rows[first + 1][head] do first = first + 1 end
      assert.equal(24, first, head)
      compare(name, values(("vwap_bands.%d(close,2,0)"):format(output - 1), C.INTERVAL_15M, spans, n),
        function(i) return rows[i + 1][head] end, n, first)
    end
  end)
end)

-- ---- naive computations on random series ----

-- Windows and sums from the start each time: slow, obvious. `x` is a list from 0; a NaN ends what stands before it.
local function has_nan(x, from, to)
  for k = from, to do if x[k] ~= x[k] then return true end end
  return from < 0
end

local naive = {}

-- f(i): value of bar i from all bars 0..i; `is_whole` tells which bars count.
function naive.obv(close, volume)
  return function(i)
    local sum, last
    if close[i] ~= close[i] or volume[i] ~= volume[i] then return NaN end
    for k = 0, i do
      if close[k] == close[k] and volume[k] == volume[k] then
        if last then sum = (sum or 0) + (close[k] > last and volume[k] or close[k] < last and -volume[k] or 0) end
        last = close[k]
      end
    end
    return sum or NaN
  end
end

function naive.index(close, volume, sign)
  return function(i)
    local value, c, v = 1, nil, nil
    if close[i] ~= close[i] or volume[i] ~= volume[i] then return NaN end
    for k = 0, i do
      if close[k] == close[k] and volume[k] == volume[k] then
        if c and sign * volume[k] > sign * v then value = value + (close[k] - c) / c * value end
        c, v = close[k], volume[k]
      end
    end
    return value
  end
end

local function multiplier(b)
  if not (b.high - b.low > 1e-10 * b.high) then return 0 end
  return ((b.close - b.low) - (b.high - b.close)) / (b.high - b.low) * b.volume
end

local function is_whole(b) return b.high == b.high and b.low == b.low and b.close == b.close and b.volume == b.volume end

function naive.ad(bars)
  return function(i)
    local sum = 0
    if not is_whole(bars[i]) then return NaN end
    for k = 0, i do if is_whole(bars[k]) then sum = sum + multiplier(bars[k]) end end
    return sum
  end
end

local function ema(x, n, length) return reference.smoothed(x, n, length, 2 / (length + 1)) end

function naive.mfi(source, volume, length)
  return function(i)
    local up, down = 0, 0
    if has_nan(source, i - length + 1, i) or has_nan(volume, i - length + 1, i) then return NaN end
    for k = i - length + 1, i do
      local before = k > 0 and volume[k - 1] == volume[k - 1] and source[k - 1] or NaN
      if not (source[k] <= before) then up = up + source[k] * volume[k] end
      if not (source[k] >= before) then down = down + source[k] * volume[k] end
    end
    if down == 0 then return 100 end
    return 100 - 100 / (1 + up / down)
  end
end

local function hlc3(b) return (b.high + b.low + b.close) / 3 end

function naive.rvwap(bars, length)
  return function(i)
    local money, volume = 0, 0
    for k = i - length + 1, i do
      if k < 0 or not is_whole(bars[k]) then return NaN end
      money, volume = money + hlc3(bars[k]) * bars[k].volume, volume + bars[k].volume
    end
    return volume > 0 and money / volume or NaN
  end
end

-- Mean and deviation of a session, in two passes. `anchor`: number of an interval.
function naive.session(bars, source, anchor)
  return function(i)
    local start = C.interval_floor(anchor, bars[i].open_ms)
    local known, money, volume, squares = bars[0].open_ms == C.interval_floor(anchor, bars[0].open_ms), 0, 0, 0
    if source[i] ~= source[i] or bars[i].volume ~= bars[i].volume then return NaN, NaN end
    local first = i
    while first > 0 and bars[first - 1].open_ms >= start do first = first - 1 end
    known = known or first > 0
    local function each(f)
      for k = first, i do
        if source[k] == source[k] and bars[k].volume == bars[k].volume then f(source[k], bars[k].volume) end
      end
    end
    each(function(x, v) money, volume = money + x * v, volume + v end)
    if not known or volume == 0 then return NaN, NaN end
    local mean = money / volume
    each(function(x, v) squares = squares + v * (x - mean) ^ 2 end)
    return mean, math.sqrt(squares / volume)
  end
end

-- Random bars: with a hole, and bars whose close, volume or high is a NaN.
local function bad_bars(n, interval)
  local bars = reference.random_bars(n, interval)
  local hole = math.random(20, n - 20)
  for i = hole, n - 1 do bars[i].open_ms = C.interval_add(interval, bars[i].open_ms, 137) end
  for _ = 1, 3 do
    local i = math.random(0, n - 1)
    local field = ({"close", "volume", "high"})[math.random(3)]
    bars[i][field] = NaN
  end
  for i = 0, n - 1 do bars[i].taker_base = bars[i].volume * math.random() end
  return bars
end

local function compare_volume(bars, n, interval, length)
  local close, volume = column(bars, n, function(b) return b.close end), column(bars, n, function(b) return b.volume end)
  local typical = column(bars, n, hlc3)
  local ad = naive.ad(bars)
  local line = {}
  for i = 0, n - 1 do line[i] = ad(i) end
  local fast, slow = ema(line, n, length), ema(line, n, length + 7)
  local function check(text, expected) compare(text, values(text, interval, bars, n), expected, n) end
  check("obv()", naive.obv(close, volume))
  check("pvi()", naive.index(close, volume, 1))
  check("nvi()", naive.index(close, volume, -1))
  check("ad()", ad)
  check(("adosc(%d,%d)"):format(length, length + 7), function(i) return fast[i] - slow[i] end)
  check(("adosc(%d,%d)"):format(length + 7, length), function(i) return slow[i] - fast[i] end)
  check(("mfi(hlc3(),%d)"):format(length), naive.mfi(typical, volume, length))
  check(("mfi(close,%d)"):format(length), naive.mfi(close, volume, length))
  check(("rvwap(%d)"):format(length), naive.rvwap(bars, length))
  for anchor, name in ipairs {"1d", "1w", "1M"} do
    local session = naive.session(bars, typical, C.interval_parse(name, #name))
    check(("vwap(hlc3(),%d)"):format(anchor - 1), function(i) return (session(i)) end)
    for output, sign in ipairs {0, 1, -1} do
      check(("vwap_bands.%d(hlc3(),2.5,%d)"):format(output - 1, anchor - 1), function(i)
        local mean, deviation = session(i)
        return mean + sign * 2.5 * deviation
      end)
    end
  end
  check("sell_volume()", function(i) return bars[i].volume - bars[i].taker_base end)
  check("delta()", function(i) return 2 * bars[i].taker_base - bars[i].volume end)
  check("pressure()", function(i) return bars[i].volume > 0 and bars[i].taker_base / bars[i].volume or NaN end)
end

describe("volume against naive computations", function()
  it("agrees on random series, with holes and NaN, for short and long windows", function()
    math.randomseed(tm.seed "volume")
    local lengths = {1, 2, 3, 14, math.random(4, 60), math.random(65, 130), math.random(200, 260)}
    for _, length in ipairs(lengths) do
      for _, interval in ipairs {C.INTERVAL_1H, C.INTERVAL_4H} do
        compare_volume(reference.random_bars(420, interval), 420, interval, length)
        compare_volume(bad_bars(420, interval), 420, interval, length)
      end
    end
  end)

  it("leaves a price of 0 out of the indices", function()
    local bars = reference.random_bars(40, C.INTERVAL_1H)
    for i = 0, 39 do bars[i].volume = 100 + i end
    bars[20].close = 0
    local got = values("pvi()", C.INTERVAL_1H, bars, 40)
    assert.equal(got[19], got[20])
    assert.equal(got[20], got[21])
    assert.is_true(reference.is_close(got[22] / got[21], bars[22].close / bars[21].close, 1e-12))
  end)

  it("gives the price itself where it stands still, to the last bit", function()
    math.randomseed(tm.seed "still")
    for _ = 1, 50 do
      local bars, price = reference.random_bars(200, C.INTERVAL_1H), 0.1 + math.random() * 1e5
      for i = 0, 199 do
        local b = bars[i]
        if i >= 20 then b.open, b.high, b.low, b.close = price, price, price, price end
      end
      local still = values("hlc3()", C.INTERVAL_1H, bars, 200)[199]
      for text, n in pairs {["rvwap(30)"] = 50, ["vwap(hlc3(),0)"] = 48, ["vwap_bands.1(hlc3(),3,0)"] = 48, ["vwap_bands.2(hlc3(),3,0)"] = 48} do
        local got = values(text, C.INTERVAL_1H, bars, 200)
        for i = n, 199 do
          if got[i] ~= still and got[i] == got[i] then error(("%s at bar %d: %.17g, price %.17g"):format(text, i, got[i], still)) end
        end
        assert.is_true(got[199] == got[199], text)
      end
    end
  end)

  it("keeps small deviations from a large price", function()
    local bars = reference.random_bars(24, C.INTERVAL_1H)
    for i = 0, 23 do
      bars[i].close = 123456.7 + (i % 2) * 1e-4 -- half a ten-thousandth on either side of the mean
      bars[i].volume = 10
    end
    local upper, lower = values("vwap_bands.1(close,1,0)", C.INTERVAL_1H, bars, 24), values("vwap_bands.2(close,1,0)", C.INTERVAL_1H, bars, 24)
    assert.is_true(math.abs((upper[23] - lower[23]) / 1e-4 - 1) < 1e-5, upper[23] - lower[23])
  end)
end)
