--- What authors write who come from Pine Script, Python or JavaScript, and what it is here: the ends of error messages.
local M = {}

local function words(text, sentence, into)
  for word in text:gmatch "%S+" do into[word] = sentence:gsub("%%s", word) end
end

-- Names that stand alone.
local NAMES = {
  time = "write m.time", bar_index = "m.count is the number of bars known", dayofweek = "write m.weekday",
  syminfo = "write m.symbol, m.base, m.quote or m.tick_size", ticker = "write m.symbol, m.close[0], m.day.change_pct",
  timeframe = "write m.interval", timeframes = 'write m["5m"], and timeframes = {"5m"} in the trader',
  request = 'write m["1h"].close, and timeframes = {"1h"} in the trader', security = 'write m["1h"].close, and timeframes = {"1h"} in the trader',
  barstate = "leave it out: the filter runs when a bar has closed", strategy = "a trader gives signals: return true, or {match = true, side = ..., stop = ...}",
  alert = "return true: a match is a signal", alertcondition = "return true: a match is a signal",
  indicator = "write return trader {name = ..., filter = ...}", study = "write return trader {name = ..., filter = ...}",
  color = "write the colour as a text", str = "write tostring(x) or string.format(...)", array = "a list is a table: {1, 2, 3}",
  matrix = "a list is a table: {1, 2, 3}", fixnan = "use ta.valuewhen", iff = "write condition and a or b",
  IStrategy = "write return trader {name = ..., filter = ...}", qtpylib = "write ta.crossover(a, b)", talib = "write ta.NAME(...)",
  pd = "a series is m.close, its newest value m.close[0]", np = "write math.NAME or ta.NAME", len = "write s:len()",
  range = "write for i = 0, n - 1 do ... end",
  console = "write print(...)", JSON = "write json", Number = "write tonumber(x)", String = "write tostring(x)", parseFloat = "write tonumber(x)",
  parseInt = "write math.floor(tonumber(x))", Math = "write math", True = "write true", False = "write false",
}
words("open high low close volume hl2 hlc3 ohlc4 hour weekday", "write m.%s", NAMES)
words("null None undefined", "write nil; a number that is missing is NaN: na(x)", NAMES)
words("df dataframe klines candles bars", "the market is m: m.close, m.volume", NAMES)
words("abs max min log exp sqrt floor ceil pow", "write math.%s of numbers, ta.%s of series", NAMES)

local FIELDS = {
  series = {
    length = "write s:len()", size = "write s:len()", iloc = "the newest bar is s[0], the one before s[1]", at = "the newest bar is s[0], the one before s[1]",
    shift = "s[1] is the value one bar before", slice = "read it by index: s[0], s[1], s[2]", rolling = "write ta.sma(s, n), ta.highest(s, n) and so on",
    mean = "write ta.sma(s, n)", max = "write ta.highest(s, n)", min = "write ta.lowest(s, n)", std = "write ta.stdev(s, n)", diff = "write ta.change(s)",
    pct_change = "write ta.roc(s, 1)", ewm = "write ta.ema(s, n)", cumsum = "write ta.cum(s)",
  },
  math = {
    round = "write math.floor(x + 0.5)", avg = "write (a + b) / 2, or ta.avg of series", sum = "write ta.sum of a series", sign = "write ta.sign of a series",
    trunc = "write math.floor(x)", todegrees = "write math.deg(x)", toradians = "write math.rad(x)",
  },
  ta = {
    bbands = "write ta.bb(source, length, deviations)", BBANDS = "write ta.bb(source, length, deviations)",
    stochastic = "write ta.stoch(close, high, low, length)",
    STOCH = "write ta.stoch(close, high, low, length)", adx = "write ta.dmi(14, 14).adx", ADX = "write ta.dmi(14, 14).adx",
    average = "write ta.avg(a, b)", crossed_above = "write ta.crossover(a, b)", crossed_below = "write ta.crossunder(a, b)",
    psar = "write ta.sar(0.02, 0.02, 0.2)",
    SAR = "write ta.sar(0.02, 0.02, 0.2)", keltner = "write ta.kc(source, length, mult)", stddev = "write ta.stdev(source, length)",
    STDDEV = "write ta.stdev(source, length)",
  },
  market = {vol = "write m.volume", date = "write m.time", price = "write m.close[0]", last = "write m.close[0]", length = "write m.count"},
  trader = {
    stoploss = "the filter may return {match = true, stop = PRICE}", minimal_roi = "the filter may return {match = true, target = PRICE}",
    populate_indicators = "indicators are called in the filter: ta.rsi(m.close, 14)",
    populate_entry_trend = "write filter = function(m) return ... end",
  },
}
FIELDS.string = {
  includes = "write text:find(part, 1, true)", contains = "write text:find(part, 1, true)", split = "write text:gmatch(...)",
trim = 'write text:match "^%s*(.-)%s*$"',
}

local function ending(sentence) return sentence and "; " .. sentence end

--- Of a name that stands alone. @param name text @param functions set or table of the functions of `ta`
-- @return "; write m.close", or nil
function M.name(name, functions)
  return ending(NAMES[name] or rawget(functions, name) and ("did you mean ta.%s?"):format(name))
end

--- Of a field of something: "series", "math", "ta", "market", "trader", "string". @return "; write s:len()", or nil
function M.field(kind, name) return ending(FIELDS[kind] and FIELDS[kind][name]) end

-- What the compiler stumbled over, a pattern that its line has, what to write.
local SYNTAX = {
  {"=", ":=", "write = for :="}, {"[=>]", "=>", "write function(m) return ... end for m => ..."}, {"[!=]", "[!=]==", "write == for ===, ~= for !=="},
  {"!", "!=", "write ~= for !="}, {"!", "!", "write not for !"}, {"&", "&&", "write and for &&"}, {"|", "||", "write or for ||"},
  {"+", "%+%+", "write n = n + 1"}, {"[-+*/]", "[-+*/]=", "write n = n + 1: there is no += here"},
  {"?", "%?", "write `condition and a or b` for `condition ? a : b`"},
  {"", "^%s*const%s", "write local for const"}, {"", "^%s*let%s", "write local for let"},
  {"", "^%s*var%s", "write local for var, and `series` for what must last"},
  {"", "^%s*varip%s", "write `series` in the trader for what must last"}, {"", "^%s*def%s", "write local function for def, and end behind its body"},
  {"", "^%s*class%s", "write return trader {name = ..., filter = function(m) ... end}"}, {"", "^%s*import%s", "leave it out: ta, json and the rest are there"},
  {"", "^%s*from%s+%S+%s+import", "leave it out: ta, json and the rest are there"}, {"", "^%s*//", "a comment begins with --"},
  {"", "^%s*/%*", "a comment begins with --"}, {"#", "#", "a comment begins with --"}, {"/", "//", "a comment begins with --"},
  {"elif", "elif", "write elseif for elif"}, {"", "%f[%w]if%s*%(.*{", "write if ... then ... end for if (...) { ... }"},
  {"", "function.*%)%s*{", "write function(...) ... end without braces"}, {":", "%f[%w]if%f[%W].*:%s*$", "write then for the colon, and end behind the block"},
  {"", "for%s+%S+%s+in%s+range", "write for i = 0, n - 1 do ... end"}, {"[", "^%s*%[.*%]%s*=", "write local x = ta.macd(...), and x.hist[0] for an output"},
  {"[", "%[", "a list is {1, 2, 3}"}, {"`", "`", 'a text stands in quotes: "x"'}, {"=", "%f[%w]if%f[%W]", "write == to compare"},
  {"=", "%(.*=", "arguments go by their order, without names"}, {"is", "%f[%w]is%f[%W]", "write == for is, ~= for is not"},
  {"", "[%w_]+%s*:%s*[\"'%[{%d]", "a field is name = value"},
}

--- Of what the compiler says. @param sentence "x.lua:3: unexpected symbol near '!'" @param code the script
-- @return "; write ~= for !=", or ""
function M.syntax(sentence, code)
  local number, near = sentence:match ":(%d+): ", sentence:match "near '(.-)'$"
  local at, line = 0, nil
  for text in (code .. "\n"):gmatch "([^\n]*)\n" do
    at = at + 1
    if at == tonumber(number) then line = text break end
  end
  if not line or not near then return "" end
  for _, rule in ipairs(SYNTAX) do
    local found = rule[1]
    local is_near = found == "" or found == near or #found > 2 and found:sub(1, 1) == "[" and #near == 1 and found:find(near, 2, true)
    if is_near and line:find(rule[2]) then return "; " .. rule[3] end
  end
  if code:find "%f[%w]else%s+if%f[%W]" and sentence:find "'end'" then return "; `else if` opens an if of its own; write elseif" end
  return ""
end

return M
