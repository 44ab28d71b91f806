--- What can be said of a script without running it: names and fields that do not exist, series used as numbers, inputs
-- and timeframes that nothing uses, functions that may end without an answer.
local dialect = require "dialect"
local suggest = require "suggest"
local tree_of = require "check/tree"
local types_of = require "check/types"

local strip, INTERVALS, COMPARISONS = types_of.strip, types_of.INTERVALS, types_of.COMPARISONS

local M = {}

local function set_of(list)
  local result = {}
  for _, name in ipairs(list or {}) do result[name] = true end
  return result
end

local Rules = {}
Rules.__index = Rules

function Rules:report(node, code, severity, message, hint)
  self.findings[#self.findings + 1] = {node = node, code = code, severity = severity, message = message, hint = hint}
end

-- "; did you mean "x"?" without what joins it to a sentence.
local function hint_of(name, candidates, better)
  local hint = (better or suggest(name, candidates)):gsub("^; ", "")
  return hint ~= "" and hint or nil
end

-- ---- names ----

local function unknown_name(self, id)
  local name = id[1]
  if self.globals[name] then return end
  if id.is_write then
    return self:report(id, "unknown-name", "error", ("%q is not declared"):format(name),
      ("write local %s; globals are not kept between calls"):format(name))
  end
  if name == "m" then
    return self:report(id, "unknown-name", "error", "there is no market yet: m is what the filter is called with")
  end
  self:report(id, "unknown-name", "error", ("there is no %q here"):format(name),
    hint_of(name, self.names.globals, dialect.name(name, set_of(self.names.libraries.ta)))
      or "a trader has ta, input, math, string, table, json and its own local names")
end

-- Names that hide something: `local log = ...`.
local function hidden_names(self)
  local prompts = {}
  for _, role in ipairs(self.types.roles) do if role.role == "prompt" then prompts[role.node] = true end end
  for _, variable in ipairs(self.tree.variables) do
    local name, value = variable.name, strip(variable.values[1])
    while value and value.tag == "Index" do value = strip(value[1]) end
    local is_alias = value and value.tag == "Id" and value.global and value[1] == name
    local is_signal = name == "signal" and not (variable.kind == "parameter" and prompts[variable.function_node])
    if (self.globals[name] or name == "prompt") and not is_alias then
      self:report(variable.node, "hidden-name", "warning", ("the local name %q hides the %s of the sandbox"):format(name, name),
        "choose another name")
    elseif is_signal then
      self:report(variable.node, "hidden-name", "note", "the local name \"signal\" is that of what `prompt` is called with")
    end
  end
end

-- ---- fields ----

local function outputs_of(self, node) return types_of.outputs_of(self.names, node) end

local function bad_index(self, key)
  local number = strip(key)
  local is_negative = number.tag == "Op" and number[1] == "unm" and strip(number[2]).tag == "Number"
  if is_negative then self:report(key, "bad-index", "error", "a negative index of a series", "the newest bar is s[0], the one before s[1]") end
  if number.tag ~= "String" or self.methods[number[1]] then return end
  self:report(key, "unknown-field", "error", ("a series has no field %q"):format(number[1]),
    hint_of("", {}, dialect.field("series", number[1])) or "the newest bar is s[0]")
end

-- What only some traders have: field of the market -> field of the trader, and what to say.
local GIFTS = {
  ticker = {"on", "no-tick", "m.ticker is there only at ticks", 'add on = "tick"'},
  rank = {"rank", "no-rank", "this trader ranks nothing", "add rank = {by = function(m) return ... end, top = 10}"},
}
GIFTS.universe = GIFTS.rank

local function gift(self, key)
  local field, code, message, hint = unpack(GIFTS[key[1]])
  local given = self.types.fields[field]
  local is_there = given and (field ~= "on" or given.value.tag ~= "String" or given.value[1] == "tick")
  if self.types.trader and not is_there then self:report(key, code, "error", message, hint) end
end

local function reference_field(self, key)
  if not self.referred or self.referred[key[1]] then return end
  self:report(key, "undeclared-reference", "error", ("m.ref.%s is not listed in references of this trader"):format(key[1]),
    ("add references = {%q}"):format(key[1]))
end

local function market_field(self, key)
  local name = key[1]
  if GIFTS[name] then return gift(self, key) end
  if INTERVALS[name] then
    if self.declared and not self.declared[name] then
      self:report(key, "undeclared-timeframe", "error", ("m[%q] is not listed in timeframes of this trader"):format(name),
        ("add timeframes = {%q}"):format(name))
    end
  elseif not self.market[name] then
    self:report(key, "unknown-field", "error", ("the market has no field %q"):format(name),
      hint_of(name, self.names.market, dialect.field("market", name)))
  end
end

local NUMBERS = set_of {"day", "ticker", "universe"} -- of which every field is a number

local function index(self, node)
  local base, key = strip(node[1]), node[2]
  local library = base.tag == "Id" and base.global and self.names.libraries[base[1]] and base[1]
  local kind = self.types:of(base)
  if kind == "ta" and not library then library = "ta" end
  if library and key.tag == "String" then
    local known = self.names.libraries[library]
    if not set_of(known)[key[1]] and not node.is_target then
      self:report(key, "unknown-field", "error", ("there is no %s.%s"):format(library, key[1]),
        hint_of(key[1], known, dialect.field(library, key[1])))
    end
  elseif kind == "market" and key.tag == "String" then
    market_field(self, key)
  elseif kind == "series" then
    bad_index(self, key)
  elseif kind == "outputs" then
    local outputs, name = outputs_of(self, base)
    if not outputs then return end
    if key.tag == "Number" then
      self:report(key, "unknown-field", "error", ("ta.%s has several outputs"):format(name), "name one: " .. table.concat(outputs, ", "))
    elseif key.tag == "String" and not set_of(outputs)[key[1]] then
      self:report(key, "unknown-field", "error", ("ta.%s has no output %q"):format(name, key[1]), "expected " .. table.concat(outputs, ", "))
    end
  elseif kind == "ref" and key.tag == "String" then
    reference_field(self, key)
  elseif NUMBERS[kind] and key.tag == "String" and not set_of(self.names[kind])[key[1]] then
    self:report(key, "unknown-field", "error", ("m.%s has no field %q"):format(kind, key[1]), hint_of(key[1], self.names[kind]))
  end
end

local function invoke(self, node)
  local method = node[2]
  if self.types:of(node[1]) ~= "series" or self.methods[method[1]] then return end
  self:report(method, "unknown-field", "error", ("a series has no method %q"):format(method[1]),
    hint_of(method[1], self.names.methods, dialect.field("series", method[1])))
end

-- Keys of a table constructor that is given as options. `renamed`: names from elsewhere that mean one of these.
local function options(self, constructor, known, message, renamed)
  constructor = types_of.table_of(constructor)
  for _, item in ipairs(constructor or {}) do
    if item.tag == "Pair" and item[1].tag == "String" and not set_of(known)[item[1][1]] then
      local meant = renamed and renamed[item[1][1]]
      self:report(item[1], "unknown-option", "error", message:format(item[1][1]), meant and ("did you mean %q?"):format(meant)
        or hint_of(item[1][1], known, known == self.names.trader and dialect.field("trader", item[1][1])))
    end
  end
end

local function call(self, node)
  local library, name = types_of.library_call(node)
  if library == "input" and node[4] then options(self, node[4], self.names.input_options, "an input has no option %q") end
  local known = library == "ta" and self.names.options[name]
  local last = node[#node]
  if known and #node > 1 and types_of.table_of(last) then options(self, last, known, "ta." .. name .. " has no option %q") end
end

-- ---- series as numbers ----

local KINDS = {series = "a series", outputs = "the outputs of an indicator", market = "a market"}

local function newest(self, node)
  local kind = self.types:of(node)
  if kind == "series" then
    return ((strip(node).tag == "Op" and "write (%s)[0], its newest bar" or "write %s[0], its newest bar"):format(tree_of.text(self.tree, node)))
  end
  if kind == "outputs" then
    local outputs = outputs_of(self, node)
    return outputs and ("name an output and a bar: .%s[0]"):format(outputs[1]) or "name an output and a bar, such as .upper[0]"
  end
  return "name a series and a bar, such as .close[0]"
end

-- Where true or false is decided, a series is always true.
local function truth(self, node, where)
  local kind = KINDS[self.types:of(node)]
  if not kind then return end
  self:report(node, "series-as-number", "error", ("%s as %s is always true"):format(kind, where), newest(self, node))
end

local function operator(self, node)
  local op, a, b = node[1], node[2], node[3]
  if op == "and" or op == "or" then return truth(self, a, ("the left side of `%s`"):format(op)) end
  if op == "not" then return truth(self, a, "the operand of `not`") end
  if op == "len" and KINDS[self.types:of(a)] then
    return self:report(node, "series-as-number", "error", "# is not the length of a series", "call s:len()")
  end
  if not COMPARISONS[op] and op ~= "concat" then return end
  if op == "eq" or op == "ne" then
    local number = strip(b).tag == "Nil" and a or strip(a).tag == "Nil" and b
    if number and self.types:of(number) == "number" then
      return self:report(node, "never-holds", "warning", "a number is never nil; one that is missing is NaN",
        ("write na(%s)"):format(tree_of.text(self.tree, number)))
    end
  end
  for _, side in ipairs {a, b} do
    local kind = KINDS[self.types:of(side)]
    if kind then
      local what = (op == "eq" or op == "ne") and ("%s never equals anything"):format(kind)
        or op == "concat" and ("attempt to concatenate %s"):format(kind) or ("attempt to compare %s"):format(kind)
      return self:report(node, "series-as-number", "error", what, newest(self, side))
    end
  end
end

local function check_arguments(self, node)
  local library, name = types_of.library_call(node)
  local f = strip(node[1])
  local is_list = f.tag == "Id" and f.global and (f[1] == "ipairs" or f[1] == "pairs" or f[1] == "unpack" or f[1] == "next")
  if library ~= "math" and not is_list then return end
  for i = 2, #node do
    local kind = KINDS[self.types:of(node[i])]
    if kind then
      local hint = newest(self, node[i])
      if library == "math" and self.names.kinds[name] then hint = hint .. ", or ta." .. name .. " for a series" end
      if is_list then hint = "count from s[0], the newest bar, to s:len() - 1" end
      return self:report(node[i], "series-as-number", "error", ("%s as an argument of %s"):format(kind, tree_of.text(self.tree, f)), hint)
    end
  end
end

-- ---- timeframes that do not fit ----

-- Series of a call or of an operation that are of different symbols or timeframes.
local function check_homes(self, node, operands)
  local first, first_home
  for _, operand in ipairs(operands) do
    local home = self.types:of(operand) == "series" and self.types:home(operand)
    if home and first_home and home:match "^.*/" ~= first_home:match "^.*/" then
      return self:report(node, "mixed-symbols", "error", ("%s and %s are of different symbols"):format(tree_of.text(self.tree, first),
        tree_of.text(self.tree, operand)), "m:align(s) gives a series of a reference as seen at each bar of m")
    end
    if home and first_home and home ~= first_home then
      local function name(h) return h:match "[^/]*$" == "own" and "the trader's own" or h:match "[^/]*$" end
      return self:report(node, "mixed-timeframes", "error", ("%s and %s are of different timeframes: %s and %s"):format(
        tree_of.text(self.tree, first), tree_of.text(self.tree, operand), name(first_home), name(home)),
        "m:align(s) gives a slower series as seen at each bar of m")
    end
    if home and not first_home then first, first_home = operand, home end
  end
end

local ARITHMETIC = set_of {"add", "sub", "mul", "div", "mod", "pow"}

local function mixed_timeframes(self, node)
  if node.tag == "Op" then
    if ARITHMETIC[node[1]] then check_homes(self, node, {node[2], node[3]}) end
  elseif node.tag == "Invoke" then
    if self.types:of(node[1]) == "series" then check_homes(self, node, {node[1], node[3]}) end
  elseif types_of.library_call(node) == "ta" then
    local arguments = {}
    for i = 2, #node do arguments[i - 1] = node[i] end
    check_homes(self, node, arguments)
  end
end

-- ---- what nothing uses ----

-- Whether some Index of the script has this key.
local function has_field(tree, name, except)
  local found = false
  tree_of.walk(tree.ast, function(node)
    if node.tag == "String" and node[1] == name and node ~= except then found = true end
  end)
  return found
end

local function unused_inputs(self)
  local function report(node, input)
    local name = input[2] and input[2].tag == "String" and input[2][1] or "?"
    self:report(node, "unused-input", "warning", ("input %q is never used"):format(name), "use it in the filter, or remove it")
  end
  tree_of.walk(self.tree.ast, function(node, parent)
    local library = types_of.library_call(node)
    if library ~= "input" then return end
    if parent and parent.tag == "Local" then
      for i, value in ipairs(parent[2]) do
        local id = parent[1][i]
        if value == node and id and #id.variable.reads == 0 then
          id.variable.is_unused_input = true
          report(id, node)
        end
      end
    elseif not parent or parent.tag == "Function" or parent.tag == "If" or parent.tag == "Do" then
      report(node, node) -- a statement of its own
    elseif parent.tag == "Pair" and parent[1].tag == "String" and not has_field(self.tree, parent[1][1], parent[1]) then
      report(parent[1], node)
    end
  end)
end

-- Texts of the script outside of the table where timeframes are declared.
local function mentions(self, list)
  local found = {}
  tree_of.walk(self.tree.ast, function(node)
    if node == list or (self.types.fields.interval and node == self.types.fields.interval.value) then return true end
    if node.tag == "String" then found[node[1]] = true end
  end)
  return found
end

local function timeframes(self, used)
  local field = self.types.fields.timeframes
  local list = field and types_of.table_of(field.value)
  self.declared = not field and {} or nil
  if not list then return end
  local declared = {}
  for _, item in ipairs(list) do
    if item.tag ~= "String" then return end -- made at run time
    declared[item[1]] = item
  end
  self.declared = declared
  local mentioned = mentions(self, list)
  for name, item in pairs(declared) do
    if not used[name] and not mentioned[name] then
      self:report(item, "unused-timeframe", "warning", ("timeframe %q is declared and never used"):format(name),
        "remove it; each timeframe costs history and memory")
    end
  end
end

-- As timeframes: what the script refers to. @param used set of the symbols that the trader has been seen to use
local function references(self, used)
  local field = self.types.fields.references
  local list = field and types_of.table_of(field.value)
  self.referred = not field and {} or nil
  if not list then return end
  local declared = {}
  for _, item in ipairs(list) do
    if item.tag ~= "String" then return end -- an input
    declared[item[1]] = item
  end
  self.referred = declared
  local mentioned = mentions(self, list)
  for name, item in pairs(declared) do
    if not used[name] and not mentioned[name] then
      self:report(item, "unused-reference", "warning", ("reference %q is declared and never used"):format(name),
        "remove it; the trader waits for its bars")
    end
  end
end

-- ---- answers ----

local EXPECTED = {
  rank = "a number (0/0 where there is none)",
  filter = "true, false or a table {match = ...}", condition = "true or false", series = "a number (0/0 where there is none)",
}
local ALLOWED = {filter = {boolean = true, table = true}, condition = {boolean = true}, series = {number = true}, rank = {number = true}}
local NAMES = {filter = "the filter", condition = "a condition", series = "a series function", rank = "rank.by"}
local FOUND = {
  series = "a series", outputs = "the outputs of an indicator", market = "a market", number = "a number", string = "a text", ["nil"] = "nil",
  boolean = "true or false", table = "a table", ["function"] = "a function",
}

-- What an expression may turn out to be: `a and b` is b, or a when that is false; `a or b` is b, or a when that is true.
local function leaves(self, node, out, is_true)
  node = strip(node)
  if node.tag == "Op" and node[1] == "and" then
    if not is_true and self.types:of(node[2]) == "boolean" then out[#out + 1] = node[2] end
    return leaves(self, node[3], out, is_true)
  elseif node.tag == "Op" and node[1] == "or" then
    leaves(self, node[2], out, true)
    return leaves(self, node[3], out, is_true)
  end
  if not (is_true and (node.tag == "Nil" or node.tag == "False")) then out[#out + 1] = node end
end

local function ends(block)
  local last = block[#block]
  if not last then return false end
  if last.tag == "Return" or last.tag == "Goto" then return true end
  if last.tag == "Do" then return ends(last) end
  if last.tag == "Repeat" then return ends(last[1]) end
  if last.tag == "While" then return last[1].tag == "True" end
  if last.tag == "Call" then return last[1].tag == "Id" and last[1].global and last[1][1] == "error" end
  if last.tag ~= "If" or #last % 2 == 0 then return false end
  for i = 2, #last - 1, 2 do if not ends(last[i]) then return false end end
  return ends(last[#last])
end

local function answers(self)
  for _, role in ipairs(self.types.roles) do
    local allowed = ALLOWED[role.role]
    local function look(node)
      if node.tag == "Function" then return true end
      if node.tag ~= "Return" then return end
      local out = {}
      if node[1] then leaves(self, node[1], out) end
      if not node[1] then
        self:report(node, "wrong-return", "error", ("%s returns nothing"):format(NAMES[role.role]), "expected " .. EXPECTED[role.role])
      end
      for _, leaf in ipairs(out) do
        local kind = self.types:of(leaf)
        if kind and FOUND[kind] and not allowed[kind] then
          self:report(leaf, "wrong-return", "error", ("%s returns %s"):format(NAMES[role.role], FOUND[kind]), "expected " .. EXPECTED[role.role])
        end
      end
    end
    if allowed then
      for _, statement in ipairs(role.node[2]) do tree_of.walk(statement, look) end
      if not ends(role.node[2]) then
        local range = role.node.end_range or role.node
        self:report({line = range.line, offset = range.offset, end_offset = range.end_offset}, "wrong-return", "error",
          ("%s can end without a return, which is nil"):format(NAMES[role.role]), "expected " .. EXPECTED[role.role])
      end
    end
  end
end

-- `local macd, signal, hist = ta.macd(...)`, as in Pine.
local function several_names(self, node)
  local names, values = node[1], node[2] or {}
  local last = values[#values]
  if #values == 0 or #names <= #values or self.types:of(last) ~= "outputs" then return end
  local outputs, name = outputs_of(self, last)
  self:report(last, "series-as-number", "error", ("ta.%s gives one value for %d names"):format(name or "?", #names),
    ("write local x = ta.%s(...), and x.%s"):format(name or "?", outputs and outputs[#outputs] or "NAME"))
end

-- ---- all ----

local function visit(self, node)
  if node.tag == "Id" then
    if node.global then unknown_name(self, node) end
  elseif node.tag == "Local" then
    several_names(self, node)
  elseif node.tag == "Set" then
    for _, target in ipairs(node[1]) do target.is_target = true end
  elseif node.tag == "Index" then
    index(self, node)
  elseif node.tag == "Invoke" then
    invoke(self, node)
    mixed_timeframes(self, node)
  elseif node.tag == "Op" then
    operator(self, node)
    mixed_timeframes(self, node)
  elseif node.tag == "Call" then
    call(self, node)
    check_arguments(self, node)
    mixed_timeframes(self, node)
  elseif node.tag == "If" then
    for i = 1, #node - 1, 2 do truth(self, node[i], "a condition") end
  elseif node.tag == "While" then
    truth(self, node[1], "a condition")
  elseif node.tag == "Repeat" then
    truth(self, node[2], "a condition")
  end
end

--- @param names what there is in the sandbox @param used set of the intervals that the trader has been seen to use
-- @param referred set of the references that it has been seen to use
-- @return list of {node, code, severity, message, hint}
function M.find(tree, types, names, used, referred)
  local self = setmetatable({tree = tree, types = types, names = names, findings = {}}, Rules)
  self.globals, self.methods, self.market = set_of(names.globals), set_of(names.methods), set_of(names.market)
  timeframes(self, used)
  references(self, referred)
  tree_of.walk(tree.ast, function(node) visit(self, node) end)
  if types.trader then options(self, types.trader, names.trader, "a trader has no field %q", names.renamed) end
  hidden_names(self)
  unused_inputs(self)
  answers(self)
  return self.findings
end

return M
