--- Parameters of a trader, declared once: the value comes from the default or from an override.
local null = require("cjson").null
local raise = require "fail"
local series = require "series"
local suggest = require "suggest"

local M = {}

-- What a script may declare is bounded: declarations are written as JSON outside of the state's memory.
local INPUTS_MAX, TEXT_MAX, CHOICES_MAX = 64, 1024, 64

local function shown(value)
  if value == null then return "null" end
  if value ~= nil and not ({number = 1, boolean = 1, string = 1})[type(value)] then return series.describe(value) end
  if type(value) ~= "string" then return tostring(value) end
  return ("%q"):format(#value > 60 and value:sub(1, 57) .. "..." or value)
end

local function fail(name, value, expected) raise(("input %q is %s; expected %s"):format(name, shown(value), expected)) end

local function is_number(value) return type(value) == "number" and value - value == 0 end -- neither NaN nor infinite
local function is_whole(value) return is_number(value) and value % 1 == 0 end
local function is_text(value) return type(value) == "string" and #value <= TEXT_MAX end

local function range_text(options, unit)
  if options.min and options.max then return ("%s %s..%s"):format(unit, options.min, options.max) end
  if options.min then return ("%s of at least %s"):format(unit, options.min) end
  if options.max then return ("%s of at most %s"):format(unit, options.max) end
  return unit
end

local function in_range(value, options)
  return not (options.min and value < options.min) and not (options.max and value > options.max)
end

local intervals = {}
for name in ("1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M"):gmatch "%S+" do intervals[name] = true end

local checks = {
  int = function(name, v, o) if not is_whole(v) or not in_range(v, o) then fail(name, v, range_text(o, "a whole number")) end end,
  float = function(name, v, o) if not is_number(v) or not in_range(v, o) then fail(name, v, range_text(o, "a number")) end end,
  bool = function(name, v) if type(v) ~= "boolean" then fail(name, v, "true or false") end end,
  string = function(name, v, o)
    if not is_text(v) then fail(name, v, ("a text of at most %d bytes"):format(TEXT_MAX)) end
    if not o.options then return end
    local choices = {}
    for i, allowed in ipairs(o.options) do
      if v == allowed then return end
      choices[i] = shown(allowed)
    end
    fail(name, v, "one of " .. table.concat(choices, ", "))
  end,
  source = function(name, v)
    local allowed = {open = 1, high = 1, low = 1, close = 1, volume = 1, hl2 = 1, hlc3 = 1, ohlc4 = 1}
    if v == nil or not allowed[v] then fail(name, v, "open, high, low, close, volume, hl2, hlc3 or ohlc4") end
  end,
  interval = function(name, v) if v == nil or not intervals[v] then fail(name, v, "an interval such as 1m, 5m, 1h") end end,
  symbol = function(name, v) if not is_text(v) or v == "" then fail(name, v, "a symbol such as BTCUSDT") end end,
}

local function is_choices(value)
  if type(value) ~= "table" or #value == 0 or #value > CHOICES_MAX then return false end
  for i = 1, #value do if not is_text(value[i]) then return false end end
  return true
end

local option_names = {"min", "max", "step", "help", "options"}
M.option_names = option_names
local option_checks = {min = {is_number, "a number"}, max = {is_number, "a number"}, step = {is_number, "a number"}}
option_checks.help = {is_text, ("a text of at most %d bytes"):format(TEXT_MAX)}
option_checks.options = {is_choices, ("a list of 1 to %d texts"):format(CHOICES_MAX)}

-- A copy, so that what was checked is what is declared.
local function checked_options(name, options)
  if type(options) ~= "table" then raise(("input %q: found options that are a %s; expected a table"):format(name, type(options))) end
  local copy = {}
  for key, value in pairs(options) do
    local check = option_checks[key]
    if not check then raise(("input %q has no option %q%s"):format(name, tostring(key), suggest(tostring(key), option_names))) end
    if not check[1](value) then raise(("option %q of input %q is %s; expected %s"):format(key, name, shown(value), check[2])) end
    copy[key] = key == "options" and {unpack(value)} or value
  end
  return copy
end

-- The functions of `input`: all take a name, a default and options, and give the value in force.

--- Declares a whole number.
-- @function input.int
-- @param name text, as it stands in NAME.json @param default whole number @param options {min, max, step, help}
-- @return whole number: the default, or what overrides it
-- @usage local length = input.int("length", 14, {min = 2, max = 50, help = "RSI length, bars"})

--- Declares a number.
-- @function input.float
-- @param name text @param default number @param options {min, max, step, help} @return number
-- @usage local level = input.float("level", 30, {min = 5, max = 50, step = 0.5})

--- Declares a switch.
-- @function input.bool
-- @param name text @param default true or false @param options {help} @return boolean
-- @usage local strict = input.bool("strict", false)

--- Declares a text, one of a list where `options` names one.
-- @function input.string
-- @param name text @param default text @param options {options = list of texts, help} @return text
-- @usage local mode = input.string("mode", "cross", {options = {"cross", "below"}})

--- Declares a series of the market by name: read it as m[source].
-- @function input.source
-- @param name text @param default text: open, high, low, close, volume, hl2, hlc3 or ohlc4 @param options {help} @return text
-- @usage local source = input.source("source", "close")

--- Declares an interval.
-- @function input.interval
-- @param name text @param default interval such as "1h" @param options {help} @return interval
-- @usage local slow = input.interval("slow", "1h")

--- Declares a symbol.
-- @function input.symbol
-- @param name text @param default text such as "BTCUSDT" @param options {help} @return text
-- @usage local leader = input.symbol("leader", "BTCUSDT")

--- The `input` table of one trader. `overrides`: name -> value; `declared` is filled: list of {name, type, default, value, ...}.
function M.new(overrides, declared)
  local input, seen = {}, {}
  for kind, check in pairs(checks) do
    input[kind] = function(name, default, given)
      if not is_text(name) or name == "" then
        raise(("input.%s: found %s; expected a name first: input.%s(\"name\", ...)"):format(kind, shown(name), kind))
      end
      if seen[name] then raise(("input %q is declared twice"):format(name)) end
      if #declared == INPUTS_MAX then raise(("input %q is one too many; expected at most %d"):format(name, INPUTS_MAX)) end
      local options = checked_options(name, given or {})
      local value = default
      check(name, default, options)
      if overrides[name] ~= nil then
        value = overrides[name]
        check(name, value, options)
      end
      seen[name] = true
      options.name, options.type, options.default, options.value = name, kind, default, value
      declared[#declared + 1] = options
      return value
    end
  end
  return input
end

--- Overrides that no declaration has asked for.
function M.unused(overrides, declared)
  local names = {}
  for _, d in ipairs(declared) do names[#names + 1] = d.name end
  for name in pairs(overrides) do
    local known = false
    for _, declared_name in ipairs(names) do known = known or name == declared_name end
    if not known then return ("there is no input %q%s"):format(tostring(name), suggest(tostring(name), names)) end
  end
end

return M
