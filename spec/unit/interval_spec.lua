-- Intervals against an independent calendar: os.date for years that it knows, and a civil calendar that counts days one
-- by one for the rest.
local tm = require "spec.tm"
local ffi = require "ffi"
local C = tm.C

local MS = {
  ["1s"] = 1e3, ["1m"] = 60e3, ["3m"] = 180e3, ["5m"] = 300e3, ["15m"] = 900e3, ["30m"] = 1800e3, ["1h"] = 3600e3,
  ["2h"] = 7200e3, ["4h"] = 14400e3, ["6h"] = 21600e3, ["8h"] = 28800e3, ["12h"] = 43200e3, ["1d"] = 86400e3,
  ["3d"] = 259200e3, ["1w"] = 604800e3,
}
local ORDER = {"1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"}
local DAY = 86400e3
local function id(name) return C.interval_parse(name, #name) end
local function floor(name, ms) return tonumber(C.interval_floor(id(name), ms)) end
local function next_of(name, ms) return tonumber(C.interval_next(id(name), ms)) end

local function is_leap(year) return year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0) end
local LENGTHS = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
local function month_days(year, month) return month == 2 and is_leap(year) and 29 or LENGTHS[month] end

-- First days of the months from 1600 to 2500, counted one after the other; 1970-01-01 is day 0.
local month_starts = {}
do
  local day = 0
  for year = 1969, 1600, -1 do day = day - (is_leap(year) and 366 or 365) end
  for year = 1600, 2500 do
    for month = 1, 12 do
      month_starts[#month_starts + 1] = day * DAY
      day = day + month_days(year, month)
    end
  end
end
local function month_of(ms) -- index of the last start that is not after ms
  local low, high = 1, #month_starts
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if month_starts[middle] <= ms then low = middle else high = middle - 1 end
  end
  return low
end

local function slow_floor(name, ms)
  if name == "1M" then return month_starts[month_of(ms)] end
  local origin = name == "1w" and -3 * DAY or 0
  return math.floor((ms - origin) / MS[name]) * MS[name] + origin
end

describe("interval", function()
  it("names all sixteen and reads them back, case and length counting", function()
    assert.equal(16, tonumber(C.N_INTERVALS))
    for i, name in ipairs(ORDER) do
      assert.equal(name, ffi.string(C.interval_name(i - 1)))
      assert.equal(i - 1, C.interval_parse(name, #name))
    end
    assert.is_true(C.interval_name(-1) == nil and C.interval_name(16) == nil)
    for _, wrong in ipairs {"", "1", "m", "1S", "1H", "1D", "2m", "1mo", "60m", "1m ", "01m"} do
      assert.equal(-1, C.interval_parse(wrong, #wrong))
    end
    assert.equal(id "1m", C.interval_parse("1mxyz", 2)) -- the length decides, not a terminator
    assert.are_not.equal(id "1m", id "1M")
  end)

  it("starts weeks on Monday and months on the first", function()
    local wednesday = 1769000000000 -- 2026-01-21T12:53:20Z
    assert.equal("2026-01-19 00:00:00 Mon", os.date("!%Y-%m-%d %H:%M:%S %a", floor("1w", wednesday) / 1000))
    assert.equal("2026-01-01 00:00:00", os.date("!%Y-%m-%d %H:%M:%S", floor("1M", wednesday) / 1000))
    assert.equal("2026-02-01 00:00:00", os.date("!%Y-%m-%d %H:%M:%S", next_of("1M", floor("1M", wednesday)) / 1000))
    assert.equal(-3 * DAY, floor("1w", 0))
    assert.equal(0, floor("3d", 3 * DAY - 1))
    assert.equal(3 * DAY, floor("3d", 3 * DAY))
  end)

  it("knows leap years", function()
    local function february(year) -- length in days of the February of a year
      local start = os.time {year = year, month = 2, day = 10, hour = 12} * 1000
      local open = floor("1M", start)
      return (next_of("1M", open) - open) / DAY
    end
    assert.equal(29, february(2024))
    assert.equal(28, february(2026))
    assert.equal(29, february(2000))
    assert.equal(28, february(2100))
  end)

  it("agrees with os.date on random times from 1970 to 2200", function()
    math.randomseed(tm.seed "interval")
    for _ = 1, 3000 do
      local ms = math.random() * 7.2e12
      ms = ms - ms % 1
      local t = os.date("!*t", math.floor(ms / 1000))
      local open = floor("1M", ms)
      assert.equal(("%d-%d-1"):format(t.year, t.month), os.date("!%Y-", open / 1000) .. tonumber(os.date("!%m", open / 1000)) .. "-1")
      assert.equal(0, open % DAY)
      local week = os.date("!*t", floor("1w", ms) / 1000)
      assert.equal(2, week.wday) -- Monday
      assert.is_true(ms - floor("1w", ms) < 7 * DAY)
    end
  end)

  it("agrees with a counted calendar on random times, before 1970 too", function()
    math.randomseed(tm.seed "interval")
    for _ = 1, 3000 do
      local ms = (math.random() * 2 - 1) * 1.0e13
      ms = ms - ms % 1
      for _, name in ipairs(ORDER) do
        local open, i = slow_floor(name, ms), id(name)
        assert.equal(open, floor(name, ms), name)
        assert.equal(open, floor(name, open), name)
        local after = next_of(name, open)
        assert.is_true(open <= ms and ms < after, name)
        assert.equal(after, floor(name, after), name)
        assert.equal(open, floor(name, after - 1), name)
        local n = math.random(-300, 300)
        local there = tonumber(C.interval_add(i, open, n))
        assert.equal(open, tonumber(C.interval_add(i, there, -n)), name)
        assert.equal(n, tonumber(C.interval_count(i, open, there)), name)
        if name == "1M" then assert.equal(month_starts[month_of(ms) + n], there) end
        assert.is_true(after - open <= tonumber(C.interval_ms(i)), name)
      end
    end
  end)

  it("divides exactly where every large bar is made of whole small ones", function()
    local from = 1704067200000 -- 2024-01-01, with a leap day ahead
    for _, small in ipairs(ORDER) do
      for _, large in ipairs(ORDER) do
        local fits, open = true, floor(large, from)
        for _ = 1, 40 do
          fits = fits and floor(small, open) == open
          open = next_of(large, open)
        end
        -- A larger one starts at whole small bars only by being smaller itself.
        fits = fits and tonumber(C.interval_ms(id(small))) <= tonumber(C.interval_ms(id(large)))
        assert.equal(fits, C.interval_divides(id(small), id(large)), small .. " into " .. large)
      end
    end
    assert.is_false(C.interval_divides(id "1w", id "1M"))
    assert.is_false(C.interval_divides(id "3d", id "1w"))
    assert.is_true(C.interval_divides(id "1d", id "1M"))
  end)
end)
