-- builds: release
-- The manual of the language: what is generated is what is committed, every name of the sandbox is in it, and no page names a
-- function that does not exist.
local generate = require "docs.generate"

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

-- name -> true of everything that a trader finds.
local registry = {}
do
  local pipe = io.popen "luajit spec/registry.lua 2>&1"
  for line in pipe:lines() do registry[line] = true end
  pipe:close()
end

-- name -> function of the comments; "class.field" -> field.
local functions, fields = {}, {}
for _, file in ipairs(generate.stdlib) do
  for _, f in ipairs(file.functions) do
    assert(not functions[f.name], f.name .. " is described twice")
    f.file = file.path
    functions[f.name] = f
  end
  for _, c in ipairs(file.classes) do
    local class = c.class == "market" and "m" or c.class
    for _, field in ipairs(c.fields) do fields[class .. "." .. field.name:gsub("%?$", "")] = field end
  end
end

-- Names in one set and not in the other, as a text.
local function missing(from, other)
  local names = {}
  for name in pairs(from) do if not other[name] then names[#names + 1] = name end end
  table.sort(names)
  return table.concat(names, " ")
end

describe("comments", function()
  it("are there for every name of the sandbox", function()
    assert.is_true(registry["ta.sma"] and registry["s:len"] and registry["m.close"] and registry.na)
    local described = {}
    for name in pairs(functions) do described[name:gsub("^m:", "m.")] = true end
    for name in pairs(fields) do described[name] = true end
    assert.equal("", missing(registry, described))
    assert.equal("", missing(described, registry))
  end)

  it("say what a function takes and gives", function()
    local without_result = {["log.info"] = true, ["log.warn"] = true, ["log.error"] = true, print = true}
    for name, f in pairs(functions) do
      assert.is_true(#f.text > 10, name .. " has no sentence")
      assert.is_true(f.result ~= nil or without_result[name] == true, name .. " does not say what it gives")
      for _, p in ipairs(f.params) do assert.is_true(#p.text > 0, ("%s does not say what %s is"):format(name, p.name)) end
    end
  end)

  it("have an example that calls the function", function()
    for name, f in pairs(functions) do
      local called = name:match "^[sm]:(.*)$"
      called = called and ":" .. called .. "(" or name .. (name == "trader" and " {" or "(")
      assert.is_truthy(f.usage:find(called, 1, true), ("%s: %s"):format(name, f.usage))
    end
  end)
end)

describe("what ./dev docs writes", function()
  for path, text in pairs(generate.texts()) do
    it(path .. " is as it is committed", function()
      local committed = read(path)
      if committed == text then return end
      local n = 0
      local theirs = (committed .. "\n"):gmatch "(.-)\n"
      for line in (text .. "\n"):gmatch "(.-)\n" do
        n = n + 1
        local other = theirs()
        if line ~= other then error(("line %d is\n%s\nand ./dev docs writes\n%s"):format(n, tostring(other), line)) end
      end
      error("it goes on where ./dev docs ends")
    end)
  end
end)

describe("lua/trademind.d.lua", function()
  local text = read "lua/trademind.d.lua"

  it("is Lua, and gives exactly the functions of the sandbox", function()
    local env = {}
    setfenv(assert(loadstring(text, "@lua/trademind.d.lua")), env)()
    local listed = {}
    for name, value in pairs(env) do
      if type(value) == "function" then listed[name] = true else
        for key in pairs(value) do listed[name .. "." .. key] = true end
      end
    end
    for sign, name in text:gmatch "\nfunction (%l+:)(%w+)%(" do listed[(sign == "series:" and "s:" or "m:") .. name] = true end
    assert.equal("", missing(functions, listed))
    assert.equal("", missing(listed, functions))
  end)

  it("has a class with the fields of each table", function()
    for name in pairs(fields) do
      local class, field = name:match "^(.-)%.(.*)$"
      local body = text:match("\n%-%-%-@class trademind%." .. (class == "m" and "market" or class) .. "\n(.-)\n\n")
      assert.is_truthy(body and ("\n" .. body):find("\n---@field " .. field .. "%??%s"), name)
    end
  end)

  it("has a type for every parameter and result, and every type is one", function()
    local known = {["trademind.series"] = true, ["trademind.drawing"] = true}
    for name in ("string number integer boolean table function any nil"):gmatch "%S+" do known[name] = true end
    for name in text:gmatch "\n%-%-%-@class (%S+)" do known[name] = true end
    local n = 0
    local function check(types)
      for name in types:gsub("fun%b():?", ""):gsub("table<string, (.-)>", "%1"):gsub("%[%]", ""):gmatch "[^|%s]+" do
        n = n + 1
        assert.is_true(known[name] == true, ("%q of %q"):format(name, types))
      end
    end
    for line in text:gmatch "[^\n]+" do
      local types = line:match "^%-%-%-@param %S+ (%S+)" or line:match "^%-%-%-@return (%S+)"
      if types then check(types) end
    end
    assert.is_true(n > 50)
  end)
end)

describe("pages", function()
  -- What stands where a reader is told that it is not there.
  local function without_denials(text)
    text = text:gsub("\n| you write | it says |\n.-\n\n", "\n\n")
    return (text:gsub("\n## Not in this version\n.-\n## ", "\n## "))
  end

  local pages = {"README.md"}
  for path in io.popen("LC_ALL=C ls docs/*.md docs/decisions/*.md lua/traders/*.lua docs/examples/*.lua 2>/dev/null"):lines() do
    pages[#pages + 1] = path
  end
  for _, path in ipairs(pages) do
    it(path .. " names only functions that exist", function()
      for library, name in without_denials(read(path)):gmatch "%f[%w_.](%l+)%.(%l[%w_]*)" do
        local is_file = name == "lua"
        if not is_file and (library == "ta" or library == "helpers" or library == "input" or library == "plot" or library == "json" or library == "log") then
          local full = library .. "." .. name
          assert.is_true(functions[full] ~= nil or fields[full] ~= nil, full)
        end
      end
    end)
  end

  it("the guide's table of the market has every field of it", function()
    local guide = read "docs/trader-guide.md"
    local section = guide:match "\n## The market\n(.-)\n## "
    for name in pairs(fields) do
      local class, field = name:match "^(.-)%.(.*)$"
      if class == "m" or class == "day" or class == "ticker" or class == "universe" then
        assert.is_truthy(section:find("%f[%w_]" .. field .. "%f[^%w_]"), name)
      end
    end
  end)

  it("the guide's table of findings has every code of check that a bad trader shows", function()
    local section = read "docs/trader-guide.md":match "\n| code | what it says |\n(.-)\n\n"
    local told, shown = {}, {matches = true, ["warm-up"] = true} -- these two are notes
    for codes in section:gmatch "\n| (.-) | " do
      for code in codes:gmatch "`([%l-]+)`" do told[code] = true end
    end
    for path in io.popen("LC_ALL=C ls spec/lua/check/*.lua"):lines() do
      for code in read(path):match("^%-%- expect: ([^\n]*)"):gmatch "(%l[%l-]*) %d+:%d+" do shown[code] = true end
    end
    assert.equal("", missing(told, shown))
    assert.equal("", missing(shown, told))
  end)

  it("the guide's tables have every field of a trader and of a filter's answer", function()
    local guide = read "docs/trader-guide.md"
    for name in pairs(fields) do
      local class, field = name:match "^(.-)%.(.*)$"
      if class == "fields" or class == "result" then assert.is_truthy(guide:find("`" .. field .. "`", 1, true), name) end
    end
  end)
end)
