--- Writes functions as sections of a page.
local M = {}

-- Titles of families whose file begins with something else.
local TITLES = {
  ["lua/stdlib/series.lua"] = "Of a series", ["lua/stdlib/market.lua"] = "Of the market", ["lua/stdlib/sandbox.lua"] = "Everyday",
  ["lua/stdlib/trader.lua"] = "The trader", ["lua/stdlib/input.lua"] = "Declaring inputs", ["lua/trademind/spec.lua"] = "Markets, runs and assertions",
}

-- Outside of code a star or an underscore would be markup.
local function plain(text)
  local parts, at = {}, 1
  while at <= #text do
    local first, last = text:find("`[^`]*`", at)
    parts[#parts + 1] = text:sub(at, (first or #text + 1) - 1):gsub("[*<]", "\\%0")
    if not first then break end
    parts[#parts + 1] = text:sub(first, last)
    at = last + 1
  end
  return table.concat(parts)
end

local function code(text)
  local fence = text:find "`" and "``" or "`"
  return fence .. text .. fence
end

--- "ta.macd(source, fast = 12, slow = 26, signal = 9)".
function M.signature(f)
  local words = {}
  for i, p in ipairs(f.params) do
    words[i] = p.default and ("%s = %s"):format(p.name, p.default) or p.is_optional and ("[%s]"):format(p.name) or p.name
  end
  return ("%s(%s)"):format(f.name, table.concat(words, ", "))
end

local function sentence(text) return text:find "[.!?]%)?$" and text or text .. "." end

-- Lines of at most 120 bytes, except where a word is longer. `indent` stands in front of all but the first.
local function wrap(text, indent)
  local lines, line = {}, ""
  for word in text:gmatch "%S+" do
    if #line > 0 and #line + 1 + #word > 120 then
      lines[#lines + 1] = line
      line = indent .. word
    else
      line = #line > 0 and line ~= indent and line .. " " .. word or line .. word
    end
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

local function section(f)
  local out = {"#### " .. f.name, "", wrap(code(M.signature(f)) .. ": " .. plain(sentence(f.text)), ""), ""}
  for _, p in ipairs(f.params) do out[#out + 1] = wrap(("- `%s`: %s"):format(p.name, plain(p.text)), "  ") end
  if f.result then out[#out + 1] = wrap("- gives " .. plain(f.result), "  ") end
  out[#out + 1] = "- " .. code(f.usage) .. "\n"
  return table.concat(out, "\n")
end

function M.title(file) return TITLES[file.path] or file.title end

local function anchor(name) return "#" .. name:lower():gsub("[^%w_ -]", ""):gsub(" ", "-") end

--- Sections of all functions, an index in front.
-- @param files of comments.read_all
function M.functions(files)
  local out = {}
  for _, file in ipairs(files) do
    local names = {}
    for i, f in ipairs(file.functions) do names[i] = ("[%s](%s)"):format(f.name, anchor(f.name)) end
    if #names > 0 then out[#out + 1] = wrap(("- %s: %s"):format(M.title(file), table.concat(names, " ")), "  ") end
  end
  for _, file in ipairs(files) do
    if #file.functions > 0 then
      out[#out + 1] = (#out > 0 and out[#out]:sub(-1) ~= "\n" and "\n" or "") .. ("### %s\n"):format(M.title(file))
      if not TITLES[file.path] and file.intro ~= file.title .. "." then out[#out + 1] = wrap(plain(sentence(file.intro)), "") .. "\n" end
      for _, f in ipairs(file.functions) do out[#out + 1] = section(f) end
    end
  end
  return (table.concat(out, "\n"):gsub("\n+$", ""))
end

--- Sections of whole scripts, each with the comment at its head as prose.
-- @param scripts list of {name, text}
function M.scripts(scripts)
  local out = {}
  for _, script in ipairs(scripts) do
    local head, body, in_head = {}, {}, true
    for line in (script.text .. "\n"):gmatch "(.-)\n" do
      local comment = in_head and line:match "^%-%-%-?%s?(.*)$"
      if comment then head[#head + 1] = comment else
        in_head = false
        body[#body + 1] = line
      end
    end
    local prose = table.concat(head, "\n")
    local title, rest = prose:match "^([^\n]-)[:.]%s+(.*)$"
    if not title or #title > 60 then error(("%s: begins with no comment of the form -- Title: what it does"):format(script.name), 0) end
    rest = rest:sub(1, 1):upper() .. rest:sub(2)
    local prose_of_it, code_of_it = plain(rest):gsub("\n+$", ""), table.concat(body, "\n"):gsub("^\n+", ""):gsub("\n+$", "")
    out[#out + 1] = ("### %s\n\n%s\n\n```lua\n%s\n```\n"):format(title, prose_of_it, code_of_it)
  end
  return (table.concat(out, "\n"):gsub("\n+$", ""))
end

--- The page with a text between the marks of a region: <!-- begin NAME: ... --> and <!-- end NAME -->.
function M.replace(page, name, text)
  local first, last = page:find("<!%-%- begin " .. name .. ":[^\n]*%-%->\n")
  local stop = page:find("<!-- end " .. name .. " -->", last or 1, true)
  if not first or not stop then error(("the page has no region %q"):format(name), 0) end
  return page:sub(1, last) .. "\n" .. text .. "\n\n" .. page:sub(stop)
end

return M
