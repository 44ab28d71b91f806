/* What an author of a trader is told: every mistake has a sentence with file and line, and says what was expected.
 * Also what a load understands besides plain text, and what an evaluation hands back. */
#include "script/embedded.h"
#include "spec/c/scripts.h"
#include "spec/c/tap.h"
#include <math.h>
#include <unistd.h>

#define FILTER(body) "return trader {name = \"x\", filter = function(m)\n  " body "\nend}\n"
#define ALWAYS "return trader {name = \"x\", filter = function(m) return true end}\n"

typedef struct mistake {
    const char *code, *sentence;
} mistake;

static const mistake SYNTAX[] = {
    {"local a = \nreturn trader {}", "t.lua:2: unexpected symbol near 'return'"},
    {"return trader {\n  filter = function(m)\n    if m.close[0] > 1 return true end\n  end,\n}",
     "t.lua:3: 'then' expected near 'return'"},
    {"return trader {\n  name = \"x\"\n  filter = function(m) return true end\n}",
     "t.lua:3: '}' expected (to close '{' at line 1) near 'filter'"},
    {"local s = \"abc\nreturn 1", "t.lua:1: unfinished string near '\"abc'"},
    {"for i = 1, 3 do\nreturn trader {filter = function() return true end}\n",
     "t.lua:3: 'end' expected (to close 'for' at line 1) near '<eof>'"},
    {"x != 1", "t.lua:1: '=' expected near '!'; write ~= for !="},
};

/* Of Pine Script, Python and JavaScript. */
static const mistake DIALECTS[] = {
    {FILTER("return m.close[0] != 1"),
     "t.lua:2: 'end' expected (to close 'function' at line 1) near '!'; write ~= for !="},
    {FILTER("return m.close[0] > 1 && true"),
     "t.lua:2: 'end' expected (to close 'function' at line 1) near '&'; write and for &&"},
    {FILTER("return m.close[0] > 1 || true"),
     "t.lua:2: 'end' expected (to close 'function' at line 1) near '|'; write or for ||"},
    {FILTER("return !(m.close[0] > 1)"), "t.lua:2: unexpected symbol near '!'; write not for !"},
    {FILTER("local x = 1 x := 2"), "t.lua:2: '<name>' expected near '='; write = for :="},
    {FILTER("local n = 0\n  n += 1"), "t.lua:3: '=' expected near '+'; write n = n + 1: there is no += here"},
    {FILTER("const n = 5"), "t.lua:2: '=' expected near 'n'; write local for const"},
    {FILTER("return m.close[0] > 1 ? true : false"), "t.lua:2: 'end' expected (to close 'function' at line 1) near "
                                                     "'?'; write `condition and a or b` for `condition ? a : b`"},
    {FILTER("if (m.close[0] > 1) { return true }"),
     "t.lua:2: unexpected symbol near 'return'; write if ... then ... end for if (...) { ... }"},
    {FILTER("if m.close[0] = 5 then return true end"), "t.lua:2: 'then' expected near '='; write == to compare"},
    {FILTER("// words"), "t.lua:2: unexpected symbol near '/'; a comment begins with --"},
    {FILTER("return ta.sma(source=m.close, length=14)[0] > 1"),
     "t.lua:2: ')' expected near '='; arguments go by their order, without names"},
    {FILTER("return close[0] > 1"), "t.lua:2: there is no \"close\" here; write m.close"},
    {FILTER("return sma(m.close, 14)[0] > 1"), "t.lua:2: there is no \"sma\" here; did you mean ta.sma?"},
    {FILTER("return m.close[0] ~= null"),
     "t.lua:2: there is no \"null\" here; write nil; a number that is missing is NaN: na(x)"},
    {FILTER("return dataframe['close'] > 1"),
     "t.lua:2: there is no \"dataframe\" here; the market is m: m.close, m.volume"},
    {FILTER("return m.close.shift(1) > 1"),
     "t.lua:2: a series has no field \"shift\"; s[1] is the value one bar before"},
    {FILTER("return m.vol[0] > 1"), "t.lua:2: the market has no field \"vol\"; write m.volume"},
    {FILTER("return math.round(m.close[0]) > 1"), "t.lua:2: there is no math.round; write math.floor(x + 0.5)"},
    {FILTER("return ta.bbands(m.close, 20).upper[0] > 1"),
     "t.lua:2: there is no ta.bbands; write ta.bb(source, length, deviations)"},
    {FILTER("return ta.vwap[0] > 1"), "t.lua:2: attempt to index field 'vwap' (a function value); a function is called "
                                      "first: f(...), and f(...)[0] of a series"},
    {FILTER("return not m.close[0] > 5"), "t.lua:2: attempt to compare number with boolean; write not (a > b) for not "
                                          "a > b, and a < b and b < c for a < b < c"},
    {FILTER("return ta.barssince(m.close[0] > 1)[0] < 5"),
     "t.lua:2: ta.barssince: condition is a boolean; expected a series such as m.close:gt(m.open)"},
    {"local n = input(14, \"Length\")\n" FILTER("return true"),
     "t.lua:1: attempt to call global 'input' (a table value); write input.int(\"length\", 14) or "
     "input.float(\"level\", 30)"},
    {"return trader {\n  stoploss = -0.1,\n  filter = function() return true end,\n}",
     "t.lua:2: a trader has no field \"stoploss\"; the filter may return {match = true, stop = PRICE}"},
};

static const mistake SHAPE[] = {
    {"local x = 1\n", "t.lua: the script returned nothing; expected it to end with: return trader { ... }"},
    {"", "t.lua: the script returned nothing; expected it to end with: return trader { ... }"},
    {"-- only\n", "t.lua: the script returned nothing; expected it to end with: return trader { ... }"},
    {"return {filter = function() return true end}",
     "t.lua: the script returned a table; expected it to end with: return trader { ... }"},
    {"trader {filter = function() return true end}\nreturn 5",
     "t.lua: the script returned a number; expected it to end with: return trader { ... }"},
    {"return trader(5)",
     "t.lua:1: trader: expected a table of fields, found 5; write trader {name = ..., filter = ...}"},
};

static const mistake FIELDS[] = {
    {"return trader {\n  name = \"x\",\n  timeframe = \"5m\",\n  filter = function() return true end,\n}",
     "t.lua:3: a trader has no field \"timeframe\"; did you mean \"interval\"?"},
    {"return trader {\n  name = \"x\",\n  filtr = function() return true end,\n}",
     "t.lua:3: a trader has no field \"filtr\"; did you mean \"filter\"?"},
    {"return trader {\n  name = \"x\",\n  zzz = 1,\n  filter = function() return true end,\n}",
     "t.lua:3: a trader has no field \"zzz\""},
    {"return trader {\n  name = \"x\",\n}", "t.lua:1: a trader needs a filter: filter = function(m) return ... end"},
    {"return trader {\n  name = 5,\n  filter = function() return true end,\n}",
     "t.lua:2: field \"name\" is 5; expected a text of 1 to 127 bytes"},
    {"return trader {\n  name = \"x\",\n  interval = \"7m\",\n  filter = function() return true end,\n}",
     "t.lua:3: field \"interval\" is \"7m\"; expected one of 1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M"},
    {"return trader {\n  name = \"x\",\n  timeframes = {\"1h\", \"x\"},\n  filter = function() return true end,\n}",
     "t.lua:3: field \"timeframes\" is a table; expected a list of at most 8 intervals such as {\"1h\"}"},
    {"return trader {\n  on = \"ticks\",\n  filter = function() return true end,\n}",
     "t.lua:2: field \"on\" is \"ticks\"; expected \"close\" or \"tick\""},
    {"return trader {\n  rank = {},\n  filter = function() return true end,\n}",
     "t.lua:2: field \"rank.by\" is nil; expected a function(m) that gives a number"},
    {"return trader {\n  rank = {by = function() return 1 end, top = 0},\n  filter = function() return true end,\n}",
     "t.lua:2: field \"rank.top\" is 0; expected a number of symbols, 1..100000"},
    {"return trader {\n  rank = {by = function() end, top = 1, of = 2},\n  filter = function() return true end,\n}",
     "t.lua:2: rank has no field \"of\"; expected by and top"},
    {"return trader {\n  rank = {by = function() return \"1\" end, top = 1},\n  filter = function() return true "
     "end,\n}",
     "t.lua:2: rank.by returned \"1\"; expected a number (0/0 where there is none)"},
    {"return trader {\n  references = {\"btcusdt\"},\n  filter = function() return true end,\n}",
     "t.lua:2: field \"references\" is a table; expected a list of at most 8 symbols in upper case such as "
     "{\"BTCUSDT\"}"},
    {"return trader {\n  references = {\"A\", \"B\", \"A\"},\n  filter = function() return true end,\n}",
     "t.lua:2: field \"references\" names \"A\" twice"},
    {"return trader {\n  symbols = {top = 0},\n  filter = function() return true end,\n}",
     "t.lua:2: field \"symbols.top\" is 0; expected a number of symbols, 1..100000"},
    {"return trader {\n  symbols = {min_quote_volume = -1},\n  filter = function() return true end,\n}",
     "t.lua:2: field \"symbols.min_quote_volume\" is -1; expected the least volume of 24 hours in the quote asset, "
     "such "
     "as 5e6"},
    {"return trader {\n  fire = {every = 0},\n  filter = function() return true end,\n}",
     "t.lua:2: field \"fire\" is a table; expected \"edge\", \"every\" or {every = bars}"},
    {"return trader {\n  cooldown = -1,\n  filter = function() return true end,\n}",
     "t.lua:2: field \"cooldown\" is -1; expected a number of bars, 0..100000"},
    {"return trader {\n  symbols = {includes = {\"A\"}},\n  filter = function() return true end,\n}",
     "t.lua:2: symbols has no field \"includes\"; did you mean \"include\"?"},
    {"return trader {\n  id = \"a b\",\n  filter = function() return true end,\n}",
     "t.lua:2: field \"id\" is \"a b\"; expected a text of letters, digits, _ - . (at most 63)"},
    {"return trader {conditions = {{\"a\", function(m) return 5 end}}}",
     "t.lua:1: condition \"a\" returned 5; expected true or false"},
    {"return trader {conditions = {\"a\"}}",
     "t.lua:1: a trader without a filter needs a function in every condition: {text, function(m) ... end}"},
};

static const mistake RESULTS[] = {
    {FILTER("return nil"), "t.lua:1: filter returned nil; expected true, false or a table {match = ...}"},
    {FILTER("local x = 1"), "t.lua:1: filter returned nil; expected true, false or a table {match = ...}"},
    {FILTER("return 5"), "t.lua:1: filter returned 5; expected true, false or a table {match = ...}"},
    {FILTER("return \"yes\""), "t.lua:1: filter returned \"yes\"; expected true, false or a table {match = ...}"},
    {FILTER("return m.close"),
     "t.lua:1: filter returned series close 5m; expected true, false or a table {match = ...}"},
    {FILTER("return {score = 1}"), "t.lua:1: filter returned a table whose match is nil; expected true or false"},
    {FILTER("return {match = 1}"), "t.lua:1: filter returned a table whose match is 1; expected true or false"},
    {FILTER("return {match = true, scroe = 1}"),
     "t.lua:1: filter returned a table with the unknown field \"scroe\"; did you mean \"score\"?"},
    {FILTER("return {match = true, score = 2}"), "t.lua:1: filter returned score 2; expected 0..1"},
    {FILTER("return {match = true, side = \"up\"}"),
     "t.lua:1: filter returned side \"up\"; expected \"long\" or \"short\""},
    {FILTER("return {match = true, stop = -1}"), "t.lua:1: filter returned stop -1; expected a price"},
    {FILTER("return {match = true, stop = 0/0}"), "t.lua:1: filter returned stop nan; expected a price"},
    {FILTER("return {match = true, target = {1, \"x\"}}"),
     "t.lua:1: filter returned target a table; expected a price or a list of at most 8 prices"},
    {FILTER("return {match = true, target = {1,2,3,4,5,6,7,8,9}}"),
     "t.lua:1: filter returned target a table; expected a price or a list of at most 8 prices"},
    {FILTER("return {match = true, conditions = \"x\"}"),
     "t.lua:1: filter returned conditions \"x\"; expected a list of at most 32 texts"},
};

static const mistake INPUTS[] = {
    {"local n = input.int(\"n\", 1, {min = 2, max = 50})\n" FILTER("return true"),
     "t.lua:1: input \"n\" is 1; expected a whole number 2..50"},
    {"local n = input.int(\"n\", 1.5)\n" FILTER("return true"), "t.lua:1: input \"n\" is 1.5; expected a whole number"},
    {"local n = input.int(\"n\")\n" FILTER("return true"), "t.lua:1: input \"n\" is nil; expected a whole number"},
    {"local n = input.float(\"n\", 0/0)\n" FILTER("return true"), "t.lua:1: input \"n\" is nan; expected a number"},
    {"local n = input.integer(\"n\", 1)\n" FILTER("return true"), "t.lua:1: there is no input.integer"},
    {"local n = input.int(\"n\", 1, {mim = 2})\n" FILTER("return true"),
     "t.lua:1: input \"n\" has no option \"mim\"; did you mean \"min\"?"},
    {"local n = input.int(\"n\", 1)\nlocal k = input.int(\"n\", 1)\n" FILTER("return true"),
     "t.lua:2: input \"n\" is declared twice"},
    {"local n = input.string(\"n\", \"a\", {options = {\"b\", \"c\"}})\n" FILTER("return true"),
     "t.lua:1: input \"n\" is \"a\"; expected one of \"b\", \"c\""},
    {"local n = input.string(\"n\", \"a\", {options = 5})\n" FILTER("return true"),
     "t.lua:1: option \"options\" of input \"n\" is 5; expected a list of 1 to 64 texts"},
    {"local n = input.int(\"n\", 5, {min = \"a\"})\n" FILTER("return true"),
     "t.lua:1: option \"min\" of input \"n\" is \"a\"; expected a number"},
    {"local n = input.float(\"n\", 1/0)\n" FILTER("return true"), "t.lua:1: input \"n\" is inf; expected a number"},
    {"local n = input.int(5)\n" FILTER("return true"),
     "t.lua:1: input.int: found 5; expected a name first: input.int(\"name\", ...)"},
};

static const mistake MARKET[] = {
    {FILTER("return m[\"1h\"].close[0] > 0"),
     "t.lua:2: m[\"1h\"] is not listed in timeframes of this trader; add timeframes = {\"1h\"}"},
    {FILTER("return m[\"7m\"].close[0] > 0"),
     "t.lua:2: m[\"7m\"] is no interval; expected one of 1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M"},
    {FILTER("return m.clos[0] > 0"), "t.lua:2: the market has no field \"clos\"; did you mean \"close\"?"},
    {FILTER("return m[5] > 0"), "t.lua:2: m[5]: a market is no series; write m.close[5]"},
    {FILTER("m.close = 1 return true"), "t.lua:2: the market is read-only"},
    {FILTER("return m.rsi[0] > 1"), "t.lua:2: the market has no field \"rsi\""},
    {FILTER("return m.close[-1] > 0"), "t.lua:2: index -1 of close 5m; the newest bar is s[0], the one before s[1]"},
    {FILTER("return m.close[1.5] > 0"), "t.lua:2: index 1.5 of close 5m is not a whole number; the newest bar is s[0]"},
    {FILTER("return m.close[\"x\"] > 0"), "t.lua:2: a series has no field \"x\"; the newest bar is s[0]"},
    {FILTER("return m.close[0/0] > 0"), "t.lua:2: index nan of close 5m is not a whole number; the newest bar is s[0]"},
    {FILTER("return m.close[1/0] > 0"), "t.lua:2: index inf of close 5m is not a whole number; the newest bar is s[0]"},
    {FILTER("return m.close[nil] > 0"), "t.lua:2: a series has no field \"nil\"; the newest bar is s[0]"},
    {FILTER("return #m.close > 0"), "t.lua:2: #s is not the length of a series; call s:len()"},
    {FILTER("return m.close.len() > 1"), "t.lua:2: len: expected a series; call it as s:len()"},
    {FILTER("return m.close.length > 1"), "t.lua:2: a series has no field \"length\"; write s:len()"},
    {FILTER("return m.close > 100"),
     "t.lua:2: attempt to compare number with userdata; a series is read as s[0], its newest bar"},
    {FILTER("return m.close > m.open"), "t.lua:2: attempt to compare a series; index it first: s[0] is the newest bar"},
    {FILTER("return m.close == m.open"),
     "t.lua:2: attempt to compare a series; index it first: s[0] is the newest bar"},
    {FILTER("return m.close - m.open > 0"),
     "t.lua:2: attempt to compare number with userdata; a series is read as s[0], its newest bar"},
    {FILTER("return -m.close > 1"),
     "t.lua:2: attempt to compare number with userdata; a series is read as s[0], its newest bar"},
    {FILTER("return m.close .. \"x\" == 1"),
     "t.lua:2: attempt to concatenate a series; index it first: s[0] is the newest bar"},
    {FILTER("return m.close(0) > 1"), "t.lua:2: attempt to call a series; index it first: s[0] is the newest bar"},
    {FILTER("m.close[0] = 1 return true"), "t.lua:2: a series is read-only"},
    {FILTER("return math.abs(m.close) > 1"),
     "t.lua:2: bad argument #1 to 'abs' (number expected, got userdata); a series is read as s[0], its newest bar"},
};

static const mistake INDICATORS[] = {
    {FILTER("return ta.rsi(m.close[0], 14)[0] > 1"),
     "t.lua:2: ta.rsi: source is a number; expected a series such as m.close"},
    {FILTER("return ta.rsi(m.close)[0] > 1"), "t.lua:2: ta.rsi: length is nil; expected a number"},
    {FILTER("return ta.rsi(m.close, 0/0)[0] > 1"), "t.lua:2: ta.rsi: length is NaN; expected a number"},
    {FILTER("return ta.rsi(m.close, 0)[0] > 1"),
     "t.lua:2: ta.rsi: length is 0; expected a whole number from 1 to 5000"},
    {FILTER("return ta.rsi(m.close, 1e9)[0] > 1"),
     "t.lua:2: ta.rsi: length is 1e+09; expected a whole number from 1 to 5000"},
    {FILTER("return ta.rsi(m.close, 1.5)[0] > 1"),
     "t.lua:2: ta.rsi: length is 1.5; expected a whole number from 1 to 5000"},
    {FILTER("return ta.rsi(14)[0] > 1"), "t.lua:2: ta.rsi: source is a number; expected a series such as m.close"},
    {FILTER("return ta.rsi()[0] > 1"), "t.lua:2: ta.rsi: source is nil; expected a series such as m.close"},
    {FILTER("return ta.rsi(m.close, \"14\")[0] > 1"), "t.lua:2: ta.rsi: length is a string; expected a number"},
    {FILTER("return ta.rsl(m.close, 14)[0] > 1"), "t.lua:2: there is no ta.rsl; did you mean \"rsi\"?"},
    {FILTER("return ta.rsi(m, 14)[0] > 1"), "t.lua:2: ta.rsi: source is market 5m; expected a series such as m.close"},
    {FILTER("return ta.rsi(m.close, -5)[0] > 1"),
     "t.lua:2: ta.rsi: length is -5; expected a whole number from 1 to 5000"},
    {FILTER("return ta.macd(5).hist[0] > 1"),
     "t.lua:2: ta.macd: source is a number; expected a series such as m.close"},
    {FILTER("return ta.macd(m.close, 12, 26, 0).hist[0] > 1"),
     "t.lua:2: ta.macd: signal is 0; expected a whole number from 1 to 5000"},
    {FILTER("return ta.macd(m.close, \"a\").hist[0] > 1"), "t.lua:2: ta.macd: fast is a string; expected a number"},
    {FILTER("return ta.macd(m.close)[0] > 1"), "t.lua:2: ta.macd has several outputs; name one: macd, signal, hist"},
    {FILTER("return ta.macd(m.close).histo[0] > 1"),
     "t.lua:2: ta.macd has no output \"histo\"; expected macd, signal, hist"},
    {FILTER("return ta.bb(m.close, 20, -1).upper[0] > 1"),
     "t.lua:2: ta.bb: deviations is -1; expected a number from 0 to 100"},
    {FILTER("return ta.bb(20).upper[0] > 1"), "t.lua:2: ta.bb: source is a number; expected a series such as m.close"},
    {FILTER("return ta.bb(m.close, 0).upper[0] > 1"),
     "t.lua:2: ta.bb: length is 0; expected a whole number from 1 to 5000"},
    {FILTER("return ta.bb(m.close, 20, 0/0).upper[0] > 1"), "t.lua:2: ta.bb: deviations is NaN; expected a number"},
    {FILTER("return ta.vwap(m.close, {anchor = \"year\"})[0] > 1"),
     "t.lua:2: ta.vwap: anchor is \"year\"; expected \"day\" or \"month\" or \"week\""},
    {FILTER("return ta.vwap(5)[0] > 1"), "t.lua:2: ta.vwap: source is a number; expected a series such as m.close"},
    {FILTER("return ta.vwap(m.close, 5)[0] > 1"),
     "t.lua:2: ta.vwap: options is a number; expected a table such as {anchor = ...}"},
    {FILTER("return ta.atr()[0] > 1"), "t.lua:2: ta.atr: length is nil; expected a number"},
    {FILTER("return ta.atr(0)[0] > 1"), "t.lua:2: ta.atr: length is 0; expected a whole number from 1 to 5000"},
    {FILTER("return ta.atr(m.close)[0] > 1"), "t.lua:2: ta.atr: length is series close 5m; expected a number"},
    {FILTER("return ta.atr(0/0)[0] > 1"), "t.lua:2: ta.atr: length is NaN; expected a number"},
    {FILTER("return m.ta.atr(0)[0] > 1"), "t.lua:2: ta.atr: length is 0; expected a whole number from 1 to 5000"},
    {FILTER("return m.ta.atr()[0] > 1"), "t.lua:2: ta.atr: length is nil; expected a number"},
    {FILTER("return ta.tr(m)[0] > -1"), "t.lua:2: ta.tr: handle_na is market 5m; expected true or false"},
    {FILTER("return ta.crossover(1, 2)"),
     "t.lua:1: in the filter: ta.crossover: expected at least one series, found two numbers"},
    {FILTER("return ta.crossover(m.close)"),
     "t.lua:1: in the filter: ta.crossover: found nil; expected a series or a number"},
    {FILTER("return ta.crossover(m.close, \"x\")"),
     "t.lua:1: in the filter: ta.crossover: found a string; expected a series or a number"},
    {"return trader {timeframes = {\"1h\"}, filter = function(m)\n  return ta.crossover(m.close, "
     "m[\"1h\"].close)\nend}",
     "t.lua:1: in the filter: ta.crossover: close 5m and close 1h are of different timeframes; m:align(s) gives a "
     "slower series as seen at each bar of m"},
    {FILTER("return ta.crossover(m.close[0], m.open[0])"),
     "t.lua:1: in the filter: ta.crossover: expected at least one series, found two numbers"},
    {FILTER("for n = 2, 140 do local v = ta.sma(m.close, n)[0] end\n  return true"),
     "t.lua:2: too many indicators in this trader (128)"},
    {"local a = ta.atr(14)\n" FILTER("return true"),
     "t.lua:1: ta.atr: there is no market yet; call it inside the filter"},
    {"local a = ta.vwap()\n" FILTER("return true"),
     "t.lua:1: ta.vwap: there is no market yet; call it inside the filter"},
    {"local a = ta.tr()\n" FILTER("return true"), "t.lua:1: ta.tr: there is no market yet; call it inside the filter"},
    {"local a = ta.rsi(m.close, 14)\n" FILTER("return true"),
     "t.lua:1: there is no market yet: m is what the filter is called with"},
};

static const mistake WHOLE_SERIES[] = {
    {FILTER("return m.close - \"x\" == 1"), "t.lua:2: -: found a string; expected a series or a number"},
    {FILTER("return (m.close - 0/0)[0] > 1"), "t.lua:2: -: found NaN; expected a series or a number"},
    {FILTER("return (m.close - m.close[0])[0] > 1"),
     "t.lua:2: -: 24 different numbers; one in an expression of series must stay the same from bar to bar; index the "
     "series first: s[0]"},
    {FILTER("return (m.close - m)[0] > 1"), "t.lua:2: -: found market 5m; expected a series or a number"},
    {FILTER("return (m.close - ta.bb(m.close))[0] > 1"),
     "t.lua:2: -: found outputs of ta.bb; name one of its outputs: basis, upper, lower"},
    {FILTER("return ta.abs(5)[0] > 1"), "t.lua:2: ta.abs: found a number; expected a series; math.abs is for numbers"},
    {FILTER("return ta.abs(\"x\")[0] > 1"), "t.lua:2: ta.abs: found a string; expected a series or a number"},
    {FILTER("return ta.max(m.close)[0] > 1"), "t.lua:2: ta.max: expected at least two series or numbers"},
    {FILTER("return ta.max(1, 2)[0] > 1"), "t.lua:2: ta.max: expected at least one series, found two numbers"},
    {FILTER("return m.close:gt(\"x\")[0] > 1"), "t.lua:2: s:gt: found a string; expected a series or a number"},
    {FILTER("return m.close.gt(5)[0] > 1"), "t.lua:2: gt: expected a series in front; call it as s:gt(x)"},
    {FILTER("return m.close:crossover(nil)[0] > 1"), "t.lua:2: s:crossover: found nil; expected a series or a number"},
    {FILTER("return m.close:above(5)[0] > 1"), "t.lua:2: a series has no field \"above\"; the newest bar is s[0]"},
    {FILTER("if m.close then return true end return false"),
     "t.lua:2: a series is used as a condition, where it always counts as true; index it first: s[0] is the newest "
     "bar"},
    {FILTER("return not ta.rsi(m.close, 14)"), "t.lua:2: a series is used as a condition, where it always counts as "
                                               "true; index it first: s[0] is the newest bar"},
    {FILTER("return m.close == 5"), "t.lua:2: a series is compared with a number by == or ~=, which never holds or "
                                    "always does; index it first: s[0] is the newest bar"},
    {FILTER("for i, v in ipairs(m.close) do return true end"),
     "t.lua:2: bad argument #1 to 'ipairs' (table expected, got userdata); a series is read as s[0], its newest bar"},
    {FILTER("local x = m.close for i = 1, 40 do x = x + x end return x[0] > 1"),
     "t.lua:2: an expression of too many parts; compute parts of it in the filter"},
    {"return trader {timeframes = {\"1h\"}, filter = function(m)\n  return (m.close - m[\"1h\"].close)[0] > 1\nend}",
     "t.lua:2: -: close 5m and close 1h are of different timeframes; m:align(s) gives a slower series as seen at each "
     "bar of m"},
    {"return trader {timeframes = {\"1h\"}, filter = function(m)\n  return m.close:gt(m[\"1h\"].close)[0] > 1\nend}",
     "t.lua:2: s:gt: close 5m and close 1h are of different timeframes; m:align(s) gives a slower series as seen at "
     "each bar of m"},
    {"return trader {interval = \"1h\", timeframes = {\"5m\"}, filter = function(m)\n  return "
     "m:align(m[\"5m\"].close)[0] > 1\nend}",
     "t.lua:2: m:align: close 5m is of a faster timeframe than 1h; expected one of a slower"},
    {FILTER("return m:align(5)[0] > 1"),
     "t.lua:2: m:align: found a number; expected a series of a slower timeframe: m:align(m[\"1h\"].close)"},
    {FILTER("return m.align(m.close)[0] > 1"),
     "t.lua:2: m:align: found nil; expected a series of a slower timeframe: m:align(m[\"1h\"].close)"},
    {FILTER("return m:align()[0] > 1"),
     "t.lua:2: m:align: found nil; expected a series of a slower timeframe: m:align(m[\"1h\"].close)"},
    {FILTER("return m.my.stop[0] > 1"),
     "t.lua:2: this trader has no series of its own; add series = {name = function(m, prev) ... end}"},
    {FILTER("return m.day.hgh > 1"), "t.lua:2: m.day has no field \"hgh\"; did you mean \"high\"?"},
    {FILTER("m.day.high = 1 return true"), "t.lua:2: m.day is read-only"},
    {"return trader {series = {stop = function(m, prev) return 1 end}, filter = function(m)\n  return m.my.stp[0] > "
     "1\nend}",
     "t.lua:2: m.my has no series \"stp\"; did you mean \"stop\"?"},
    {"return trader {series = {stop = function(m, prev) return nil end}, filter = function(m)\n  return m.my.stop[0] > "
     "1\nend}",
     "t.lua:1: series \"stop\" returned nil; expected a number (0/0 where there is none)"},
    {"return trader {series = {stop = function(m, prev) return {} end}, filter = function(m)\n  return m.my.stop[0] > "
     "1\nend}",
     "t.lua:1: series \"stop\" returned a table; expected a number (0/0 where there is none)"},
    {"return trader {series = {stop = function(m, prev)\n  return m.close[0] > prev + nil\nend}, filter = function(m) "
     "return true end}",
     "t.lua:2: attempt to perform arithmetic on a nil value"},
    {"return trader {\n  series = {stop = 5},\n  filter = function(m) return true end}",
     "t.lua:2: field \"series.stop\" is 5; expected a function(m, prev)"},
    {"return trader {\n  series = {[\"a b\"] = function() end},\n  filter = function(m) return true end}",
     "t.lua:2: series has the name \"a b\"; expected letters, digits and _ (at most 63)"},
    {"return trader {\n  series = 5,\n  filter = function(m) return true end}",
     "t.lua:2: field \"series\" is 5; expected a table {name = function(m, prev) ... end}"},
    {"return trader {conditions = {{\"a\", function(m)\n  return m.close end}}}",
     "t.lua:1: condition \"a\" returned series close 5m; expected true or false"},
    {"return trader {filter = function(m) return true end, conditions = {{\"a\", function(m)\n  return 5 end}}}",
     "t.lua:1: condition \"a\" returned 5; expected true or false"},
};

#define PLOTTING(body) "return trader {filter = function(m) return true end, plots = function(m)\n  " body "\nend}"

static const mistake PLOTS[] = {
    {PLOTTING("return 5"), "t.lua:1: plots returned 5; expected a list of plot.line(...), plot.band(...) and so on"},
    {PLOTTING("return nil"),
     "t.lua:1: plots returned nil; expected a list of plot.line(...), plot.band(...) and so on"},
    {PLOTTING("return plot.line(\"a\", m.close)"),
     "t.lua:1: plots returned a single plot; expected a list of plot.line(...), plot.band(...) and so on"},
    {PLOTTING("return {5}"),
     "t.lua:1: plots returned 5 as number 1 of the list; expected a list of plot.line(...), plot.band(...) and so on"},
    {PLOTTING("return {{kind = \"line\"}}"), "t.lua:1: plots returned a table as number 1 of the list; expected a list "
                                             "of plot.line(...), plot.band(...) and so on"},
    {PLOTTING("return {a = plot.line(\"a\", m.close)}"),
     "t.lua:1: plots returned a table with the key \"a\"; expected a list of plot.line(...), plot.band(...) and so on"},
    {PLOTTING("return {plot.lin(\"a\", m.close)}"), "t.lua:2: there is no plot.lin; did you mean \"line\"?"},
    {PLOTTING("return {plot.line(m.close)}"),
     "t.lua:2: plot.line: title is series close 5m; expected a text of 1 to 64 bytes"},
    {PLOTTING("return {plot.line(\"a\", 5)}"), "t.lua:2: plot.line: source is 5; expected a series such as m.close"},
    {PLOTTING("return {plot.line(\"a\", ta.bb(m.close))}"),
     "t.lua:2: plot.line: source is outputs of ta.bb; name one of its outputs: basis, upper, lower"},
    {PLOTTING("return {plot.line(\"a\", m.close, {pain = 1})}"),
     "t.lua:2: plot.line has no option \"pain\"; did you mean \"pane\"?"},
    {PLOTTING("return {plot.line(\"a\", m.close, {pane = 99})}"),
     "t.lua:2: plot.line: pane is 99; expected a whole number from 0 to 9"},
    {PLOTTING("return {plot.line(\"a\", m.close, {color = 5})}"),
     "t.lua:2: plot.line: color is 5; expected a name such as \"orange\", or \"#rrggbb\""},
    {PLOTTING("return {plot.band(\"a\", m.close)}"),
     "t.lua:2: plot.band: lower is nil; expected a series such as m.close"},
    {PLOTTING("return {plot.hline(\"a\", m.close)}"),
     "t.lua:2: plot.hline: level is series close 5m; expected a number"},
    {PLOTTING("return {plot.marker(\"a\", 5)}"),
     "t.lua:2: plot.marker: condition is 5; expected a series such as m.close"},
    {PLOTTING("return {plot.marker(\"a\", true, {shape = \"star\"})}"),
     "t.lua:2: plot.marker: shape is \"star\"; expected one of \"arrow_up\", \"arrow_down\", \"circle\", \"square\""},
};

static const mistake LANGUAGE[] = {
    {"x = 5\n" FILTER("return true"),
     "t.lua:1: \"x\" is not declared; write local x: globals are not kept between calls"},
    {FILTER("count = 1 return true"),
     "t.lua:2: \"count\" is not declared; write local count: globals are not kept between calls"},
    {FILTER("return foo > 1"), "t.lua:2: there is no \"foo\" here; a trader has ta, input, math, string, table, json"},
    {FILTER("return math.random() > 0.5"),
     "t.lua:2: math.random is not here: the same bars must give the same signals"},
    {FILTER("return os.time() > 1"),
     "t.lua:2: there is no \"os\" here; a trader has ta, input, math, string, table, json"},
    {"local x = require \"socket\"\n" FILTER("return true"),
     "t.lua:1: require \"socket\": a trader may require only ta and json"},
    {"local x = require \"ffi\"\n" FILTER("return true"),
     "t.lua:1: require \"ffi\": a trader may require only ta and json"},
    {FILTER("error(\"boom\")"), "t.lua:2: boom"},
    {FILTER("error({})"), "t.lua:1: in the filter: error was called with a table; expected a text"},
    {FILTER("error()"), "t.lua:1: in the filter: error was called with a nil; expected a text"},
    {FILTER("local t = nil\n  return t.x"), "t.lua:3: attempt to index local 't' (a nil value)"},
    {FILTER("return m.symbol + 1 > 2"), "t.lua:2: attempt to perform arithmetic on field 'symbol' (a string value)"},
    {FILTER("return string.format(\"%d\", nil) == \"\""),
     "t.lua:2: bad argument #2 to 'format' (number expected, got nil)"},
    {FILTER("return (\"x\"):gsub(nil, 1) == \"\""), "t.lua:2: bad argument #1 to 'gsub' (string expected, got nil)"},
    {FILTER("return (\"x\"):rep(\"y\") == 1"), "t.lua:2: bad argument #1 to 'rep' (number expected, got string)"},
    {FILTER("table.sort(5) return true"), "t.lua:2: bad argument #1 to 'sort' (table expected, got number)"},
    {FILTER("coroutine.wrap(5) return true"), "t.lua:2: coroutine.wrap: found a number; expected a function"},
    {FILTER("coroutine.resume(5) return true"), "t.lua:2: coroutine.resume: found a number; expected a coroutine"},
    {FILTER("return json.decode(\"{\") == 1"),
     "t.lua:2: json.decode: Expected object key string but found T_END at character 2"},
    {FILTER("return json.encode({1/0}) == 1"), "t.lua:2: json.encode: Cannot serialise number: must not be NaN or Inf"},
    {FILTER("return json.encode(print) == 1"), "t.lua:2: json.encode: Cannot serialise function: type not supported"},
    {FILTER("return json.encode(m.close) == 1"),
     "t.lua:2: json.encode: Cannot serialise userdata: type not supported; a series is read as s[0], its newest bar"},
    {FILTER("return json.decode(5) == 1"), "t.lua:2: json.decode: found a number; expected a text"},
    {FILTER("return json.encode({[1]=1,[1000]=2}) == 1"),
     "t.lua:2: json.encode: Cannot serialise table: excessively sparse array"},
    {FILTER("return json.encode((\"x\"):rep(300000)) == 1"), "t.lua:2: json.encode: more than 262144 bytes"},
};

static const struct {
    const char *name;
    const mistake *list;
    size_t count;
} GROUPS[] = {
#define GROUP(name, list) \
    { name, list, sizeof(list) / sizeof *(list) }
    GROUP("not Lua", SYNTAX),    GROUP("another language", DIALECTS), GROUP("no trader", SHAPE),
    GROUP("a field", FIELDS),    GROUP("a result", RESULTS),          GROUP("an input", INPUTS),
    GROUP("the market", MARKET), GROUP("an indicator", INDICATORS),   GROUP("a whole series", WHOLE_SERIES),
    GROUP("plots", PLOTS),       GROUP("the language", LANGUAGE),
#undef GROUP
};

static void show_difference(const char *found, const char *expected) {
    printf("# found    %s\n# expected %s\n", found, expected);
}

static void says(scripts *s, err e, const char *name, const char *sentence) {
    bool same = e == ERR_SCRIPT && strcmp(s->why.text, sentence) == 0;
    ok(same, "%s: %s", name, sentence);
    if (!same) show_difference(s->why.text, sentence);
}

static void test_mistakes(scripts *s) {
    for (size_t g = 0; g < sizeof GROUPS / sizeof *GROUPS; g++)
        for (size_t i = 0; i < GROUPS[g].count; i++) {
            err e = scripts_load(s, 0, "t.lua", GROUPS[g].list[i].code);
            says(s, e, GROUPS[g].name, GROUPS[g].list[i].sentence);
        }
    ok(scripts_load(s, 0, "t.lua", ALWAYS) == OK && scripts_matches(s, 0), "after all of them the state runs a trader");
}

/* ---- files ---- */

static void test_texts(scripts *s) {
    const char *bom = "\xEF\xBB\xBF" ALWAYS;
    const char *crlf =
        "local x = 1\r\nreturn trader {\r\n  name = \"x\",\r\n  filter = function(m) return true end,\r\n}\r\n";
    const char *bad_crlf = "return trader {\r\n  name = \"x\",\r\n  filtr = function(m) return true end,\r\n}\r\n";
    const char zero[] = "return trader {name = \"a\0b\", filter = function(m) return true end}";
    char path[TRADER_CHUNK_MAX], expected[TRADER_CHUNK_MAX + 100];
    ok(scripts_load(s, 0, "t.lua", bom) == OK && scripts_matches(s, 0), "a byte order mark is not in the way");
    ok(scripts_load(s, 0, "t.lua", crlf) == OK && scripts_matches(s, 0), "nor are lines that end in CR LF");
    says(s, scripts_load(s, 0, "t.lua", bad_crlf), "CR LF",
         "t.lua:3: a trader has no field \"filtr\"; did you mean \"filter\"?");
    ok(scripts_load_bytes(s, 0, "t.lua", zero, sizeof zero - 1, NULL, true) == OK,
       "a zero byte in a text is only a byte");
    memset(path, 'd', sizeof path);
    snprintf(path + 200, sizeof path - 200, "/t.lua");
    snprintf(expected, sizeof expected, "%s:2: boom", path);
    says(s, scripts_load(s, 0, path, FILTER("error(\"boom\")")), "a path of 206 bytes", expected);
    snprintf(expected, sizeof expected, "%s:1: '=' expected near '!'; write ~= for !=", path);
    says(s, scripts_load(s, 0, path, "x != 1"), "a path of 206 bytes", expected);
}

static void test_files(void) {
    char folder[] = "/tmp/trademind-script-XXXXXX", path[64], expected[160];
    trader_source *source = NULL;
    diag why;
    FILE *file;
    scripts_demand(mkdtemp(folder) ? OK : ERR_IO, "temporary folder");
    snprintf(path, sizeof path, "%s/big.lua", folder);
    file = fopen(path, "w");
    for (int i = 0; file && i < (1 << 20) / 8 + 1; i++) fputs("-- line\n", file);
    scripts_demand(file && fclose(file) == 0 ? OK : ERR_IO, "temporary file");
    snprintf(expected, sizeof expected, "%s: 1048584 bytes; expected at most 1048576", path);
    ok(trader_source_read(path, &source, &why) == ERR_TOO_BIG && strcmp(why.text, expected) == 0, "%s", expected);
    unlink(path);
    snprintf(expected, sizeof expected, "%s: No such file or directory", path);
    ok(trader_source_read(path, &source, &why) == ERR_NOT_FOUND && strcmp(why.text, expected) == 0, "%s", expected);
    rmdir(folder);
}

/* ---- inputs ---- */

static void test_inputs(scripts *s) {
    const char *code = "local n = input.int(\"n\", 14, {min = 2, max = 50})\n" FILTER("return n == 21");
    err e = scripts_load_bytes(s, 0, "t.lua", code, strlen(code), "{\"n\": 21}", true);
    ok(e == OK && scripts_matches(s, 0), "an override reaches the script");
    e = scripts_load_bytes(s, 0, "t.lua", code, strlen(code), "{\"n\": 51}", true);
    says(s, e, "an override", "t.lua:1: input \"n\" is 51; expected a whole number 2..50");
    e = scripts_load_bytes(s, 0, "t.lua", code, strlen(code), "{\"m\": 21}", true);
    says(s, e, "an override", "t.lua: there is no input \"m\"; did you mean \"n\"?");
    e = scripts_load_bytes(s, 0, "t.lua", code, strlen(code), "{\"n\": }", true);
    ok(e == ERR_SYNTAX && strstr(s->why.text, "t.lua: inputs, line 1: "), "inputs that are no JSON: %s", s->why.text);
    e = scripts_load_bytes(s, 0, "t.lua", code, strlen(code), "[1]", true);
    ok(e == ERR_INVALID && strcmp(s->why.text, "t.lua: inputs are not a JSON object") == 0, "%s", s->why.text);
}

/* ---- evaluations ---- */

static void test_result(scripts *s) {
    const script_result *r = &s->result;
    err e = scripts_load(s, 0, "t.lua",
                         FILTER("return {match = true, score = 0.5, side = \"short\", stop = 90, target = {80, 70.5},"
                                " conditions = {\"a \\\"b\\\"\", \"c\"}, tags = {}}"));
    ok(e == OK && scripts_matches(s, 0), "a table with everything is taken");
    ok(r->score == 0.5 && r->side == 2 && r->stop == 90, "score, side and stop");
    ok(r->n_targets == 2 && r->target[0] == 80 && r->target[1] == 70.5, "targets");
    ok(r->conditions && strcmp(r->conditions, "[\"a \\\"b\\\"\",\"c\"]") == 0, "conditions: %s", r->conditions);
    ok(r->tags && strcmp(r->tags, "[]") == 0, "no tags: %s", r->tags);
    e = scripts_load(s, 0, "t.lua", FILTER("return {match = false, target = 5}"));
    ok(e == OK && scripts_run(s, 0) == OK && r->outcome == SCRIPT_NO_MATCH && r->n_targets == 1,
       "one target, no match");
    ok(isnan(r->stop) && isnan(r->score) && r->side == 0 && !r->conditions && !r->tags, "what was left out is empty");
}

/* In a fresh state nothing has been asked for yet: the first evaluation must give the answer of any later one. */
static void test_first_evaluation(scripts *s) {
    const char *code =
        FILTER("local low, range = m.low[0], ta.atr(14)[0]\n"
               "  if low ~= low or range ~= range then error(\"no data\") end\n"
               "  return {match = ta.rsi(m.close, 14)[0] > 0 and ta.ema(m.close, 9)[0] > 0, stop = low - range / 10}");
    scripts_renew(s);
    ok(scripts_compile(s, 0, "t.lua", code) == OK, "compiled, never run");
    ok(scripts_matches(s, 0) && s->result.stop > 0, "the first evaluation sees every series: %s", s->why.text);
    scripts_renew(s);
    ok(scripts_compile(s, 0, "t.lua",
                       FILTER("if m.close[0] ~= m.close[0] then return false end error(\"has data\")")) == OK,
       "compiled, never run");
    says(s, scripts_run(s, 0), "a fresh state", "t.lua:2: has data");
    ok(strstr(script_state_trace(s->state), "t.lua:2: in function"), "with a traceback");
}

static void test_neighbours(scripts *s) {
    scripts_renew(s);
    ok(scripts_load(s, 0, "a.lua", ALWAYS) == OK, "a good trader");
    ok(scripts_load(s, 1, "b.lua", "return 5") == ERR_SCRIPT, "a bad one");
    ok(scripts_load(s, 2, "c.lua",
                    FILTER("local calls = ta.sma(m.close, 2)[0] if calls then error(\"late\") end return true")) ==
           ERR_SCRIPT,
       "one that fails in every dry evaluation");
    ok(scripts_load(s, 3, "d.lua", ALWAYS) == OK && scripts_matches(s, 3) && scripts_matches(s, 0),
       "harm none of the others");
}

/* LuaJIT's own pairs and next end such a loop early once it has given up on compiling it, after some 40,000 rounds. */
static void test_loops(scripts *s) {
    static const char *const forms[][2] = {{"pairs(", ")"}, {"next, ", ""}};
    for (size_t i = 0; i < 2; i++) {
        char code[1024];
        int n_right = 0;
        snprintf(code, sizeof code,
                 "local t = {1, 2, 3, 4, 5}\nlocal all = {a = t, b = t, c = t, d = t, e = t}\n"
                 "local function leave(...) for j = 1, 100 do end end\n"
                 "return trader {filter = function(m)\n  for round = 1, 1000 do\n    leave()\n    local n = 0\n"
                 "    for k, v in %sall%s do\n      for _ in %sv%s do end\n      n = n + 1\n    end\n"
                 "    if n ~= 5 then return false end\n  end\n  return true\nend}",
                 forms[i][0], forms[i][1], forms[i][0], forms[i][1]);
        scripts_renew(s);
        scripts_demand(scripts_compile(s, 0, "t.lua", code), s->why.text);
        for (int run = 0; run < 100; run++) n_right += scripts_matches(s, 0);
        ok(n_right == 100, "loops in loops over %s%s are whole: %d of 100 %s", forms[i][0], forms[i][1], n_right,
           s->why.text);
    }
}

/* ---- the manual ---- */

/* An input is declared once, outside of the filter. */
static bool is_declaration(const char *usage, size_t bytes) { return memmem(usage, bytes, " input.", 7) != NULL; }

static bool runs(scripts *s, const char *usage, size_t bytes) {
    char code[768];
    int n = (int)bytes;
    if (strncmp(usage, "return trader", 13) == 0)
        snprintf(code, sizeof code, "%.*s\n", n, usage);
    else
        snprintf(code, sizeof code,
                 "%.*s\nreturn trader {timeframes = {\"1h\"}, filter = function(m)\n  %.*s\n  return true\nend}\n",
                 is_declaration(usage, bytes) ? n : 0, usage, is_declaration(usage, bytes) ? 0 : n, usage);
    return scripts_load(s, 0, "usage.lua", code) == OK && scripts_run(s, 0) == OK;
}

/* Every @usage of the standard library is a line that runs. Which functions have one: spec/lua/docs_spec.lua. */
static void test_usages(scripts *s) {
    int n_usages = 0;
    for (size_t i = 0; i < n_embedded_files; i++) {
        const char *at = embedded_files[i].text;
        while ((at = strstr(at, "@usage "))) {
            const char *usage = at + strlen("@usage "), *end = strchr(usage, '\n');
            char line[200];
            snprintf(line, sizeof line, "%.*s", (int)(end - usage), usage);
            ok(runs(s, usage, (size_t)(end - usage)), "%s: %s %s", embedded_files[i].name, line, s->why.text);
            n_usages++;
            at = end;
        }
    }
    ok(n_usages >= 50, "%d examples", n_usages);
}

int main(void) {
    scripts s;
    scripts_open(&s, NULL);
    test_mistakes(&s);
    test_texts(&s);
    test_files();
    test_inputs(&s);
    test_result(&s);
    test_first_evaluation(&s);
    test_neighbours(&s);
    test_loops(&s);
    test_usages(&s);
    scripts_close(&s);
    return done();
}
