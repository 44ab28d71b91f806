-- The kernels of momentum against independent references (TA-Lib, Tulip, PyneCore, TradingView) and against naive computations.
-- builds: release dev (a child process does not start under ThreadSanitizer, and there is one thread)
local reference = require "spec.reference"
local tm = require "spec.tm"
local C = tm.C

local NaN = 0 / 0
local values, compare, column = reference.values, reference.compare, reference.column

-- ours, peer, indicator, parameters, output (value); `from`: where the peer begins otherwise; `factor`; `still`: in `walk` a bar is not
-- compared when the close has not moved for `unmoved` bars (13) within so many before: peers have 0, or what rounding has left, where we have NaN.
local REFERENCES = {
  {"rsi(close,14)", "pynecore", "RSI", "14"}, {"rsi(close,7)", "pynecore", "RSI", "7"}, {"rsi(close,14)", "talib", "RSI", "14"},
  {"rsi(close,7)", "tulip", "RSI", "7"},
  {"stoch(close,high,low,14)", "pynecore", "STOCHF", "14,3", "k"}, {"stoch(close,high,low,14)", "talib", "STOCHF", "14,3", "k", from = 15, still = 20},
  {"sma(stoch(close,high,low,14),3)", "pynecore", "STOCH", "14,3,3", "k", still = 6},
  {"sma(sma(stoch(close,high,low,14),3),3)", "tulip", "STOCH", "14,3,3", "d", from = 17, still = 6},
  {"stochrsi.0(close,14,14,3,3)", "pynecore", "STOCHRSI", "14,14,3,3", "k", from = 29, still = 6},
  {"stochrsi.1(close,14,14,3,3)", "pynecore", "STOCHRSI", "14,14,3,3", "d", from = 31, still = 6},
  {"stochrsi.0(close,14,14,1,3)", "talib", "STOCHRSI", "14,14,3", "fastK", from = 30, still = 6},
  {"stochrsi.1(close,14,14,1,3)", "talib", "STOCHRSI", "14,14,3", "fastD", from = 30, still = 6},
  {"stochrsi.0(close,14,14,1,1)", "tulip", "STOCHRSI", "14", factor = 100, from = 27, still = 6},
  {"cci(hlc3(),20)", "pynecore", "CCI", "20", still = 20}, {"cci(close,20)", "pynecore", "CCI_close", "20", still = 20},
  {"cci(hlc3(),20)", "talib", "CCI", "20", still = 20}, {"cci(hlc3(),14)", "talib", "CCI", "14", still = 20},
  {"cci(hlc3(),14)", "tulip", "CCI", "14", from = 26, still = 20},
  {"cmo(close,14)", "pynecore", "CMO", "14", still = 20}, {"cmo(close,14)", "tulip", "CMO", "14", still = 20},
  {"roc(close,10)", "pynecore", "ROC", "10"}, {"roc(close,10)", "talib", "ROC", "10"}, {"roc(close,10)", "tulip", "ROC", "10", factor = 100},
  {"mom(close,10)", "pynecore", "MOM", "10"}, {"mom(close,10)", "talib", "MOM", "10"}, {"mom(close,10)", "tulip", "MOM", "10"},
  {"wpr(14)", "pynecore", "WILLR", "14"}, {"wpr(14)", "talib", "WILLR", "14", still = 20}, {"wpr(14)", "tulip", "WILLR", "14", still = 20},
  {"uo(7,14,28)", "talib", "ULTOSC", "7,14,28", still = 20, unmoved = 6}, {"uo(7,14,28)", "tulip", "ULTOSC", "7,14,28", still = 20, unmoved = 6},
}

-- Whether the close stood still for n bars before one of the newest `reach` bars.
local function was_still(bars, i, reach, n)
  for j = math.max(i - reach, n), i do
    local moved = false
    for k = j - n + 1, j do moved = moved or bars[k].close ~= bars[k - 1].close end
    if not moved then return true end
  end
  return false
end

describe("momentum against references", function()
  if not tm.data_file "reference/series/walk.csv.gz" then
    pending "no reference data beside the project"
    return
  end
  for _, series in ipairs {"btcusdt-1h", "walk"} do
    it("agrees on " .. series, function()
      local bars, n, interval = reference.series(series)
      local peers = {}
      for _, r in ipairs(REFERENCES) do
        local ours, peer = r[1], r[2]
        peers[peer] = peers[peer] or reference.peer(series, peer)
        local list = peers[peer][r[3]][r[4]][r[5] or "value"]
        assert.is_not_nil(list, ours)
        local got, expected = values(ours, interval, bars, n), reference.reference_of(list)
        compare(ours .. " of " .. peer, got, function(i)
          if series == "walk" and r.still and was_still(bars, i, r.still, r.unmoved or 13) then return got[i] end
          return expected(i) * (r.factor or 1)
        end, n, r.from)
      end
    end)
  end

  it("has no place in a range of zero", function()
    local bars, n, interval = reference.series "flat"
    local undefined = {"rsi(close,14)", "stoch(close,high,low,14)", "stochrsi.0(close,14,14,3,3)", "stochrsi.1(close,14,14,3,3)", "cci(hlc3(),20)",
      "cmo(close,14)", "wpr(14)", "uo(7,14,28)"}
    for _, text in ipairs(undefined) do
      local got = values(text, interval, bars, n)
      for i = 0, n - 1 do assert.is_true(got[i] ~= got[i], text .. i) end
    end
    for _, text in ipairs {"roc(close,10)", "mom(close,10)"} do
      local got = values(text, interval, bars, n)
      for i = 10, n - 1 do assert.equal(0, got[i], text .. i) end
    end
    -- On the plateau of `walk` windows go flat after movement: nothing may be left of it.
    bars, n, interval = reference.series "walk"
    local lengths = {["stoch(close,high,low,14)"] = 14, ["cci(hlc3(),20)"] = 20, ["cmo(close,14)"] = 14, ["wpr(14)"] = 14, ["uo(7,14,20)"] = 20,
      ["stochrsi.0(close,14,10,3,3)"] = 10}
    for text, length in pairs(lengths) do
      local got = values(text, interval, bars, n)
      for i = 301 + length, 339 do
        if got[i] == got[i] then error(("%s at bar %d: %.17g on a plateau"):format(text, i, got[i])) end
      end
    end
  end)

  local TRADINGVIEW = {
    ["mfi+rsi+stoch.csv"] = {["ta.rsi(close, 14)"] = "rsi(close,14)", ["ta.stoch(close, high, low, 20)"] = "stoch(close,high,low,20)"},
    ["cci+cmo+cog.csv"] = {["ta.cmo(close, 20)"] = "cmo(close,20)", ["ta.cci(close, 20)"] = "cci(close,20)"},
    ["wpr.csv"] = {["ta.wpr(20)"] = "wpr(20)"},
  }
  for file, columns in pairs(TRADINGVIEW) do
    it("agrees with TradingView on " .. file, function()
      local rows = reference.read_csv(tm.data_file("reference/tradingview/" .. file))
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

local naive = {}

local function is_number(x) return x - x == 0 end
local is_whole, sum = reference.is_whole, reference.sum

function naive.mean(x, length)
  return function(i)
    if not is_whole(x, i, length) then return NaN end
    return x[i] + sum(i, length, function(k) return x[k] - x[i] end) / length
  end
end

local function listed(f, n)
  local x = {}
  for i = 0, n - 1 do x[i] = f(i) end
  return x
end

function naive.place(x, high, low, length)
  return function(i)
    if not is_whole(high, i, length) or not is_whole(low, i, length) then return NaN end
    local top, bottom = high[i], low[i]
    for k = i - length + 1, i do top, bottom = math.max(top, high[k]), math.min(bottom, low[k]) end
    return top - bottom <= 1e-10 * math.abs(top) and NaN or 100 * (x[i] - bottom) / (top - bottom)
  end
end

-- Each number counts, the others are left out. A list, since every value needs all before it.
function naive.rsi(x, n, length)
  local out, up, down, count, last, value = {}, 0, 0, 0, nil, NaN
  for i = 0, n - 1 do
    out[i] = NaN
    if is_number(x[i]) then
      if last then
        local gain, loss = math.max(x[i] - last, 0), math.max(last - x[i], 0)
        count = count + 1
        if count <= length then
          up, down = up + gain / length, down + loss / length
        else
          up, down = up + (gain - up) / length, down + (loss - down) / length
        end
        if count == length or x[i] ~= last then value = 100 - 100 / (1 + up / down) end
        if count >= length then out[i] = value end
      end
      last = x[i]
    end
  end
  return out
end

function naive.cci(x, length)
  return function(i)
    if not is_whole(x, i, length) then return NaN end
    local distance = sum(i, length, function(k) return x[i] - x[k] end) / length -- of the newest from the mean
    local deviation = sum(i, length, function(k) return math.abs((x[k] - x[i]) + distance) end) / length
    return deviation <= 1e-10 * math.abs(x[i]) and NaN or distance / (0.015 * deviation)
  end
end

function naive.cmo(x, length)
  return function(i)
    if not is_whole(x, i, length + 1) then return NaN end
    local up = sum(i, length, function(k) return math.max(x[k] - x[k - 1], 0) end)
    local down = sum(i, length, function(k) return math.max(x[k - 1] - x[k], 0) end)
    return up + down <= 1e-10 * math.abs(x[i]) and NaN or 100 * (up - down) / (up + down)
  end
end

function naive.change(x, length, relative)
  return function(i)
    if i < length or not is_number(x[i]) or not is_number(x[i - length]) then return NaN end
    return relative and 100 * (x[i] - x[i - length]) / x[i - length] or x[i] - x[i - length]
  end
end

function naive.uo(bars, close, a, b, c)
  local function low(k) return math.min(bars[k].low, close[k - 1]) end
  local function share(i, length)
    local pressure = sum(i, length, function(k) return close[k] - low(k) end)
    local range = sum(i, length, function(k) return math.max(bars[k].high, close[k - 1]) - low(k) end)
    return range <= 1e-10 * close[i] and NaN or pressure / range
  end
  return function(i)
    if not is_whole(close, i, math.max(a, b, c) + 1) then return NaN end
    return 100 * (4 * share(i, a) + 2 * share(i, b) + share(i, c)) / 7
  end
end

-- After a jump the RSI is so near its end that all of its digits are rounding: `is_wild` leaves its places out.
local function compare_momentum(bars, n, interval, length, is_wild)
  local close = column(bars, n, function(b) return b.close end)
  local high, low = column(bars, n, function(b) return b.high end), column(bars, n, function(b) return b.low end)
  local function check(text, expected) compare(text, values(text, interval, bars, n), expected, n) end
  local r = naive.rsi(close, n, length)
  check(("rsi(close,%d)"):format(length), function(i) return r[i] end)
  check(("stoch(close,high,low,%d)"):format(length), naive.place(close, high, low, length))
  check(("stoch(high,close,close,%d)"):format(length), naive.place(high, close, close, length))
  check(("wpr(%d)"):format(length), function(i) return naive.place(close, high, low, length)(i) - 100 end)
  check(("cci(close,%d)"):format(length), naive.cci(close, length))
  check(("cmo(close,%d)"):format(length), naive.cmo(close, length))
  check(("mom(close,%d)"):format(length), naive.change(close, length))
  check(("roc(close,%d)"):format(length), naive.change(close, length, true))
  check(("uo(%d,%d,%d)"):format(length, length + 3, 2 * length), naive.uo(bars, close, length, length + 3, 2 * length))
  check(("uo(%d,5,2)"):format(length), naive.uo(bars, close, length, 5, 2))
  for _, shape in ipairs(is_wild and {} or {{14, length, 3, 3}, {5, 9, length, 2}, {3, 4, 1, length}}) do
    local index = naive.rsi(close, n, shape[1])
    local k = listed(naive.mean(listed(naive.place(index, index, index, shape[2]), n), shape[3]), n)
    check(("stochrsi.0(close,%d,%d,%d,%d)"):format(unpack(shape)), function(i) return k[i] end)
    check(("stochrsi.1(close,%d,%d,%d,%d)"):format(unpack(shape)), naive.mean(k, shape[4]))
  end
end

describe("momentum against naive computations", function()
  it("agrees on random series, with holes and NaN, for short and long windows", function()
    math.randomseed(tm.seed "momentum")
    local n, interval = 500, C.INTERVAL_1H
    for _, length in ipairs {1, 2, 3, 14, math.random(4, 60), math.random(65, 130), math.random(200, 230)} do
      compare_momentum(reference.random_bars(n, interval), n, interval, length)
      local bars = reference.random_bars(n, interval)
      for i = 0, n - 1 do -- holes of some bars, of days, and inside each other's windows
        bars[i].open_ms = bars[i].open_ms + ((i >= 60 and 5 or 0) + (i >= 64 and 1 or 0) + (i >= 250 and 7777 or 0)) * 3600000
      end
      for _, i in ipairs {9, 100, 101, 130} do bars[i].close = NaN end
      compare_momentum(bars, n, interval, length)
    end
  end)

  -- The naive windows work with differences, so that they have the digits that are asked for.
  it("agrees on hostile prices", function()
    math.randomseed(tm.seed "hostile momentum")
    local n, interval = 420, C.INTERVAL_1H
    local prices = {
      tiny = function() return 1e-8 * (1 + math.random()) end,
      large = function(i) return 1e5 + math.floor(2 * math.random() + i % 7) * 1e-3 end,
      jumping = function(i) return (i % 97 == 50 and 1e6 or 1) * (100 + math.random()) end,
    }
    for name, price in pairs(prices) do
      local bars = reference.random_bars(n, interval)
      for i = 0, n - 1 do
        local p = price(i)
        bars[i].open, bars[i].close, bars[i].high, bars[i].low = p, p, p * (1 + 1e-9), p * (1 - 1e-9)
      end
      for _, length in ipairs {2, 20, 77, 200} do
        local ok, why = pcall(compare_momentum, bars, n, interval, length, name == "jumping")
        if not ok then error(name .. ": " .. why) end
      end
    end
  end)

  it("leaves the RSI where it is when the price does not move", function()
    local bars = reference.random_bars(400, C.INTERVAL_1H)
    for i = 0, 399 do bars[i].close = i < 30 and 100 + i % 3 or 101 end
    local got = values("rsi(close,14)", C.INTERVAL_1H, bars, 400)
    assert.is_true(got[30] > 0 and got[30] < 100)
    for i = 31, 399 do assert.equal(got[30], got[i]) end
  end)

  it("gives exactly 100 and 0 for what only rises and only falls", function()
    local bars = reference.random_bars(60, C.INTERVAL_1H)
    for sign = -1, 1, 2 do
      for i = 0, 59 do
        local b = bars[i]
        b.close = 100 + sign * i * 0.37
        b.high, b.low = b.close, b.close
      end
      local up = sign > 0
      local limits_of = {["rsi(close,14)"] = {0, 100}, ["stoch(close,high,low,14)"] = {0, 100}, ["cmo(close,14)"] = {-100, 100}, ["wpr(14)"] = {-100, 0}}
      for text, limits in pairs(limits_of) do
        assert.equal(limits[up and 2 or 1], values(text, C.INTERVAL_1H, bars, 60)[59], text)
      end
    end
  end)

  it("has its first value where Pine has", function()
    local bars = reference.random_bars(100, C.INTERVAL_1H)
    local first = {["rsi(close,14)"] = 14, ["stoch(close,high,low,14)"] = 13, ["stochrsi.0(close,14,13,3,2)"] = 28, ["stochrsi.1(close,14,13,3,2)"] = 29,
      ["cci(close,20)"] = 19, ["cmo(close,9)"] = 9, ["roc(close,10)"] = 10, ["mom(close,1)"] = 1, ["wpr(14)"] = 13, ["uo(7,14,28)"] = 28}
    for text, bar in pairs(first) do
      local got = values(text, C.INTERVAL_1H, bars, 100)
      assert.is_true(got[bar - 1] ~= got[bar - 1] and got[bar] == got[bar], text)
    end
  end)
end)
