--- What `check`, `eval` and `explain` ask of a state beside its traders: see src/script/ask.h. The daemon asks nothing,
-- and no script can reach this table.
--
-- Each question is a function of one text (or none) that answers with a text, most with JSON.
local cjson = require "cjson"
local fail = require "fail"
local indicator = require "indicator"
local input = require "input"
local json = require "json"
local market = require "market"
local series = require "series"
local traders = require "trader"

local getinfo, getupvalue, upvalueid = debug.getinfo, debug.getupvalue, debug.upvalueid
local raw_metatable, status = debug.getmetatable, coroutine.status
local load, next, pairs, rawequal, select, type = load, next, pairs, rawequal, select, type

local M = {}

-- What the next environments get besides; empty in the daemon.
local wanted = {}

--- Called by the sandbox with every new environment.
function M.prepare(env)
  for _, prepare in pairs(wanted) do prepare(env) end
end

-- ---- values as JSON ----

local DEPTH, NODES = 16, 20000

local function number_text(x)
  if x - x ~= 0 then return "null" end
  local short = ("%.15g"):format(x)
  return tonumber(short) == x and short or ("%.17g"):format(x)
end

local write

local function write_table(value, out, depth)
  local keys, n = {}, 0
  for key in next, value do
    n = n + 1
    keys[n] = key
  end
  if n == #value then
    out[#out + 1] = "["
    for i = 1, n do
      if i > 1 then out[#out + 1] = "," end
      write(value[i], out, depth + 1)
    end
    out[#out + 1] = "]"
    return
  end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  out[#out + 1] = "{"
  for i, key in ipairs(keys) do
    out[#out + 1] = (i > 1 and "," or "") .. cjson.encode(tostring(key)) .. ":"
    write(value[key], out, depth + 1)
  end
  out[#out + 1] = "}"
end

local function write_outputs(value, fields, out)
  for i, field in ipairs(fields) do
    out[#out + 1] = ("%s%q:%s"):format(i == 1 and "{" or ",", field, number_text(value[field][0]))
  end
  out[#out + 1] = "}"
end

-- A series counts as its newest value, the outputs of an indicator as a table of theirs.
function write(value, out, depth)
  local kind, outputs = type(value), series.outputs(value)
  if depth > DEPTH or #out > NODES then fail("the value is a table of too many parts") end
  if outputs then
    write_outputs(value, outputs.fields, out)
  elseif series.entry(value) then
    out[#out + 1] = number_text(value[0])
  elseif kind == "number" then
    out[#out + 1] = number_text(value)
  elseif kind == "boolean" or value == nil then
    out[#out + 1] = value == nil and "null" or tostring(value)
  elseif kind == "string" then
    out[#out + 1] = cjson.encode(value)
  elseif kind == "table" then
    write_table(value, out, depth)
  elseif value == json.null then
    out[#out + 1] = "null"
  else
    fail(("the value is %s; expected a number, a series, true, false, a text or a table of these"):format(series.describe(value)))
  end
end

local function to_json(value)
  local out = {}
  write(value, out, 1)
  return table.concat(out)
end

-- ---- expressions ----

local newest -- JSON of the value at the last evaluation

local function keep_value(...)
  local n = select("#", ...)
  if n ~= 1 then fail(("found %s; expected one expression"):format(n == 0 and "nothing" or n .. " values")) end
  newest = to_json((...))
end

--- Makes ready for the trader that evaluates an expression: refuses a text that is none.
-- @param text expression @return code of that trader's filter
function M.expression(text)
  local _, why = load("return " .. text, "=expression", "t")
  if why then error(why, 0) end
  wanted.expression = function(env) env.__value = keep_value end
  market.not_referred = "m.ref.%s is not among the references; name it: --references %s"
  market.not_listed = "%s[%q] is not among the timeframes; name it: --timeframes %s"
  local ending = text:find("--", 1, true) and "\n" or "" -- a comment must not swallow the rest
  return ("function(m) __value(%s%s) return false end"):format(text, ending)
end

--- JSON of the expression's value at the last evaluation.
function M.value() return newest end

-- ---- what there is ----

local function sorted_keys(t)
  local keys = {}
  for key in pairs(t) do if type(key) == "string" then keys[#keys + 1] = key end end
  table.sort(keys)
  return keys
end

--- JSON of what a script may name: globals, fields of the libraries, of the market and of a trader, what functions of ta
-- give (kinds: "series" or a list of outputs) and their options.
function M.names()
  local result = {
    globals = {}, libraries = {}, methods = sorted_keys(series.methods), kinds = {}, options = indicator.options_of, market = market.known,
    day = market.day_fields, ticker = market.ticker_fields, universe = market.universe_fields,
    trader = traders.fields, renamed = traders.renamed, bound = sorted_keys(indicator.bound), input_options = input.option_names,
  }
  wanted.names = function(env)
    wanted.names = nil
    result.globals = sorted_keys(env)
    for name, value in pairs(env) do if type(value) == "table" then result.libraries[name] = sorted_keys(value) end end
  end
  M.make_environment()
  for name in pairs(indicator.gives_series) do result.kinds[name] = indicator.outputs_of[name] or "series" end
  return cjson.encode(result)
end

-- ---- what is kept between calls ----

local kept -- {roots = {...}, leaves = {key -> {name, value}}}

local KEPT_NODES = 20000

local function is_ours(f)
  local info = getinfo(f, "S")
  return info.what == "C" or info.source:find "^=stdlib/" ~= nil
end

-- Leaves of everything that a script can reach from its functions and write to, by where they are.
local function find_leaves(roots)
  local leaves, seen, n = {}, {}, 0
  local visit
  local function visit_function(f)
    if is_ours(f) then return end
    for i = 1, 60 do
      local name, value = getupvalue(f, i)
      if not name then return end
      local id = upvalueid(f, i)
      if not seen[id] then
        seen[id] = true
        visit(value, name, id)
      end
    end
  end
  function visit(value, name, key)
    n = n + 1
    if n > KEPT_NODES then return end
    leaves[key] = {name, value}
    if type(value) == "thread" then leaves[key][2] = status(value) end
    if (type(value) ~= "table" and type(value) ~= "function") or seen[value] then return end
    seen[value] = true
    if type(value) == "function" then return visit_function(value) end
    seen[#seen + 1] = value
    local place = #seen -- a number of its own for each table
    for k, v in next, value do
      if type(k) == "table" or type(k) == "function" then visit(k, name, k) end
      local inner = name:find(".", 1, true) and name or name .. "." .. tostring(k):sub(1, 40)
      visit(v, inner, ("%d %s"):format(place, tostring(k)))
    end
    local meta = raw_metatable(value)
    if meta then visit(meta, name, meta) end
  end
  for i, root in ipairs(roots) do visit(root.value, root.name, i) end
  return leaves
end

local function shown(value)
  if type(value) == "string" then return ("%q"):format(#value > 40 and value:sub(1, 37) .. "..." or value) end
  if type(value) == "number" then return ("%.6g"):format(value) end
  return value == nil and "nothing" or type(value) == "boolean" and tostring(value) or series.describe(value)
end

--- Begins to look after what the next trader keeps.
function M.keep()
  kept = {roots = {}}
  wanted.keep = function(env)
    local make = env.trader
    for _, name in ipairs {"math", "table", "string", "coroutine", "ta", "json", "input", "log"} do
      kept.roots[#kept.roots + 1] = {name = name, value = env[name]}
    end
    env.trader = function(fields)
      kept.roots[#kept.roots + 1] = {name = "trader", value = fields}
      return make(fields)
    end
  end
end

--- JSON list of {name, before, after}: what has changed since the question before.
function M.kept()
  local leaves, changes, named = find_leaves(kept.roots), {}, {}
  local function note(name, before, after)
    if named[name] then return end
    named[name] = true
    changes[#changes + 1] = {name = name, before = shown(before), after = shown(after)}
  end
  for key, leaf in pairs(kept.leaves or {}) do
    local now = leaves[key]
    local a, b = leaf[2], now and now[2]
    if not rawequal(a, b) and not (a ~= a and b ~= b) then note(leaf[1], a, b) end
  end
  for key, leaf in pairs(kept.leaves and leaves or {}) do
    if not kept.leaves[key] then note(leaf[1], nil, leaf[2]) end
  end
  kept.leaves = leaves
  table.sort(changes, function(a, b) return a.name < b.name end)
  return #changes == 0 and "[]" or cjson.encode(changes)
end

-- ---- what a filter reads ----

local reads = {}

local function note_reads()
  reads = {}
  for _, entry in ipairs(series.trader().made) do
    local slot = entry.slot
    local n = slot.count
    if slot.deepest >= 0 then series.want(slot, 2) end
    if slot.deepest >= 0 and n > 0 then reads[#reads + 1] = {entry.text, slot.data[n - 1], slot.data[n - 2]} end
  end
end

--- Begins to note what the next trader's filter reads.
function M.look()
  wanted.look = function(env)
    local make = env.trader
    env.trader = function(fields)
      if type(fields) ~= "table" or type(fields.filter) ~= "function" then return make(fields) end
      local copy, filter = {}, fields.filter
      for key, value in pairs(fields) do copy[key] = value end
      copy.filter = function(m)
        local answer = filter(m)
        note_reads()
        return answer
      end
      return make(copy)
    end
  end
end

--- JSON list of {name, value, before}: the series that the filter has read at the last evaluation, at its bar and the one before.
function M.reads()
  local texts, seen = {}, {}
  for _, r in ipairs(reads) do
    if not seen[r[1]] then texts[#texts + 1] = ('{"name":%s,"value":%s,"before":%s}'):format(cjson.encode(r[1]), number_text(r[2]), number_text(r[3])) end
    seen[r[1]] = true
  end
  return "[" .. table.concat(texts, ",") .. "]"
end

-- ---- watched code ----
--
-- lua/check/watch.lua rewrites a script so that each comparison, `not`, condition and call that answers true or false
-- goes through a function of `__watch` with the number of its site.

local sites -- number -> {n, held, undefined}; events of the last evaluation
local events, forced, marks, is_recording = {}, {}, 0, false

local function note(id, result, a, b)
  local site = sites[id]
  if not site then
    site = {n = 0, held = 0, undefined = 0}
    sites[id] = site
  end
  site.n = site.n + 1
  if result then site.held = site.held + 1 end
  if a ~= a or b ~= b then
    site.undefined = site.undefined + 1
    marks = marks + 1
  end
  if is_recording and #events < 1000 then events[#events + 1] = {id = id, result = result and true or false, a = a, b = b} end
  return result
end

-- A site that decides by what is false: `is_tainted` when a comparison with NaN has been part of it.
local function decide(id, mark, result, falsy)
  if is_recording and falsy and #events < 1000 then events[#events + 1] = {id = id, result = result and true or false, is_tainted = marks > mark} end
end

local watch = {
  lt = function(id, a, b) return note(id, a < b, a, b) end,
  le = function(id, a, b) return note(id, a <= b, a, b) end,
  gt = function(id, a, b) return note(id, a > b, a, b) end,
  ge = function(id, a, b) return note(id, a >= b, a, b) end,
  eq = function(id, a, b) return note(id, a == b, a, b) end,
  ne = function(id, a, b)
    local result = note(id, a ~= b, a, b)
    if forced[id] then return false end
    return result
  end,
  mark = function() return marks end,
  no = function(id, mark, x)
    decide(id, mark, not x, not x)
    return not forced[id] and not x
  end,
  test = function(id, mark, x)
    decide(id, mark, x, not x)
    return forced[id] or x
  end,
  call = function(id, x)
    if is_recording and #events < 1000 then events[#events + 1] = {id = id, result = x and true or false, is_call = true} end
    marks = marks + (x and 0 or 1)
    return x
  end,
  na = function(id, x)
    if is_recording and x then events[#events + 1] = {id = id, result = true, is_tainted = true} end
    if forced[id] then return false end
    return x
  end,
  nz = function(id, x)
    if is_recording then events[#events + 1] = {id = id, result = true, is_tainted = true} end
    if forced[id] then return 0 / 0 end
    return x
  end,
}

--- Makes ready for code that has been rewritten.
function M.watch()
  sites = {}
  wanted.watch = function(env) env.__watch = watch end
end

--- From here on, what happens in the next evaluation is written down; a site (its number) is forced to what it would be
-- without NaN.
function M.record(site)
  events, marks, is_recording = {}, 0, true
  forced = site and {[tonumber(site)] = true} or {}
end

local function event_text(e)
  return ('{"site":%d,"result":%s,"tainted":%s,"call":%s,"a":%s,"b":%s}'):format(e.id, tostring(e.result),
    tostring(e.is_tainted or false), tostring(e.is_call or false), type(e.a) == "number" and number_text(e.a) or "null",
    type(e.b) == "number" and number_text(e.b) or "null")
end

--- JSON list of what has happened since, in its order.
function M.events()
  local texts = {}
  for i, e in ipairs(events) do texts[i] = event_text(e) end
  is_recording = false
  return "[" .. table.concat(texts, ",") .. "]"
end

--- JSON list of {site, n, held, undefined}, over all evaluations.
function M.sites()
  local list = {}
  for id, site in pairs(sites) do list[#list + 1] = {site = id, n = site.n, held = site.held, undefined = site.undefined} end
  return #list == 0 and "[]" or cjson.encode(list)
end

return M
