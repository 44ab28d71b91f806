-- The kernels of events against TradingView and against naive computations.
-- builds: release dev (a child process does not start under ThreadSanitizer, and there is one thread)
local ffi = require "ffi"
local reference = require "spec.reference"
local tm = require "spec.tm"
local C = tm.C

local NaN = 0 / 0
local HOUR = 3600000
local values, compare = reference.values, reference.compare

local function every_hour()
  local k = 0
  return function()
    k = k + 1
    return 1672639200000 + k * HOUR
  end
end

describe("events against TradingView", function()
  if not tm.data_file "reference/tradingview/valuewhen.csv" then
    pending "no reference data beside the project"
    return
  end

  it("agree on the value at the crossing before the newest", function()
    local rows = reference.read_csv(tm.data_file "reference/tradingview/valuewhen.csv")
    local bars = reference.to_bars(rows, every_hour())
    local fast, slow = "sma(close,7)", "sma(close,14)"
    local crossing = ("max(crossover(%s,%s),crossunder(%s,%s))"):format(fast, slow, fast, slow)
    local name = "ta.valuewhen(ta.cross(slow, fast), close, 1)"
    assert.is_true(rows[#rows][name] > 0)
    compare(name, values(("valuewhen(%s,close,1)"):format(crossing), C.INTERVAL_1H, bars, #rows), function(i) return rows[i + 1][name] end, #rows)
  end)

  it("agree on a source that is na where the condition holds", function()
    local rows = reference.read_csv(tm.data_file "reference/tradingview/valuewhen_na.csv")
    local bars = reference.to_bars(rows, every_hour())
    -- In the export every third bar counts; the source of v0, v1, v2 is na on every other one of these.
    for i = 0, #rows - 1 do
      bars[i].trades = i % 3 == 0 and 1 or 0
      bars[i].quote_volume = i % 6 == 0 and NaN or bars[i].close
    end
    for name, text in pairs {v0 = "quote_volume,0", v1 = "quote_volume,1", v2 = "quote_volume,2", w0 = "close,0"} do
      compare(name, values(("valuewhen(trades,%s)"):format(text), C.INTERVAL_1H, bars, #rows), function(i) return rows[i + 1][name] end, #rows)
    end
  end)
end)

-- Conditions of all kinds: 0, 1, other numbers, NaN.
local function random_conditions(n, rate)
  local bars = reference.random_bars(n, C.INTERVAL_1H)
  for i = 0, n - 1 do
    local b = bars[i]
    b.trades = math.random() < rate and ({1, -2, 0.5, 1e300})[math.random(4)] or ({0, 0, NaN})[math.random(3)]
    b.quote_volume = math.random(20) == 1 and NaN or math.random()
  end
  for i = math.floor(n / 2), n - 1 do bars[i].open_ms = bars[i].open_ms + 9 * HOUR end -- a hole: bars count, not hours
  return bars
end

local function holds(x) return x == x and x ~= 0 end

local function naive_since(bars)
  return function(i)
    for k = i, 0, -1 do if holds(bars[k].trades) then return i - k end end
    return NaN
  end
end

local function naive_value(bars, occurrence)
  return function(i)
    local left = occurrence
    for k = i, 0, -1 do
      if holds(bars[k].trades) then
        if left == 0 then return bars[k].quote_volume end
        left = left - 1
      end
    end
    return NaN
  end
end

describe("events against naive computations", function()
  it("agree on random conditions", function()
    math.randomseed(tm.seed "event")
    for _, rate in ipairs {0.02, 0.3, 0.95} do
      local n = 500
      local bars = random_conditions(n, rate)
      compare("barssince", values("barssince(trades)", C.INTERVAL_1H, bars, n), naive_since(bars), n)
      for _, occurrence in ipairs {0, 1, 2, 7, math.random(65, 100), 220} do
        local text = ("valuewhen(trades,quote_volume,%d)"):format(occurrence)
        compare(text, values(text, C.INTERVAL_1H, bars, n), naive_value(bars, occurrence), n)
      end
    end
  end)

  it("know nothing of what has never been", function()
    local bars = random_conditions(30, 0)
    local since, value = values("barssince(trades)", C.INTERVAL_1H, bars, 30), values("valuewhen(trades,close,0)", C.INTERVAL_1H, bars, 30)
    for i = 0, 29 do assert.is_true(since[i] ~= since[i] and value[i] ~= value[i]) end
  end)

  it("count an infinite value as NaN", function()
    local bars = random_conditions(3, 0)
    bars[1].trades, bars[1].quote_volume = 1, 1 / 0
    local value = values("valuewhen(trades,quote_volume,0)", C.INTERVAL_1H, bars, 3)
    assert.is_true(value[1] ~= value[1] and value[2] ~= value[2])
  end)

  it("refuse occurrences that are none", function()
    local bars, out = random_conditions(3, 0), ffi.new("double[3]")
    for _, occurrence in ipairs {"-1", "0.5", "5001"} do
      assert.equal(-1, C.indicator_values(("valuewhen(trades,close,%s)"):format(occurrence), C.INTERVAL_1H, bars, 3, out))
    end
  end)
end)
