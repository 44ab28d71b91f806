--- The part of `check` that reads the script: src/check/reader.c calls M.open before the script is run and M.close with what
-- has been seen of it.
--
-- luacheck is a Lua library of Debian's package lua-check. Without it what needs a syntax tree is left out, and said.
local cjson = require "cjson"
local dialect = require "dialect"
local place = require "check/place"
local tree_of = require "check/tree"

local M = {}

local script -- {code, chunk, names, tree, types, sites, problem}

local function read_tree()
  local tree, problem = tree_of.parse(script.code)
  if not tree then
    script.problem = problem
    return
  end
  tree_of.bind(tree)
  local types = require("check/types").new(tree, script.names)
  script.lint = require("check/lint").find(tree, types)
  script.tree, script.types = tree, types
end

--- Reads a script. @param names JSON of what there is in the sandbox
-- @return the code with its decisions watched, or nil when there is none; why luacheck is of no use, or nil
function M.open(code, chunk, names)
  local _, syntax = load(code, "=script", "t")
  script = {code = code, chunk = chunk, names = cjson.decode(names), sites = {}, syntax = syntax}
  if not pcall(require, "luacheck") then return nil, "luacheck is not installed (Debian: apt install lua-check)" end
  local ok, why = pcall(read_tree)
  if not ok then return nil, "luacheck could not read it: " .. tostring(why) end
  if not script.tree then return nil end
  local watched
  watched, script.sites = require("check/watch").rewrite(script.tree, script.types)
  return watched
end

-- ---- findings ----

local findings

local function add(node, code, severity, message, hint)
  local finding = {node = node, code = code, severity = severity, message = message, hint = hint}
  findings[#findings + 1] = finding
  return finding
end

local function line_node(line) return place.find(nil, script.code, line, "") end

local function node_of_filter()
  local fields = script.types and script.types.fields
  local field = fields and (fields.filter or fields.conditions)
  return field and field.key or line_node(1)
end

-- "a sentence; what to do" in two.
local function halves(text)
  local message, hint = text:match "^(.-); (.*)$"
  return message or text, hint
end

local function from_message(text)
  local line, sentence = place.split(text, script.chunk)
  local rest, in_filter = sentence:gsub("^in the filter: ", "")
  local message, hint = halves(rest)
  local node = line and place.find(script.tree, script.code, line, rest) or script.tree and node_of_filter() or line_node(1)
  if in_filter > 0 then node = node_of_filter() end
  local finding = add(node, place.code_of(rest), "error", message, hint)
  -- The line is where the function begins; what was read of it knows better.
  finding.is_vague = in_filter > 0 or not line or rest:find "returned" ~= nil
end

-- As the compiler says it; luacheck knows the column.
local function from_syntax()
  local line, sentence = place.split(script.syntax, "script")
  local problem = script.problem
  local node = line_node(line or 1)
  if problem and (problem.line == line or not line) then node = problem end
  add(node, "syntax", "error", halves(sentence .. dialect.syntax(script.syntax, script.code)))
end

local NAN = "the filter matches where every value is NaN"

local function from_nan(fact)
  local site = fact.site and script.sites[fact.site]
  if not site then
    return add(node_of_filter(), "matches-nan", "error", NAN .. ": nothing that decides comes from the market",
      "compare something of the bar; a comparison with NaN is false")
  end
  local kind, node = site.kind, site.node
  local has_else = kind == "if" and site.statement[#site.statement] and #site.statement % 2 == 1
  local reasons = {
    ["not"] = "this `not` makes true of a comparison that NaN has made false", ne = "`~=` is true where NaN is met",
    ["if"] = has_else and "the `else` of this condition is taken, since a comparison with NaN is false"
      or "this condition is false there, and what follows matches",
    ["or"] = "what stands behind this `or` is taken, since a comparison with NaN is false",
    nz = "nz puts a number in place of NaN", na = "na is true there",
  }
  local hint = kind == "na" and "return false there" or "ask so that the answer is true only for numbers, or return false where na(x)"
  add(node, "matches-nan", "error", NAN .. ": " .. (reasons[kind] or "see here"), hint)
end

local LEAST = 20 -- evaluations before a comparison is said never to hold

local function from_sites(sites)
  for _, seen in ipairs(sites) do
    local site = script.sites[seen.site]
    if site and seen.n >= LEAST and seen.undefined == seen.n then
      add(site.node, "never-holds", "warning", ("this comparison is never decided: one side was NaN all %d times"):format(seen.n),
        "an index beyond the bars that are kept, or arithmetic with NaN?")
    end
  end
end

-- A local name, or the place where something is put into a library.
local function node_of_kept(name)
  local root, key = name:match "^([^.]+)%.?(.*)$"
  local found
  for _, variable in ipairs(script.tree and script.tree.variables or {}) do
    if variable.name == root and not found then found = variable.node end
  end
  if found or not script.tree then return found end
  tree_of.walk(script.tree.ast, function(node)
    if node.tag == "Index" and node[1].tag == "Id" and node[1][1] == root and node[2][1] == key then found = found or node end
  end)
  return found
end

local function from_kept(kept)
  for _, change in ipairs(kept) do
    local node = node_of_kept(change.name)
    add(node or node_of_filter(), "kept-between-calls", "error",
      ("%q is kept from one call to the next: %s, then %s"):format(change.name, change.before, change.after),
      "signals would depend on the order of the calls; what must last belongs into `series`")
  end
end

local function from_future(fact)
  add(node_of_filter(), "look-ahead", "error", ("the answer at the bar of %s is another one when later bars are known: %s, then %s"):format(
    fact.time, fact.before, fact.after), "something is carried from call to call")
end

-- Where the script asks how many bars there are, or for what is summed from the first bar on.
local function node_of_history(names)
  local wanted, found, asks = {}, nil, false
  for _, name in ipairs(names) do wanted[name] = true end
  tree_of.walk(script.tree.ast, function(node)
    local is_count = node.tag == "Index" and node[2][1] == "count" and script.types:of(node[1]) == "market"
    local is_length = node.tag == "Invoke" and node[2][1] == "len"
    local is_sum = node.tag == "Index" and node[2].tag == "String" and wanted[node[2][1]]
    if is_count or is_length or is_sum then found = found or node end
    asks = asks or is_count or is_length
  end)
  return found, asks
end

-- An early difference counts only where the script asks for the number of bars: see src/check/repeat.c.
local function from_history(fact)
  local site = fact.site and script.sites[fact.site]
  if site then
    return add(site.node, "depends-on-history", "error", ("one side of this comparison depends on how many bars are loaded: with %d it is %.6g, with %d %.6g")
      :format(fact.n_more, fact.more, fact.n_less, fact.less), "compare with a value of some bars before, not with a number")
  end
  local more = fact.more
  local node, is_count
  if script.tree then node, is_count = node_of_history(more.indicators) end
  if more.is_early and not is_count then return end
  add(node or node_of_filter(), "depends-on-history", "error",
    ("the answer at the bar of %s depends on how many bars are loaded: with %d it is %s, with %d %s"):format(fact.time, more.n_more,
      fact.before, more.n_less, fact.after),
    is_count and "nothing runs before its warm-up anyway; warmup = N asks for more" or "compare with a value of some bars before, not with a number")
end

local function from_notes(facts)
  local parts = {}
  for _, need in ipairs(facts.warmup) do parts[#parts + 1] = ("%d %s of %s"):format(need.bars, need.bars == 1 and "bar" or "bars", need.interval) end
  if #parts > 0 then add(node_of_filter(), "warm-up", "note", "warm-up: " .. table.concat(parts, ", ")) end
  if facts.is_cut then
    add(node_of_filter(), "cut-short", "note", "it takes so much time that look-ahead, history and comparisons that never hold were not looked for")
  end
  if facts.evaluations > 0 then
    local cost = (facts.cost_us < 100 and "%.3g" or "%.0f"):format(facts.cost_us)
    add(node_of_filter(), "matches", "note", ("matches at %d of %d %s bars; %s us of CPU time an evaluation"):format(facts.matches,
      facts.evaluations, facts.bars, cost))
  end
end

local function from_facts(facts)
  if script.syntax then return from_syntax() end
  for _, text in ipairs(facts.errors) do from_message(text) end
  if facts.nan then from_nan(facts.nan) end
  from_sites(facts.sites)
  from_kept(facts.kept)
  if facts.future and #facts.kept == 0 then from_future(facts.future) end
  if facts.history and #facts.kept == 0 then from_history(facts.history) end
  if facts.cost_us > facts.cost_limit_us then
    add(node_of_filter(), "slow", "warning", ("an evaluation takes %.0f us of CPU time (median); the bound is %.0f"):format(facts.cost_us,
      facts.cost_limit_us))
  end
  from_notes(facts)
end

-- ---- in order ----

-- Characters, not bytes, up to an offset.
local function column_of(offset)
  local start = offset
  while start > 1 and script.code:byte(start - 1) ~= 10 do start = start - 1 end
  local _, continued = script.code:sub(start, offset - 1):gsub("[\128-\191]", "")
  return offset - start - continued + 1, start
end

-- A script may be in another encoding than UTF-8, and JSON may not: what is no character is a question mark.
local function readable(text)
  text = text:gsub("[%z\1-\8\11-\31\127]", "?")
  return (text:gsub("([\192-\255]?)([\128-\191]*)", function(first, rest)
    local lead, second = first:byte() or 0, rest:byte() or 0
    local n = lead >= 0xf0 and 3 or lead >= 0xe0 and 2 or lead >= 0xc2 and 1 or 0
    local is_overlong = lead == 0xe0 and second < 0xa0 or lead == 0xf0 and second < 0x90
    local is_outside = lead == 0xed and second > 0x9f or lead == 0xf4 and second > 0x8f or lead > 0xf4
    if n == 0 or #rest < n or is_overlong or is_outside then return ("?"):rep(#first + #rest) end
    return first .. rest:sub(1, n) .. ("?"):rep(#rest - n)
  end))
end

local function finished(finding)
  local node = finding.node
  local column, start = column_of(node.offset)
  local source = script.code:match("^[^\r\n]*", start)
  local last = math.min(math.max(node.end_offset, node.offset), start + math.max(#source, 1) - 1)
  return {
    line = node.line, column = column, end_column = math.max(column, (column_of(last))), code = finding.code, severity = finding.severity,
    message = readable(finding.message), hint = finding.hint and readable(finding.hint) or cjson.null, source = readable(source),
  }
end

local RANK = {error = 1, warning = 2, note = 3}

local function by_place(a, b)
  if a.severity == "note" or b.severity == "note" then
    if a.severity ~= b.severity then return b.severity == "note" end
  end
  if a.line ~= b.line then return a.line < b.line end
  if a.column ~= b.column then return a.column < b.column end
  if RANK[a.severity] ~= RANK[b.severity] then return RANK[a.severity] < RANK[b.severity] end
  return a.code < b.code
end

-- The first of several about the same thing on the same line.
local function each_once(list)
  local seen, codes, result = {}, {}, {}
  for _, finding in ipairs(list) do
    if not finding.is_run then codes[finding.code] = true end
  end
  for _, finding in ipairs(list) do
    local key = ("%d %s"):format(finding.node.line, finding.code)
    local whole = ("%s %d"):format(key, finding.node.offset)
    -- What was seen in a run may point at the whole line; what was read points at its place, so several may stand there.
    if not seen[whole] and not (finding.is_run and seen[key]) and not (finding.is_vague and codes[finding.code]) then
      seen[whole], seen[key] = true, true
      result[#result + 1] = finding
    end
  end
  return result
end

--- What the numbers of a watched script stand for. @return JSON list of {site, line, column, kind, text}
function M.sites()
  local list = {}
  for id, site in ipairs(script.sites) do
    list[id] = {site = id, line = site.node.line, column = (column_of(site.node.offset)), kind = site.kind, text = tree_of.text(script.tree, site.node)}
  end
  return #list == 0 and "[]" or cjson.encode(list)
end

--- All findings. @param facts JSON object of what the runs have shown @return JSON list of {line, column, end_column, code,
-- severity, message, hint, source}
function M.close(facts)
  local all = {}
  script.facts = cjson.decode(facts)
  findings = {}
  from_facts(script.facts)
  local run = findings
  if script.tree and not script.syntax then
    local used, referred = {}, {}
    for _, name in ipairs(script.facts.used) do used[name] = true end
    for _, name in ipairs(script.facts.used_references) do referred[name] = true end
    for _, f in ipairs(require("check/statics").find(script.tree, script.types, script.names, used, referred)) do all[#all + 1] = f end
    local told = {} -- an input that is never used is an unused variable, too
    for _, variable in ipairs(script.tree.variables) do if variable.is_unused_input then told[variable.node.offset] = true end end
    for _, f in ipairs(script.lint) do if not told[f.node.offset] then all[#all + 1] = f end end
  end
  for _, f in ipairs(run) do
    f.is_run = true
    all[#all + 1] = f
  end
  local result = {}
  for i, finding in ipairs(each_once(all)) do result[i] = finished(finding) end
  table.sort(result, by_place)
  return #result == 0 and "[]" or cjson.encode(result)
end

return M
