--- The syntax tree of a script, by the parser of luacheck, with every name bound to its variable.
--
-- Nodes are tables {tag = , line = , offset = , end_offset = , ...}; offsets count bytes of the file from 1.
local M = {}

-- Bytes outside of ASCII stand in texts and comments only; masked, so that an offset is always one of bytes.
local function masked(code) return (code:gsub("[\128-\255]", "?")) end

-- ---- parsing ----

--- @return tree {ast, code, line_offsets, variables}, or nil and {message, line, offset, end_offset}
function M.parse(code)
  local decoder, parser = require "luacheck.decoder", require "luacheck.parser"
  local line_offsets, line_lengths = {}, {}
  local source = masked(code:gsub("^#[^\n]*", function(line) return (" "):rep(#line) end))
  local ok, ast = pcall(parser.parse, decoder.decode(source), line_offsets, line_lengths)
  if not ok then
    local problem = ast
    if type(problem) ~= "table" or not problem.msg then error(problem, 0) end
    return nil, {message = problem.msg, line = problem.line, offset = problem.offset, end_offset = problem.end_offset}
  end
  return {ast = ast, code = code, line_offsets = line_offsets, variables = {}}
end

--- The text of a node, on one line.
function M.text(tree, node)
  local text = tree.code:sub(node.offset, node.end_offset):gsub("%s+", " ")
  return #text > 60 and text:sub(1, 57) .. "..." or text
end

-- ---- walking ----

--- Calls visit(node, parent) for every node, outer ones first; visit returns true to stay out of it.
function M.walk(node, visit, parent)
  if node.tag and visit(node, parent) then return end
  for _, child in ipairs(node) do
    if type(child) == "table" then M.walk(child, visit, node.tag and node or parent) end
  end
end

-- ---- binding names ----

-- Every Id node gets `variable` {name, node, kind = "local" | "parameter" | "loop", function_node, values = list of the nodes
-- assigned, reads = list of Id nodes, writes} or, when it is no local name, `global` = true.
local Scope = {}
Scope.__index = Scope

local function new_scope(outer, function_node) return setmetatable({names = {}, outer = outer, function_node = function_node}, Scope) end

function Scope:find(name)
  local scope = self
  while scope do
    if scope.names[name] then return scope.names[name] end
    scope = scope.outer
  end
end

local bind -- tree, node, scope

local function declare(tree, scope, id, kind, value)
  local variable = {name = id[1], node = id, kind = kind, function_node = scope.function_node, values = {}, reads = {}, writes = 0}
  variable.hides = scope:find(id[1])
  if value then variable.values[1] = value end
  scope.names[id[1]] = variable
  id.variable = variable
  tree.variables[#tree.variables + 1] = variable
  return variable
end

local function bind_block(tree, block, scope)
  for _, statement in ipairs(block) do bind(tree, statement, scope) end
end

local function bind_list(tree, list, scope)
  for _, node in ipairs(list) do bind(tree, node, scope) end
end

local UNKNOWN = {tag = "Unknown"} -- one of several values of a call, an element of a loop

local function value_of(list, i)
  if not list then return nil end
  local last = list[#list]
  if i < #list or (i == #list) then return list[i] end
  return last and (last.tag == "Call" or last.tag == "Invoke" or last.tag == "Dots") and UNKNOWN or nil
end

local function assign(tree, target, value, scope)
  if target.tag == "Id" then
    local variable = scope:find(target[1])
    target.variable, target.is_write = variable, true
    if variable then
      variable.writes = variable.writes + 1
      variable.values[#variable.values + 1] = value or UNKNOWN
    else
      target.global = true
    end
  else
    bind(tree, target, scope)
  end
end

local binders = {}

function binders.Id(_, node, scope)
  node.variable = scope:find(node[1])
  if node.variable then
    local reads = node.variable.reads
    reads[#reads + 1] = node
  else
    node.global = true
  end
end

function binders.Function(tree, node, scope)
  local inner = new_scope(scope, node)
  node.parameters = {}
  for i, id in ipairs(node[1]) do
    if id.tag == "Id" then node.parameters[i] = declare(tree, inner, id, "parameter") end
  end
  bind_block(tree, node[2], inner)
end

function binders.Local(tree, node, scope)
  if node[2] then bind_list(tree, node[2], scope) end
  for i, id in ipairs(node[1]) do declare(tree, scope, id, "local", value_of(node[2], i)) end
end

function binders.Localrec(tree, node, scope)
  declare(tree, scope, node[1][1], "local", node[2][1])
  bind(tree, node[2][1], scope)
end

function binders.Set(tree, node, scope)
  bind_list(tree, node[2], scope)
  for i, target in ipairs(node[1]) do assign(tree, target, value_of(node[2], i), scope) end
end

function binders.Fornum(tree, node, scope)
  for i = 2, #node - 1 do bind(tree, node[i], scope) end
  local inner = new_scope(scope, scope.function_node)
  declare(tree, inner, node[1], "loop", {tag = "Number"})
  bind_block(tree, node[#node], inner)
end

function binders.Forin(tree, node, scope)
  bind_list(tree, node[2], scope)
  local inner = new_scope(scope, scope.function_node)
  for _, id in ipairs(node[1]) do declare(tree, inner, id, "loop", UNKNOWN) end
  bind_block(tree, node[3], inner)
end

function binders.Do(tree, node, scope) bind_block(tree, node, new_scope(scope, scope.function_node)) end

function binders.While(tree, node, scope)
  bind(tree, node[1], scope)
  bind_block(tree, node[2], new_scope(scope, scope.function_node))
end

function binders.Repeat(tree, node, scope)
  local inner = new_scope(scope, scope.function_node)
  bind_block(tree, node[1], inner)
  bind(tree, node[2], inner)
end

function binders.If(tree, node, scope)
  for i = 1, #node, 2 do
    if node[i + 1] then
      bind(tree, node[i], scope)
      bind_block(tree, node[i + 1], new_scope(scope, scope.function_node))
    else
      bind_block(tree, node[i], new_scope(scope, scope.function_node))
    end
  end
end

function bind(tree, node, scope)
  local binder = binders[node.tag]
  if binder then return binder(tree, node, scope) end
  for _, child in ipairs(node) do
    if type(child) == "table" then bind(tree, child, scope) end
  end
end

--- Binds all names of a tree.
function M.bind(tree)
  tree.scope = new_scope(nil, nil)
  bind_block(tree, tree.ast, tree.scope)
  return tree
end

return M
