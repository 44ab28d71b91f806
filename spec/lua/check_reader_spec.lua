-- What reads a script for `check` and `explain`: the rewriting that makes it tell what it decides, and the types.
-- builds: release (no code of C runs here)
package.path = "lua/?.lua;lua/stdlib/?.lua;" .. package.path
local tree_of = require "check/tree"
local types_of = require "check/types"
local watch = require "check/watch"

local NAMES = {
  globals = {"ta", "math", "input", "trader", "ipairs", "na", "nz"}, market = {}, methods = {}, bound = {},
  libraries = {ta = {"sma", "bb", "crossover"}, math = {"abs"}, input = {"int", "source", "interval"}},
  kinds = {sma = "series", atr = "series", bb = {"basis", "upper", "lower"}},
}

local function read(code)
  local tree, problem = tree_of.parse(code)
  if not tree then error(problem.message) end
  tree_of.bind(tree)
  return tree, types_of.new(tree, NAMES)
end

local function rewrite(code) return watch.rewrite(read(code)) end

-- The functions of __watch with nothing but their meaning.
local function plain_watch(log)
  local function note(id, x)
    log[#log + 1] = id
    return x
  end
  return {
    lt = function(id, a, b) return note(id, a < b) end, le = function(id, a, b) return note(id, a <= b) end,
    gt = function(id, a, b) return note(id, a > b) end, ge = function(id, a, b) return note(id, a >= b) end,
    eq = function(id, a, b) return note(id, a == b) end, ne = function(id, a, b) return note(id, a ~= b) end,
    mark = function() return 0 end, no = function(id, _, x) return note(id, not x) end, test = function(id, _, x) return note(id, x) end,
    call = note, na = note, nz = note,
  }
end

local function run(code, log)
  local f = assert(loadstring(code, "=code"))
  setfenv(f, setmetatable({__watch = plain_watch(log)}, {__index = _G}))
  return {f()}
end

local CODE = {
  comparisons = "local a, b = 1, 2 return a < b, a > b, a <= b, a >= b, a == b, a ~= b, a < b == true, not (a < b), not a == b",
  precedence = "local a, b, c = 1, 2, 3 return a + b < c * 2 and b .. c == '23' or a > c, not (a < b) == false, -a < b, #'x' <= a, 2 ^ a > b - 1",
  ["and, or"] = "local t, n = {}, nil return n or 5, n and n.x or 7, t and 3 or 4, (n or t) == t, n == nil or n.x, false or nil",
  comments = "local a = 1 return a --[[ < ]] < --[==[ > ]] ]==] 2, a -- == 3\n  == -- ~=\n  1, not -- x\n a",
  functions = "local function f(x) if x > 2 then return 'big' elseif x > 1 then return 'some' else return 'none' end end return f(3), f(2), f(1)",
  methods = [[local t = {n = 3} function t:more(k) if self.n < k then return self.n end return k end function t.f(x) return x == 3 end
    return t:more(9), t:more(1), t.f(3), t.f 'x', t.f{} or 'no']],
  loops = [[local out = {} for i = 1, 5 do if i % 2 == 0 or i > 4 then out[#out + 1] = i end end
    local k = 0 while k < 3 do k = k + 1 end repeat k = k - 1 until not (k > 0) for _, v in ipairs(out) do if v ~= 4 then k = k + v end end
    return k, table.concat(out, ' ')]],
  texts = [==[local s = "a < b" local t = [[ not x
    == y ]] return s == "a < b", #t > 3, 'ä' < 'ö', "\"<\"" ~= '"<"']==],
  nesting = "local function f(a, b) return (a < b) == (not (b <= a)) end return f(1, 2), f(2, 1), ((((1 < 2)))), ({1 < 2, x = 2 < 1, [1 == 1] = 3})[true]",
  calls = "local function two() return 1, 2 end return (two()) == 1, select('#', two()) == 2, two() == 1, ({two()})[2] == 2",
  semicolons = "local a = 1; if a == 1 then a = 2; end; do local b = a > 1; return b; end",
}

describe("rewriting", function()
  for name, code in pairs(CODE) do
    it("leaves the meaning: " .. name, function()
      local code_watched, sites = rewrite(code)
      local log = {}
      assert.are.same(run(code, {}), run(code_watched, log))
      assert.is_true(#sites > 0 and #log > 0)
      local _, lines = code:gsub("\n", "")
      local _, lines_watched = code_watched:gsub("\n", "")
      assert.are.equal(lines, lines_watched)
    end)
  end

  it("watches each comparison, not, or, if, and calls that answer true or false", function()
    local _, sites = rewrite "local x = ta.crossover(1, 2) if x or na(3) then return not (nz(x) < 3) end return x == 1"
    local kinds = {}
    for i, site in ipairs(sites) do kinds[i] = site.kind end
    table.sort(kinds)
    assert.are.equal("call eq if lt na not nz or", table.concat(kinds, " "))
  end)

  it("leaves each trader of the project loadable", function()
    local n = 0
    local list = io.popen "ls lua/traders/*.lua bench/traders/*.lua spec/lua/traders/*.lua docs/examples/*.lua lua/template/trader.lua"
    for path in list:lines() do
      local file = assert(io.open(path))
      local watched = rewrite(file:read "*a")
      file:close()
      assert(loadstring(watched, "=" .. path))
      n = n + 1
    end
    list:close()
    assert.is_true(n > 30)
  end)
end)

describe("types", function()
  local function type_of(expression, before)
    local code = ("local length = input.int('length', 3) local field = input.source('field', 'close') %s "
      .. "return trader {filter = function(m) local v = %s return v end}"):format(before or "", expression)
    local tree, types = read(code)
    for _, variable in ipairs(tree.variables) do
      if variable.name == "v" then return types:of(variable.values[1]), types:home(variable.values[1]) end
    end
  end
  for expression, expected in pairs {
    ["m"] = "market own", ["m.close"] = "series own", ["m['1h']"] = "market 1h", ["m['1h'].close"] = "series 1h", ["m.close[0]"] = "number own",
    ["m.hour"] = "number own",
    ["m.symbol"] = "string own", ["ta.sma(m.close, length)"] = "series own", ["ta.sma(m['4h'].close, 3)"] = "series 4h", ["m['4h'].ta.atr(3)"] = "series 4h",
    ["ta.bb(m.close, 20, 2)"] = "outputs own", ["ta.bb(m.close, 20, 2).upper"] = "series own", ["ta.bb(m.close, 20, 2).up"] = "false own",
    ["m.high - m.low"] = "series own", ["-m.low"] = "series own", ["m.high[0] - m.low[0]"] = "number nil",
    ["m.close[0] > 3"] = "boolean nil", ["m[field]"] = "series own",
    ["m.close:gt(3)"] = "series own", ["m.close:len()"] = "number own", ["m:align(m['1h'].close)"] = "series own", ["ta.crossover(m.close, 3)"] = "boolean own",
    ["m.open and m.close"] = "series own", ["m.hour > 3 and m.close or nil"] = "false nil", ["length"] = "number nil", ["unknown(m)"] = "false nil",
  } do
    it(expression, function()
      local kind, home = type_of(expression)
      assert.are.equal(expected, tostring(kind) .. " " .. tostring(home))
    end)
  end

  it("follow a helper from its calls", function()
    assert.are.equal("series", (type_of("middle(m)", "local function middle(bars) local m = bars.hl2 return m end")))
    assert.are.equal("number", (type_of("newest(m.close)", "local function newest(s) return s[0] end")))
    assert.are.equal("false", tostring((type_of("either(m.close) or either(3)", "local function either(x) return x end"))))
  end)

  it("end with functions that call themselves", function()
    assert.are.equal("number", (type_of("count(3)", "local function count(n) if n > 0 then return count(n - 1) end return 0 end")))
  end)
end)

describe("names", function()
  it("are bound to the nearest declaration", function()
    local tree = read(table.concat({"local x = 1", "do local x = 2", "print(x) end", "local function f(x)", "return x end", "print(x, f)"}, "\n"))
    local bound = {}
    tree_of.walk(tree.ast, function(node)
      if node.tag == "Id" and node.variable and node ~= node.variable.node then
        bound[#bound + 1] = ("%s of line %d is that of line %d"):format(node[1], node.line, node.variable.node.line)
      end
    end)
    assert.are.same({"x of line 3 is that of line 2", "x of line 5 is that of line 4", "x of line 6 is that of line 1", "f of line 6 is that of line 4"}, bound)
  end)
end)
