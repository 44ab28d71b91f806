--- Arithmetic and comparison of whole series: `m.high - m.low`, `s:gt(50)`, `ta.abs(s)`.
--
-- An expression is registered in C like an indicator, so that the same one in twenty traders is computed once a bar. Hence
-- a number in it must stay the same from bar to bar.
local fail = require "fail"
local indicator = require "indicator"
local series = require "series"

local tostring, type = tostring, type
local claim, entries, on = series.claim, series.entries, indicator.on

local M = {}

local CONSTANTS_MAX, TEXT_MAX = 24, 160

local function cut(text) return #text > TEXT_MAX and text:sub(1, TEXT_MAX - 3) .. "..." or text end

local function operand(value, what)
  if type(value) == "number" and value - value == 0 then return value end
  local found = series.describe(value)
  if type(value) == "number" and value == value then found = tostring(value) end
  if series.outputs(value) then
    fail(("%s: found %s; name one of its outputs: %s"):format(what, found, table.concat(series.outputs(value).fields, ", ")))
  end
  fail(("%s: found %s; expected a series or a number"):format(what, found))
end

local function memo_of(entry, name)
  local memo = entry.memo[name]
  if not memo then
    memo = {n = 0}
    entry.memo[name] = memo
  end
  return memo
end

local function claim_constant(entry, kernel, number, text, what)
  local memo = memo_of(entry, kernel)
  if memo.n == CONSTANTS_MAX then
    fail(("%s: %d different numbers; one in an expression of series must stay the same from bar to bar; index the series first: s[0]"):format(
      what, CONSTANTS_MAX))
  end
  local made = claim(entry.place, indicator.kind(kernel), entry.index, nil, nil, number, nil, nil, nil, 0, cut(text))
  memo.n = memo.n + 1
  memo[number] = made
  return made
end

-- `pair`, `series_number`, `number_series`: kernels for the three kinds of operands; `sign`: how it is written.
local function binary(pair, series_number, number_series, sign, what)
  local function text(a, b) return ("(%s %s %s)"):format(a, sign, b) end
  return function(a, b)
    local ea, eb = entries[a], entries[b]
    local made
    if ea and eb then
      local memo = memo_of(ea, pair)
      made = memo[eb]
      if not made then
        if ea.place ~= eb.place then series.different(what, ea, eb) end
        made = claim(ea.place, indicator.kind(pair), ea.index, eb.index, nil, nil, nil, nil, nil, 0, cut(text(ea.text, eb.text)))
        memo[eb] = made
      end
    elseif ea then
      made = memo_of(ea, series_number)[b] or claim_constant(ea, series_number, operand(b, what), text(ea.text, tostring(b)), what)
    elseif eb then
      made = memo_of(eb, number_series)[a] or claim_constant(eb, number_series, operand(a, what), text(tostring(a), eb.text), what)
    else
      operand(a, what)
      operand(b, what)
      fail(("%s: expected at least one series, found two numbers"):format(what))
    end
    return on(made)
  end
end

local function swapped(f) return function(a, b) return f(b, a) end end

local function unary(kernel, what, text)
  return function(a)
    local entry = entries[a]
    if not entry then
      if type(a) == "number" then fail(("%s: found a number; expected a series; math.%s is for numbers"):format(what, kernel)) end
      operand(a, what)
    end
    local made = entry.memo[kernel]
    if not made then
      made = claim(entry.place, indicator.kind(kernel), entry.index, nil, nil, nil, nil, nil, nil, 0, cut(text:format(entry.text)))
      entry.memo[kernel] = made
    end
    return on(made)
  end
end

local operators = series.operators
operators.__add = binary("add", "add_k", "add_k", "+", "+")
operators.__sub = binary("sub", "sub_k", "k_sub", "-", "-")
operators.__mul = binary("mul", "mul_k", "mul_k", "*", "*")
operators.__div = binary("div", "div_k", "k_div", "/", "/")
operators.__mod = binary("mod", "mod_k", "k_mod", "%", "%")
operators.__pow = binary("pow", "pow_k", "k_pow", "^", "^")
operators.__unm = unary("neg", "-", "-%s")

local methods = series.methods

-- A comparison that is called as s:name(x).
local function method(name, f)
  return function(s, x)
    if not entries[s] then fail(("%s: expected a series in front; call it as s:%s(x)"):format(name, name)) end
    return f(s, x)
  end
end

--- Where the series is above x, bar by bar.
-- @function s:gt
-- @param x series of the same timeframe, or number @return series of 1 and 0; NaN where either is NaN
-- @usage local n = ta.count(m.close:gt(m.open), 10)[0]
methods.gt = method("gt", binary("gt", "gt_k", "lt_k", ">", "s:gt"))

--- Where the series is below x, bar by bar.
-- @function s:lt
-- @param x series of the same timeframe, or number @return series of 1 and 0; NaN where either is NaN
-- @usage local since = ta.barssince(ta.rsi(m.close, 14):lt(30))[0]
methods.lt = method("lt", swapped(binary("gt", "gt_k", "lt_k", ">", "s:lt")))

--- Where the series is at or above x, bar by bar.
-- @function s:ge
-- @param x series of the same timeframe, or number @return series of 1 and 0; NaN where either is NaN
-- @usage local held = ta.count(m.close:ge(ta.sma(m.close, 20)), 5)[0] == 5
methods.ge = method("ge", binary("ge", "ge_k", "le_k", ">=", "s:ge"))

--- Where the series is at or below x, bar by bar.
-- @function s:le
-- @param x series of the same timeframe, or number @return series of 1 and 0; NaN where either is NaN
-- @usage local touched = m.low:le(ta.bb(m.close, 20, 2).lower)[0] == 1
methods.le = method("le", swapped(binary("ge", "ge_k", "le_k", ">=", "s:le")))

--- Where the series equals x, bar by bar.
-- @function s:eq
-- @param x series of the same timeframe, or number @return series of 1 and 0; NaN where either is NaN
-- @usage local doji = m.open:eq(m.close)[0] == 1
methods.eq = method("eq", binary("eq", "eq_k", "eq_k", "==", "s:eq"))

--- Bars at which the series has come to be above x: strictly above, and at or below on the last bar where both were defined.
-- @function s:crossover
-- @param x series of the same timeframe, or number @return series of 1 and 0; NaN where either is NaN
-- @usage local since = ta.barssince(m.close:crossover(ta.sma(m.close, 50)))[0]
methods.crossover = method("crossover", binary("crossover", "crossover_k", nil, "crosses over", "s:crossover"))

--- Bars at which the series has come to be below x: strictly below, and at or above on the last bar where both were defined.
-- @function s:crossunder
-- @param x series of the same timeframe, or number @return series of 1 and 0; NaN where either is NaN
-- @usage local since = ta.barssince(ta.rsi(m.close, 14):crossunder(70))[0]
methods.crossunder = method("crossunder", binary("crossunder", "crossunder_k", nil, "crosses under", "s:crossunder"))

--- Absolute value, bar by bar.
-- @param source series @return series in the unit of the source
-- @usage local body = ta.abs(m.close - m.open)[0]
M.abs = unary("abs", "ta.abs", "abs(%s)")

--- Natural logarithm, bar by bar.
-- @param source series @return series; NaN where the source is 0 or below
-- @usage local r = ta.change(ta.log(m.close))[0]
M.log = unary("log", "ta.log", "log(%s)")

--- e to the power of the source, bar by bar.
-- @param source series @return series; NaN where it is infinite
-- @usage local x = ta.exp(m.close / 1e6)[0]
M.exp = unary("exp", "ta.exp", "exp(%s)")

--- Square root, bar by bar.
-- @param source series @return series; NaN below 0
-- @usage local x = ta.sqrt(m.volume)[0]
M.sqrt = unary("sqrt", "ta.sqrt", "sqrt(%s)")

--- Sign, bar by bar.
-- @param source series @return series of -1, 0 and 1
-- @usage local up = ta.sign(m.close - m.open)[0] == 1
M.sign = unary("sign", "ta.sign", "sign(%s)")

--- Nearest whole number, bar by bar; halves go up.
-- @param source series @return series of whole numbers
-- @usage local whole = ta.round(m.close)[0]
M.round = unary("round", "ta.round", "round(%s)")

local two_max = binary("max", "max_k", "max_k", "max", "ta.max")
local two_min = binary("min", "min_k", "min_k", "min", "ta.min")

-- Of two or more operands, from the left.
local function of_many(f, name)
  return function(a, b, ...)
    if b == nil then fail(("ta.%s: expected at least two series or numbers"):format(name)) end
    local result = f(a, b)
    for i = 1, select("#", ...) do result = f(result, (select(i, ...))) end
    return result
  end
end

--- The larger of two or more, bar by bar. Pine's math.max of series.
-- @param a series or number @param b series or number @return series; NaN where one is NaN
-- @usage local top = ta.max(m.open, m.close)[0]
M.max = of_many(two_max, "max")

--- The smaller of two or more, bar by bar. Pine's math.min of series.
-- @param a series or number @param b series or number @return series; NaN where one is NaN
-- @usage local bottom = ta.min(m.open, m.close)[0]
M.min = of_many(two_min, "min")

--- The mean of two or more, bar by bar. Pine's math.avg of series.
-- @param a series or number @param b series or number @return series; NaN where one is NaN
-- @usage local middle = ta.avg(ta.highest(m.high, 20), ta.lowest(m.low, 20))[0]
function M.avg(a, b, ...)
  if b == nil then fail "ta.avg: expected at least two series or numbers" end
  local sum, n = operators.__add(a, b), select("#", ...)
  for i = 1, n do sum = operators.__add(sum, (select(i, ...))) end
  return operators.__div(sum, n + 2)
end

for name in pairs(M) do indicator.gives_series[name] = true end

return M
