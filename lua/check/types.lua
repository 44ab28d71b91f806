--- What an expression of a script is: a series, the outputs of an indicator, a market, a number and so on.
--
-- Types are names: "series" "outputs" "market" "ta" "day" "my" "ref" "ticker" "universe" "number" "boolean" "string" "nil" "table" "function"; nil stands
-- for "not seen yet", false for "one cannot say". Nothing is reported on what one cannot say.
local tree_of = require "check/tree"

local M = {}

local function set(words)
  local result = {}
  for word in words:gmatch "%S+" do result[word] = true end
  return result
end

M.INTERVALS = set "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M"
local INTERVALS = M.INTERVALS

local FIELD_TYPES = {}
for name in pairs(set "open high low close volume hl2 hlc3 ohlc4 quote_volume trades taker_base taker_quote") do FIELD_TYPES[name] = "series" end
for name in pairs(set "time close_time hour weekday count tick_size") do FIELD_TYPES[name] = "number" end
for name in pairs(set "symbol base quote interval") do FIELD_TYPES[name] = "string" end
FIELD_TYPES.forming, FIELD_TYPES.ta, FIELD_TYPES.day, FIELD_TYPES.my, FIELD_TYPES.align = "boolean", "ta", "day", "my", "function"

FIELD_TYPES.ref, FIELD_TYPES.ticker, FIELD_TYPES.universe, FIELD_TYPES.rank = "ref", "ticker", "universe", "number"

local BOOLEAN_TA = set "crossover crossunder cross rising falling"
local INPUT_TYPES = {int = "number", float = "number", bool = "boolean", string = "string", source = "string", interval = "string", symbol = "string"}
local ARITHMETIC = set "add sub mul div mod pow"
local COMPARISONS = set "lt le gt ge eq ne"
M.COMPARISONS = COMPARISONS

local function join(a, b)
  if a == nil then return b end
  if b == nil or a == b then return a end
  return false
end

local function strip(node)
  while node and node.tag == "Paren" do node = node[1] end
  return node
end
M.strip = strip

--- Name of a library's function that a call names: "ta", "sma" of ta.sma(...). Nothing for other calls.
function M.library_call(node)
  local f = node and node.tag == "Call" and strip(node[1])
  if f and f.tag == "Index" and f[1].tag == "Id" and f[1].global and f[2].tag == "String" then return f[1][1], f[2][1] end
end
local library_call = M.library_call

--- The function node that an expression stands for, if it is one or a local name that is never anything else.
local function function_of(node)
  node = strip(node)
  if not node then return nil end
  if node.tag == "Function" then return node end
  local variable = node.tag == "Id" and node.variable
  if variable and #variable.values == 1 and variable.values[1].tag == "Function" then return variable.values[1] end
end
M.function_of = function_of

--- The input that an expression stands for: the kind of input.KIND(...); nil when it is none.
function M.input_kind(node)
  node = strip(node)
  local variable = node and node.tag == "Id" and node.variable
  if variable and #variable.values == 1 then node = strip(variable.values[1]) end
  local library, name = library_call(node)
  if library == "input" then return name end
end

-- ---- the trader ----

local function table_of(node)
  node = strip(node)
  local variable = node and node.tag == "Id" and node.variable
  if variable and #variable.values == 1 then node = strip(variable.values[1]) end
  return node and node.tag == "Table" and node or nil
end
M.table_of = table_of

--- Fields of a table constructor: name -> {key = node, value = node}, and its list part.
function M.fields(constructor)
  local fields, list = {}, {}
  for _, item in ipairs(constructor) do
    if item.tag == "Pair" then
      if item[1].tag == "String" then fields[item[1][1]] = {key = item[1], value = item[2]} end
    else
      list[#list + 1] = item
    end
  end
  return fields, list
end

-- The table that the script gives to `trader`.
local function find_trader(tree)
  local found
  tree_of.walk(tree.ast, function(node)
    if node.tag == "Call" and node[1].tag == "Id" and node[1].global and node[1][1] == "trader" then found = found or table_of(node[2]) end
  end)
  return found
end

-- Functions of the trader: list of {node, role = "filter" | "condition" | "plots" | "series" | "rank" | "prompt"}.
local function find_roles(fields)
  local roles = {}
  local function add(node, role)
    local f = function_of(node)
    if f then roles[#roles + 1] = {node = f, role = role} end
  end
  for _, role in ipairs {"filter", "plots", "prompt"} do if fields[role] then add(fields[role].value, role) end end
  local conditions = fields.conditions and table_of(fields.conditions.value)
  for _, item in ipairs(conditions or {}) do
    local condition = table_of(item)
    if condition and condition[2] then add(condition[2], "condition") end
  end
  local series = fields.series and table_of(fields.series.value)
  for _, item in ipairs(series or {}) do if item.tag == "Pair" then add(item[2], "series") end end
  local rank = fields.rank and table_of(fields.rank.value)
  for _, item in ipairs(rank or {}) do if item.tag == "Pair" and item[1][1] == "by" then add(item[2], "rank") end end
  return roles
end

--- The outputs of the indicator that an expression comes from, and its name; nil when one cannot say.
function M.outputs_of(names, node)
  node = strip(node)
  if node.tag == "Id" and node.variable and #node.variable.values == 1 then node = strip(node.variable.values[1]) end
  local f = node.tag == "Call" and strip(node[1])
  local name = f and f.tag == "Index" and f[2].tag == "String" and f[2][1]
  local kind = name and names.kinds[name]
  return type(kind) == "table" and kind or nil, name
end

-- ---- inference ----

local Types = {}
Types.__index = Types

function Types:of(node)
  if not node then return nil end
  local known = self.memo[node]
  if known ~= nil then
    if known == self then return nil end -- under way: a variable that is made of itself
    return known
  end
  self.memo[node] = self
  local rule = self.rules[node.tag]
  local result
  if rule then result = rule(self, node) else result = false end
  self.memo[node] = result
  return result
end

function Types:of_variable(variable)
  if variable.kind == "parameter" then
    if #variable.values > 0 then return false end
    return self.parameters[variable]
  end
  if variable.kind == "loop" and variable.values[1].tag ~= "Number" then return false end
  local result
  for _, value in ipairs(variable.values) do result = join(result, self:of(value)) end
  return result
end

local rules = {Number = function() return "number" end, String = function() return "string" end, True = function() return "boolean" end}
rules.False, rules.Nil, rules.Table = rules.True, function() return "nil" end, function() return "table" end
rules.Function = function() return "function" end
rules.Paren = function(self, node) return self:of(node[1]) end

function rules.Id(self, node)
  if node.variable then return self:of_variable(node.variable) end
  if self.names.libraries[node[1]] then return node[1] == "ta" and "ta" or "table" end
  return false
end

function rules.Index(self, node)
  local base, key = self:of(node[1]), node[2]
  if base == "market" then
    if key.tag == "String" then return INTERVALS[key[1]] and "market" or FIELD_TYPES[key[1]] or false end
    local kind = M.input_kind(key)
    return kind == "source" and "series" or kind == "interval" and "market" or false
  end
  if base == "series" then return key.tag ~= "String" and "number" end
  if base == "outputs" then
    for _, output in ipairs(M.outputs_of(self.names, node[1]) or {}) do if output == key[1] then return "series" end end
    return false
  end
  if base == "my" then return key.tag == "String" and "series" end
  if base == "day" or base == "ticker" or base == "universe" then return "number" end
  if base == "ref" then return (key.tag == "String" or M.input_kind(key) == "symbol") and "market" end
  return base == nil and nil
end

local function of_ta(self, name)
  if BOOLEAN_TA[name] then return "boolean" end
  local kind = self.names.kinds[name]
  if kind == nil then return false end
  return kind == "series" and "series" or "outputs"
end

function rules.Call(self, node)
  local library, name = library_call(node)
  if library == "ta" then return of_ta(self, name) end
  if library == "input" then return INPUT_TYPES[name] or false end
  if library == "math" then return "number" end
  local f = strip(node[1])
  if f.tag == "Index" and f[2].tag == "String" and self:of(f[1]) == "ta" then return of_ta(self, f[2][1]) end
  if f.tag == "Id" and f.global then
    local results = {na = "boolean", nz = "number", tostring = "string", type = "string", tonumber = false}
    return results[f[1]] or false
  end
  local body = function_of(f)
  if body then return self.returns[body] end
  return false
end

function rules.Invoke(self, node)
  local base, method = self:of(node[1]), node[2][1]
  if base == "series" then return method == "len" and "number" or "series" end
  if base == "market" and method == "align" then return "series" end
  return base == nil and nil
end

function rules.Op(self, node)
  local op = node[1]
  if op == "not" or COMPARISONS[op] then return "boolean" end
  if op == "len" then return "number" end
  if op == "concat" then return "string" end
  local a, b = self:of(node[2]), node[3] and self:of(node[3])
  if op == "unm" then return a == "series" and "series" or a == "number" and "number" or a == nil and nil end
  if ARITHMETIC[op] then
    if a == "series" or b == "series" then return "series" end
    if a == "number" and b == "number" then return "number" end
    return (a == nil or b == nil) and nil
  end
  if op == "or" and a == "nil" then return b end
  return join(a, b) or false -- and, or: one of the two
end

-- ---- timeframes ----

-- The timeframe of a market or series: the name of an interval, "own" for that of the trader; of a reference with its symbol in
-- front, "BTCUSDT/1h". Nil when one cannot say.
local homes = {}

function Types:home(node)
  node = strip(node)
  local rule = node and homes[node.tag]
  if not rule or self.is_looking[node] then return nil end
  self.is_looking[node] = true
  local home = rule(self, node)
  self.is_looking[node] = nil
  return home
end

function homes.Id(self, node)
  local variable = node.variable
  if not variable then return nil end
  if variable.kind == "parameter" then return self.fixed[variable.function_node] and self.parameters[variable] == "market" and "own" or nil end
  return #variable.values == 1 and self:home(variable.values[1]) or nil
end

function homes.Index(self, node)
  local key, base = node[2], self:of(node[1])
  if base == "ref" then return key.tag == "String" and key[1] .. "/own" or nil end
  if key.tag == "String" and INTERVALS[key[1]] and base == "market" then
    local home = self:home(node[1])
    return home and (home:match "^.*/" or "") .. key[1]
  end
  return self:home(node[1])
end

function homes.Call(self, node)
  local f = strip(node[1])
  if f.tag ~= "Index" then return nil end
  for i = 2, #node do if self:of(node[i]) == "series" then return self:home(node[i]) end end
  if f[1].tag == "Id" and f[1].global then return self:of(node) and f[1][1] == "ta" and "own" or nil end
  return self:home(f[1])
end

function homes.Invoke(self, node) return self:home(node[1]) end

function homes.Op(self, node)
  for i = 2, 3 do if node[i] and self:of(node[i]) == "series" then return self:home(node[i]) end end
end

-- Types of what a function returns first, and of its parameters at the places where it is called.
local function learn(self, tree)
  local changed = false
  local function update(of, key, value)
    local before = of[key]
    local after = join(before, value)
    if after ~= before then
      of[key] = after
      changed = true
    end
  end
  local function look(node, body)
    if node.tag == "Function" then
      for _, child in ipairs(node[2]) do tree_of.walk(child, function(inner) return look(inner, node) end) end
      return true
    end
    if node.tag == "Return" and body then update(self.returns, body, node[1] and self:of(node[1]) or not node[1] and "nil" or nil) end
    local callee = node.tag == "Call" and function_of(node[1])
    if callee and not self.fixed[callee] then
      for i, parameter in pairs(callee.parameters) do
        local argument = node[i + 1]
        update(self.parameters, parameter, argument and self:of(argument) or not argument and "nil" or nil)
      end
    end
  end
  tree_of.walk(tree.ast, function(node) return look(node, nil) end)
  return changed
end

--- Types of a tree. @param names what there is in the sandbox: {globals, libraries, kinds, market, ...}
-- @return {of = function(self, node), trader = node of its table or nil, fields, roles}
function M.new(tree, names)
  local self = setmetatable({names = names, memo = {}, rules = rules, parameters = {}, returns = {}, fixed = {}, is_looking = {}}, Types)
  self.trader = find_trader(tree)
  self.fields, self.roles = {}, {}
  if self.trader then
    self.fields = M.fields(self.trader)
    self.roles = find_roles(self.fields)
  end
  for _, role in ipairs(self.roles) do
    local first, second = role.node.parameters[1], role.node.parameters[2]
    self.fixed[role.node] = true
    if first then self.parameters[first] = "market" end
    if second then self.parameters[second] = role.role == "series" and "number" end
  end
  for _ = 1, 6 do
    self.memo = {}
    if not learn(self, tree) then break end
  end
  self.memo = {}
  return self
end

return M
