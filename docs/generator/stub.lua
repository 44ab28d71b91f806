--- Writes functions and classes as a definition file of the Lua language server: types to complete and check by.
local M = {}

local NAMES = {
  series = "trademind.series", market = "trademind.market", klines = "trademind.market", plot = "trademind.drawing", list = "table", table = "table",
  options = "table", bars = "integer", whole = "integer", index = "integer", length = "integer", number = "number", price = "number", volume = "number",
  boolean = "boolean", text = "string", name = "string", interval = "string", path = "string", ["function"] = "function", any = "any", value = "any",
  values = "any", nothing = "nil", ["true"] = "boolean", ["false"] = "boolean", ["nil"] = "nil",
}

-- Words of {macd, signal, hist}; nil when the text begins with no such list.
local function output_names(text)
  local inner = text:match "^{([%w_, ]+)}"
  if not inner then return nil end
  local names = {}
  for name in inner:gmatch "[%w_]+" do names[#names + 1] = name end
  return names
end

local type_of

-- "function(m, prev) -> number" as the language server writes it.
local function function_type(text)
  local arguments, rest = text:match "^function%((.-)%)(.*)$"
  if not arguments then return "function" end
  local words = {}
  for name in arguments:gmatch "[%w_]+" do
    words[#words + 1] = ("%s: %s"):format(name, name == "m" and "trademind.market" or name == "prev" and "number" or "table")
  end
  local result = rest:match "^%s*%->%s*(.+)$"
  return ("fun(%s)%s"):format(table.concat(words, ", "), result and ": " .. type_of(result) or "")
end

local function type_of_start(text)
  local first = text:match "^[%w_]+"
  if text:find "^table of function" then return "table<string, " .. function_type(text:match "^table of (.*)$") .. ">" end
  if text:find "^function" then return function_type(text) end
  if text:find "^list of " then
    local of = text:match "^list of (%a+)" or ""
    return (NAMES[of] or NAMES[of:gsub("s$", "")] or "table") .. "[]"
  end
  if text:find '^"' then return "string" end
  if text:find "^{" then return "table" end
  if text:find "^%-?%d" then return "number" end
  return first and NAMES[first] or text:find "%d%.%.%d" and "number" or nil -- "average true ranges, 0..1000"
end

-- Type of what a text describes, such as "series of 1 and 0, or boolean of the newest bar"; nil when it begins with no word that
-- says it.
function type_of(text, default)
  local found = type_of_start(text)
  if not found and default then
    found = default:find '^"' and "string" or default:find "^m%." and "trademind.series" or tonumber(default) and "number" or "boolean"
  end
  if not found or found == "any" or found:find "^fun" then return found end
  local has = {[found] = true}
  for at in text:match("^[^.;:]*"):gmatch "%f[%w]or ()" do
    local other = type_of_start(text:sub(at))
    if other and not has[other] then
      has[other] = true
      found = found .. "|" .. other
    end
  end
  return found
end

local function fail(f, what, text)
  error(("%s: %s is %q; begin with what it is: series, bars, number, text, true, list, {...}"):format(f.name, what, text), 0)
end

local function param_type(f, p)
  if p.is_options then return "table" end
  local found = type_of(p.text, p.default) or NAMES[p.name]
  if not found then fail(f, "parameter " .. p.name, p.text) end
  return found
end

local function one_line(text) return (text:gsub("%s+", " ")) end

-- ---- the parts ----

local HEAD = [[
---@meta
-- Written by ./dev docs from the comments of lua/stdlib: do not edit. For editors with the Lua language server, in .luarc.json:
-- {"runtime.version": "LuaJIT", "workspace.library": ["path to this folder"]}

---@class trademind.drawing what plot.* gives, for the list that `plots` returns

--- A series: s[0] is the newest bar, s[1] the one before.
---@class trademind.series
---@field [integer] number
---@operator add(trademind.series|number): trademind.series
---@operator sub(trademind.series|number): trademind.series
---@operator mul(trademind.series|number): trademind.series
---@operator div(trademind.series|number): trademind.series
---@operator mod(trademind.series|number): trademind.series
---@operator pow(trademind.series|number): trademind.series
---@operator unm: trademind.series
local series = {}
]]

-- Where the functions of a name's first part live: local in the file for methods, a global of its own else.
local OWNERS = {s = "series", m = "market"}

local function owner_of(name)
  local owner, sign, rest = name:match "^([%w_]+)([.:])(.+)$"
  if not owner then return nil, "", name end
  return OWNERS[owner] or owner, sign, rest
end

local function class_of(f) return "trademind." .. f.name:gsub("[.:]", "_") .. "_outputs" end

-- "number; nil while there are fewer bars", not "{k, d}, each nil while it has no value".
local function may_be_nil(text) return (" " .. text):find "[;,]? or nil%f[%W]" or text:find "[;,] nil%f[%W]" end

local function result_lines(f, out)
  if not f.result then return end
  local names = output_names(f.result)
  if names then
    out[#out + 1] = ("---@return %s%s"):format(class_of(f), may_be_nil(f.result) and "|nil" or "")
    return
  end
  local found = type_of(f.result)
  if not found then fail(f, "the result", f.result) end
  if found ~= "nil" then
    local is_nil_too = may_be_nil(f.result) and found ~= "any" and not found:find "nil"
    out[#out + 1] = ("---@return %s%s # %s"):format(found, is_nil_too and "|nil" or "", one_line(f.result))
  end
end

local function outputs_class(f, out)
  local names = f.result and output_names(f.result)
  if not names then return end
  local of = f.result:find "series" and "trademind.series" or "number"
  out[#out + 1] = "---@class " .. class_of(f)
  for _, name in ipairs(names) do out[#out + 1] = ("---@field %s %s"):format(name, of) end
  out[#out + 1] = ""
end

-- "Without a source, ta.highest(length)": the same with the first parameter left out.
local function overload_line(f, out)
  if not f.text:find("Without a source, " .. f.name .. "(", 1, true) then return end
  local words = {}
  for i = 2, #f.params do words[#words + 1] = ("%s: %s"):format(f.params[i].name, param_type(f, f.params[i])) end
  out[#out + 1] = ("---@overload fun(%s): trademind.series"):format(table.concat(words, ", "))
end

local function function_text(f)
  local out, words = {}, {}
  outputs_class(f, out)
  out[#out + 1] = "--- " .. one_line(f.text)
  for i, p in ipairs(f.params) do
    words[i] = p.name
    out[#out + 1] = ("---@param %s%s %s %s"):format(p.name, p.is_optional and p.name ~= "..." and "?" or "", param_type(f, p), one_line(p.text))
  end
  result_lines(f, out)
  overload_line(f, out)
  local owner, sign, name = owner_of(f.name)
  out[#out + 1] = ("function %s%s%s(%s) end"):format(owner or "", sign, name, table.concat(words, ", "))
  return table.concat(out, "\n") .. "\n"
end

local INTERVALS = "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M"

local function class_text(c)
  local out = {"--- " .. one_line(c.text), "---@class trademind." .. c.class}
  for _, field in ipairs(c.fields) do
    local found = type_of(field.text)
    if not found then error(("class %s: field %s is %q; begin with what it is"):format(c.class, field.name, field.text), 0) end
    out[#out + 1] = ("---@field %s %s %s"):format(field.name, found, one_line(field.text))
  end
  for interval in (c.class == "market" and INTERVALS or ""):gmatch "%S+" do
    out[#out + 1] = ('---@field ["%s"] trademind.market listed in `timeframes`'):format(interval)
  end
  return table.concat(out, "\n") .. "\n"
end

--- The whole file.
-- @param files of comments.read_all
function M.text(files)
  local out, is_class, is_known = {HEAD}, {}, {series = true}
  local functions, libraries = {}, {"ta"}
  NAMES.ta, is_known.ta = "trademind.ta", true
  for _, file in ipairs(files) do
    for _, c in ipairs(file.classes) do NAMES[c.class], is_class[c.class] = "trademind." .. c.class, true end
    for _, f in ipairs(file.functions) do
      local owner = owner_of(f.name)
      if owner and not is_known[owner] then
        is_known[owner] = true
        libraries[#libraries + 1] = owner
      end
      functions[#functions + 1] = f
    end
  end
  for _, file in ipairs(files) do
    for _, c in ipairs(file.classes) do
      local place = is_known[c.class] and ("%s%s = {}\n"):format(c.class == "market" and "local " or "", c.class) or ""
      out[#out + 1] = class_text(c) .. place
    end
  end
  for _, name in ipairs(libraries) do
    if not is_class[name] then out[#out + 1] = ("---@class trademind.%s\n%s = {}\n"):format(name, name) end
  end
  for _, f in ipairs(functions) do out[#out + 1] = function_text(f) end
  return table.concat(out, "\n")
end

return M
