-- Ranges against independent references (PyneCore, TA-Lib, Tulip, TradingView) and against naive computations.
-- builds: release dev (a child process does not start under ThreadSanitizer, and there is one thread)
local ffi = require "ffi"
local reference = require "spec.reference"
local tm = require "spec.tm"
local C = tm.C

local NaN = 0 / 0
local values, is_close, compare, column = reference.values, reference.is_close, reference.compare, reference.column
local HOUR, DAY = 3600000, 86400000

-- ours -> {peer, indicator, parameters, output, [from]}: `from` where seeds differ and have decayed.
local REFERENCES = {
  {"tr(0)", "pynecore", "TR", "", "value"}, {"tr(1)", "pynecore", "TR", "handle_na", "value"}, {"tr(0)", "talib", "TR", "", "value"},
  {"tr(1)", "tulip", "TR", "", "value"},
  {"atr(14)", "pynecore", "ATR", "14", "value"}, {"atr(14)", "tulip", "ATR", "14", "value"},
  {"natr(14)", "pynecore", "NATR", "14", "value"}, {"natr(14)", "tulip", "NATR", "14", "value"},
  {"donchian.1(20)", "pynecore", "DONCHIAN_UPPER", "20", "value"}, {"donchian.2(20)", "pynecore", "DONCHIAN_LOWER", "20", "value"},
  {"donchian.1(20)", "talib", "DONCHIAN_UPPER", "20", "value"}, {"donchian.2(20)", "talib", "DONCHIAN_LOWER", "20", "value"},
  {"donchian.0(14)", "talib", "MIDPRICE", "14", "value"},
  {"highest(high,20)", "talib", "DONCHIAN_UPPER", "20", "value"}, {"lowest(low,20)", "talib", "DONCHIAN_LOWER", "20", "value"},
  {"kc.0(close,20,2,1)", "pynecore", "KELTNER", "20,2,EMA", "middle"}, {"kc.1(close,20,2,1)", "pynecore", "KELTNER", "20,2,EMA", "upper"},
  {"kc.2(close,20,2,1)", "pynecore", "KELTNER", "20,2,EMA", "lower"},
}

-- file -> column -> ours, or a function of values(text)(bar) for what is made of several.
local TRADINGVIEW = {
  ["tr.csv"] = {["ta.tr(false)"] = "tr(0)", ["ta.tr(true)"] = "tr(1)", ["ta.tr"] = "tr(0)", ["ta.atr(14)"] = "atr(14)"},
  ["highest+lowest.csv"] = {
    ["ta.highest(10)"] = "highest(high,10)", ["ta.highest(close, 10)"] = "highest(close,10)", ["ta.lowest(10)"] = "lowest(low,10)",
    ["ta.lowest(close, 10)"] = "lowest(close,10)", ["ta.highestbars(10)"] = "highestbars(high,10)",
    ["ta.highestbars(close, 10)"] = "highestbars(close,10)", ["ta.lowestbars(10)"] = "lowestbars(low,10)",
    ["ta.lowestbars(close, 10)"] = "lowestbars(close,10)",
  },
  ["range.csv"] = {["ta.range(close, 20)"] = "sub(highest(close,20),lowest(close,20))"},
  ["kc.csv"] = {
    ["ta.kc(close, 20, 2).base"] = "kc.0(close,20,2,1)", ["ta.kc(close, 20, 2).upper"] = "kc.1(close,20,2,1)",
    ["ta.kc(close, 20, 2).lower"] = "kc.2(close,20,2,1)",
    ["ta.kcw(close, 20, 2.1, useTrueRange=false)"] = "div(sub(kc.1(close,20,2.1,0),kc.2(close,20,2.1,0)),kc.0(close,20,2.1,0))",
  },
  ["pivot.csv"] = {
    ["ta.pivothigh(10, 5)"] = "pivothigh(high,10,5)", ["ta.pivothigh(close, 10, 5)"] = "pivothigh(close,10,5)",
    ["ta.pivotlow(10, 5)"] = "pivotlow(low,10,5)", ["ta.pivotlow(close, 10, 5)"] = "pivotlow(close,10,5)",
  },
}

describe("ranges against references", function()
  if not tm.data_file "reference/series/walk.csv.gz" then
    pending "no reference data beside the project"
    return
  end
  for series in pairs(reference.INTERVAL_OF) do
    it("agree on " .. series, function()
      local bars, n, interval = reference.series(series)
      local peers, compared = {}, 0
      for _, r in ipairs(REFERENCES) do
        local ours, peer = r[1], r[2]
        peers[peer] = peers[peer] or reference.peer(series, peer)
        local found = peers[peer][r[3]] and peers[peer][r[3]][r[4]] and peers[peer][r[3]][r[4]][r[5]]
        if found then
          compare(ours .. " of " .. peer, values(ours, interval, bars, n), reference.reference_of(found), n, r[6])
          compared = compared + 1
        end
      end
      assert.equal(#REFERENCES, compared)
    end)
  end
  for file, columns in pairs(TRADINGVIEW) do
    it("agree with TradingView on " .. file, function()
      local rows = reference.read_csv(tm.data_file("reference/tradingview/" .. file))
      -- The exports pause at week-ends; indicators count bars, so any unbroken times will do.
      local k, n_defined = 0, 0
      local bars = reference.to_bars(rows, function() k = k + 1 return 1672639200000 + k * HOUR end)
      for name, ours in pairs(columns) do
        local got = values(ours, C.INTERVAL_1H, bars, #rows)
        for i = 0, #rows - 1 do
          local expected = rows[i + 1][name] or NaN
          n_defined = n_defined + (expected == expected and 1 or 0)
          if not is_close(got[i], expected, 1e-9) then error(("%s at bar %d: %.17g, TradingView %.17g"):format(name, i, got[i], expected)) end
        end
      end
      assert.is_true(n_defined > 40, "too few values to compare: " .. n_defined)
    end)
  end
end)

-- ---- naive computations on random series ----

-- The window of `length` values that ends at bar i: f(list, oldest first); NaN when it is not full or holds a NaN.
local function windowed(x, length, f)
  return function(i)
    local list = {}
    for k = i - length + 1, i do
      if k < 0 or x[k] ~= x[k] then return NaN end
      list[#list + 1] = x[k]
    end
    return f(list)
  end
end

local function best_of(list, better)
  local at = 1
  for k = 2, #list do if better(list[k], list[at]) then at = k end end -- the oldest of equal ones
  return list[at], at - #list
end
local function higher(a, b) return a > b end
local function lower(a, b) return a < b end

local true_range = reference.true_range

local function smoothed(...)
  local out = reference.smoothed(...)
  return function(i) return out[i] end
end

local function pivot(x, left, right, better)
  return windowed(x, left + right + 1, function(list)
    local value = list[left + 1]
    for k = 1, left do if better(list[k], value) then return NaN end end
    for k = left + 2, #list do if not better(value, list[k]) then return NaN end end
    return value
  end)
end

-- Random bars with ties (prices of few digits), and for odd rounds a hole and bars with a NaN.
local function some_bars(round, n)
  local bars = reference.random_bars(n, C.INTERVAL_1H)
  for i = 0, n - 1 do
    local b = bars[i]
    b.open, b.high, b.low, b.close = math.floor(b.open * 2) / 2, math.floor(b.high * 2) / 2, math.floor(b.low * 2) / 2, math.floor(b.close * 2) / 2
    b.high, b.low = math.max(b.open, b.high, b.close), math.min(b.open, b.low, b.close)
    b.quote_volume = b.volume * b.close
  end
  if round % 2 == 1 then
    local hole = math.random(n / 4, n / 2)
    for i = hole, n - 1 do bars[i].open_ms = bars[i].open_ms + 7 * HOUR end
    for _ = 1, 3 do
      local b = bars[math.random(0, n - 1)]
      b[({"high", "low", "close"})[math.random(3)]] = NaN
    end
  end
  return bars
end

local function compare_extremes(bars, n, length)
  local high, low = column(bars, n, function(b) return b.high end), column(bars, n, function(b) return b.low end)
  local close = column(bars, n, function(b) return b.close end)
  local function ours(text, ...) return values(text:format(...), C.INTERVAL_1H, bars, n) end
  local top, bottom = windowed(high, length, function(l) return (best_of(l, higher)) end), windowed(low, length, function(l) return (best_of(l, lower)) end)
  compare("highest", ours("highest(close,%d)", length), windowed(close, length, function(l) return (best_of(l, higher)) end), n)
  compare("lowest", ours("lowest(close,%d)", length), windowed(close, length, function(l) return (best_of(l, lower)) end), n)
  compare("highestbars", ours("highestbars(close,%d)", length), windowed(close, length, function(l) return select(2, best_of(l, higher)) end), n)
  compare("lowestbars", ours("lowestbars(close,%d)", length), windowed(close, length, function(l) return select(2, best_of(l, lower)) end), n)
  compare("donchian upper", ours("donchian.1(%d)", length), top, n)
  compare("donchian lower", ours("donchian.2(%d)", length), bottom, n)
  compare("donchian basis", ours("donchian.0(%d)", length), function(i) return (top(i) + bottom(i)) / 2 end, n)
  local left = math.random(1, length)
  compare("pivothigh", ours("pivothigh(close,%d,%d)", left, length), pivot(close, left, length, higher), n)
  compare("pivotlow", ours("pivotlow(low,%d,%d)", length, left), pivot(low, length, left, lower), n)
end

local function compare_ranges(bars, n, length)
  local function ours(text, ...) return values(text:format(...), C.INTERVAL_1H, bars, n) end
  local first, second, plain = {}, {}, column(bars, n, function(b) return b.high - b.low end)
  for i = 0, n - 1 do first[i], second[i] = true_range(bars, i, true), true_range(bars, i, false) end
  compare("tr(true)", ours "tr(1)", function(i) return first[i] end, n)
  compare("tr(false)", ours "tr(0)", function(i) return second[i] end, n)
  local atr = smoothed(first, n, length, 1 / length)
  compare("atr", ours("atr(%d)", length), atr, n)
  compare("natr", ours("natr(%d)", length), function(i) return 100 * atr(i) / bars[i].close end, n)
  local basis = smoothed(column(bars, n, function(b) return b.close end), n, length, 2 / (length + 1))
  for use_true_range, range in pairs {[0] = plain, [1] = second} do
    local width = smoothed(range, n, length, 2 / (length + 1))
    compare("kc basis", ours("kc.0(close,%d,1.5,%d)", length, use_true_range), basis, n)
    compare("kc upper", ours("kc.1(close,%d,1.5,%d)", length, use_true_range), function(i) return basis(i) + 1.5 * width(i) end, n)
    compare("kc lower", ours("kc.2(close,%d,1.5,%d)", length, use_true_range), function(i) return basis(i) - 1.5 * width(i) end, n)
  end
end

describe("ranges against naive computations", function()
  math.randomseed(tm.seed "range")
  for round, length in ipairs {1, 2, 3, 5, 14, 20, 63, 64, 65, 100, 230, 250} do
    it("agree for windows of " .. length, function()
      local n = 600
      for again = 0, 1 do
        local bars = some_bars(round + again, n)
        compare_extremes(bars, n, length)
        compare_ranges(bars, n, length)
      end
    end)
  end

  it("agree in a market that only falls, rises or stands still", function()
    for _, slope in ipairs {-1, 1, 0} do
      local n = 300
      local bars = reference.random_bars(n, C.INTERVAL_1H)
      for i = 0, n - 1 do
        local price = 1000 + slope * i
        bars[i].open, bars[i].high, bars[i].low, bars[i].close = price, price, price, price
      end
      for _, length in ipairs {1, 7, 100} do
        compare_extremes(bars, n, length)
        compare_ranges(bars, n, length)
      end
    end
  end)

  it("count what is infinite as missing", function()
    local n = 200
    local bars, with_nan = reference.random_bars(n, C.INTERVAL_1H), ffi.new("kline[?]", n)
    ffi.copy(with_nan, bars, ffi.sizeof "kline" * n)
    bars[30].high, bars[40].low = math.huge, -math.huge
    with_nan[30].high, with_nan[40].low = NaN, NaN
    local texts = {"tr(0)", "tr(1)", "atr(3)", "natr(3)", "highest(high,3)", "lowest(low,3)", "highestbars(close,4)", "lowestbars(low,5)",
      "donchian.0(3)", "donchian.1(3)", "kc.1(close,3,2,1)", "kc.0(close,3,2,0)", "kc.2(open,3,2,0)", "pivothigh(high,1,2)", "pivotlow(low,1,1)", "day.1()"}
    for _, text in ipairs(texts) do
      local expected, n_defined = values(text, C.INTERVAL_1H, with_nan, n), 0
      compare(text, values(text, C.INTERVAL_1H, bars, n), function(i) return expected[i] end, n)
      for i = 100, n - 1 do n_defined = n_defined + (expected[i] == expected[i] and 1 or 0) end
      assert.is_true(n_defined > 5, text .. " does not come back")
    end
    bars[50].close = math.huge
    for _, text in ipairs(texts) do
      local got = values(text, C.INTERVAL_1H, bars, n)
      for i = 0, n - 1 do assert.is_true(math.abs(got[i]) ~= math.huge, text .. " at " .. i) end
      assert.is_true(got[100] == got[100] or text:find "^pivot" ~= nil, text .. " does not come back")
    end
  end)

  it("refuse pivots whose window is too long", function()
    local bars, out = some_bars(0, 3), ffi.new "double[3]"
    assert.equal(0, C.indicator_values("pivothigh(high,2500,2499)", C.INTERVAL_1H, bars, 3, out))
    assert.equal(-1, C.indicator_values("pivothigh(high,2500,2500)", C.INTERVAL_1H, bars, 3, out))
    assert.equal(-1, C.indicator_values("pivothigh(high,0,3)", C.INTERVAL_1H, bars, 3, out))
  end)
end)

-- ---- the last 24 hours ----

-- By its definition from all the bars, each time.
local function day_of(bars, interval, i)
  local start_ms = tonumber(C.interval_next(interval, bars[i].open_ms)) - DAY
  local first = i
  while first > 0 and tonumber(bars[first - 1].open_ms) >= start_ms do first = first - 1 end
  if tonumber(bars[0].open_ms) > start_ms then return {NaN, NaN, NaN, NaN, NaN} end
  local before = bars[first].open
  if first > 0 and tonumber(C.interval_next(interval, bars[first - 1].open_ms)) == start_ms then before = bars[first - 1].close end
  local high, low, volume, quote_volume = -math.huge, math.huge, 0, 0
  for k = first, i do
    high, low = math.max(high, bars[k].high), math.min(low, bars[k].low)
    volume, quote_volume = volume + bars[k].volume, quote_volume + bars[k].quote_volume
  end
  return {100 * (bars[i].close / before - 1), high, low, volume, quote_volume}
end

describe("the last 24 hours", function()
  local function check_day(interval, bars, n)
    for output = 0, 4 do
      compare("day." .. output, values(("day.%d()"):format(output), interval, bars, n), function(i) return day_of(bars, interval, i)[output + 1] end, n)
    end
  end

  for _, name in ipairs {"5m", "15m", "1h", "4h", "12h", "1d"} do
    it("agree with all the bars of " .. name, function()
      local interval = C.interval_parse(name, #name)
      local n = math.max(40, math.floor(2.6 * DAY / tonumber(C.interval_ms(interval))))
      local bars = reference.random_bars(n, interval)
      for i = 0, n - 1 do
        bars[i].quote_volume = bars[i].volume * bars[i].close
        bars[i].open = bars[i].low + math.random() * (bars[i].high - bars[i].low) -- not the close before
      end
      check_day(interval, bars, n)
      -- With holes, one of them of more than a day, bars are counted by their time.
      local long = math.floor(1.2 * DAY / tonumber(C.interval_ms(interval))) + 1
      for at, missing in pairs {[math.floor(n / 3)] = 1, [math.floor(n / 2)] = 7, [math.floor(2 * n / 3)] = long} do
        for i = at, n - 1 do bars[i].open_ms = C.interval_add(interval, bars[i].open_ms, missing) end
      end
      check_day(interval, bars, n)
    end)
  end

  it("begins where a whole day is known", function()
    local bars = reference.random_bars(30, C.INTERVAL_1H)
    local got = values("day.1()", C.INTERVAL_1H, bars, 30)
    assert.is_true(got[22] ~= got[22])
    assert.is_true(got[23] == got[23])
    bars[10].low = NaN -- and begins anew behind a bar that is not whole
    got = values("day.1()", C.INTERVAL_1H, bars, 30)
    for i = 10, 29 do assert.is_true(got[i] ~= got[i], i) end
  end)

  it("is not there above a day and for seconds", function()
    for _, name in ipairs {"1s", "3d", "1w", "1M"} do
      local interval = C.interval_parse(name, #name)
      local bars = reference.random_bars(20, interval)
      for i = 0, 19 do bars[i].open_ms = C.interval_add(interval, C.interval_floor(interval, 1700006400000), i) end
      for output = 0, 4 do
        local got = values(("day.%d()"):format(output), interval, bars, 20)
        for i = 0, 19 do assert.is_true(got[i] ~= got[i], name) end
      end
    end
  end)
end)
