--- The sandbox: the first code of every state. Makes the environments in which traders run and loads them.
--
-- A script gets `math table string` (copies of its own, without dump), the safe basics and the stdlib. It has no way to
-- ffi, io, os, debug, jit, package, bytecode, another trader's tables, or anything shared that it could change.
local context_pointer, emit_log, with_stack = ...

local jit_options = require("jit.opt")

-- LuaJIT's default limits thrash at a hundred traders.
jit_options.start("maxtrace=16000", "maxmcode=16384", "maxside=400", "maxsnap=2000")

local traversal = require "traversal"
_G.next, _G.pairs = traversal.next, traversal.pairs -- before anything else of the library takes them

local series = require "series"
series.init(context_pointer)

local C = require("ffi").C
local cjson = require "cjson" -- ours: scripts get the one behind limits
cjson.encode_keep_buffer(false) -- nothing outside of the state's memory stays behind when it is thrown away
local dialect = require "dialect"
local fail = require "fail"
local helpers = require "helpers"
local indicator = require "indicator"
local inputs = require "input"
local json = require "json"
local market = require "market"
local notices = require "notify"
local plot = require "plot"
local prompt = require "prompt"
local quote = require "quote"
local suggest = require "suggest"
local ta = require "ta"
local tools = require "tools"
local traders = require "trader"
local truth = require "truth"

local getinfo, load, setfenv = debug.getinfo, load, setfenv
local funcinfo, funck = require("jit.util").funcinfo, require("jit.util").funck
local resume, wrap = coroutine.resume, coroutine.wrap

local string_copy = {}
for key, value in pairs(string) do if key ~= "dump" then string_copy[key] = value end end
string.dump = nil
string_copy.gsub, string_copy.format = with_stack(string.gsub), with_stack(string.format)
local text_meta = getmetatable("")
text_meta.__index = string_copy -- what ("x"):upper() finds; no script can reach this table
text_meta.__metatable = false

local BASICS = {
  "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawset", "select", "setmetatable", "tonumber",
  "tostring", "type", "unpack", "xpcall", "_VERSION",
}
local basics = {}
for _, name in ipairs(BASICS) do basics[name] = _G[name] end

local function copy(source)
  local result = {}
  for key, value in pairs(source) do result[key] = value end
  return result
end

-- A coroutine inside a coroutine starts a fresh Lua stack on the same stack of C, which must not run out.
local coroutines = copy(coroutine)
local context = series.context()
local function coroutine_of(value, expected, name)
  if type(value) ~= expected then
    fail(("coroutine.%s: found a %s; expected a %s"):format(name, type(value), expected == "thread" and "coroutine" or expected))
  end
  if not C.script_has_stack(context) then fail "stack overflow" end
  return value
end
function coroutines.resume(thread, ...) return resume(coroutine_of(thread, "thread", "resume"), ...) end
function coroutines.wrap(body)
  local continue = wrap(coroutine_of(body, "function", "wrap"))
  return function(...)
    if not C.script_has_stack(context) then fail "stack overflow" end
    return continue(...)
  end
end

local math_functions = copy(math)
for _, name in ipairs {"random", "randomseed"} do
  math_functions[name] = function() fail(("math.%s is not here: the same bars must give the same signals"):format(name)) end
end
local table_functions = copy(table)
table_functions.sort = with_stack(table.sort)

--- Whether a number is missing: nil or NaN.
-- @param x number or nil @return boolean
-- @usage local too_far = na(m.close[500])
local function na(x) return x == nil or x ~= x end

--- A number, or another one where it is missing.
-- @param x number or nil @param y number in its place (0) @return number
-- @usage local move = nz(m.close[0] / m.close[1] - 1)
local function nz(x, y)
  if x == nil or x ~= x then return y or 0 end
  return x
end

--- Writes a line to the daemon's log: at most 10 lines a second and worker, each of at most 1,000 bytes.
-- @function log.info
-- @param ... values, written with blanks between them
-- @usage log.info("close is", m.close[0])

--- Writes a warning to the log, as log.info.
-- @function log.warn
-- @param ... values
-- @usage if m.volume[0] == 0 then log.warn(m.symbol, "was not traded") end

--- Writes an error to the log, as log.info. The trader goes on.
-- @function log.error
-- @param ... values
-- @usage if m.tick_size < 0 then log.error("no tick size") end

--- Writes a line to the log: the same as log.info.
-- @function print
-- @param ... values
-- @usage print(m.symbol, ta.rsi(m.close, 14)[0])
local function log_functions()
  local function write(level)
    return function(...)
      local parts = {}
      for i = 1, select("#", ...) do parts[i] = tostring((select(i, ...))) end
      emit_log(level, table.concat(parts, " "):sub(1, 1000))
    end
  end
  return {info = write(1), warn = write(2), error = write(3)}
end

-- What `require` gives, too.
local stdlib = {ta = ta, json = json}

local plot_functions = copy(plot)
plot_functions.read = nil
local prompt_functions = {default = prompt.default, tokens = prompt.tokens}

-- A library of our own names what it lacks, instead of "attempt to call a nil value".
local function named(library, name)
  local known = {}
  for key in pairs(library) do known[#known + 1] = key end
  return setmetatable(library, {
    __index = function(_, key)
      fail(("there is no %s.%s%s"):format(name, tostring(key), dialect.field(name, key) or suggest(tostring(key), known)))
    end,
    __metatable = false,
  })
end

local function new_environment(input, trader)
  local env = {}
  for name, value in pairs(basics) do env[name] = value end
  env.math, env.table = named(copy(math_functions), "math"), named(copy(table_functions), "table")
  env.string, env.coroutine = named(copy(string_copy), "string"), named(copy(coroutines), "coroutine")
  env.ta, env.json, env.input = named(copy(ta), "ta"), named(copy(json), "json"), named(input, "input")
  env.helpers = named(copy(helpers), "helpers")
  env.plot = named(copy(plot_functions), "plot")
  env.prompt = named(copy(prompt_functions), "prompt")
  env.na, env.nz = na, nz
  env.log = log_functions()
  env.print = env.log.info
  env.trader = trader
  env.require = function(name)
    if not stdlib[name] then fail(("require %q: a trader may require only ta and json"):format(tostring(name))) end
    return env[name]
  end
  local names = {}
  for name in pairs(env) do names[#names + 1] = name end
  tools.prepare(env)
  return setmetatable(env, {
    __index = function(_, name)
      if name == "m" then fail "there is no market yet: m is what the filter is called with" end
      local hint = dialect.name(name, ta)
      if hint then fail(("there is no %q here%s"):format(name, hint)) end
      fail(("there is no %q here; a trader has ta, input, math, string, table, json%s"):format(tostring(name), suggest(tostring(name), names)))
    end,
    __newindex = function(_, name)
      fail(("%q is not declared; write local %s: globals are not kept between calls"):format(tostring(name), tostring(name)))
    end,
    __metatable = false,
  })
end

tools.make_environment = function() return new_environment(inputs.new({}, {}), traders.new("", "")) end

local function interval_number(name) return C.interval_parse(name, #name) end

local kinds_of_series = {fields = market.series_fields, functions = indicator.gives_series}

-- A series used as a condition, in any function of a trader that is given the market.
local function check_truth(t, conditions, own, chunk)
  local functions = {t.filter, t.plots}
  if type(t.prompt) == "function" then functions[#functions + 1] = t.prompt end
  for _, c in ipairs(conditions) do functions[#functions + 1] = c.body end
  for _, o in ipairs(own) do functions[#functions + 1] = o[2] end
  if t.rank then functions[#functions + 1] = t.rank.by end
  for _, f in pairs(functions) do
    local line, sentence = truth(f, kinds_of_series)
    if line then error(("%s:%d: %s"):format(chunk, line, sentence), 0) end
  end
end

local M = {}
local loaded = {} -- index -> {where, plots_where, conditions, plots, market}

-- The literals 1LL, 1ULL and 1i are cdata, the only ones that a text can make.
local function refuse_cdata(body, chunk)
  local i = -1
  local constant = funck(body, i)
  while constant ~= nil do
    if type(constant) == "proto" then refuse_cdata(constant, chunk) end
    if type(constant) == "cdata" then
      local line = funcinfo(body).linedefined
      error(("%s:%d: a number ends in LL, ULL or i in what begins here; expected a plain number"):format(chunk, math.max(line, 1)), 0)
    end
    i = i - 1
    constant = funck(body, i)
  end
end

local function list_text(list) return #list == 0 and "[]" or cjson.encode(list) end

-- JSON of texts. Scripts make one at every signal, so without cjson, which allocates.
local function quoted_list(texts)
  local parts = {}
  for i, text in ipairs(texts) do parts[i] = quote.text(text) end
  return "[" .. table.concat(parts, ",") .. "]"
end

-- JSON of plain values that are ours: keys in the order of their names and numbers with all their digits, so that the text
-- is the same in every state. NaN is null.
local function json_text(value)
  if type(value) == "number" then return value - value == 0 and ("%.17g"):format(value) or "null" end
  if type(value) == "string" then return quote.text(value) end
  if type(value) ~= "table" then return cjson.encode(value) end
  local parts = {}
  if #value > 0 then
    for i, item in ipairs(value) do parts[i] = json_text(item) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  local names = {}
  for name in pairs(value) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do parts[i] = quote.text(name) .. ":" .. json_text(value[name]) end
  return "{" .. table.concat(parts, ",") .. "}"
end

-- The author's recursive series, in the order of their names: list of {name, function, line}.
local function own_series(t)
  local own = {}
  for name, body in pairs(t.series or {}) do own[#own + 1] = {name, body, getinfo(body, "S").linedefined} end
  table.sort(own, function(a, b) return a[1] < b[1] end)
  return own
end

-- The intervals of a trader but its own, each once.
local function timeframes_of(t, interval)
  local list, seen = {}, {[interval] = true}
  for _, name in ipairs(t.timeframes or {}) do
    if not seen[name] then list[#list + 1] = name end
    seen[name] = true
  end
  return list
end

-- Markets of other timeframes by their names. @param reference 0: of the trader's own symbol @param path, prefix for messages
local function other_markets(timeframes, reference, path, prefix, symbol)
  local others = {}
  for _, name in ipairs(timeframes) do
    others[name] = market.new(series.place(reference, interval_number(name)), prefix .. name,
      {path = ("%s[%q]"):format(path, name), symbol = symbol})
  end
  return others
end

local function reference_markets(t, interval, timeframes)
  local references = {}
  for k, symbol in ipairs(t.references or {}) do
    local path, prefix = "m.ref." .. symbol, symbol .. " "
    references[symbol] = market.new(series.place(k, interval_number(interval)), prefix .. interval,
      {path = path, symbol = symbol, others = other_markets(timeframes, k, path, prefix, symbol)})
  end
  return references
end

--- Compile a script and learn what it says of itself.
-- @param index place of the trader @param code text @param chunk where it comes from, for messages
-- @param overrides JSON object of inputs @param default_interval name @param is_forced that one, whatever the script says
-- @return filter, market, rank (function(m) that gives a number; nil without), description (plain table)
function M.load(index, code, chunk, overrides, default_interval, is_forced)
  local declared = {}
  series.set_trader(index, nil)
  overrides = cjson.decode(overrides)
  local env = new_environment(inputs.new(overrides, declared), traders.new(chunk, code))
  if code:byte(1) == 27 then error(chunk .. ": found bytecode; expected the text of a Lua script", 0) end
  local body, why = load(code, "@" .. chunk, "t")
  if not body then error(why .. dialect.syntax(why, code), 0) end
  refuse_cdata(body, chunk)
  setfenv(body, env)
  local t = body()
  if not traders.is_trader(t) then
    error(("%s: the script returned %s; expected it to end with: return trader { ... }"):format(chunk, t == nil and "nothing" or "a " .. type(t)), 0)
  end
  local unused = inputs.unused(overrides, declared)
  if unused then error(chunk .. ": " .. unused, 0) end
  local interval = not is_forced and t.interval or default_interval
  local filter, conditions = traders.filter_of(t, chunk)
  local texts, own, has_conditions = {}, own_series(t), false
  for i, c in ipairs(conditions) do
    texts[i] = c.text
    has_conditions = has_conditions or c.check ~= nil
  end
  check_truth(t, conditions, own, chunk)
  local state, mask = {made = {}}, 2 ^ interval_number(interval)
  series.set_trader(index, state)
  local timeframes = timeframes_of(t, interval)
  for _, name in ipairs(timeframes) do mask = mask + 2 ^ interval_number(name) end
  state.market, state.entry = market.new(interval_number(interval), interval,
    {path = "m", fields = t, own = own, others = other_markets(timeframes, 0, "m", ""), references = reference_markets(t, interval, timeframes)})
  local line = getinfo(t.filter or t.conditions[1][2], "S").linedefined
  loaded[index] = {where = ("%s:%d"):format(chunk, line), conditions = conditions, plots = t.plots, market = state.market}
  state.about = {
    name = t.name, description = t.description, tags = t.tags or {}, conditions = texts, timeframes = timeframes, risk = t.risk,
  }
  loaded[index].state = state
  loaded[index].analysis = traders.analysis_of(t, chunk)
  if t.plots then loaded[index].plots_where = ("%s:%d"):format(chunk, getinfo(t.plots, "S").linedefined) end
  local symbols = t.symbols or {}
  return filter, state.market, traders.rank_of(t, chunk), {
    line = line, id = t.id, name = t.name, description = t.description, enabled = t.enabled ~= false, interval_number = interval_number(interval),
    interval_mask = mask, include = symbols.include or {}, exclude = symbols.exclude or {}, quote = symbols.quote, tags = list_text(t.tags or {}),
    conditions = list_text(texts), fire = type(t.fire) == "table" and "every" or t.fire or "edge",
    fire_every = type(t.fire) == "table" and t.fire.every or 1, cooldown = t.cooldown, warmup = t.warmup, inputs = list_text(declared),
    on = t.on or "close", references = t.references or {}, rank_top = t.rank and t.rank.top, symbols_top = symbols.top,
    min_quote_volume = symbols.min_quote_volume, own = own, has_filter = t.filter ~= nil, has_conditions = has_conditions,
    has_plots = t.plots ~= nil, has_prompt = type(t.prompt) == "function", wants_analysis = loaded[index].analysis.is_wanted,
    least_score = loaded[index].analysis.least_score, is_manual = loaded[index].analysis.when == "manual",
    notify = t.notify ~= nil and json_text(notices.plain(t.notify)) or nil,
  }
end

local SIDES = {"long", "short"}

--- A filter returned something else than true or false: what it says.
-- @return match, side, score, stop, targets, conditions, tags
function M.result(index, r)
  local l = loaded[index]
  local match, side, score, stop, targets, conditions, tags = traders.result(r, l.where)
  l.answer = {side = SIDES[side], score = score, stop = stop, targets = targets, conditions = conditions}
  return match, side, score, stop, targets, conditions and quoted_list(conditions), tags and quoted_list(tags)
end

--- The conditions of a trader at the bar that C has pointed its series at.
-- @return JSON list of {text, held, values}, JSON list of the texts of those that hold (or are texts only), JSON object of
-- all that they have read
function M.conditions(index)
  local l = loaded[index]
  local all, texts, every = {}, {}, {}
  l.held, l.values = texts, every
  for i, c in ipairs(l.conditions) do
    local values, held = {}, true
    if c.check then
      series.forget_reads(index)
      held = c.check(l.market)
      series.each_read(index, function(text, value) values[text], every[text] = value, value end)
    end
    all[i] = ('{"text":%s,"held":%s,"values":%s}'):format(quote.text(c.text), tostring(held), json_text(values))
    if held then texts[#texts + 1] = c.text end
  end
  return "[" .. table.concat(all, ",") .. "]", quoted_list(texts), json_text(every)
end

--- The plots of a trader at that bar. @return JSON list
function M.plots(index)
  local l = loaded[index]
  l.drawn = nil
  local list = plot.read(l.plots(l.market), l.plots_where)
  l.drawn = list
  return #list == 0 and "[]" or json_text(list)
end

-- What a prompt is told of the match that C has just described. @param gave_table the filter's answer was a table
local function signal_of(l, gave_table)
  local answer = gave_table and l.answer or {}
  local conditions = answer.conditions or l.held or l.state.about.conditions
  return {
    price = l.market.close[0], side = answer.side, score = answer.score, stop = answer.stop, targets = copy(answer.targets or {}),
    conditions = copy(conditions), values = copy(l.values or {}), plots = copy(l.drawn or {}),
  }
end

--- What an analysis of the match is to be made of. @param gave_table as above
-- @return JSON {system, text, model, temperature, atr, tick, price, side, score, stop, targets, stopPct, targetPct, maxPerDay}
function M.prompt(index, gave_table)
  local l = loaded[index]
  local a, signal = l.analysis, signal_of(l, gave_table)
  local made = prompt.read(a.ask(l.market, signal), a.where)
  return json_text {
    system = made.system or prompt.system, text = made.text, model = made.model or a.model, temperature = made.temperature,
    atr = prompt.atr(l.market), tick = l.market.tick_size, price = signal.price, side = signal.side, score = signal.score, stop = signal.stop,
    targets = #signal.targets > 0 and signal.targets or nil, stopPct = a.stop_pct, targetPct = a.target_pct, maxPerDay = a.max_per_day,
  }
end

-- No script can reach this table; what the stdlib does not need at run time goes all the same.
for _, name in ipairs {
  "io", "os", "debug", "jit", "package", "require", "load", "loadstring", "loadfile", "dofile", "module", "newproxy", "getfenv", "setfenv",
  "collectgarbage", "gcinfo",
} do _G[name] = nil end

return M
