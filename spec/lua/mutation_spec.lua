-- Every comparison of every built-in trader matters to its spec: turned into its opposite, the spec must fail.
-- All mutants of all traders, about a fifth of a second each. Recorded klines are left out: scenes alone have to tell.
-- builds: release
-- time limit: 300
local lfs = require "lfs"

local OPPOSITE = {
  ["<"] = ">=", [">="] = "<", [">"] = "<=", ["<="] = ">", ["=="] = "~=", ["~="] = "==",
  crossover = "crossunder", crossunder = "crossover", gt = "le", le = "gt", lt = "ge", ge = "lt", rising = "falling", falling = "rising",
}
-- Names are calls of the standard library only behind these.
local CALLED_BY = {crossover = "[.:]", crossunder = "[.:]", rising = "%.", falling = "%.", gt = ":", le = ":", lt = ":", ge = ":"}

-- Where a comment or a string begins at `at`: the place behind it.
local function skip(code, at)
  local level = code:match("^%-%-%[(=*)%[", at) or code:match("^%[(=*)%[", at)
  if level then return select(2, assert(code:find("]" .. level .. "]", at, true))) + 1 end
  if code:find("^%-%-", at) then return (code:find("\n", at, true) or #code) + 1 end
  local quote = code:match("^[\"']", at)
  if not quote then return nil end
  local i = at + 1
  while code:sub(i, i) ~= quote do i = i + (code:sub(i, i) == "\\" and 2 or 1) end
  return i + 1
end

local function line_of(code, at) return select(2, code:sub(1, at):gsub("\n", "")) + 1 end

-- List of {code, line, what} of a trader's text.
local function mutants_of(code)
  local list, at = {}, 1
  local function add(from, to, other)
    list[#list + 1] = {
      code = code:sub(1, from - 1) .. other .. code:sub(to + 1), line = line_of(code, from), what = code:sub(from, to) .. " to " .. other,
    }
  end
  while at <= #code do
    local past = skip(code, at)
    local word = not past and (code:match("^[%a_][%w_]*", at) or code:match("^[<>=~]=", at) or code:match("^[<>]", at))
    if past then
      at = past
    elseif word then
      local before = CALLED_BY[word]
      if OPPOSITE[word] and (not before or code:find("^" .. before, at - 1)) then add(at, at + #word - 1, OPPOSITE[word]) end
      at = at + #word
    else
      at = at + 1
    end
  end
  return list
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

describe("a mutant of", function()
  local folder = os.tmpname()
  os.remove(folder)
  assert(lfs.mkdir(folder))
  local output = folder .. "/output"

  teardown(function()
    for name in lfs.dir(folder) do os.remove(folder .. "/" .. name) end
    lfs.rmdir(folder)
  end)

  -- Whether the trader's own spec passes with this text of it.
  local function passes(name, code)
    local path = ("%s/%s.lua"):format(folder, name)
    write(path, code)
    return os.execute(("TRADEMIND_TRADER='%s' TRADEMIND_DATA=none luajit /usr/bin/busted -o TAP lua/traders/%s_spec.lua >'%s' 2>&1"):format(
      path, name, output)) == 0
  end

  local names = {}
  for file in lfs.dir "lua/traders" do
    local name = file:match "^(.*)%.lua$"
    if name and not name:find "_spec$" then names[#names + 1] = name end
  end
  table.sort(names)

  for _, name in ipairs(names) do
    local code = read(("lua/traders/%s.lua"):format(name))
    local mutants = mutants_of(code)

    it(name .. ": its spec passes unchanged, and there are comparisons to change", function()
      if not passes(name, code) then error(read(output), 0) end
      assert.is_true(#mutants > 0)
    end)
    for _, mutant in ipairs(mutants) do
      it(("%s, line %d, %s, makes its spec fail"):format(name, mutant.line, mutant.what), function()
        assert.is_false(passes(name, mutant.code))
      end)
    end
  end
end)
