-- builds: release
-- The tree is the architecture diagram: includes point downward, a module is one .h and one .c, functions stay short.
-- The rules are functions of {path = text}, so that each is first shown a tree that breaks it.

local LAYERS = {
  {"base"}, {"market"}, {"indicator", "binance"}, {"script"}, {"screener"},
  {"analyzer", "notify", "sync", "scale", "backtest", "check"}, {"serve"}, {"provision"}, {"orchestrator"}, {"cli"}, {"main"},
}
local MAX_LINES = 80

-- Functions that are longer, "path:name". This list may only shrink.
local LONG_FUNCTIONS = {}

local LEVEL = {}
for level, folders in ipairs(LAYERS) do
  for _, folder in ipairs(folders) do LEVEL[folder] = level end
end
-- Configuration is read by everyone, so it stands on nearly nothing. So does the simulator, which must not share a
-- mistake with the client that it tests.
local MAY_USE = {config = {base = true, market = true}, sim = {base = true, market = true}}
local FOR_ALL = {["abi.h"] = true, ["config.h"] = true}

-- The folder of a path below src/, or, of a file in src/ itself, its name up to the first "_" (config_value is config).
local function part_of(path) return path:match("^([^/]+)/") or path:match("^([^./_]+)[^./]*%.[ch]$") end

local function may_include(from, to)
  if from == to then return true end
  if MAY_USE[from] then return MAY_USE[from][to] or false end
  return LEVEL[from] ~= nil and LEVEL[to] ~= nil and LEVEL[to] < LEVEL[from]
end

local function sorted_paths(tree)
  local paths = {}
  for path in pairs(tree) do paths[#paths + 1] = path end
  table.sort(paths)
  return paths
end

local rules = {}

function rules.includes(tree)
  local found = {}
  for _, path in ipairs(sorted_paths(tree)) do
    local number = 0
    for line in tree[path]:gmatch("([^\n]*)\n?") do
      number = number + 1
      local included = line:match('^%s*#%s*include%s+"([^"]+)"')
      if included and not tree[included] then
        found[#found + 1] = ("src/%s:%d: %s is no file of src/"):format(path, number, included)
      elseif included and not FOR_ALL[included] and not may_include(part_of(path), part_of(included)) then
        found[#found + 1] = ("src/%s:%d: %s does not stand below %s"):format(path, number, included, part_of(path))
      end
    end
  end
  return found
end

function rules.folders(tree)
  local found = {}
  for _, path in ipairs(sorted_paths(tree)) do
    local part = part_of(path)
    if not (LEVEL[part] or MAY_USE[part] or FOR_ALL[path]) or path:match("/.*/") then
      found[#found + 1] = ("src/%s: its folder has no place in the layers"):format(path)
    end
  end
  return found
end

function rules.pragma_once(tree)
  local found = {}
  for _, path in ipairs(sorted_paths(tree)) do
    if path:match("%.h$") and not ("\n" .. tree[path]):find("\n#pragma once", 1, true) then
      found[#found + 1] = ("src/%s: no #pragma once"):format(path)
    end
  end
  return found
end

-- A verb of the command line needs no header of its own, nor does a main.c.
function rules.header_of_its_own(tree)
  local found = {}
  for _, path in ipairs(sorted_paths(tree)) do
    local stem = path:match("^(.*)%.c$")
    if stem and not stem:match("^cli/") and not stem:match("^main$") and not stem:match("/main$") and not tree[stem .. ".h"] then
      found[#found + 1] = ("src/%s: there is no src/%s.h"):format(path, stem)
    end
  end
  return found
end

-- clang-format puts the brace that opens a function at the end of a line that ends its parameters, and the one that
-- closes it at the start of a line.
function rules.long_functions(tree)
  local found = {}
  for _, path in ipairs(sorted_paths(tree)) do
    local number, head, head_line, open_line = 0, nil, nil, nil
    for line in (tree[path] .. "\n"):gmatch("([^\n]*)\n") do
      number = number + 1
      if open_line and line:match("^}") then
        local lines = number - head_line + 1
        if lines > MAX_LINES then
          local name = head:match("([%w_]+)%s*%(") or "?"
          local text = ("src/%s:%d: %s has %d lines, %d are enough"):format(path, head_line, name, lines, MAX_LINES)
          found[#found + 1] = {key = path .. ":" .. name, text = text}
        end
        head, open_line = nil, nil
      elseif not open_line then
        if line:match("^[%a_]") then head, head_line = line, number end
        if head and line:match("%)%s*{$") then open_line = number end
        if line:match("[;}]%s*$") then head = nil end
      end
    end
  end
  return found
end

local function read_tree()
  local tree, list = {}, assert(io.popen("find src -name '*.[ch]' -o -name '*.inc'"))
  for path in list:lines() do
    local file = assert(io.open(path))
    tree[path:sub(#"src/" + 1)] = file:read("*a")
    file:close()
  end
  list:close()
  return tree
end

local function nothing(found) assert.are.equal("", table.concat(found, "\n")) end

describe("the rules see", function()
  local function sees(rule, tree, pattern)
    local found = rules[rule](tree)
    assert.are.equal(1, #found)
    assert.is_truthy((found[1].text or found[1]):match(pattern), found[1].text or found[1])
  end

  it("an include that points upward", function()
    sees("includes", {["base/a.c"] = '#include "market/b.h"\n', ["market/b.h"] = ""}, "base/a.c:1: market/b.h does not stand below base")
  end)
  it("one that points sideways", function()
    sees("includes", {["sync/a.c"] = '\n#include "scale/b.h"\n', ["scale/b.h"] = ""}, "sync/a.c:2: scale/b.h")
    sees("includes", {["indicator/a.c"] = '#include "binance/b.h"\n', ["binance/b.h"] = ""}, "does not stand below")
  end)
  it("a simulator that uses the client's reader", function()
    sees("includes", {["sim/a.c"] = '#include "binance/parse.h"\n', ["binance/parse.h"] = ""}, "does not stand below sim")
  end)
  it("anything that uses the simulator", function()
    sees("includes", {["cli/a.c"] = '#include "sim/b.h"\n', ["sim/b.h"] = ""}, "sim/b.h does not stand below cli")
  end)
  it("a path that is not written from src/", function()
    sees("includes", {["base/a.c"] = '#include "b.h"\n', ["base/b.h"] = ""}, "b.h is no file of src/")
  end)
  it("nothing wrong with includes that point down, or at what is for all", function()
    nothing(rules.includes {
      ["base/a.c"] = '#include "abi.h"\n#include "config.h"\n#include <stdio.h>\n#include "base/a.h"\n', ["base/a.h"] = "",
      ["abi.h"] = "", ["config.h"] = "", ["main.c"] = '#include "cli/v.h"\n', ["cli/v.h"] = '#include "orchestrator.h"\n',
      ["orchestrator.h"] = '#include "serve/x.h"\n', ["serve/x.h"] = '#include "base/a.h"\n',
    })
  end)
  it("a folder that the layers do not know, and one inside another", function()
    sees("folders", {["utils/a.c"] = ""}, "utils/a.c")
    sees("folders", {["base/deep/a.c"] = ""}, "base/deep/a.c")
  end)
  it("a header that may be read twice", function()
    sees("pragma_once", {["base/a.h"] = "/* #pragma once */\n", ["base/b.h"] = "/* */\n#pragma once\n"}, "base/a.h")
  end)
  it("a module without its header", function()
    sees("header_of_its_own", {["base/a.c"] = "", ["cli/v.c"] = "", ["main.c"] = "", ["sim/main.c"] = ""}, "base/a.c")
  end)
  it("a function that is too long, and only that", function()
    local long, short = ("    x++;\n"):rep(MAX_LINES - 1), ("    x++;\n"):rep(MAX_LINES - 2)
    local struct = "struct s {\n" .. long .. "    int y;\n};\n\n"
    sees("long_functions", {["base/a.c"] = struct .. "static int f(int x,\n             int y) {\n" .. long .. "}\n"}, "base/a.c:%d+: f has 82 lines")
    nothing(rules.long_functions {["base/a.c"] = struct .. "int f(int x) {\n" .. short .. "}\n\nint g(int x) {\n" .. short .. "}\n"})
  end)
end)

describe("src/", function()
  local tree = read_tree()

  it("is not empty", function() assert.is_truthy(tree["abi.h"] and tree["base/errors.h"]) end)
  it("has includes that point downward only", function() nothing(rules.includes(tree)) end)
  it("has no folder outside the layers", function() nothing(rules.folders(tree)) end)
  it("has #pragma once in every header", function() nothing(rules.pragma_once(tree)) end)
  it("has a header for every module", function() nothing(rules.header_of_its_own(tree)) end)

  it("has no long function but those on the list, and each of these is long still", function()
    local complaints, still = {}, {}
    for _, finding in ipairs(rules.long_functions(tree)) do
      still[finding.key] = true
      if not LONG_FUNCTIONS[finding.key] then complaints[#complaints + 1] = finding.text end
    end
    for key in pairs(LONG_FUNCTIONS) do
      if not still[key] then complaints[#complaints + 1] = key .. " is short now: take it off the list" end
    end
    nothing(complaints)
  end)
end)
