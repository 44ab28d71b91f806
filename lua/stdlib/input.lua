--- Parameters of a trader, declared once: the value comes from the default or from an override.
local suggest = require "suggest"

local M = {}

local function fail(name, value, expected) error(("input %q is %s; expected %s"):format(name, tostring(value), expected), 4) end

local function whole(value) return type(value) == "number" and value % 1 == 0 end

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
  int = function(name, v, o) if not whole(v) or not in_range(v, o) then fail(name, v, range_text(o, "a whole number")) end end,
  float = function(name, v, o)
    if type(v) ~= "number" or v ~= v or not in_range(v, o) then fail(name, v, range_text(o, "a number")) end
  end,
  bool = function(name, v) if type(v) ~= "boolean" then fail(name, v, "true or false") end end,
  string = function(name, v, o)
    if type(v) ~= "string" then fail(name, v, "a text") end
    if not o.options then return end
    for _, allowed in ipairs(o.options) do if v == allowed then return end end
    fail(name, v, "one of " .. table.concat(o.options, ", "))
  end,
  source = function(name, v)
    local allowed = {open = 1, high = 1, low = 1, close = 1, volume = 1, hl2 = 1, hlc3 = 1, ohlc4 = 1}
    if not allowed[v] then fail(name, v, "open, high, low, close, volume, hl2, hlc3 or ohlc4") end
  end,
  interval = function(name, v) if not intervals[v] then fail(name, v, "an interval such as 1m, 5m, 1h") end end,
  symbol = function(name, v) if type(v) ~= "string" or v == "" then fail(name, v, "a symbol such as BTCUSDT") end end,
}

local option_names = {"min", "max", "step", "help", "options"}

--- The `input` table of one trader. `overrides`: name -> value; `declared` is filled: list of {name, type, default, value, ...}.
function M.new(overrides, declared)
  local input, seen = {}, {}
  for kind, check in pairs(checks) do
    input[kind] = function(name, default, options)
      options = options or {}
      if type(name) ~= "string" or name == "" then error(("input.%s: expected a name first, found %s"):format(kind, tostring(name)), 2) end
      if seen[name] then error(("input %q is declared twice"):format(name), 2) end
      if type(options) ~= "table" then error(("input %q: expected options as a table, found a %s"):format(name, type(options)), 2) end
      for key in pairs(options) do
        local known = false
        for _, allowed in ipairs(option_names) do known = known or key == allowed end
        if not known then error(("input %q has no option %q%s"):format(name, tostring(key), suggest(tostring(key), option_names)), 2) end
      end
      local value = overrides[name]
      if value == nil then value = default end
      check(name, value, options)
      seen[name] = true
      declared[#declared + 1] = {name = name, type = kind, default = default, value = value, min = options.min, max = options.max, step = options.step, help = options.help, options = options.options}
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
