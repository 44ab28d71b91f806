--- Structure of the market, found by a look at many bars: crossings, divergences, swings, volume nodes.
local fail = require "fail"
local series = require "series"

local type = type

local M = {}

-- The newest value of a series or number, and its entry.
local function newest(value, name)
  if type(value) == "number" then return value, nil end
  local entry = series.entry(value)
  if not entry then fail(("%s: found %s; expected a series or a number"):format(name, series.describe(value))) end
  return entry.series[0], entry
end

-- Both values on the last bar before the newest where both were defined; nil when there is none.
local function before(a, entry_a, b, entry_b)
  local n_a, n_b = entry_a and entry_a.slot.count or math.huge, entry_b and entry_b.slot.count or math.huge
  local n = math.min(n_a, n_b)
  for k = 1, n - 1 do
    local x, y = a, b
    if entry_a then x = entry_a.series[k] end
    if entry_b then y = entry_b.series[k] end
    if x == x and y == y then return x, y end
  end
end

local function check_pair(name, entry_a, entry_b)
  if not entry_a and not entry_b then fail(name .. ": expected at least one series, found two numbers") end
  if entry_a and entry_b and entry_a.home ~= entry_b.home then
    fail(("%s: %s and %s are of different timeframes; m:align(s) gives a slower series as seen at each bar of m"):format(
      name, entry_a.text, entry_b.text))
  end
end

--- True at the bar where `a` has come to be above `b`: strictly above now, at or below on the last bar where both were defined.
-- @param a series or number @param b series or number @return boolean of the newest bar; false where NaN is met
-- @usage local up = ta.crossover(ta.ema(m.close, 9), ta.ema(m.close, 21))
function M.crossover(a, b)
  local a0, entry_a = newest(a, "ta.crossover")
  local b0, entry_b = newest(b, "ta.crossover")
  check_pair("ta.crossover", entry_a, entry_b)
  if not (a0 > b0) then return false end
  local a1, b1 = before(a, entry_a, b, entry_b)
  return a1 ~= nil and a1 <= b1
end

--- True at the bar where `a` has come to be below `b`: strictly below now, at or above on the last bar where both were defined.
-- @param a series or number @param b series or number @return boolean of the newest bar; false where NaN is met
-- @usage local down = ta.crossunder(ta.rsi(m.close, 14), 70)
function M.crossunder(a, b)
  local a0, entry_a = newest(a, "ta.crossunder")
  local b0, entry_b = newest(b, "ta.crossunder")
  check_pair("ta.crossunder", entry_a, entry_b)
  if not (a0 < b0) then return false end
  local a1, b1 = before(a, entry_a, b, entry_b)
  return a1 ~= nil and a1 >= b1
end

return M
