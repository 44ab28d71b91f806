-- Moving averages against independent references (TA-Lib, Tulip, PyneCore, TradingView) and against naive computations.
-- builds: release dev (a child process does not start under ThreadSanitizer, and there is one thread)
local reference = require "spec.reference"
local tm = require "spec.tm"
local C = tm.C

local NaN = 0 / 0
local values, compare, column, random_bars = reference.values, reference.compare, reference.column, reference.random_bars

-- ours -> {peer, indicator, parameters, output, [from]}: `from` where seeds differ and have decayed.
local REFERENCES = {
  {"sma(close,10)", "talib", "SMA", "10", "value"}, {"sma(close,20)", "tulip", "SMA", "20", "value"}, {"sma(close,50)", "pynecore", "SMA", "50", "value"},
  {"ema(close,9)", "talib", "EMA", "9", "value"}, {"ema(close,20)", "pynecore", "EMA", "20", "value"}, {"ema(close,50)", "pynecore", "EMA", "50", "value"},
  {"rma(close,14)", "pynecore", "RMA", "14", "value"}, {"rma(close,14)", "tulip", "RMA", "14", "value"},
  {"wma(close,20)", "talib", "WMA", "20", "value"}, {"wma(close,20)", "tulip", "WMA", "20", "value"}, {"wma(close,20)", "pynecore", "WMA", "20", "value"},
  {"hma(close,9)", "pynecore", "HMA", "9", "value"}, {"hma(close,20)", "pynecore", "HMA", "20", "value"},
  {"hma(close,9)", "tulip", "HMA", "9", "value"}, {"hma(close,20)", "tulip", "HMA", "20", "value"},
  {"dema(close,20)", "talib", "DEMA", "20", "value"}, {"dema(close,20)", "pynecore", "DEMA", "20", "value"},
  {"tema(close,20)", "talib", "TEMA", "20", "value"}, {"tema(close,20)", "pynecore", "TEMA", "20", "value"},
  {"kama(close,10)", "talib", "KAMA", "10", "value"}, {"kama(close,10)", "tulip", "KAMA", "10", "value", 10},
  {"vwma(close,20)", "tulip", "VWMA", "20", "value"}, {"vwma(close,20)", "pynecore", "VWMA", "20", "value"},
  {"alma(close,9,0.85,6,0)", "pynecore", "ALMA", "9,0.85,6", "value"},
  {"linreg(close,14,0)", "talib", "LINEARREG", "14", "value"}, {"linreg(close,14,0)", "tulip", "LINEARREG", "14", "value"},
  {"linreg(close,14,0)", "pynecore", "LINEARREG", "14", "value"},
  {"linreg(close,14,13)", "talib", "LINEARREG_INTERCEPT", "14", "value"}, {"linreg(close,14,-1)", "talib", "TSF", "14", "value"},
  {"macd.0(close,12,26,9)", "pynecore", "MACD", "12,26,9", "macd"}, {"macd.1(close,12,26,9)", "pynecore", "MACD", "12,26,9", "signal"},
  {"macd.2(close,12,26,9)", "pynecore", "MACD", "12,26,9", "hist"}, {"macd.2(close,12,26,9)", "talib", "MACDEXT_EMA", "12,26,9", "hist", 400},
  {"ppo(close,12,26)", "talib", "PPO", "12,26,EMA", "value"}, {"ppo(close,12,26)", "pynecore", "PPO", "12,26,EMA", "value"},
  {"trix(close,18)", "talib", "TRIX", "18", "value"}, {"trix(close,18)", "pynecore", "TRIX", "18", "value"},
}

local TRADINGVIEW = {
  ["ma.csv"] = {["ta.sma(close, 10)"] = "sma(close,10)", ["ta.sma(hl2, 20)"] = "sma(hl2(),20)", ["ta.sma(hlc3, 15)"] = "sma(hlc3(),15)",
    ["ta.ema(close, 20)"] = "ema(close,20)", ["ta.ema(ohlc4, 10)"] = "ema(ohlc4(),10)", ["ta.rma(high, 15)"] = "rma(high,15)",
    ["ta.alma(close, 5, 0.85, 6)"] = "alma(close,5,0.85,6,0)", ["ta.alma(close, 10, 0.55, 12)"] = "alma(close,10,0.55,12,0)",
    ["ta.wma(close, 5)"] = "wma(close,5)", ["ta.wma(close, 20)"] = "wma(close,20)",
    ["ta.hma(close, 9)"] = "hma(close,9)", ["ta.hma(close, 20)"] = "hma(close,20)", ["ta.vwma(close, 20)"] = "vwma(close,20)"},
  ["linreg.csv"] = {["ta.linreg(close, 20, 0)"] = "linreg(close,20,0)", ["ta.linreg(close, 20, 10)"] = "linreg(close,20,10)"},
  ["macd.csv"] = {["ta.macd(close, 12, 26, 9).macd"] = "macd.0(close,12,26,9)", ["ta.macd(close, 12, 26, 9).signal"] = "macd.1(close,12,26,9)",
    ["ta.macd(close, 12, 26, 9).hist"] = "macd.2(close,12,26,9)"},
}

-- Peers divide the residues of their rolling sums where 20 bars had no volume: there is no value there.
local function without_residues(expected, bars)
  return function(i)
    for k = math.max(0, i - 19), i do if bars[k].volume > 0 then return expected(i) end end
    return NaN
  end
end

describe("averages against references", function()
  if not tm.data_file "reference/series/walk.csv.gz" then
    pending "no reference data beside the project"
    return
  end
  for _, series in ipairs {"btcusdt-1h", "walk", "flat"} do
    it("agree on " .. series, function()
      local bars, n, interval = reference.series(series)
      local peers = {}
      for _, r in ipairs(REFERENCES) do
        local ours, peer = r[1], r[2]
        peers[peer] = peers[peer] or reference.peer(series, peer)
        local found = assert(peers[peer][r[3]][r[4]][r[5]], ours .. " of " .. peer)
        local expected = reference.reference_of(found)
        if ours == "vwma(close,20)" then expected = without_residues(expected, bars) end
        compare(ours .. " of " .. peer, values(ours, interval, bars, n), expected, n, r[6])
      end
    end)
  end

  for file, columns in pairs(TRADINGVIEW) do
    it("agree with TradingView on " .. file, function()
      local rows = reference.read_csv(tm.data_file("reference/tradingview/" .. file))
      -- The exports pause at week-ends; indicators count bars, so any unbroken times will do.
      local k = 0
      local bars = reference.to_bars(rows, function() k = k + 1 return 1672639200000 + k * 3600000 end)
      for name, ours in pairs(columns) do
        assert.is_not_nil(rows[#rows][name], name)
        compare(name, values(ours, C.INTERVAL_1H, bars, #rows), function(i) return rows[i + 1][name] or NaN end, #rows)
      end
    end)
  end
end)

-- ---- naive computations ----
--
-- Each takes x, a table from 0 with NaN where there is nothing, and gives value(i).

local naive = {}

-- Sum of weight(place) * x over the window that ends at i, place 1 the oldest; the sum of weights.
local function weighted(x, i, length, weight)
  local sum, total = 0, 0
  for place = 1, length do
    local w = weight(place)
    sum, total = sum + w * (x[i - length + place] or NaN), total + w
  end
  return sum, total
end

local function windowed(weight)
  return function(x, length)
    return function(i)
      local sum, total = weighted(x, i, length, weight)
      return sum / total
    end
  end
end

naive.sma = windowed(function() return 1 end)
naive.wma = windowed(function(place) return place end)

function naive.alma(x, length, offset, sigma, floor)
  local c, s = offset * (length - 1), length / sigma
  if floor then c = math.floor(c) end
  return windowed(function(place) return math.exp(-(place - 1 - c) ^ 2 / (2 * s ^ 2)) end)(x, length)
end

function naive.vwma(x, length, volume)
  return function(i)
    local sum, total = 0, 0
    for k = i - length + 1, i do sum, total = sum + (x[k] or NaN) * (volume[k] or NaN), total + (volume[k] or NaN) end
    return total > 0 and sum / total or NaN
  end
end

-- A table of f(0), f(1)... f(n - 1).
local function table_of(f, n)
  local t = {}
  for i = 0, n - 1 do t[i] = f(i) end
  return t
end

function naive.hma(x, length, n)
  local half, whole = naive.wma(x, math.max(1, math.floor(length / 2))), naive.wma(x, length)
  local inner = table_of(function(i) return 2 * half(i) - whole(i) end, n)
  return naive.wma(inner, math.floor(math.sqrt(length)))
end

function naive.linreg(x, length, offset)
  return function(i)
    local mean_place, mean, up, down = (length + 1) / 2, naive.sma(x, length)(i), 0, 0
    for place = 1, length do
      up = up + (place - mean_place) * ((x[i - length + place] or NaN) - mean)
      down = down + (place - mean_place) ^ 2
    end
    if length == 1 then return mean end
    return mean + up / down * (length - offset - mean_place)
  end
end

local smoothed = reference.smoothed

local function ema(x, n, length) return smoothed(x, n, length, 2 / (length + 1)) end

local function at(t) return function(i) return t[i] end end

local function last_defined(x, i)
  repeat i = i - 1 until i < 0 or x[i] == x[i]
  return i
end

function naive.trix(x, n, length)
  local e3 = ema(ema(ema(x, n, length), n, length), n, length)
  return function(i)
    local before = last_defined(e3, i)
    return before < 0 and NaN or 100 * (e3[i] / e3[before] - 1)
  end
end

function naive.kama(x, n, length)
  local out, value = {}, nil
  for i = 0, n - 1 do
    out[i] = NaN
    local way, is_whole = 0, i >= length
    for k = math.max(1, i - length + 1), i do way = way + math.abs(x[k] - x[k - 1]) end
    if is_whole and way == way then
      local e = way > 1e-10 * math.abs(x[i]) and math.min(1, math.abs(x[i] - x[i - length]) / way) or 1
      value = value + (e * (2 / 3 - 2 / 31) + 2 / 31) ^ 2 * (x[i] - value)
      out[i] = value
    elseif not value and i >= length - 1 then
      local seen = 0
      for k = i, 0, -1 do
        if x[k] ~= x[k] then break end
        seen = seen + 1
      end
      if seen >= length then value = x[i] end
    end
  end
  return at(out)
end

local function compare_all(bars, n, length)
  local close, volume = column(bars, n, function(b) return b.close end), column(bars, n, function(b) return b.volume end)
  local function agree(text, expected, size)
    compare(text, values(text, C.INTERVAL_1H, bars, n), expected, n, 0, size)
  end
  agree(("sma(close,%d)"):format(length), naive.sma(close, length))
  agree(("wma(close,%d)"):format(length), naive.wma(close, length))
  agree(("hma(close,%d)"):format(length), naive.hma(close, length, n))
  agree(("vwma(close,%d)"):format(length), naive.vwma(close, length, volume))
  agree(("alma(close,%d,0.85,6,0)"):format(length), naive.alma(close, length, 0.85, 6))
  agree(("alma(close,%d,0.3,2.5,1)"):format(length), naive.alma(close, length, 0.3, 2.5, true))
  agree(("linreg(close,%d,0)"):format(length), naive.linreg(close, length, 0))
  agree(("linreg(close,%d,3)"):format(length), naive.linreg(close, length, 3))
  agree(("kama(close,%d)"):format(length), naive.kama(close, n, length))
  local e1 = ema(close, n, length)
  local e2 = ema(e1, n, length)
  local e3 = ema(e2, n, length)
  agree(("ema(close,%d)"):format(length), at(e1))
  agree(("rma(close,%d)"):format(length), at(smoothed(close, n, length, 1 / length)))
  local size = at(e1)
  agree(("dema(close,%d)"):format(length), function(i) return 2 * e1[i] - e2[i] end, size)
  agree(("tema(close,%d)"):format(length), function(i) return 3 * e1[i] - 3 * e2[i] + e3[i] end, size)
  agree(("trix(close,%d)"):format(length), naive.trix(close, n, length))
  local slow = length + 7
  local slow_ema = ema(close, n, slow)
  local line = table_of(function(i) return e1[i] - slow_ema[i] end, n)
  local signal = ema(line, n, 5)
  local macd = ("macd.%%d(close,%d,%d,5)"):format(length, slow)
  agree(macd:format(0), at(line), size)
  agree(macd:format(1), at(signal), size)
  agree(macd:format(2), function(i) return line[i] - signal[i] end, size)
  agree(("ppo(close,%d,%d)"):format(length, slow), function(i) return 100 * line[i] / slow_ema[i] end)
end

describe("averages against naive computations", function()
  setup(function() math.randomseed(tm.seed "average") end)

  it("agree on random series", function()
    for _, length in ipairs {1, 2, 3, math.random(4, 30), math.random(65, 90), math.random(200, 230)} do
      compare_all(random_bars(900, C.INTERVAL_1H), 900, length)
    end
  end)

  it("agree on a source with NaN", function()
    for _, length in ipairs {1, 2, math.random(3, 30), math.random(65, 90)} do
      local bars = random_bars(700, C.INTERVAL_1H)
      for _, i in ipairs {0, 3, 150, 151, 155, math.random(300, 400), 600} do bars[i].close = NaN end
      compare_all(bars, 700, length)
    end
  end)

  it("count bars after a hole", function()
    local bars = random_bars(300, C.INTERVAL_1H)
    for i = 140, 299 do bars[i].open_ms = bars[i].open_ms + 7 * 3600000 end
    for i = 200, 299 do bars[i].open_ms = bars[i].open_ms + 900 * 3600000 end
    compare_all(bars, 300, 10)
  end)

  it("agree on values of any size", function()
    local bars = random_bars(600, C.INTERVAL_1H)
    for i = 0, 599 do bars[i].close = bars[i].close * 10 ^ math.random(-6, 6) end
    compare_all(bars, 600, 20)
  end)

  it("take a source that is an indicator", function()
    local bars = random_bars(200, C.INTERVAL_1H)
    local close = column(bars, 200, function(b) return b.close end)
    compare("wma(sma)", values("wma(sma(close,20),9)", C.INTERVAL_1H, bars, 200), naive.wma(table_of(naive.sma(close, 20), 200), 9), 200)
  end)
end)

-- ---- what must be exact ----

-- n closes that are whole numbers of 10^-places.
local function decimal_bars(n, places, most)
  local bars, units = random_bars(n, C.INTERVAL_1H), {}
  for i = 0, n - 1 do
    units[i] = math.random(1, most)
    bars[i].close = units[i] / 10 ^ places
  end
  return bars, units
end

describe("the mean of decimals", function()
  setup(function() math.randomseed(tm.seed "average") end)

  it("is the number nearest to the mean on paper", function()
    for _, places in ipairs {0, 1, 2, 5, 8} do
      for _, length in ipairs {2, 3, 14, 20, 200} do
        local n = 700
        local bars, units = decimal_bars(n, places, 3e6)
        local got, text = values(("sma(close,%d)"):format(length), C.INTERVAL_1H, bars, n), ("sma(%d) of %d places"):format(length, places)
        local sum = 0
        for i = 0, n - 1 do
          sum = sum + units[i] - (units[i - length] or 0)
          if i >= length - 1 then assert.equal(sum / (length * 10 ^ places), got[i], text) end
        end
      end
    end
  end)

  it("is so when a spike has gone through the window", function()
    local bars, units = decimal_bars(1500, 2, 1e4)
    units[100] = 1e12
    bars[100].close = 1e10
    local got = values("sma(close,20)", C.INTERVAL_1H, bars, 1500)
    for i = 1200, 1499 do
      local sum = 0
      for k = i - 19, i do sum = sum + units[k] end
      assert.equal(sum / 2000, got[i])
    end
  end)

  it("is so for the middle of two decimals", function()
    local bars, n = random_bars(300, C.INTERVAL_1H), 300
    local sum, twice = 0, {}
    for i = 0, n - 1 do
      local low, high = math.random(1, 1e6), math.random(1e6, 2e6)
      bars[i].low, bars[i].high, twice[i] = low / 1e4, high / 1e4, low + high
    end
    local got = values("sma(hl2(),20)", C.INTERVAL_1H, bars, n)
    for i = 0, n - 1 do
      sum = sum + twice[i] - (twice[i - 20] or 0)
      if i >= 19 then assert.equal(sum / (20 * 2e4), got[i]) end
    end
  end)
end)

describe("a market that stands still", function()
  local function still_bars(n, from, price)
    local bars = random_bars(n, C.INTERVAL_1H)
    for i = from, n - 1 do
      bars[i].close, bars[i].volume = price, i % 7 * 0.1
    end
    return bars
  end

  it("has its price as every average of the window", function()
    math.randomseed(tm.seed "average")
    for _, price in ipairs {0.1, 0.07, 61.37, 1 / 3, math.pi * 1e-7} do
      for _, length in ipairs {1, 2, 3, 20, 49, 200} do
        local root = math.floor(math.sqrt(length))
        local bars = still_bars(900, 300, price)
        for text, back in pairs {["sma(close,%d)"] = 0, ["wma(close,%d)"] = 0, ["alma(close,%d,0.85,6,0)"] = 0, ["linreg(close,%d,2)"] = 0,
          ["vwma(close,%d)"] = 0, ["hma(close,%d)"] = root - 1} do
          text = text:format(length)
          local got = values(text, C.INTERVAL_1H, bars, 900)
          for i = 300 + length - 1 + back, 899 do
            if not (length == 1 and text:find "vwma" and i % 7 == 0) then assert.equal(price, got[i], text .. " at bar " .. i) end
          end
        end
      end
    end
  end)

  it("is where recursive averages come to be exact", function()
    math.randomseed(tm.seed "average")
    for _, price in ipairs {0.1, 61.37, 1 / 3} do
      local bars = still_bars(900, 200, price)
      for text, expected in pairs {["ema(close,9)"] = price, ["rma(close,5)"] = price, ["dema(close,9)"] = price, ["tema(close,7)"] = price,
        ["trix(close,7)"] = 0, ["kama(close,10)"] = price} do
        assert.equal(expected, values(text, C.INTERVAL_1H, bars, 900)[899], text)
      end
    end
  end)

  it("has no average by volume without volume", function()
    local bars = random_bars(120, C.INTERVAL_1H)
    for i = 40, 99 do bars[i].close, bars[i].volume = 5, 0 end
    local got = values("vwma(close,10)", C.INTERVAL_1H, bars, 120)
    for i = 49, 99 do assert.is_true(got[i] ~= got[i], i) end
    assert.is_true(got[48] == got[48] or bars[39].volume == 0)
    assert.is_true(got[110] == got[110])
  end)
end)

describe("averages", function()
  it("refuse parameters out of range", function()
    local bars = random_bars(5, C.INTERVAL_1H)
    local out = require "ffi".new("double[5]")
    for _, text in ipairs {"wma(close,0)", "hma(close,5001)", "alma(close,9,1.5,6,0)", "alma(close,9,0.5,0,0)", "alma(close,9,0.5,6,2)", "linreg(close,9)",
      "linreg(close,9,0.5)", "ppo(close,12)", "trix(close,2.5)", "kama(close,10,2)"} do
      assert.equal(-1, C.indicator_values(text, C.INTERVAL_1H, bars, 5, out), text)
    end
  end)
end)
