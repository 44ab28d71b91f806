--- Messages of the running script as findings: their code, and where on the line they point.
local tree_of = require "check/tree"

local M = {}

-- The first pattern that is found decides.
local CODES = {
  {"is not listed in timeframes", "undeclared-timeframe"},
  {"is not listed in references", "undeclared-reference"}, {"is there only at ticks", "no-tick"}, {"m.ticker is nil", "no-tick"},
  {"this trader ranks nothing", "no-rank"}, {"is nil until all symbols have", "no-rank"}, {"of different symbols", "mixed-symbols"},
  {"of different timeframes", "mixed-timeframes"}, {"faster timeframe", "mixed-timeframes"}, {"source of another timeframe", "mixed-timeframes"},
  {"a trader has no field", "unknown-option"}, {"has no option", "unknown-option"}, {"symbols has no field", "unknown-option"},
  {"has no field", "unknown-field"}, {"has no output", "unknown-field"}, {"has several outputs", "unknown-field"}, {"has no series", "unknown-field"},
  {"there is no [%w_]+%.[%w_]+", "unknown-field"}, {'there is no "', "unknown-name"}, {"there is no market yet", "unknown-name"},
  {"is not declared", "unknown-name"}, {"there is no input", "unknown-option"},
  {"filter returned", "wrong-return"}, {'condition ".-" returned', "wrong-return"}, {"script returned", "wrong-return"},
  {"plots returned", "wrong-return"},
  {"rank.by returned", "wrong-return"}, {'series ".-" returned', "wrong-return"}, {"needs a filter", "wrong-return"}, {"needs a function", "wrong-return"},
  {"index %-?[%d%.einfa]+ of", "bad-index"},
  {"a series is read as s%[0%]", "series-as-number"}, {"a series is used as a condition", "series-as-number"},
  {"a series is compared with a number", "series-as-number"}, {"a series; index it first", "series-as-number"}, {"# ?s is not the length", "series-as-number"},
  {"#s is not", "series-as-number"}, {"over its limit", "over-limit"},
  {"; expected", "bad-value"},
}

function M.code_of(message)
  for _, rule in ipairs(CODES) do if message:find(rule[1]) then return rule[2] end end
  return "run-time-error"
end

--- Line and sentence of "FILE:12: sentence"; the line is nil when there is none.
function M.split(text, chunk)
  if text:sub(1, #chunk) ~= chunk then return nil, text end
  local line, rest = text:sub(#chunk + 1):match "^:(%d+): (.*)$"
  if line then return tonumber(line), rest end
  return nil, (text:sub(#chunk + 1):gsub("^:%s*", ""))
end

local function trimmed(code, line)
  local number, start = 1, 1
  for text, after in (code .. "\n"):gmatch "([^\n]*)\n()" do
    if number == line then
      local first, last = text:find "%S" or 1, #text:gsub("%s+$", "")
      return start + first - 1, start + math.max(last, first) - 1
    end
    number, start = number + 1, after
  end
  return math.max(#code, 1), math.max(#code, 1)
end

-- The node of the line that says `word`: a name or a text.
local function node_of(tree, line, word)
  local found
  tree_of.walk(tree.ast, function(node)
    if node.line == line and (node.tag == "Id" or node.tag == "String") and node[1] == word then found = found or node end
  end)
  return found
end

--- Where a message of the running script points to: {line, offset, end_offset}.
-- @param tree nil when there is none
function M.find(tree, code, line, message)
  local words = {}
  for word in message:gmatch '"([^"]+)"' do words[#words + 1] = word end
  for name in message:gmatch "ta%.([%a_][%w_]*)" do words[#words + 1] = name end
  for name in message:gmatch "plot%.([%a_][%w_]*)" do words[#words + 1] = name end
  local first, last = trimmed(code, line)
  for _, word in ipairs(words) do
    local node = tree and node_of(tree, line, word)
    if node then return node end
    local from, to = code:find(word, first, true)
    if not tree and from and to <= last then return {line = line, offset = from, end_offset = to} end
  end
  return {line = line, offset = first, end_offset = last}
end

return M
