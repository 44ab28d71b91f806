--- Reads the comments of Lua files: what a function is called, takes and gives.
--
-- A block begins with three dashes. It is of a function that others may call when it has a @usage; all other blocks are
-- notes to whoever reads the source. The name stands in @function, or follows from the line below the block:
--
--     --- One sentence. More.
--     -- @param source series @param length bars (14) @return series
--     -- @usage local fast = ta.sma(m.close, 20)
--     M.sma = define {...}                    in ta_average.lua: ta.sma; in plot.lua: plot.sma
--
-- A block with @class lists the fields of something that is no function, each as `@field name text`.
local M = {}

-- Files whose functions are not called NAME.function, NAME being that of the file up to its first "_".
local SPACES = {expression = "ta", sandbox = "", trader = "", market = "", series = ""}

local function read_lines(path)
  local lines = {}
  for line in io.lines(path) do lines[#lines + 1] = line end
  return lines
end

local function trim(text) return (text:gsub("^%s+", ""):gsub("%s+$", "")) end

-- The value that a text names in brackets, as it is written: "bars (14)" gives 14. The last one counts.
local function default_in(text)
  local found
  for inner in text:gmatch "%(([^()]*)%)" do
    local value = inner:match "^%-?[%d.]+$" or inner:match '^"[^"]*"$' or inner:match "^m%.[%w_]+$" or inner:match "^true$" or inner:match "^false$"
      or inner:match "^(%-?[%d.]+)[,:;]" or inner:match '^("[^"]*")[,:;]' or inner:match "^(m%.[%w_]+)[,:;]" or inner:match "^(true)[,:;]"
      or inner:match "^(false)[,:;]"
    found = value or found
  end
  return found
end

local function param_of(text)
  local name, description = text:match "^(%S+)%s*(.*)$"
  local p = {name = name, text = description}
  p.is_options = name == "options" or description:find "^{" ~= nil
  if not p.is_options then p.default = default_in(description) end
  p.is_optional = p.default ~= nil or p.is_options or description:find "left out" ~= nil or description:find "^optional" ~= nil
  return p
end

-- {text, params, result, usage, function name or nil, class or nil, fields} of the lines of one block.
local function parse_block(lines, first, last)
  local entry = {params = {}, fields = {}}
  local words = {}
  for i = first, last do
    local line = trim((lines[i]:gsub("^%s*%-%-%-?%s?", "")))
    local before, usage = line:match "^(.-)@usage%s+(.+)$"
    if usage then entry.usage, line = usage, before end
    words[#words + 1] = line
  end
  local text = trim(table.concat(words, " "))
  local at = text:find "@%l+%s" or #text + 1
  entry.text = trim(text:sub(1, at - 1))
  while at <= #text do
    local tag, from = text:match("^@(%l+)%s+()", at)
    local to = text:find("@%l+%s", from) or #text + 1
    local body = trim(text:sub(from, to - 1))
    if tag == "param" then entry.params[#entry.params + 1] = param_of(body)
    elseif tag == "return" then entry.result = body
    elseif tag == "function" then entry.named = body
    elseif tag == "class" then entry.class = body
    elseif tag == "field" then
      local name, description = body:match "^(%S+)%s*(.*)$"
      entry.fields[#entry.fields + 1] = {name = name, text = description}
    else
      error(("%s:%d: a comment has the tag @%s; expected param, return, usage, function, class or field"):format(lines.path, first, tag), 0)
    end
    at = to
  end
  return entry
end

-- "M.sma = ..." and "function M.sma(...)": sma.
local function name_below(line)
  line = line or ""
  return line:match "^M%.([%w_]+)%s*=" or line:match "^function M%.([%w_]+)" or line:match "^local function ([%w_]+)"
end

local function full_name(entry, space, line)
  local name = entry.named or name_below(line)
  if not name then return nil end
  if name:find "[.:]" or space == "" then return name end
  return space .. "." .. name
end

--- The functions and classes of one file.
-- @param path of the file
-- @return {path, title, intro, functions = list of {name, text, params = {{name, text, default, is_optional, is_options}}, result, usage,
-- line}, classes = list of {class, text, fields = {{name, text}}}}
function M.read(path)
  local lines = read_lines(path)
  lines.path = path
  local base = path:match "([^/]+)%.lua$"
  local space = SPACES[base] or base:match "^[^_]+"
  local file = {path = path, base = base, functions = {}, classes = {}}
  local i, is_first = 1, true
  while i <= #lines do
    if lines[i]:find "^%s*%-%-%-[^-]" then
      local first = i
      while lines[i + 1] and lines[i + 1]:find "^%s*%-%-" and not lines[i + 1]:find "^%s*%-%-%-[^-]" do i = i + 1 end
      if is_first then
        local head = {}
        for k = first, i do
          local line = trim((lines[k]:gsub("^%-%-%-?", "")))
          if line == "" then break end
          head[#head + 1] = line
        end
        file.intro = table.concat(head, " ")
        file.title = file.intro:match "^([^.:,;]+)"
      end
      local entry = parse_block(lines, first, i)
      entry.line = first
      if entry.class then
        file.classes[#file.classes + 1] = entry
      elseif entry.usage then
        entry.name = full_name(entry, space, lines[i + 1])
        if not entry.name then error(("%s:%d: a comment with @usage stands before no function; add @function NAME"):format(path, first), 0) end
        file.functions[#file.functions + 1] = entry
      end
    end
    if not lines[i]:find "^#!" then is_first = false end
    i = i + 1
  end
  return file
end

--- Reads several files. @param paths list @return list of what M.read gives, without files that have nothing to say
function M.read_all(paths)
  local files = {}
  for _, path in ipairs(paths) do
    local file = M.read(path)
    if #file.functions > 0 or #file.classes > 0 then files[#files + 1] = file end
  end
  return files
end

return M
