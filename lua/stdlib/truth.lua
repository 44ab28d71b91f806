--- A series where a condition is expected: `if m.close then` is always true, and Lua never asks anybody.
--
-- So the compiled functions of a trader are looked at when it is loaded. Only what is certain is told: the market is the
-- first parameter, a register holds a series as long as nothing has written to it since on any way through the code, and
-- a test that gives the series itself (`a and m.close or m.open`) is no condition.
local bit = require "bit"
local util = require "jit.util"

local band, rshift = bit.band, bit.rshift
local funcbc, funcinfo, funck = util.funcbc, util.funcinfo, util.funck

-- Numbers of the instructions, learnt from code that must contain them.
local function opcode(text, pc) return band((funcbc(assert(loadstring(text))("x"), pc)), 255) end
local IS_FALSE = opcode("return function(a) if a then return 1 end end", 1)
local IS_FALSE_COPY = opcode("return function(a, b) local c = a and b return c, c end", 1)
local NOT = opcode("return function(a) return not a end", 1)
local GET_FIELD = opcode("return function(a) return a.x end", 1)
local GET_GLOBAL = opcode("return function() return x end", 1)
local CALL = opcode("return function(a) local b = a() return b, b end", 2)
local EQUALS_NUMBER = opcode("return function(a) if a ~= 5 then return 1 end end", 1)
local DIFFERS_NUMBER = opcode("return function(a) if a == 5 then return 1 end end", 1)

local DESTINATION, BASE, JUMP = 1, 2, 13 * 128 -- modes of operands (lj_bc.h)

-- All instructions of a function, how often each register is written, and where jumps lead to.
local function read(f)
  local code, writes, targets, lowest_range = {}, {}, {}, 256
  local pc = 1
  while true do
    local ins, mode = funcbc(f, pc)
    if not ins then break end
    local a, d = band(rshift(ins, 8), 255), rshift(ins, 16)
    local i = {op = band(ins, 255), a = a, b = rshift(ins, 24), c = band(d, 255), d = d}
    i.writes = band(mode, 7) == DESTINATION
    i.writes_from = band(mode, 7) == BASE
    if i.writes or i.op == CALL then writes[a] = (writes[a] or 0) + 1 end
    if i.writes_from and i.op ~= CALL and a < lowest_range then lowest_range = a end
    if band(mode, 15 * 128) == JUMP then targets[pc + d - 0x7fff] = true end
    code[pc] = i
    pc = pc + 1
  end
  return code, writes, targets, lowest_range
end

--- What is wrong with a function whose first parameter is a market; nil when nothing is.
-- @param f function @param kinds {fields = {name = true}, functions = {name of ta = true}} what gives a series
-- @return line, sentence
return function(f, kinds)
  local code, writes, targets, lowest_range = read(f)
  local holds = {} -- register -> "market", "series", "ta", or {ta function that gives a series}
  -- What was written once, and outside of a range, is what it was wherever it is read.
  local function is_lasting(register, n) return (writes[register] or 0) == n and register < lowest_range end
  if is_lasting(0, 0) and funcinfo(f).params > 0 then holds[0] = "market" end
  for pc, i in ipairs(code) do
    if targets[pc] then
      for register in pairs(holds) do
        if not is_lasting(register, register == 0 and holds[0] == "market" and 0 or 1) then holds[register] = nil end
      end
    end
    local op, source = i.op, holds[i.d]
    if source == "series" and (op == IS_FALSE or op == IS_FALSE_COPY or op == NOT) then
      return funcinfo(f, pc).currentline, "a series is used as a condition, where it always counts as true; index it first: s[0] is the newest bar"
    end
    if holds[i.a] == "series" and (op == EQUALS_NUMBER or op == DIFFERS_NUMBER) then
      return funcinfo(f, pc).currentline,
        "a series is compared with a number by == or ~=, which never holds or always does; index it first: s[0] is the newest bar"
    end
    local result
    if op == GET_FIELD then
      local name, of = funck(f, -i.c - 1), holds[i.b]
      if of == "market" and kinds.fields[name] then result = "series" end
      if of == "market" and name == "ta" then result = "ta" end
      if of == "ta" and kinds.functions[name] then result = "function" end
    elseif op == GET_GLOBAL and funck(f, -i.d - 1) == "ta" then
      result = "ta"
    elseif op == CALL and holds[i.a] == "function" and i.b >= 2 then
      result = "series"
    end
    if i.writes_from or op == CALL then
      for register in pairs(holds) do if register >= i.a then holds[register] = nil end end
      holds[i.a] = op == CALL and result or nil
    elseif i.writes then
      holds[i.a] = result
    end
  end
end
