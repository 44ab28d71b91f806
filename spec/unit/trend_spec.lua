-- Trend indicators against independent references (PyneCore, TA-Lib, TradingView) and against naive computations.
-- builds: release dev (a child process does not start under ThreadSanitizer, and there is one thread)
local ffi = require "ffi"
local reference = require "spec.reference"
local tm = require "spec.tm"
local C = tm.C

local NaN = 0 / 0
local values, is_close, compare, column = reference.values, reference.is_close, reference.compare, reference.column
local HOUR = 3600000

-- ours -> {peer, indicator, parameters, output, [from]}: `from` where seeds differ and have decayed, and behind PyneCore's
-- copy of a quirk: TradingView draws a Supertrend of 0 on the first bar.
local REFERENCES = {
  {"dmi.0(14,14)", "pynecore", "DI", "14", "plus"}, {"dmi.1(14,14)", "pynecore", "DI", "14", "minus"}, {"dmi.2(14,14)", "pynecore", "ADX", "14", "value"},
  {"dmi.0(14,14)", "talib", "PLUS_DI", "14", "value", 650}, {"dmi.1(14,14)", "talib", "MINUS_DI", "14", "value", 650},
  {"dmi.2(14,14)", "talib", "ADX", "14", "value", 700},
  {"supertrend.0(3,10)", "pynecore", "SUPERTREND", "3,10", "value", 9}, {"supertrend.1(3,10)", "pynecore", "SUPERTREND", "3,10", "direction"},
  {"sar(0.02,0.02,0.2)", "pynecore", "PSAR", "0.02,0.2", "value"},
  {"aroon.0(14)", "pynecore", "AROON", "14", "up"}, {"aroon.1(14)", "pynecore", "AROON", "14", "down"},
  {"ichimoku.0(9,26,52,0)", "pynecore", "ICHIMOKU", "9,26,52", "conversion"}, {"ichimoku.1(9,26,52,0)", "pynecore", "ICHIMOKU", "9,26,52", "base"},
  {"ichimoku.2(9,26,52,0)", "pynecore", "ICHIMOKU", "9,26,52", "spanA_unshifted"},
  {"ichimoku.3(9,26,52,0)", "pynecore", "ICHIMOKU", "9,26,52", "spanB_unshifted"},
}

describe("trend indicators against references", function()
  if not tm.data_file "reference/series/walk.csv.gz" then
    pending "no reference data beside the project"
    return
  end
  for series in pairs(reference.INTERVAL_OF) do
    it("agree on " .. series, function()
      local bars, n, interval = reference.series(series)
      local peers = {}
      for _, r in ipairs(REFERENCES) do
        local ours, peer = r[1], r[2]
        peers[peer] = peers[peer] or reference.peer(series, peer)
        compare(ours .. " of " .. peer, values(ours, interval, bars, n), reference.reference_of(peers[peer][r[3]][r[4]][r[5]]), n, r[6])
      end
    end)
  end

  -- What TradingView exported: file -> column -> value at bar i of ours, by text.
  local function up(of, i) return of "supertrend.1(3,10)"[i] < 0 and of "supertrend.0(3,10)"[i] or NaN end
  local function down(of, i) return of "supertrend.1(3,10)"[i] > 0 and of "supertrend.0(3,10)"[i] or NaN end
  local TRADINGVIEW = {
    ["dmi.csv"] = {["ta.dmi(17, 14).dip"] = "dmi.0(17,14)", ["ta.dmi(17, 14).dim"] = "dmi.1(17,14)", ["ta.dmi(17, 14).adx"] = "dmi.2(17,14)"},
    ["sar.csv"] = {["ta.sar(0.02, 0.02, 0.2)"] = "sar(0.02,0.02,0.2)"},
    ["supertrend.csv"] = {["ta.supertrend(3, 10).up"] = up, ["ta.supertrend(3, 10).down"] = down},
  }
  for file, columns in pairs(TRADINGVIEW) do
    it("agree with TradingView on " .. file, function()
      local rows = reference.read_csv(tm.data_file("reference/tradingview/" .. file))
      -- The exports pause at week-ends; indicators count bars, so any unbroken times will do.
      local k, n_defined, known = 0, 0, {}
      local bars = reference.to_bars(rows, function() k = k + 1 return 1672639200000 + k * HOUR end)
      local function of(text)
        known[text] = known[text] or values(text, C.INTERVAL_1H, bars, #rows)
        return known[text]
      end
      for name, ours in pairs(columns) do
        for i = file == "supertrend.csv" and 1 or 0, #rows - 1 do
          local got = type(ours) == "string" and of(ours)[i] or type(ours) == "function" and ours(of, i) or NaN
          local expected = rows[i + 1][name] or NaN
          n_defined = n_defined + (expected == expected and 1 or 0)
          if not is_close(got, expected, 1e-9) then error(("%s at bar %d: %.17g, TradingView %.17g"):format(name, i, got, expected)) end
        end
      end
      assert.is_true(n_defined > 150, "too few values to compare: " .. n_defined)
    end)
  end
end)

-- ---- naive computations on random series ----

local function wilder(x, n, length) return reference.smoothed(x, n, length, 1 / length) end

local function true_range(bars, i) return reference.true_range(bars, i, true) end

local function is_whole(b) return b.high + b.low + b.close == b.high + b.low + b.close end

local function naive_dmi(bars, n, length, smooth)
  local plus, minus, range, strength = {}, {}, {}, {}
  for i = 0, n - 1 do
    plus[i], minus[i], range[i] = NaN, NaN, NaN
    if i > 0 and is_whole(bars[i]) and is_whole(bars[i - 1]) then
      local up, down = bars[i].high - bars[i - 1].high, bars[i - 1].low - bars[i].low
      plus[i] = up - down > 1e-10 and up > 1e-10 and up or 0
      minus[i] = down - up > 1e-10 and down > 1e-10 and down or 0
      range[i] = true_range(bars, i)
    end
  end
  plus, minus, range = wilder(plus, n, length), wilder(minus, n, length), wilder(range, n, length)
  for i = 0, n - 1 do
    if not (range[i] >= 1e-10 * bars[i].close) then range[i] = NaN end
    plus[i], minus[i] = 100 * plus[i] / range[i], 100 * minus[i] / range[i]
    local sum = plus[i] + minus[i]
    strength[i] = math.abs(plus[i] - minus[i]) / (sum == 0 and 1 or sum)
  end
  strength = wilder(strength, n, smooth)
  return plus, minus, function(i) return 100 * strength[i] end
end

local function naive_supertrend(bars, n, factor, length)
  local line, direction, range = {}, {}, {}
  for i = 0, n - 1 do range[i] = is_whole(bars[i]) and true_range(bars, i) or NaN end
  range = wilder(range, n, length)
  local before -- of the last bar that had a line
  for i = 0, n - 1 do
    line[i], direction[i] = NaN, is_whole(bars[i]) and 1 or NaN
    if range[i] == range[i] then
      local middle, close = (bars[i].high + bars[i].low) / 2, bars[i].close
      local upper, lower = middle + factor * range[i], middle - factor * range[i]
      direction[i] = 1
      if before then
        if not (lower > before.lower or before.close < before.lower) then lower = before.lower end
        if not (upper < before.upper or before.close > before.upper) then upper = before.upper end
        if before.line == before.upper then
          direction[i] = close > upper and -1 or 1
        else
          direction[i] = close < lower and 1 or -1
        end
      end
      line[i] = direction[i] < 0 and lower or upper
      before = {upper = upper, lower = lower, close = close, line = line[i]}
    end
  end
  return line, direction
end

local function naive_sar(bars, n, start, step, max)
  local out, seen = {}, {}
  local stop, extreme, pace, is_long
  for i = 0, n - 1 do
    local b = bars[i]
    out[i] = NaN
    if b.high == b.high and b.low == b.low then
      local one, two = seen[#seen], seen[#seen - 1]
      if #seen == 1 then
        is_long = not (one.high > b.high)
        stop, extreme, pace = is_long and one.low or one.high, is_long and b.high or b.low, start
        out[i] = stop
      elseif #seen > 1 then
        stop = stop + pace * (extreme - stop)
        if is_long and b.low <= stop then
          stop, extreme, pace, is_long = math.max(extreme, b.high, one.high, two.high), b.low, start, false
        elseif not is_long and b.high >= stop then
          stop, extreme, pace, is_long = math.min(extreme, b.low, one.low, two.low), b.high, start, true
        elseif is_long then
          stop = math.min(stop, one.low, two.low)
          if b.high > extreme then extreme, pace = b.high, math.min(pace + step, max) end
        else
          stop = math.max(stop, one.high, two.high)
          if b.low < extreme then extreme, pace = b.low, math.min(pace + step, max) end
        end
        out[i] = stop
      end
      seen[#seen + 1] = {high = b.high, low = b.low}
    end
  end
  return out
end

-- The middle of the highest high and the lowest low of `length` bars; NaN when the window is not full or not whole.
local function middle(bars, length)
  return function(i)
    if i < length - 1 then return NaN end
    local high, low = -math.huge, math.huge
    for k = i - length + 1, i do
      if bars[k].high ~= bars[k].high or bars[k].low ~= bars[k].low then return NaN end
      high, low = math.max(high, bars[k].high), math.min(low, bars[k].low)
    end
    return (high + low) / 2
  end
end

local function aroon(x, length, better)
  return function(i)
    if i < length then return NaN end
    local at = i - length
    for k = i - length, i do
      if x[k] ~= x[k] then return NaN end
      if better(x[k], x[at]) then at = k end -- the oldest of equal ones
    end
    return 100 * (length - (i - at)) / length
  end
end

local function at(list) return function(i) return list[i] end end

-- Random bars, in odd rounds with prices of few digits (ties), a hole, and bars with a NaN.
local function some_bars(round, n)
  local bars = reference.random_bars(n, C.INTERVAL_1H)
  if round % 2 == 0 then return bars end
  for i = 0, n - 1 do
    local b = bars[i]
    b.open, b.high, b.low, b.close = math.floor(b.open * 2) / 2, math.floor(b.high * 2) / 2, math.floor(b.low * 2) / 2, math.floor(b.close * 2) / 2
    if i >= n / 3 then b.open_ms = b.open_ms + 7 * HOUR end
  end
  for _ = 1, 3 do bars[math.random(0, n - 1)][({"high", "low", "close"})[math.random(3)]] = NaN end
  return bars
end

describe("trend indicators against naive computations", function()
  math.randomseed(tm.seed "trend")
  for round, length in ipairs {1, 2, 5, 14, 33, 64, 100, 210} do
    it("agree for lengths of " .. length, function()
      local n = 700
      for again = 0, 1 do
        local bars = some_bars(round + again, n)
        local function ours(text, ...) return values(text:format(...), C.INTERVAL_1H, bars, n) end
        local other = math.random(1, 60)
        local plus, minus, adx = naive_dmi(bars, n, length, other)
        compare("dmi plus", ours("dmi.0(%d,%d)", length, other), at(plus), n)
        compare("dmi minus", ours("dmi.1(%d,%d)", length, other), at(minus), n)
        compare("dmi adx", ours("dmi.2(%d,%d)", length, other), adx, n)
        local line, direction = naive_supertrend(bars, n, 1.5, length)
        compare("supertrend line", ours("supertrend.0(1.5,%d)", length), at(line), n)
        compare("supertrend direction", ours("supertrend.1(1.5,%d)", length), at(direction), n)
        compare("aroon up", ours("aroon.0(%d)", length), aroon(column(bars, n, function(b) return b.high end), length, function(a, b) return a > b end), n)
        compare("aroon down", ours("aroon.1(%d)", length), aroon(column(bars, n, function(b) return b.low end), length, function(a, b) return a < b end), n)
        local conversion, base, span = middle(bars, length), middle(bars, other), middle(bars, 2 * length)
        for displaced = 0, 1 do
          local back = displaced * (other - 1)
          local function text(output) return ours("ichimoku.%d(%d,%d,%d,%d)", output, length, other, 2 * length, displaced) end
          compare("ichimoku conversion", text(0), conversion, n)
          compare("ichimoku base", text(1), base, n)
          compare("ichimoku span_a", text(2), function(i) return (conversion(i - back) + base(i - back)) / 2 end, n)
          compare("ichimoku span_b", text(3), function(i) return span(i - back) end, n)
          compare("ichimoku lagging", text(4), function(i) return bars[i].close end, n)
        end
      end
    end)
  end

  it("agree for stops of any pace", function()
    for round = 1, 12 do
      local n, start = 500, math.random() * 0.1 + 0.001
      local bars, step, max = some_bars(round, n), math.random() * 0.05, start + math.random() * 0.4
      compare("sar", values(("sar(%.17g,%.17g,%.17g)"):format(start, step, max), C.INTERVAL_1H, bars, n), at(naive_sar(bars, n, start, step, max)), n)
    end
  end)

  it("take equal movements for equal, whatever the last digit of a difference says", function()
    local n = 60
    local bars = reference.random_bars(n, C.INTERVAL_1H)
    for i = 0, n - 1 do -- 1.3 - 1.1 and 0.9 - 0.7 are the same on paper alone
      bars[i].open, bars[i].close = 1, 1
      bars[i].high, bars[i].low = i % 2 == 0 and 1.1 or 1.3, i % 2 == 0 and 0.9 or 0.7
    end
    local plus, minus = values("dmi.0(14,14)", C.INTERVAL_1H, bars, n), values("dmi.1(14,14)", C.INTERVAL_1H, bars, n)
    for i = 14, n - 1 do assert.equal(0, plus[i] + minus[i], i) end
  end)

  it("have no direction where nothing moves", function()
    local n = 400
    local bars = reference.random_bars(n, C.INTERVAL_1H)
    for i = 0, n - 1 do bars[i].open, bars[i].high, bars[i].low, bars[i].close = 7, 7, 7, 7 end
    for output = 0, 2 do
      local got = values(("dmi.%d(14,14)"):format(output), C.INTERVAL_1H, bars, n)
      for i = 0, n - 1 do assert.is_true(got[i] ~= got[i], i) end
    end
    local got = values("aroon.0(14)", C.INTERVAL_1H, bars, n)
    for i = 14, n - 1 do assert.equal(0, got[i]) end
    -- After a movement the averages fade until they count as zero: (1 - 1/14)^k below 1e-10 of the price.
    bars[100].high = 8
    got = values("dmi.0(14,14)", C.INTERVAL_1H, bars, n)
    assert.is_true(got[101] == got[101])
    assert.is_true(got[250] == got[250])
    assert.is_true(got[399] ~= got[399])
  end)

  it("count what is infinite as missing", function()
    local n = 200
    local bars, with_nan = reference.random_bars(n, C.INTERVAL_1H), ffi.new("kline[?]", n)
    ffi.copy(with_nan, bars, ffi.sizeof "kline" * n)
    bars[30].high, bars[40].low = math.huge, -math.huge
    with_nan[30].high, with_nan[40].low = NaN, NaN
    local texts = {"dmi.0(3,3)", "dmi.2(3,3)", "supertrend.0(3,3)", "supertrend.1(3,3)", "sar(0.02,0.02,0.2)", "ichimoku.0(3,5,9,0)",
      "ichimoku.2(3,5,9,1)", "ichimoku.3(3,5,9,1)", "ichimoku.4(3,5,9,0)", "aroon.0(5)", "aroon.1(5)"}
    for _, text in ipairs(texts) do
      local expected, n_defined = values(text, C.INTERVAL_1H, with_nan, n), 0
      compare(text, values(text, C.INTERVAL_1H, bars, n), at(expected), n)
      for i = 100, n - 1 do n_defined = n_defined + (expected[i] == expected[i] and 1 or 0) end
      assert.is_true(n_defined > 50, text .. " does not come back")
    end
    bars[50].close = math.huge
    for _, text in ipairs(texts) do
      local got = values(text, C.INTERVAL_1H, bars, n)
      for i = 0, n - 1 do assert.is_true(math.abs(got[i]) ~= math.huge, text .. " at " .. i) end
      assert.is_true(got[60] == got[60] or text:find "^pivot" ~= nil, text .. " does not come back")
    end
  end)

  it("refuse a start above the maximum", function()
    local bars, out = some_bars(0, 3), ffi.new "double[3]"
    assert.equal(0, C.indicator_values("sar(0.2,0.02,0.2)", C.INTERVAL_1H, bars, 3, out))
    assert.equal(-1, C.indicator_values("sar(0.3,0.02,0.2)", C.INTERVAL_1H, bars, 3, out))
    assert.equal(-1, C.indicator_values("supertrend(3,0)", C.INTERVAL_1H, bars, 3, out))
  end)
end)
