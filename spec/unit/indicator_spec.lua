-- The kernels against independent references (TA-Lib, Tulip, PyneCore, TradingView) and against naive computations.
-- builds: release dev (a child process does not start under ThreadSanitizer, and there is one thread)
local ffi = require "ffi"
local reference = require "spec.reference"
local tm = require "spec.tm"
local C = tm.C

local NaN = 0 / 0
local values, read_csv, to_bars, is_close, compare = reference.values, reference.read_csv, reference.to_bars, reference.is_close, reference.compare
local random_bars, column = reference.random_bars, reference.column
local load_reference, reference_of, INTERVAL_OF = reference.peer, reference.reference_of, reference.INTERVAL_OF

-- ours -> {peer, indicator, parameters, output, [from]}: `from` where seeds differ and have decayed.
local REFERENCES = {
  {"sma(close,10)", "talib", "SMA", "10", "value"}, {"sma(close,20)", "tulip", "SMA", "20", "value"}, {"sma(close,50)", "pynecore", "SMA", "50", "value"},
  {"ema(close,9)", "talib", "EMA", "9", "value"}, {"ema(close,20)", "pynecore", "EMA", "20", "value"}, {"ema(close,50)", "pynecore", "EMA", "50", "value"},
  {"rma(close,14)", "pynecore", "RMA", "14", "value"}, {"rma(close,14)", "tulip", "RMA", "14", "value"},
  {"rsi(close,14)", "pynecore", "RSI", "14", "value"}, {"rsi(close,7)", "pynecore", "RSI", "7", "value"},
  {"macd.0(close,12,26,9)", "pynecore", "MACD", "12,26,9", "macd"}, {"macd.1(close,12,26,9)", "pynecore", "MACD", "12,26,9", "signal"},
  {"macd.2(close,12,26,9)", "pynecore", "MACD", "12,26,9", "hist"},
  {"atr(14)", "pynecore", "ATR", "14", "value"}, {"atr(14)", "tulip", "ATR", "14", "value"},
  {"tr(0)", "pynecore", "TR", "", "value"}, {"tr(1)", "pynecore", "TR", "handle_na", "value"},
  {"vwap(hlc3(),0)", "pynecore", "VWAP", "session", "value"},
}
-- The plateau of `walk` (bars 300..339) leaves residues in peers' rolling deviations: ours is exact there.
local BANDS = {{"bb.0(close,20,2)", "middle"}, {"bb.1(close,20,2)", "upper"}, {"bb.2(close,20,2)", "lower"}}

describe("indicators against references", function()
  local has_data = tm.data_file "reference/series/walk.csv.gz"
  if not has_data then
    pending "no reference data beside the project"
    return
  end
  for _, series in ipairs {"btcusdt-1h", "walk", "flat"} do
    it("agree on " .. series, function()
      local rows = read_csv(tm.data_file("reference/series/" .. series .. ".csv.gz"))
      local name = INTERVAL_OF[series]
      local interval = C.interval_parse(name, #name)
      local bars, n, peers, compared = to_bars(rows), #rows, {}, 0
      for _, r in ipairs(REFERENCES) do
        local ours, peer = r[1], r[2]
        peers[peer] = peers[peer] or load_reference(series, peer)
        local found = peers[peer][r[3]] and peers[peer][r[3]][r[4]] and peers[peer][r[3]][r[4]][r[5]]
        if found then
          compare(ours .. " of " .. peer, values(ours, interval, bars, n), reference_of(found), n, r[6])
          compared = compared + 1
        end
      end
      assert.is_true(compared >= #REFERENCES - 2, "too few references: " .. compared)
      local bands = load_reference(series, "talib").BBANDS["20,2"]
      for _, b in ipairs(BANDS) do
        local got, expected = values(b[1], interval, bars, n), reference_of(bands[b[2]])
        for i = 0, n - 1 do
          if not is_close(got[i], expected(i), 1e-9) and not (series == "walk" and i >= 300 and i < 360) then
            error(("%s at bar %d: %.17g, reference %.17g"):format(b[1], i, got[i], expected(i)))
          end
        end
      end
    end)
  end

  local TRADINGVIEW = {
    ["ma.csv"] = {["ta.sma(close, 10)"] = "sma(close,10)", ["ta.sma(hl2, 20)"] = "sma(hl2(),20)", ["ta.sma(hlc3, 15)"] = "sma(hlc3(),15)",
      ["ta.ema(close, 20)"] = "ema(close,20)", ["ta.ema(ohlc4, 10)"] = "ema(ohlc4(),10)", ["ta.rma(high, 15)"] = "rma(high,15)"},
    ["bb.csv"] = {["ta.bb(close, 20, 2).base"] = "bb.0(close,20,2)", ["ta.bb(close, 20, 2).upper"] = "bb.1(close,20,2)",
      ["ta.bb(close, 20, 2).lower"] = "bb.2(close,20,2)"},
    ["macd.csv"] = {["ta.macd(close, 12, 26, 9).macd"] = "macd.0(close,12,26,9)", ["ta.macd(close, 12, 26, 9).signal"] = "macd.1(close,12,26,9)",
      ["ta.macd(close, 12, 26, 9).hist"] = "macd.2(close,12,26,9)"},
    ["mfi+rsi+stoch.csv"] = {["ta.rsi(close, 14)"] = "rsi(close,14)"},
    ["tr.csv"] = {["ta.tr(false)"] = "tr(0)", ["ta.tr(true)"] = "tr(1)", ["ta.atr(14)"] = "atr(14)"},
    ["highest+lowest.csv"] = {["ta.highest(10)"] = "highest(high,10)", ["ta.highest(close, 10)"] = "highest(close,10)",
      ["ta.lowest(10)"] = "lowest(low,10)", ["ta.lowest(close, 10)"] = "lowest(close,10)"},
  }
  for file, columns in pairs(TRADINGVIEW) do
    it("agree with TradingView on " .. file, function()
      local rows = read_csv(tm.data_file("reference/tradingview/" .. file))
      -- The exports pause at week-ends; indicators count bars, so any unbroken times will do.
      local k = 0
      local bars = to_bars(rows, function() k = k + 1 return 1672639200000 + k * 3600000 end)
      for name, ours in pairs(columns) do
        assert.is_not_nil(rows[#rows][name], name)
        local got = values(ours, C.INTERVAL_1H, bars, #rows)
        for i = 0, #rows - 1 do
          local expected = rows[i + 1][name] or NaN
          -- Prices of the export are rounded to 5 digits, so are the last digits of what TradingView made of them.
          if not is_close(got[i], expected, 1e-9) then error(("%s at bar %d: %.17g, TradingView %.17g"):format(name, i, got[i], expected)) end
        end
      end
    end)
  end
end)

-- ---- naive computations on random series ----

local naive = {}

function naive.sma(x, n, length)
  return function(i)
    if i < length - 1 then return NaN end
    local sum = 0
    for k = i - length + 1, i do sum = sum + x[k] end
    return sum / length
  end, n
end

-- value(i) by its definition from the start each time: O(n^2), obvious.
local function seeded(x, length, alpha)
  return function(i)
    if i < length - 1 then return NaN end
    local v = 0
    for k = 0, length - 1 do v = v + x[k] end
    v = v / length
    for k = length, i do v = alpha * x[k] + (1 - alpha) * v end
    return v
  end
end

local function extreme(x, length, better)
  return function(i)
    if i < length - 1 then return NaN end
    local best = x[i]
    for k = i - length + 1, i do if better(x[k], best) then best = x[k] end end
    return best
  end
end

describe("indicators against naive computations", function()
  it("agree on random series", function()
    math.randomseed(tm.seed "indicator")
    for _ = 1, 6 do
      local n, interval = 260, C.INTERVAL_1H
      local bars = random_bars(n, interval)
      local close = column(bars, n, function(b) return b.close end)
      local length = math.random(2, 60)
      compare("sma", values(("sma(close,%d)"):format(length), interval, bars, n), naive.sma(close, n, length), n)
      compare("ema", values(("ema(close,%d)"):format(length), interval, bars, n), seeded(close, length, 2 / (length + 1)), n)
      compare("rma", values(("rma(close,%d)"):format(length), interval, bars, n), seeded(close, length, 1 / length), n)
      compare("highest", values(("highest(close,%d)"):format(length), interval, bars, n), extreme(close, length, function(a, b) return a > b end), n)
      compare("lowest", values(("lowest(close,%d)"):format(length), interval, bars, n), extreme(close, length, function(a, b) return a < b end), n)
      local basis = naive.sma(close, n, length)
      compare("bb upper", values(("bb.1(close,%d,2)"):format(length), interval, bars, n), function(i)
        if i < length - 1 then return NaN end
        local mean, sum = basis(i), 0
        for k = i - length + 1, i do sum = sum + (close[k] - mean) ^ 2 end
        return mean + 2 * math.sqrt(sum / length)
      end, n)
      local tr = column(bars, n, function(b) return b.high - b.low end)
      for i = 1, n - 1 do
        tr[i] = math.max(bars[i].high - bars[i].low, math.abs(bars[i].high - close[i - 1]), math.abs(bars[i].low - close[i - 1]))
      end
      compare("atr", values(("atr(%d)"):format(length), interval, bars, n), seeded(tr, length, 1 / length), n)
      compare("vwap", values("vwap(hlc3(),0)", interval, bars, n), function(i)
        local day = math.floor(tonumber(bars[i].open_ms) / 86400000)
        local pv, v, begun = 0, 0, tonumber(bars[0].open_ms) % 86400000 == 0
        for k = 0, i do
          local d = math.floor(tonumber(bars[k].open_ms) / 86400000)
          if d == day then
            pv = pv + (bars[k].high + bars[k].low + bars[k].close) / 3 * bars[k].volume
            v = v + bars[k].volume
          else
            begun = true
          end
        end
        if not begun or v == 0 then return NaN end
        return pv / v
      end, n)
    end
  end)

  it("count bars after a hole", function()
    local bars = random_bars(80, C.INTERVAL_1H)
    for i = 40, 79 do bars[i].open_ms = bars[i].open_ms + 5 * 3600000 end
    local close = column(bars, 80, function(b) return b.close end)
    compare("sma", values("sma(close,10)", C.INTERVAL_1H, bars, 80), naive.sma(close, 80, 10), 80)
  end)

  it("give NaN for NaN and do not advance a recursive state", function()
    local bars = random_bars(60, C.INTERVAL_1H)
    bars[30].close = NaN
    local got = values("ema(close,5)", C.INTERVAL_1H, bars, 60)
    assert.is_true(got[30] ~= got[30])
    assert.is_true(is_close(got[31], got[29] + 2 / 6 * (bars[31].close - got[29]), 1e-12))
    local windowed = values("sma(close,5)", C.INTERVAL_1H, bars, 60)
    for i = 30, 34 do assert.is_true(windowed[i] ~= windowed[i], i) end
    assert.is_true(windowed[35] == windowed[35])
  end)

  it("never give an infinite value", function()
    local bars = random_bars(20, C.INTERVAL_1H)
    bars[10].close = math.huge
    for _, text in ipairs {"sma(close,3)", "ema(close,3)", "rma(close,3)", "highest(close,3)", "bb.1(close,3,2)", "rsi(close,3)"} do
      local got = values(text, C.INTERVAL_1H, bars, 20)
      for i = 0, 19 do assert.is_true(got[i] ~= math.huge and got[i] ~= -math.huge, text .. i) end
    end
  end)

  it("refuse what is no indicator", function()
    local bars, out = random_bars(3, C.INTERVAL_1H), ffi.new "double[3]"
    local bad = {
      "", "sma", "sma(close)", "sma(close,0)", "sma(close,2.5)", "sma(close,nan)", "nope(close,3)", "sma(close,3", "macd.3(close,12,26,9)",
      "close", "sma(close,3))",
    }
    for _, text in ipairs(bad) do
      assert.equal(-1, C.indicator_values(text, C.INTERVAL_1H, bars, 3, out), text)
    end
    bars[2].open_ms = bars[1].open_ms
    assert.equal(-2, C.indicator_values("sma(close,2)", C.INTERVAL_1H, bars, 3, out))
  end)
end)
