--- What comes into a helper and what goes out of it: arguments are checked, and a nil leaves a note.
--
-- A nil that is compared or calculated with ends the call; the error then names the helper that gave it last and how many
-- bars were there (script_context.missing of abi.h).
local ffi = require "ffi"
local fail = require "fail"
local market = require "market"
local series = require "series"

local type = type

local M = {}

local NOTE_BYTES = 159
local MOST = 5000 -- bars of a window

-- ---- what comes in ----

function M.wrong(name, what, value, expected)
  local found = series.describe(value)
  if type(value) == "number" then found = ("%.14g"):format(value) end
  if type(value) == "string" then found = ("%q"):format(#value > 60 and value:sub(1, 57) .. "..." or value) end
  fail(("helpers.%s: %s is %s; expected %s"):format(name, what, found, expected))
end

function M.market_of(name, klines)
  if market.is_market(klines) then return klines end
  return M.wrong(name, "klines", klines, 'the market: m or m["1h"]')
end

-- A number of bars, from `least` (1) to `most`.
function M.bars_of(name, what, value, default, most, least)
  if value == nil then value = default end
  most, least = most or MOST, least or 1
  if type(value) == "number" and value % 1 == 0 and value >= least and value <= most then return value end
  return M.wrong(name, what, value, ("a whole number from %d to %d"):format(least, most))
end

function M.number_of(name, what, value, default)
  if value == nil then value = default end
  if type(value) == "number" and value - value == 0 then return value end
  return M.wrong(name, what, value, "a number")
end

function M.is_series(value) return series.entry(value) ~= nil end

-- A series, or a list of numbers with the oldest first.
function M.values_of(name, what, value)
  if M.is_series(value) then return value end
  if type(value) ~= "table" then M.wrong(name, what, value, "a series such as m.close, or a list of numbers, oldest first") end
  for i = 1, #value do
    if type(value[i]) ~= "number" then M.wrong(name, ("item %d of %s"):format(i, what), value[i], "a number") end
  end
  return value
end

-- ---- what goes out ----

-- Notes for the error to come why a helper gives nil.
function M.none(name, why)
  ffi.copy(series.context().missing, ("helpers.%s gave nil: %s"):format(name, why):sub(1, NOTE_BYTES))
  return nil
end

function M.too_few(name, have, need)
  return M.none(name, have < need and ("not enough bars (%d of %d)"):format(have, need) or "a value of its bars is not defined")
end

-- The newest value of a series whose first one needs `need` bars; nil when there is none. `why`: of a nil in spite of the bars.
function M.newest(name, s, need, why)
  local value = s[0]
  if value == value then return value end
  local have = s:len()
  if why and have >= need then return M.none(name, why) end
  return M.too_few(name, have, need)
end

return M
