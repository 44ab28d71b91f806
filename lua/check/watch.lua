--- Rewrites a script so that it tells what it decides, and by which numbers: `a < b` becomes `__watch.lt(7,(a),(b))`.
--
-- Lines stay where they are. The functions are in lua/stdlib/tools.lua; the number is that of a site: a comparison, a
-- `not`, the condition of an `if`, the left side of an `or`, a call of na, nz or of a function of ta that gives a boolean.
local types_of = require "check/types"

local M = {}

local Writer = {}
Writer.__index = Writer

function Writer:site(node, kind)
  local sites = self.sites
  sites[#sites + 1] = {node = node, kind = kind}
  return #sites
end

-- Nodes below a node, in the order of the text.
local function children_of(node, list)
  list = list or {}
  for _, child in ipairs(node) do
    if type(child) == "table" then
      if not child.tag then children_of(child, list) elseif not child.implicit then list[#list + 1] = child end
    end
  end
  return list
end

local function by_place(a, b)
  if a.offset ~= b.offset then return a.offset < b.offset end
  return a.end_offset > b.end_offset
end

-- The text of a node with what is below it rewritten.
function Writer:copy(node, first, last)
  local out, at, children = {}, first, children_of(node)
  table.sort(children, by_place)
  for _, child in ipairs(children) do
    if child.offset >= at then -- the name of a function statement lies inside of its function
      out[#out + 1] = self.code:sub(at, child.offset - 1)
      out[#out + 1] = self:write(child)
      at = child.end_offset + 1
    end
  end
  out[#out + 1] = self.code:sub(at, last)
  return table.concat(out)
end

-- `gap` with the operator in it, which no comment hides, in place of it `by`.
local function replace_operator(gap, by)
  local at = 1
  while true do
    at = gap:find("[^%s]", at)
    if gap:sub(at, at + 1) ~= "--" then break end
    local level = gap:match("^%-%-%[(=*)%[", at)
    local _, comment_end = gap:find(level and "]" .. level .. "]" or "\n", at, true)
    at = comment_end + 1
  end
  local last = at
  if gap:sub(at, at + 1):find "^[<>=~]=" then last = at + 1 end
  return gap:sub(1, at - 1) .. by .. gap:sub(last + 1)
end

local rules = {}

function rules.Op(self, node)
  local op, a, b = node[1], node[2], node[3]
  if types_of.COMPARISONS[op] then
    local id, gap = self:site(node, op), self.code:sub(a.end_offset + 1, b.offset - 1)
    return ("__watch.%s(%d,(%s)%s(%s))"):format(op, id, self:write(a), replace_operator(gap, ","), self:write(b))
  elseif op == "not" then
    local id, gap = self:site(node, "not"), self.code:sub(node.offset + 3, a.offset - 1)
    return ("__watch.no(%d,__watch.mark(),%s(%s))"):format(id, gap, self:write(a))
  elseif op == "or" then
    local id, gap = self:site(node, "or"), self.code:sub(a.end_offset + 1, b.offset - 1)
    return ("__watch.test(%d,__watch.mark(),(%s))%s%s"):format(id, self:write(a), gap, self:write(b))
  end
  return self:copy(node, node.offset, node.end_offset)
end

function rules.Call(self, node)
  local text, f = self:copy(node, node.offset, node.end_offset), types_of.strip(node[1])
  if f.tag == "Id" and f.global and (f[1] == "na" or f[1] == "nz") then
    return ("__watch.%s(%d,%s)"):format(f[1], self:site(node, f[1]), text)
  elseif self.types:of(node) == "boolean" and types_of.library_call(node) == "ta" then
    return ("__watch.call(%d,%s)"):format(self:site(node, "call"), text)
  end
  return text
end

-- The conditions are rewritten where copy() comes to them.
function rules.If(self, node)
  for i = 1, #node - 1, 2 do
    local id = self:site(node[i], "if")
    self.tests[node[i]], self.sites[id].statement = id, node
  end
  return self:copy(node, node.offset, node.end_offset)
end

function Writer:write(node)
  local rule, id = rules[node.tag], self.tests[node]
  local text = rule and rule(self, node) or not rule and self:copy(node, node.offset, node.end_offset) or nil
  if id then return ("__watch.test(%d,__watch.mark(),(%s))"):format(id, text) end
  return text
end

--- @return code, list of sites {node, kind = "lt".."ne" | "not" | "or" | "if" | "na" | "nz" | "call", statement}
function M.rewrite(tree, types)
  local writer = setmetatable({code = tree.code, types = types, sites = {}, tests = {}}, Writer)
  return writer:copy(tree.ast, 1, #tree.code), writer.sites
end

return M
