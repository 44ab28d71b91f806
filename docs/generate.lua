--- Rewrites what is generated from comments: the functions and examples of docs/trader-guide.md, and lua/trademind.d.lua. Run
-- by `./dev docs` in the root of the project.
--
--     luajit docs/generate.lua            writes
--     require "docs.generate"             what would be written: {path = text}, and the functions it is made of
package.path = "./?.lua;" .. package.path
local comments = require "docs.generator.comments"
local guide = require "docs.generator.guide"
local stub = require "docs.generator.stub"

local GUIDE, STUB = "docs/trader-guide.md", "lua/trademind.d.lua"

local function read(path)
  local file = io.open(path)
  if not file then return "" end
  local text = file:read "*a"
  file:close()
  return text
end

-- Files of a folder, in the order of their names.
local function list(pattern)
  local paths = {}
  local pipe = io.popen("LC_ALL=C ls -1 " .. pattern .. " 2>/dev/null")
  for path in pipe:lines() do paths[#paths + 1] = path end
  pipe:close()
  return paths
end

-- ta's families in the order of ta.lua, then these, then whatever else there is.
local FIRST = {"series", "market", "helpers", "plot", "prompt", "input", "json", "sandbox", "trader"}

local function ordered(paths)
  local rank, n = {}, 0
  local function add(base)
    n = n + 1
    rank[base] = rank[base] or n
  end
  for base in read("lua/stdlib/ta.lua"):match("ipairs%s*{(.-)}"):gmatch '"([%w_]+)"' do add(base) end
  for _, base in ipairs(FIRST) do add(base) end
  local function place(path)
    local base = path:match "([^/]+)%.lua$"
    return rank[base] or rank[base:match "^[^_]+"] or n + 1
  end
  table.sort(paths, function(a, b)
    if place(a) ~= place(b) then return place(a) < place(b) end
    return a < b
  end)
  return paths
end

local M = {}

--- Families of the functions of a trader, and of those of an author's specs.
M.stdlib = comments.read_all(ordered(list "lua/stdlib/*.lua"))
M.spec = comments.read_all(list "lua/trademind/*.lua")
table.sort(M.spec, function(a, b) return (a.base == "spec" and "" or a.base) < (b.base == "spec" and "" or b.base) end)

--- What is written, path -> text.
function M.texts()
  local scripts = {}
  for i, path in ipairs(list "docs/examples/*.lua") do scripts[i] = {name = path, text = read(path)} end
  local page = guide.replace(read(GUIDE), "functions", guide.functions(M.stdlib))
  page = guide.replace(page, "examples", guide.scripts(scripts))
  page = guide.replace(page, "functions of specs", guide.functions(M.spec))
  return {[GUIDE] = page, [STUB] = stub.text(M.stdlib)}
end

if arg and arg[0] and arg[0]:find "docs/generate%.lua$" then
  for path, text in pairs(M.texts()) do
    if read(path) ~= text then
      io.stderr:write(path .. " rewritten\n")
      local file = assert(io.open(path, "w"))
      file:write(text)
      file:close()
    end
  end
end

return M
