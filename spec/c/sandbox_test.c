/* Doors of the sandbox that must be shut. Each is tried by a trader that says in its signal's conditions what it found,
 * so that a door that opens is seen by its name; two traders share a state wherever one could reach the other. */
#include "spec/c/scripts.h"
#include "spec/c/tap.h"

#define FILTER(body) "return trader {name = \"x\", filter = function(m)\n" body "\nend}\n"
#define MATCH FILTER("return m.close[0] > 0")

/* The filter's own error message, or "" when it gave none. */
static const char *attempt(scripts *s, const char *code) {
    err e = scripts_compile(s, 0, "door.lua", code);
    if (e == OK) e = scripts_run(s, 0);
    if (e == ERR_RUNAWAY) scripts_renew(s);
    return e == OK ? "" : s->why.text;
}

/* The body ends with `return found`, a list of texts: what it could reach and should not. */
static void is_shut(scripts *s, const char *door, const char *code) {
    char found[512];
    snprintf(found, sizeof found, "%s", attempt(s, code));
    if (!found[0] && s->result.conditions) snprintf(found, sizeof found, "%s", s->result.conditions);
    ok(strcmp(found, "[]") == 0, "%s%s%s", door, strcmp(found, "[]") ? ": " : "", strcmp(found, "[]") ? found : "");
}

static void says(scripts *s, const char *door, const char *code, const char *sentence) {
    const char *found = attempt(s, code);
    ok(strcmp(found, sentence) == 0, "%s: %s", door, sentence);
    if (strcmp(found, sentence) != 0) printf("# found    %s\n", found);
}

/* Around the attempts: found[] is filled by reach(name, value). */
#define DOOR(body) \
    "local found = {}\n" \
    "local function reach(name, value) if value then found[#found + 1] = name end end\n" \
    "return trader {name = \"x\", filter = function(m)\nfound = {}\n" body \
    "\nreturn {match = true, conditions = found} end}\n"

static void test_names(scripts *s) {
    static const char *const names[] = {
        "ffi",        "io",       "os",     "debug",  "jit",     "package", "load",
        "loadstring", "loadfile", "dofile", "module", "getfenv", "setfenv", "collectgarbage",
        "gcinfo",     "newproxy", "bit",    "_G",     "arg",     "cjson",   "series",
        "fail"};
    char code[256], sentence[256];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(code, sizeof code, "return trader {name = \"x\", filter = function(m) return %s ~= nil end}",
                 names[i]);
        snprintf(sentence, sizeof sentence,
                 "door.lua:1: there is no \"%s\" here; a trader has ta, input, math, string, table, json", names[i]);
        ok(strncmp(attempt(s, code), sentence, strlen(sentence)) == 0, "%s", sentence);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(code, sizeof code, "local x = require \"%s\" " MATCH, names[i]);
        snprintf(sentence, sizeof sentence, "door.lua:1: require \"%s\": a trader may require only ta and json",
                 names[i]);
        ok(strcmp(attempt(s, code), sentence) == 0, "%s", sentence);
    }
    says(s, "math.random", FILTER("return math.random() > 0.5"),
         "door.lua:2: math.random is not here: the same bars must give the same signals");
    says(s, "math.randomseed", FILTER("math.randomseed(1)"),
         "door.lua:2: math.randomseed is not here: the same bars must give the same signals");
    says(s, "a global", FILTER("count = (count or 0) + 1 return true"),
         "door.lua:2: there is no \"count\" here; did you mean ta.count?");
    says(s, "a global", FILTER("count = 1 return true"),
         "door.lua:2: \"count\" is not declared; write local count: globals are not kept between calls");
}

static void test_strings(scripts *s) {
    is_shut(s, "the metatable of strings", DOOR("reach('metatable', getmetatable(''))"));
    is_shut(s, "getmetatable(\"\").__index",
            DOOR("reach('index', pcall(function() return getmetatable('').__index.rep end))"));
    is_shut(s, "setmetatable on a text", DOOR("reach('set', pcall(setmetatable, '', {}))"));
    is_shut(s, "string.dump",
            DOOR("reach('dump', rawget(string, 'dump')) reach('field', pcall(function() return string.dump end)) "
                 "reach('method', ('x').dump)"));
    is_shut(s, "string as one table for all",
            DOOR("local original = ('x').upper; string.upper = error; string.evil = error\n"
                 "reach('upper', ('x').upper ~= original) reach('evil', ('x').evil)"));
    is_shut(s, "rawset on what strings index",
            DOOR("reach('rawset', pcall(function() rawset(getmetatable(''), '__index', {}) end))"));
}

static void test_bytecode(scripts *s) {
    /* What string.dump would have given: LuaJIT's header. */
    static const char bytecode[] = "\033LJ\002\000\021@door.lua\000";
    static const char after_mark[] = "\xEF\xBB\xBF\033LJ\002\000\021@door.lua\000",
                      after_line[] = "#!lua\n\033LJ\002\000\021@door.lua\000";
    err e = scripts_load_bytes(s, 0, "door.lua", bytecode, sizeof bytecode - 1, NULL, false);
    ok(e == ERR_SCRIPT && strcmp(s->why.text, "door.lua: found bytecode; expected the text of a Lua script") == 0,
       "bytecode: %s", s->why.text);
    e = scripts_load_bytes(s, 0, "door.lua", after_mark, sizeof after_mark - 1, NULL, false);
    ok(e == ERR_SCRIPT, "bytecode behind a byte order mark: %s", s->why.text);
    e = scripts_load_bytes(s, 0, "door.lua", after_line, sizeof after_line - 1, NULL, false);
    ok(e == ERR_SCRIPT, "bytecode behind a first line with #: %s", s->why.text);
}

static void test_environment(scripts *s) {
    is_shut(s, "the environment through a function",
            DOOR("for _, f in ipairs {print, pcall, ta.sma, trader or print, input.int, log.info, require} do\n"
                 "reach('metatable', getmetatable(f)) end"));
    is_shut(
        s, "metatables of series, market and outputs",
        DOOR("for _, v in ipairs {m, m.close, ta.sma(m.close, 5), ta.bb(m.close, 20, 2), ta.macd(m.close).hist} do\n"
             "reach('metatable', getmetatable(v)) reach('set', pcall(setmetatable, v, {})) reach('rawset', "
             "pcall(rawset, v, 0, 1))\n"
             "reach('rawget', pcall(rawget, v, 0)) reach('write', pcall(function() v[0] = 1 end)) reach('next', "
             "pcall(next, v)) end"));
    is_shut(s, "metatables of libraries",
            DOOR("for _, v in ipairs {ta, json, input} do reach('metatable', getmetatable(v)) reach('set', "
                 "pcall(setmetatable, v, {})) end"));
    is_shut(s, "newproxy by another way", DOOR("for _, v in ipairs {m, m.close} do reach('call', pcall(v)) end"));
    is_shut(s, "an own __gc", DOOR("local t = setmetatable({}, {__gc = function() end}) reach('gc', false)"));
    is_shut(s, "coroutines have no other environment",
            DOOR("local co = coroutine.create(function() reach('os', pcall(function() return os end)) end) "
                 "coroutine.resume(co)"));
}

/* Every value that a script can reach from what it is given: keys, values, metatables, results of calls without
 * arguments. No cdata among them, nor anything that belongs to the machinery. */
#define WALK \
    "local seen, kinds = {}, {}\n" \
    "local function walk(v, path, depth)\n" \
    "  local kind = type(v)\n" \
    "  if kind == 'cdata' then found[#found + 1] = path return end\n" \
    "  if depth > 6 or kind == 'nil' or kind == 'number' or kind == 'string' or kind == 'boolean' or seen[v] then " \
    "return end\n" \
    "  seen[v] = true\n" \
    "  walk(getmetatable(v), path .. '<meta>', depth + 1)\n" \
    "  if kind == 'table' then for k, x in next, v do walk(k, path .. '.key', depth + 1) walk(x, path .. '.' .. " \
    "tostring(k), depth + 1) end end\n" \
    "  if kind == 'userdata' then\n" \
    "    for _, name in ipairs {'open', 'high', 'low', 'close', 'volume', 'hl2', 'hlc3', 'ohlc4', 'quote_volume', " \
    "'trades', 'taker_base', 'taker_quote', 'symbol',\n" \
    "      'base', 'quote', 'interval', 'time', 'close_time', 'hour', 'weekday', 'count', 'tick_size', 'forming', " \
    "'ta', 'len', 'upper', 'macd', 'signal', 'slot', 'data', 'entry',\n" \
    "      0, 1, 399, 400, 1e9} do\n" \
    "      local ok, x = pcall(function() return v[name] end)\n" \
    "      walk(x, path .. '[' .. tostring(name) .. ']', depth + 1)\n" \
    "    end\n" \
    "  end\n" \
    "  if kind == 'function' or kind == 'userdata' then\n" \
    "    for _, arguments in ipairs {{}, {m.close}, {m.close, 14}, {m}, {14}, {'x'}, {'x', '.'}, {{}}, {m.close, " \
    "m.open}, {function() end}, {0}, {'#'}} do\n" \
    "      local results = {pcall(v, unpack(arguments))}\n" \
    "      for i = 1, 8 do walk(results[i], path .. '()', depth + 1) end\n" \
    "    end\n" \
    "  end\n" \
    "end\n"

static void test_cdata(scripts *s) {
    s->limits.cpu_ms = s->limits.load_cpu_ms =
        20000; /* it walks some ten thousand values; a sanitizer takes its time */
    scripts_renew(s);
    is_shut(s, "no cdata is reachable: libraries and basics",
            DOOR(WALK "for name, v in next, {ta = ta, json = json, input = input, math = math, string = string, table "
                      "= table, log = log, na = na, nz = nz, print = print,\n"
                      "  tostring = tostring, tonumber = tonumber, select = select, unpack = unpack, pairs = pairs, "
                      "ipairs = ipairs, next = next, type = type, rawget = rawget,\n"
                      "  getmetatable = getmetatable, require = require, trader = trader, assert = assert, rawequal = "
                      "rawequal, version = _VERSION, coroutine = coroutine}\n"
                      "  do walk(v, name, 0) end"));
    is_shut(s, "no cdata is reachable: the market", DOOR(WALK "walk(m, 'm', 0)"));
    is_shut(s, "no cdata is reachable: error messages",
            DOOR(WALK "local _, why = pcall(function() return m.close[-1] end) walk(why, 'error', 0)\n"
                      "_, why = pcall(ta.sma, m.close, -1) walk(why, 'error', 0)"));
    is_shut(s, "no cdata from a number with a suffix",
            DOOR("for _, text in ipairs {'1LL', '1ULL', '1i', '0x1LL'} do local v = tonumber(text) reach(text, type(v) "
                 "== 'cdata') end"));
    says(s, "a literal with LL", "local t = {\n1LL}\n" MATCH,
         "door.lua:1: a number ends in LL, ULL or i in what begins here; expected a plain number");
    says(s, "a literal with ULL", FILTER("return function() return {5, 0xffULL} end"),
         "door.lua:2: a number ends in LL, ULL or i in what begins here; expected a plain number");
    says(s, "a literal with i", "\n" FILTER("return 1i == 2"),
         "door.lua:2: a number ends in LL, ULL or i in what begins here; expected a plain number");
    s->limits.cpu_ms = 20;
    scripts_renew(s);
}

static void test_views(scripts *s) {
    is_shut(s, "reads outside of a series are NaN or an error",
            DOOR("local s = m.close local n = s:len()\n"
                 "reach('length', n ~= 400)\n"
                 "for _, i in ipairs {n, n + 1, 1e6, 2 ^ 31 - 1, 2 ^ 31, 2 ^ 32, 2 ^ 40, 2 ^ 53, 1e300} do local v = "
                 "s[i] reach('beyond ' .. i, v == v) end\n"
                 "for _, i in ipairs {-1, -2 ^ 31, -2 ^ 31 - 1, -1e300, 0.5, 1.5, -0.5, 2 ^ 31 - 0.5, 1e-300, 0 / 0, 1 "
                 "/ 0, -1 / 0, '0', 'x', true, {}, s} do\n"
                 "  reach('index ' .. tostring(i), pcall(function() return s[i] end)) end\n"
                 "for round = 1, 200 do local v = s[n - 1 + round] reach('compiled', v == v) end\n"
                 "for i = 0, n - 1 do local v = s[i] reach('known ' .. i, v ~= v) end"));
    ok(scripts_compile(
           s, 0, "door.lua",
           "local kept, calls, bands = nil, 0\n" FILTER(
               "calls = calls + 1\n"
               "if calls <= 2 then kept = m.close bands = ta.bb(m.close, 20, 2).upper return kept:len() == 400 end\n"
               "local before = kept:len() == 0 and kept[0] ~= kept[0] and kept[399] ~= kept[399]\n"
               "local outputs = bands:len() == 0 and bands[0] ~= bands[0]\n"
               "local again = m.close:len() == 400 and kept:len() == 400 and kept[0] == kept[0]\n"
               "return before and outputs and again")) == OK,
       "a trader that keeps a view");
    ok(scripts_run(s, 0) == OK, "is called");
    ok(scripts_matches(s, 0) && scripts_matches(s, 0),
       "a view kept after its call reads as empty until it is asked for again: %s", s->why.text);
}

/* Whatever one trader leaves anywhere, its neighbour in the same state must not see. */
static void test_neighbours(scripts *s) {
    static const char *const leaves =
        "local tables = {math = math, string = string, table = table, ta = ta, json = json, input = input, log = log, "
        "coroutine = coroutine}\n"
        "for _, t in pairs(tables) do for name in pairs(t) do rawset(t, name, function() return 'evil' end) end "
        "rawset(t, 'left', tables) end\n" FILTER(
            "local m5 = m.ta m5.left = m for name in pairs(m5) do m5[name] = nil end\n"
            "for _, t in pairs(tables) do rawset(t, 'view', m.close) rawset(t, 'market', m) end\n"
            "pcall(function() m.left = 1 end) pcall(function() m.close.left = 1 end)\n"
            "return m.close[0] > 0");
    static const char *const looks = DOOR(
        "for name, t in pairs {math = math, string = string, table = table, ta = ta, json = json, input = input, log = "
        "log, coroutine = coroutine, ['m.ta'] = m.ta} do\n"
        "  for _, key in ipairs {'left', 'view', 'market'} do reach(name .. '.' .. key, rawget(t, key) ~= nil) end\n"
        "  for key, value in pairs(t) do if type(value) == 'function' then local ok, v = pcall(value, 1) reach(name .. "
        "'.' .. key, v == 'evil') end end\n"
        "end\n"
        "reach('method', ('x').left) reach('upper', ('x'):upper() ~= 'X') reach('sma', ta.sma(m.close, 5):len() ~= "
        "400) reach('m.ta', not m.ta.atr)");
    scripts_renew(s);
    ok(scripts_compile(s, 1, "evil.lua", leaves) == OK && scripts_matches(s, 1) && scripts_matches(s, 1),
       "a trader that writes everywhere: %s", s->why.text);
    is_shut(s, "its neighbour finds nothing of it", looks);
    ok(scripts_compile(s, 2, "later.lua", MATCH) == OK && scripts_matches(s, 2), "nor does one that is loaded later");
    says(s, "globals", FILTER("return leftover"),
         "door.lua:2: there is no \"leftover\" here; a trader has ta, input, math, string, table, json");
    ok(scripts_load(s, 1, "evil.lua",
                    "local f = trader local env = {} for _, name in ipairs {'filter', 'name'} do env[name] = name "
                    "end\n" MATCH) == OK,
       "and the environment is not a table in reach");
}

/* A view smuggled to another trader would have to go through something that both reach. Nothing is; even so a slot
 * that no call has switched on reads as empty, as does one whose call has failed. */
static void test_failed_call(scripts *s) {
    scripts_renew(s);
    ok(scripts_compile(s, 0, "door.lua",
                       "local kept, calls = nil, 0\n" FILTER(
                           "calls = calls + 1 local was = kept and kept:len() kept = m.close\n"
                           "if calls < 4 then error('on purpose ' .. kept:len()) end return was == 0")) == OK,
       "a trader whose calls fail");
    for (int i = 0; i < 2; i++)
        ok(scripts_run(s, 0) == ERR_SCRIPT && strcmp(s->why.text, "door.lua:4: on purpose 400") == 0, "%s",
           s->why.text);
    ok(scripts_matches(s, 0), "a view kept over a failed call is empty as well: %s", s->why.text);
}

static void test_errors(scripts *s) {
    is_shut(s, "xpcall handlers run as any code, and nothing is passed to them but the error",
            DOOR("local ok, a, b = xpcall(error, function(e, ...) reach('more', select('#', ...) > 0) return e end, "
                 "'boom') reach('ok', ok)"));
    is_shut(s, "a handler that raises",
            DOOR("local ok = xpcall(error, function(e) error(e) end, 'boom') reach('ok', ok)"));
    is_shut(s, "a handler that recurses",
            DOOR("local function handler(e) return xpcall(error, handler, e) end\n"
                 "local ok = xpcall(error, handler, 'boom') reach('ok', ok)"));
    is_shut(s, "a handler in a coroutine in a handler",
            DOOR("local depth = 0 local function handler(e) depth = depth + 1 if depth > 50 then return e end\n"
                 "return (coroutine.wrap(function() return xpcall(error, handler, e) end)()) end\n"
                 "local ok = xpcall(error, handler, 'boom') reach('ok', ok)"));
    says(s, "an error object with __tostring",
         FILTER("error(setmetatable({}, {__tostring = function() return 'x' end}))"),
         "door.lua:1: in the filter: error was called with a table; expected a text");
    says(s, "an error object whose __tostring never ends",
         FILTER("error(setmetatable({}, {__tostring = function() while true do end end}))"),
         "door.lua:1: in the filter: error was called with a table; expected a text");
    says(s, "an error object whose __tostring raises",
         FILTER("error(setmetatable({}, {__tostring = error, __index = error, __concat = error}))"),
         "door.lua:1: in the filter: error was called with a table; expected a text");
    says(s, "an error object at load", "error(setmetatable({}, {__tostring = error}))",
         "door.lua: error was called without a text");
    says(s, "no error object", FILTER("error()"),
         "door.lua:1: in the filter: error was called with a nil; expected a text");
    says(s, "a result with metamethods", FILTER("return setmetatable({}, {__index = function() return true end})"),
         "door.lua:1: filter returned a table whose match is nil; expected true or false");
    says(s, "a trader with metamethods", "return trader(setmetatable({}, {__index = function() return 1 end}))",
         "door.lua:1: a trader needs a filter: filter = function(m) return ... end");
    is_shut(s, "a yield over the filter", DOOR("reach('yield', pcall(coroutine.yield, 1))"));
}

/* What would end the process: the stack of C is not bounded by LuaJIT. */
static void test_stack(scripts *s) {
    static const char *const kinds[][2] = {
        {"string.gsub in its callback", "local function f() return (string.gsub('a', 'a', f)) end f()"},
        {"gsub through a table with __index", "local t = setmetatable({}, {}) getmetatable(t).__index = function() "
                                              "return (('a'):gsub('a', t)) end string.gsub('a', 'a', t)"},
        {"coroutine.wrap in itself", "local function f() coroutine.wrap(f)() end f()"},
        {"coroutine.resume in itself", "local function f() return coroutine.resume(coroutine.create(f)) end f()"},
        {"gsub in coroutines", "local function f() coroutine.wrap(function() string.gsub('a', 'a', f) end)() end f()"},
        {"table.sort in its comparator",
         "local function f() table.sort({1, 2, 3}, function() f() return false end) end f()"},
        {"string.format and __tostring", "local t = setmetatable({}, {}) getmetatable(t).__tostring = function() "
                                         "return string.format('%s', t) end tostring(t)"},
        {"format in coroutines", "local function f() coroutine.wrap(function() return string.format('%s', "
                                 "setmetatable({}, {__tostring = f})) end)() return '' end f()"},
        {"all of them at the end of the stack",
         "local function format() local t = setmetatable({}, {}) getmetatable(t).__tostring = function() return "
         "string.format('%s', t) .. '' end return tostring(t) end\n"
         "local function sort() table.sort({1, 2, 3}, function() sort() return false end) end\n"
         "local function compare() local t = setmetatable({}, {}) getmetatable(t).__lt = function() return (t < t) end "
         "return t < t end\n"
         "local function index() local t = setmetatable({}, {}) getmetatable(t).__index = function(_, k) return (t[k]) "
         "end return t[1] end\n"
         "local function pattern() return ('a'):rep(150):find(('(a'):rep(30) .. (')'):rep(30)) end\n"
         "local function down() local ok = pcall(string.gsub, 'a', 'a', function() coroutine.wrap(down)() end)\n"
         "if not ok then for _, kind in ipairs {format, sort, compare, index, pattern} do pcall(kind) end "
         "error('deepest') end end\n"
         "down()"},
    };
    char code[4096];
    s->limits.cpu_ms = 3000; /* time to reach the end of the stack */
    scripts_renew(s);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        snprintf(code, sizeof code, "return trader {name = \"x\", filter = function(m)\n%s\nreturn false end}",
                 kinds[i][1]);
        attempt(s, code);
        ok(scripts_compile(s, 0, "door.lua", MATCH) == OK && scripts_matches(s, 0), "the process survives %s (%.60s)",
           kinds[i][0], s->why.text);
    }
    s->limits.cpu_ms = 20;
    scripts_renew(s);
}

/* What a script declares is written as JSON by cjson, whose memory is not the state's and which ends the process when
 * there is none: it never sees more than a bounded text. */
static void test_declarations(scripts *s) {
    says(s, "a choice of many texts",
         "local big = {} for i = 1, 100 do big[i] = 'x' end local x = input.string('a', 'x', {options = big})\n" MATCH,
         "door.lua:1: option \"options\" of input \"a\" is a table; expected a list of 1 to 64 texts");
    says(s, "a choice with something hidden beside it",
         "local big = {'x'} big.hidden = ('x'):rep(1e6) local x = input.string('a', 'x', {options = big})\n" MATCH, "");
    says(s, "a long help", "local x = input.int('a', 1, {help = ('x'):rep(1025)})\n" MATCH,
         "door.lua:1: option \"help\" of input \"a\" is "
         "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\"; expected a text of at most 1024 bytes");
    says(s, "very many inputs", "for i = 1, 65 do local x = input.int('a' .. i, 1) end\n" MATCH,
         "door.lua:1: input \"a65\" is one too many; expected at most 64");
    says(s, "conditions of a result that change between looks",
         FILTER("local n = 0 return setmetatable({match = true, conditions = {'a'}}, {__index = function() n = n + 1 "
                "return {('x'):rep(1e6)} end})"),
         "");
    says(s, "too many conditions",
         FILTER("local big = {} for i = 1, 33 do big[i] = 'x' end return {match = true, conditions = big}"),
         "door.lua:1: filter returned conditions a table; expected a list of at most 32 texts");
}

int main(void) {
    scripts s;
    scripts_open(&s, NULL);
    test_names(&s);
    test_strings(&s);
    test_bytecode(&s);
    test_environment(&s);
    test_cdata(&s);
    test_views(&s);
    test_neighbours(&s);
    test_failed_call(&s);
    test_errors(&s);
    test_stack(&s);
    test_declarations(&s);
    scripts_close(&s);
    return done();
}
