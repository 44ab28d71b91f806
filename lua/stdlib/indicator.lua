--- How a function of `ta` finds its series: a look-up by sources and parameters, and at the first use a claim in C.
--
-- A call must cost nothing but that look-up, so what has been claimed is kept in tables of the source's entry (of the
-- market's, when there is no source), one level for each further source and parameter.
local ffi = require "ffi"
local fail = require "fail"
local series = require "series"

local newproxy, getmetatable, ipairs, pairs, select, tostring, type = newproxy, getmetatable, ipairs, pairs, select, tostring, type
local C = ffi.C

local M = {}

local NONE = {} -- stands for an argument that was left out, where nil cannot stand

-- Names of the functions of ta that give a series, or several: never a condition.
M.gives_series = {}

-- Functions that read the market itself: name -> function(market entry, ...). m.ta and m["1h"].ta differ only in these.
M.bound = {}

-- Every function made here: name -> list of its outputs, or false when it gives one series; name -> list of its options.
M.outputs_of, M.options_of = {}, {}

--- Number of a kernel of C, by name.
function M.kind(name)
  local kind = C.script_kind(name)
  assert(kind >= 0, name)
  return kind
end

--- Switches a series on for the running call.
function M.on(entry)
  local slot = entry.slot
  slot.count = slot.available
  return entry.series
end
local on = M.on

--- What stands in `memo` under n keys; nil when there is nothing.
local function find(memo, n, a, b, c, d, e, f)
  if n == 0 then return memo[0] end
  memo = memo[a]
  if n == 1 or not memo then return memo end
  memo = memo[b]
  if n == 2 or not memo then return memo end
  memo = memo[c]
  if n == 3 or not memo then return memo end
  memo = memo[d]
  if n == 4 or not memo then return memo end
  memo = memo[e]
  if n == 5 or not memo then return memo end
  return memo[f]
end

local function keep(memo, value, n, ...)
  if n == 0 then
    memo[0] = value
    return
  end
  for i = 1, n - 1 do
    local key = select(i, ...)
    memo[key] = memo[key] or {}
    memo = memo[key]
  end
  memo[select(n, ...)] = value
end

-- A read-only userdata with a series under each name, so that a call allocates nothing and what a script holds cannot be
-- changed.
local function group(name, fields, entries)
  local outputs = newproxy(true)
  local meta = getmetatable(outputs)
  meta.__index = function(_, field)
    local wanted = entries[field]
    if wanted then return on(wanted) end
    if type(field) == "number" then
      fail(("ta.%s has several outputs; name one: %s"):format(name, table.concat(fields, ", ")))
    end
    fail(("ta.%s has no output %q; expected %s"):format(name, tostring(field), table.concat(fields, ", ")))
  end
  meta.__newindex = function() fail(("the outputs of ta.%s are read-only"):format(name)) end
  meta.__tostring = function() return ("outputs of ta.%s"):format(name) end
  meta.__metatable = false
  series.set_outputs(outputs, fields, entries)
  return outputs
end

local function check_source(value, name, what)
  local entry = series.entry(value)
  if entry then return entry end
  if series.outputs(value) then
    fail(("ta.%s: %s is %s; name one of its outputs: %s"):format(name, what, tostring(value), table.concat(series.outputs(value).fields, ", ")))
  end
  local example = type(value) == "boolean" and "m.close:gt(m.open)" or "m.close"
  fail(("ta.%s: %s is %s; expected a series such as %s"):format(name, what, series.describe(value), example))
end

-- The number that C gets for a parameter.
local function number_of(param, value, name)
  if value == nil then value = param.default end
  if param.choices then
    local number = param.choices[value]
    if number then return number end
    local names = {}
    for choice in pairs(param.choices) do names[#names + 1] = ("%q"):format(choice) end
    table.sort(names)
    fail(("ta.%s: %s is %s; expected %s"):format(name, param.name, type(value) == "string" and ("%q"):format(value) or series.describe(value),
      table.concat(names, " or ")))
  end
  if param.is_flag then
    if type(value) == "boolean" then return value and 1 or 0 end
    fail(("ta.%s: %s is %s; expected true or false"):format(name, param.name, series.describe(value)))
  end
  if type(value) == "number" and value == value then return value end
  fail(("ta.%s: %s is %s; expected a number"):format(name, param.name, series.describe(value)))
end

local function as_param(p)
  if type(p) == "string" then return {name = p} end
  return {name = p[1], default = p[2], choices = p.choices, is_flag = type(p[2]) == "boolean"}
end

local function shown(number) return ("%.14g"):format(number) end

-- The first use: claims a series for each output, or asks `make` for series made of others.
local function claim(spec, home, sources, numbers)
  local words = {}
  for i = spec.first_source, #spec.sources do words[#words + 1] = sources[i].text end
  for i = 1, #spec.params do words[#words + 1] = shown(numbers[i]) end
  local text = ("%s(%s)"):format(spec.name, table.concat(words, ", "))
  if spec.make then
    local made = spec.make(sources, numbers, text, home)
    if not spec.outputs then return series.entry(made) end
    local entries = {}
    for _, field in ipairs(spec.outputs) do entries[field] = series.entry(made[field]) end
    return group(spec.name, spec.outputs, entries)
  end
  local function output(number, of)
    local s = sources
    return series.claim(home.place, spec.kind, s[1] and s[1].index, s[2] and s[2].index, s[3] and s[3].index,
      numbers[1], numbers[2], numbers[3], numbers[4], number, of)
  end
  if not spec.outputs then return output(0, text) end
  local entries = {}
  for i, field in ipairs(spec.outputs) do entries[field] = output(i - 1, text .. "." .. field) end
  return group(spec.name, spec.outputs, entries)
end

local function check_homes(spec, sources)
  for i = 2, #sources do
    if sources[i].place ~= sources[1].place then series.different("ta." .. spec.name, sources[1], sources[i]) end
  end
end

-- Slow path: arguments are checked and completed, then the series is looked for, or claimed and kept.
local function resolve(spec, market, ...)
  local n_sources, sources, numbers, keys = #spec.sources, {}, {}, {}
  for i = 1, n_sources do
    local value = select(i, ...)
    local default = spec.sources[i].default
    if value == nil and default then value = (market or M.running("ta." .. spec.name)).get(default) end
    sources[i] = check_source(value, spec.name, spec.sources[i].name)
    if i > 1 then keys[#keys + 1] = sources[i] end
  end
  check_homes(spec, sources)
  local options = spec.options and select(n_sources + spec.n_plain + 1, ...)
  if options ~= nil and type(options) ~= "table" then
    fail(("ta.%s: options is %s; expected a table such as {%s = ...}"):format(spec.name, series.describe(options), spec.params[spec.n_plain + 1].name))
  end
  for i, param in ipairs(spec.params) do
    local value
    if i <= spec.n_plain then value = select(n_sources + i, ...) elseif options then value = options[param.name] end
    numbers[i] = number_of(param, value, spec.name)
    keys[#keys + 1] = numbers[i]
  end
  for key in pairs(options or {}) do
    local known = false
    for i = spec.n_plain + 1, #spec.params do known = known or spec.params[i].name == key end
    if not known then fail(("ta.%s has no option %q"):format(spec.name, tostring(key))) end
  end
  local home = sources[1] or market or M.running("ta." .. spec.name)
  home.memo[spec.name] = home.memo[spec.name] or {}
  local made = find(home.memo[spec.name], #keys, unpack(keys))
  if not made then
    made = claim(spec, home, sources, numbers)
    keep(home.memo[spec.name], made, #keys, unpack(keys))
  end
  return made, home
end

-- What a call gives: the series, switched on, or the group of outputs.
local function give(spec, made)
  if spec.outputs then return made end
  return on(made)
end

-- The first call with these very arguments: what they mean is found out, and kept under the arguments themselves.
local function first_call(spec, market, holder, ...)
  local made, home = resolve(spec, market, ...)
  local n_keys, keys = spec.n_keys, {}
  holder = holder or home
  if not spec.options then
    local skipped = #spec.sources > 0 and 1 or 0
    for i = 1, n_keys do
      local key = select(i + skipped, ...)
      keys[i] = key == nil and NONE or key
    end
    holder.memo[spec] = holder.memo[spec] or {}
    keep(holder.memo[spec], made, n_keys, unpack(keys, 1, n_keys))
  end
  return made
end

local function key(x)
  if x == nil then return NONE end
  return x
end

-- The arguments behind the first source are the keys, so that the usual call is a look-up without a table.
local function with_source(spec)
  local n, default = spec.n_keys, spec.sources[1].default
  local entries = series.entries
  local function call(market, source, a, b, c, d, e, f)
    local entry = entries[source]
    if not entry and source == nil and default then entry = entries[(market or M.running("ta." .. spec.name)).get(default)] end
    local memo = entry and entry.memo[spec]
    local made = memo and find(memo, n, key(a), key(b), key(c), key(d), key(e), key(f))
    return give(spec, made or first_call(spec, market, entry, source, a, b, c, d, e, f))
  end
  if default then M.bound[spec.name] = call end
  if n == 1 and not spec.outputs then -- most of them: a source and a length
    return function(source, a)
      local entry = entries[source]
      local memo = entry and entry.memo[spec]
      local made = memo and memo[key(a)]
      if made then return on(made) end
      return call(nil, source, a)
    end
  end
  return function(source, a, b, c, d, e, f) return call(nil, source, a, b, c, d, e, f) end
end

local function without_source(spec)
  local name, n = spec.name, spec.n_keys
  local function call(market, a, b, c, d)
    local memo = market.memo[spec]
    local made = memo and find(memo, n, key(a), key(b), key(c), key(d))
    return give(spec, made or first_call(spec, market, market, a, b, c, d))
  end
  M.bound[name] = call
  return function(a, b, c, d) return call(M.running("ta." .. name), a, b, c, d) end
end

-- Pine's overloads: a number in place of the source is the first parameter, and the source is a field of the market. With
-- more numbers than there are parameters it is the source that is wrong.
local function with_optional_source(spec)
  local full, name, field, n = with_source(spec), spec.name, spec.sources[1].optional, #spec.params
  assert(n <= 2, name)
  local function call(market, source, a, b)
    if type(source) ~= "number" or (n == 1 and a or b) ~= nil then return full(source, a, b) end
    return full((market or M.running("ta." .. name)).get(field), source, a)
  end
  M.bound[name] = call
  return function(source, a, b) return call(nil, source, a, b) end
end

-- With a table of options at the end: its single entry is a key like the arguments before it. What else the table holds is
-- looked at while a trader is tried out at load, and whenever the call is new.
local function with_options(spec)
  local n, n_plain, name = spec.n_keys, spec.n_plain, spec.params[spec.n_plain + 1].name
  local has_source, default = #spec.sources == 1, spec.sources[1] and spec.sources[1].default
  local entries = series.entries
  local function call(market, source, a, b)
    local entry = market
    if has_source then
      entry = entries[source]
      if not entry and source == nil and default then entry = entries[(market or M.running("ta." .. spec.name)).get(default)] end
    else
      a, b = source, a
    end
    local options = a
    if n_plain == 1 then options = b end
    if series.context().is_dry == 0 and entry and (options == nil or type(options) == "table") then
      local choice = options and options[name]
      local memo = entry.memo[spec]
      local made
      if n_plain == 0 then made = memo and find(memo, n, key(choice)) else made = memo and find(memo, n, key(a), key(choice)) end
      if made then return give(spec, made) end
    end
    local made
    if has_source then made = resolve(spec, market, source, a, b) else made = resolve(spec, market, a, b) end
    local choice, holder = options and options[name], entry
    holder.memo[spec] = holder.memo[spec] or {}
    if n_plain == 0 then keep(holder.memo[spec], made, n, key(choice)) else keep(holder.memo[spec], made, n, key(a), key(choice)) end
    return give(spec, made)
  end
  if default or not has_source then M.bound[spec.name] = call end
  if has_source then return function(source, a, b) return call(nil, source, a, b) end end
  return function(a, b) return call(M.running("ta." .. spec.name), a, b) end
end

--- A function of `ta`.
-- @param t {name, kernel = name of the kernel (default: the same), sources = {name or {name, default = field of m} or
-- {name, optional = field of m}: the only source, which may be left out in front of the numbers},
-- params = {name or {name, default, choices = {text = number}}}, options = how many of the last params come in a table,
-- outputs = {names in the order of the kernel's, when there are several}, make = function(sources, numbers, text, home) that
-- composes the series of others (a series, or a table of them by output) in place of a kernel}
-- @return function(sources..., params...)
function M.define(t)
  local spec = {name = t[1], sources = {}, params = {}, outputs = t.outputs, make = t.make, options = t.options, first_source = 1}
  M.gives_series[spec.name] = true
  if not t.make then spec.kind = M.kind(t.kernel or t[1]) end
  for i, s in ipairs(t.sources or {}) do
    spec.sources[i] = type(s) == "string" and {name = s} or {name = s[1], default = s.default, optional = s.optional}
  end
  for i, p in ipairs(t.params or {}) do spec.params[i] = as_param(p) end
  spec.n_plain = #spec.params - (t.options or 0)
  M.outputs_of[spec.name] = t.outputs or false
  if t.options then
    local names = {}
    for i = spec.n_plain + 1, #spec.params do names[#names + 1] = spec.params[i].name end
    M.options_of[spec.name] = names
  end
  spec.n_keys = math.max(#spec.sources - 1, 0) + #spec.params
  if spec.options == 1 and spec.n_plain <= 1 and #spec.sources <= 1 then return with_options(spec) end
  if spec.options then -- many plain arguments: no short way
    local function call(market, ...) return give(spec, (resolve(spec, market, ...))) end
    M.bound[spec.name] = #spec.sources == 0 and call or nil
    return function(...) return call(#spec.sources == 0 and M.running("ta." .. spec.name) or nil, ...) end
  end
  if spec.sources[1] and spec.sources[1].optional then return with_optional_source(spec) end
  return #spec.sources == 0 and without_source(spec) or with_source(spec)
end

--- The market's entry of the trader that runs.
function M.running(name)
  local trader = series.trader()
  if trader then return trader.entry end
  fail(name .. ": there is no market yet; call it inside the filter")
end

return M
