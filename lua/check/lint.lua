--- What luacheck has to say, in words that do not change with its version.
local tree_of = require "check/tree"
local types_of = require "check/types"

local M = {}

-- Not among them: names (statics.lua knows the sandbox), white space, lengths, and "not (a > b)", which is not "a <= b" where
-- NaN is about.
local WORDS = {
  ["211"] = "unused-variable", ["212"] = "unused-argument", ["213"] = "unused-variable", ["221"] = "unset-variable", ["231"] = "unused-variable",
  ["232"] = "unused-argument", ["233"] = "unused-variable", ["241"] = "unused-variable", ["311"] = "unused-value", ["312"] = "unused-value",
  ["313"] = "unused-value", ["314"] = "repeated-field", ["321"] = "unset-variable", ["331"] = "unused-value", ["341"] = "unset-variable",
  ["411"] = "repeated-name", ["412"] = "repeated-name", ["413"] = "repeated-name", ["421"] = "shadowed-name", ["422"] = "shadowed-name",
  ["423"] = "shadowed-name", ["431"] = "shadowed-name", ["432"] = "shadowed-name", ["433"] = "shadowed-name", ["511"] = "unreachable-code",
  ["512"] = "unreachable-code", ["521"] = "unused-label", ["531"] = "uneven-assignment", ["532"] = "uneven-assignment", ["541"] = "empty-block",
  ["542"] = "empty-block", ["571"] = "backward-loop", ["582"] = "misplaced-not",
}

-- Whether a function calls one of ta that reads the market by itself, ta.atr(14), or a function of the script that does.
local function reads_market(body, bound, seen)
  local found = false
  seen[body] = true
  for _, statement in ipairs(body[2]) do
    tree_of.walk(statement, function(node)
      local library, name = types_of.library_call(node)
      local callee = node.tag == "Call" and types_of.function_of(node[1])
      if library == "ta" and bound[name] then found = true end
      if callee and not seen[callee] and reads_market(callee, bound, seen) then found = true end
    end)
  end
  return found
end

-- Parameters that belong to how a function is called, whether it needs them or not.
local function conventional(tree, types)
  local names, bound = {}, {}
  for _, name in ipairs(types.names.bound) do bound[name] = true end
  for _, variable in ipairs(tree.variables) do
    local body = variable.kind == "parameter" and variable.function_node
    if body and body.parameters[1] == variable and reads_market(body, bound, {}) then names[variable.node.offset] = true end
  end
  for _, role in ipairs(types.roles) do
    for _, parameter in ipairs(role.node.parameters) do
      if role.role == "prompt" or role.role == "series" then names[parameter.node.offset] = true end
    end
  end
  return names
end

--- @return list of {node = {line, offset, end_offset}, code, severity, message}
function M.find(tree, types)
  local luacheck = require "luacheck"
  local findings, skip = {}, conventional(tree, types)
  local report = luacheck.check_strings({(tree.code:gsub("[\128-\255]", "?"))}, {std = "luajit", max_line_length = false})[1]
  for _, event in ipairs(report) do
    local word, start = WORDS[event.code], tree.line_offsets[event.line]
    local offset = start and start + event.column - 1
    if word and offset and not skip[offset] then
      findings[#findings + 1] = {
        node = {line = event.line, offset = offset, end_offset = start + (event.end_column or event.column) - 1}, code = word, severity = "warning",
        message = (luacheck.get_message(event):gsub("'", '"')),
      }
    end
  end
  return findings
end

return M
