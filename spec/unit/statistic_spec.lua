-- The statistics of windows against independent references (TA-Lib, Tulip, PyneCore, TradingView) and against naive computations.
-- builds: release dev (a child process does not start under ThreadSanitizer, and there is one thread)
local reference = require "spec.reference"
local tm = require "spec.tm"
local C = tm.C

local NaN = 0 / 0
local values, compare, column = reference.values, reference.compare, reference.column

-- ours, peer, indicator, parameters, output (value); `squares`: made of rolling squares of prices, which keep some digits less
-- than ours (2e-9 from the exact deviation of btcusdt-1h, ours 8e-16) and leave a residue in the still stretches of `walk` and behind them.
local REFERENCES = {
  {"bb.0(close,20,2)", "pynecore", "BBANDS", "20,2", "middle"}, {"bb.1(close,20,2)", "pynecore", "BBANDS", "20,2", "upper", squares = true},
  {"bb.2(close,20,2)", "pynecore", "BBANDS", "20,2", "lower", squares = true}, {"bb.0(close,20,2)", "talib", "BBANDS", "20,2", "middle"},
  {"bb.1(close,20,2)", "talib", "BBANDS", "20,2", "upper", squares = true}, {"bb.2(close,20,2)", "tulip", "BBANDS", "20,2", "lower", squares = true},
  {"stdev(close,20,1)", "pynecore", "STDDEV", "20", squares = true}, {"stdev(close,20,1)", "talib", "STDDEV", "20", squares = true},
  {"stdev(close,20,1)", "tulip", "STDDEV", "20", squares = true}, {"stdev(close,20,0)", "pynecore", "STDDEV_SAMPLE", "20", squares = true},
  {"variance(close,20,1)", "pynecore", "VAR", "20", squares = true}, {"variance(close,20,1)", "talib", "VAR", "20", squares = true},
  {"variance(close,20,1)", "tulip", "VAR", "20", squares = true},
  {"median(close,20)", "pynecore", "MEDIAN", "20"}, {"percentrank(close,20)", "pynecore", "PERCENTRANK", "20"},
}

-- As compare, but within 1e-8, and not where the close stood still for 10 bars within the newest 40.
local function compare_squares(what, got, expected, bars, n)
  local since = 0
  for i = 0, n - 1 do
    local still = i >= 10
    for k = i - 9, i do still = still and bars[k].close == bars[k - 1].close end
    since = still and 0 or since + 1
    local e = expected(i)
    if since > 40 and not reference.is_close(got[i], e, 1e-8) then error(("%s at bar %d: %.17g, reference %.17g"):format(what, i, got[i], e)) end
  end
end

describe("statistics against references", function()
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
        local list = peers[peer][r[3]][r[4]][r[5] or "value"]
        assert.is_not_nil(list, ours)
        local got, expected = values(ours, interval, bars, n), reference.reference_of(list)
        if r.squares and series ~= "flat" then
          compare_squares(ours .. " of " .. peer, got, expected, bars, n)
        else
          compare(ours .. " of " .. peer, got, expected, n)
        end
      end
    end)
  end

  it("leave nothing of what has moved", function()
    local bars, n, interval = reference.series "walk"
    for _, text in ipairs {"stdev(close,20,1)", "stdev(close,20,0)", "variance(close,20,1)", "dev(close,20)", "bbw(close,20,2)"} do
      local got = values(text, interval, bars, n)
      for i = 321, 339 do assert.equal(0, got[i], text .. " at bar " .. i) end
    end
    local basis, upper, lower = values("bb.0(close,20,2)", interval, bars, n), values("bb.1(close,20,2)", interval, bars, n),
      values("bb.2(close,20,2)", interval, bars, n)
    for i = 321, 339 do
      assert.equal(bars[i].close, basis[i])
      assert.equal(bars[i].close, upper[i])
      assert.equal(bars[i].close, lower[i])
    end
    local r = values("correlation(close,volume,20)", interval, bars, n)
    for i = 321, 339 do assert.is_true(r[i] ~= r[i]) end
  end)

  local TRADINGVIEW = {
    ["bb.csv"] = {["ta.bb(close, 20, 2).base"] = "bb.0(close,20,2)", ["ta.bb(close, 20, 2).upper"] = "bb.1(close,20,2)",
      ["ta.bb(close, 20, 2).lower"] = "bb.2(close,20,2)", ["ta.bbw(close, 20, 2.1)"] = "bbw(close,20,2.1)"},
    ["correlation.csv"] = {correlation = "correlation(sma(close,20),ema(close,10),20)"},
    ["min+max+median+mode.csv"] = {["median(close)"] = "median(close,20)"},
  }
  for file, columns in pairs(TRADINGVIEW) do
    it("agree with TradingView on " .. file, function()
      local rows = reference.read_csv(tm.data_file("reference/tradingview/" .. file))
      local k = 0
      local bars = reference.to_bars(rows, function() k = k + 1 return 1672639200000 + k * 3600000 end)
      for name, ours in pairs(columns) do
        assert.is_not_nil(rows[#rows][name], name)
        local got = values(ours, C.INTERVAL_1H, bars, #rows)
        for i = 0, #rows - 1 do
          local expected = rows[i + 1][name] or NaN
          -- The correlation is TradingView's difference of two nearly equal sums: it has 7 digits after the point.
          local is_near = reference.is_close(got[i], expected, 1e-9) or name == "correlation" and math.abs(got[i] - expected) < 1e-7
          if not is_near then
            error(("%s at bar %d: %.17g, TradingView %.17g"):format(name, i, got[i], expected))
          end
        end
      end
    end)
  end
end)

-- ---- naive computations: two passes over each window ----

local function is_number(x) return x - x == 0 end
local is_whole, sum = reference.is_whole, reference.sum

-- Mean of the window as what it is away from x[i]: so that the naive windows have the digits that are asked for.
local function offset(x, i, length) return sum(i, length, function(k) return x[k] - x[i] end) / length end

local function squares(x, i, length)
  local mean = offset(x, i, length)
  local s = sum(i, length, function(k) return (x[k] - x[i] - mean) ^ 2 end)
  return s < 1e-20 * length * x[i] ^ 2 and 0 or s
end

local naive = {}

function naive.variance(x, length, divisor)
  return function(i) return is_whole(x, i, length) and squares(x, i, length) / divisor or NaN end
end

function naive.dev(x, length)
  return function(i)
    if not is_whole(x, i, length) then return NaN end
    local mean = offset(x, i, length)
    local d = sum(i, length, function(k) return math.abs(x[k] - x[i] - mean) end) / length
    return d < 1e-10 * math.abs(x[i]) and 0 or d
  end
end

function naive.correlation(x, y, length)
  return function(i)
    if not is_whole(x, i, length) or not is_whole(y, i, length) then return NaN end
    local mx, my = offset(x, i, length), offset(y, i, length)
    local s = sum(i, length, function(k) return (x[k] - x[i] - mx) * (y[k] - y[i] - my) end)
    local xx, yy = squares(x, i, length), squares(y, i, length)
    return xx == 0 and NaN or yy == 0 and NaN or s / math.sqrt(xx * yy)
  end
end

function naive.median(x, length)
  return function(i)
    if not is_whole(x, i, length) then return NaN end
    local sorted = {}
    for k = i - length + 1, i do sorted[#sorted + 1] = x[k] end
    table.sort(sorted)
    return (sorted[math.floor((length + 1) / 2)] + sorted[math.ceil((length + 1) / 2)]) / 2
  end
end

function naive.percentrank(x, length)
  return function(i)
    if not is_whole(x, i, length + 1) then return NaN end
    return 100 * sum(i - 1, length, function(k) return x[k] <= x[i] and 1 or 0 end) / length
  end
end

function naive.count(x, length)
  return function(i) return is_whole(x, i, length) and sum(i, length, function(k) return x[k] ~= 0 and 1 or 0 end) or NaN end
end

local function check_with(bars, n, interval) return function(text, expected) compare(text, values(text, interval, bars, n), expected, n) end end

-- `price` and `other`: names of fields.
local function compare_statistics(bars, n, interval, length, price, other)
  local x, y = column(bars, n, function(b) return b[price] end), column(bars, n, function(b) return b[other] end)
  local check = check_with(bars, n, interval)
  local variance, sample = naive.variance(x, length, length), naive.variance(x, length, length - 1)
  local function basis(i) return is_whole(x, i, length) and x[i] + offset(x, i, length) or NaN end
  local function root(f, factor) return function(i) return factor * math.sqrt(f(i)) end end
  local function of(text) return text:format(price, length) end
  check(of "variance(%s,%d,1)", variance)
  check(of "variance(%s,%d,0)", sample)
  check(of "stdev(%s,%d,1)", root(variance, 1))
  check(of "stdev(%s,%d,0)", root(sample, 1))
  check(of "bb.0(%s,%d,2.5)", basis)
  check(of "bb.1(%s,%d,2.5)", function(i) return basis(i) + root(variance, 2.5)(i) end)
  check(of "bb.2(%s,%d,2.5)", function(i) return basis(i) - root(variance, 2.5)(i) end)
  check(of "bbw(%s,%d,0.5)", function(i) return 100 * root(variance, 1)(i) / basis(i) end)
  check(of "dev(%s,%d)", naive.dev(x, length))
  check(of "median(%s,%d)", naive.median(x, length))
  check(of "percentrank(%s,%d)", naive.percentrank(x, length))
  check(("correlation(%s,%s,%d)"):format(price, other, length), naive.correlation(x, y, length))
  check(("correlation(%s,%s,%d)"):format(other, price, length), naive.correlation(y, x, length))
end

-- Relative to the deviation itself, where `compare` allows 1e-9 of whatever unit.
local function compare_deviations(name, bars, n, interval, length)
  local x = column(bars, n, function(b) return b.close end)
  local naives = {["variance(close,%d,1)"] = naive.variance(x, length, length), ["dev(close,%d)"] = naive.dev(x, length)}
  for text, expected in pairs(naives) do
    local got = values(text:format(length), interval, bars, n)
    for i = length - 1, n - 1 do
      local e = expected(i)
      if math.abs(got[i] - e) > 1e-9 * e then error(("%s %s at bar %d: %.17g, naive %.17g"):format(name, text:format(length), i, got[i], e)) end
    end
  end
end

describe("statistics against naive computations", function()
  local interval = C.INTERVAL_1H

  it("agree on random series, with holes and NaN, for short and long windows", function()
    math.randomseed(tm.seed "statistic")
    local n = 480
    for _, length in ipairs {1, 2, 3, 20, math.random(4, 63), 64, 65, math.random(66, 130), math.random(193, 230)} do
      compare_statistics(reference.random_bars(n, interval), n, interval, length, "close", "volume")
      local bars = reference.random_bars(n, interval)
      for i = 0, n - 1 do
        bars[i].open_ms = bars[i].open_ms + ((i >= 60 and 5 or 0) + (i >= 64 and 1 or 0) + (i >= 240 and 7777 or 0)) * 3600000
        bars[i].close = math.floor(bars[i].close) -- ties
      end
      for _, i in ipairs {9, 100, 101, 130} do bars[i].close = NaN end
      compare_statistics(bars, n, interval, length, "close", "high")
    end
  end)

  it("agree where a window is kept in order", function()
    math.randomseed(tm.seed "order")
    local n, length = 2600, math.random(640, 900)
    local bars = reference.random_bars(n, interval)
    for i = 0, n - 1 do
      local b = bars[i]
      if i % 3 == 0 then b.close = math.floor(b.close / 5) * 5 end -- many ties
      if i >= 1500 and i < 1500 + length then b.close = 42 end
      if i >= 2400 then b.close = 2400 - i + 1e6 end -- rising and falling: leaves at the ends are split and emptied
      b.open_ms = b.open_ms + (i >= 1200 and 3 or 0) * 3600000
    end
    bars[200].close = NaN
    local x, check = column(bars, n, function(b) return b.close end), check_with(bars, n, interval)
    check(("dev(close,%d)"):format(length), naive.dev(x, length))
    check(("median(close,%d)"):format(length), naive.median(x, length))
    check(("percentrank(close,%d)"):format(length), naive.percentrank(x, length))
    assert.equal(0, values(("dev(close,%d)"):format(length), interval, bars, n)[1500 + length - 1])
  end)

  it("keep their digits on hostile prices", function()
    math.randomseed(tm.seed "hostile statistic")
    local n = 620
    local prices = {
      tiny = function() return 1e-8 * (1 + math.random()) end,
      ["nearly still"] = function() return 1e-8 + math.floor(10 * math.random()) * 1e-16 end,
      large = function(i) return 1e5 + math.floor(2 * math.random() + i % 7) * 1e-3 end,
      jumping = function(i) return (i % 97 == 50 and 1e6 or 1) * (100 + math.random()) end,
      ["jumping and coming back"] = function(i) return i >= 200 and i < 260 and 1e8 or 100 + math.random() end,
      negative = function(i) return -1e4 + (i % 50 < 25 and 1 or -1) * math.random() end,
    }
    for name, price in pairs(prices) do
      local bars = reference.random_bars(n, interval)
      for i = 0, n - 1 do bars[i].close = price(i) end
      for _, length in ipairs {2, 20, 77, 200, 500} do compare_deviations(name, bars, n, interval, length) end
    end
  end)

  it("count and add up, and leave out what is no number", function()
    math.randomseed(tm.seed "count")
    local n = 400
    local bars = reference.random_bars(n, interval)
    for i = 0, n - 1 do bars[i].volume = math.random(0, 1) end
    for _, i in ipairs {0, 77, 78, 300} do bars[i].volume, bars[i].close = NaN, NaN end
    bars[50].close = math.huge
    local condition, close = column(bars, n, function(b) return b.volume end), column(bars, n, function(b) return b.close end)
    local check = check_with(bars, n, interval)
    for _, length in ipairs {1, 2, 10, 77, 200} do check(("count(volume,%d)"):format(length), naive.count(condition, length)) end
    local total, totals = 0, {}
    for i = 0, n - 1 do
      total = total + (is_number(close[i]) and close[i] or 0)
      totals[i] = is_number(close[i]) and total or NaN
    end
    check("cum(close)", function(i) return totals[i] end)
  end)

  it("add up without losing the small for the large", function()
    local bars = reference.random_bars(300, interval)
    for i = 0, 299 do bars[i].close = i == 0 and 1e16 or i == 299 and -1e16 or 1 end
    assert.equal(298, values("cum(close)", interval, bars, 300)[299])
  end)

  it("give nothing infinite, and forget it with the window", function()
    local bars = reference.random_bars(60, interval)
    bars[20].close = math.huge
    bars[40].close = 1e200 -- its square is infinite
    local texts = {"bb.0(close,5,2)", "bb.1(close,5,2)", "bbw(close,5,2)", "stdev(close,5,1)", "variance(close,5,1)", "dev(close,5)", "median(close,5)",
      "percentrank(close,5)", "correlation(close,volume,5)", "cum(close)"}
    for _, text in ipairs(texts) do
      local got = values(text, interval, bars, 60)
      for i = 0, 59 do assert.is_true(got[i] ~= math.huge and got[i] ~= -math.huge, text .. i) end
      for _, i in ipairs {19, 30, 59} do assert.is_true(got[i] == got[i], text .. i) end
      assert.is_true(got[20] ~= got[20], text)
    end
  end)

  it("have their first value where Pine has", function()
    local bars = reference.random_bars(60, interval)
    local first = {["bb.1(close,20,2)"] = 19, ["bbw(close,20,2)"] = 19, ["stdev(close,20,1)"] = 19, ["variance(close,20,0)"] = 19, ["dev(close,20)"] = 19,
      ["median(close,20)"] = 19, ["percentrank(close,20)"] = 20, ["correlation(close,volume,20)"] = 19, ["count(close,20)"] = 19}
    for text, bar in pairs(first) do
      local got = values(text, interval, bars, 60)
      assert.is_true(got[bar - 1] ~= got[bar - 1] and got[bar] == got[bar], text)
    end
    assert.equal(bars[0].close, values("cum(close)", interval, bars, 60)[0])
  end)
end)
