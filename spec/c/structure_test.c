/* What a trader finds by a look at many bars (ta.hvn, ta.divergence, ta.swings) and what it is told about one (ta.cross,
 * ta.rising, ta.falling), in the real sandbox: filters that compute the same by hand from the series that they read, and
 * raise when it differs. */
#include "script/calls.h"
#include "spec/c/scripts.h"
#include "spec/c/tap.h"
#include <math.h>

#define TRADER(body) "return trader {name = \"x\", timeframes = {\"1h\"}, filter = function(m)\n" body "\nend}\n"

typedef struct mistake {
    const char *code, *sentence;
} mistake;

static const mistake MISTAKES[] = {
    {"ta.hvn(5)", "ta.hvn: options is a number; expected a table such as {bins = 30}"},
    {"ta.hvn({bin = 3})", "ta.hvn has no option \"bin\"; did you mean \"bins\"?"},
    {"ta.hvn({[1] = 3})", "ta.hvn has no option \"1\""},
    {"ta.hvn({bins = 2})", "ta.hvn: bins is 2; expected a whole number from 3 to 200"},
    {"ta.hvn({bins = 30.5})", "ta.hvn: bins is 30.5; expected a whole number from 3 to 200"},
    {"ta.hvn({bins = 201})", "ta.hvn: bins is 201; expected a whole number from 3 to 200"},
    {"ta.hvn({bins = \"30\"})", "ta.hvn: bins is a string; expected a whole number from 3 to 200"},
    {"ta.hvn({bins = m.close})", "ta.hvn: bins is series close 5m; expected a whole number from 3 to 200"},
    {"ta.hvn({lookback = 0})", "ta.hvn: lookback is 0; expected a whole number from 1 to 5000"},
    {"ta.hvn({percentile = 100.5})", "ta.hvn: percentile is 100.5; expected a number from 0 to 100"},
    {"ta.hvn({tolerance = -0.1})", "ta.hvn: tolerance is -0.1; expected a number from 0 to 100"},
    {"ta.hvn({min_strength = 0/0})", "ta.hvn: min_strength is nan; expected a number from 0 to 100"},
    {"m[\"1h\"].ta.hvn({lookback = 1/0})", "ta.hvn: lookback is inf; expected a whole number from 1 to 5000"},
    {"ta.divergence()", "ta.divergence: a is nil; expected a series such as m.close"},
    {"ta.divergence(m.close, 5)", "ta.divergence: b is a number; expected a series such as m.close"},
    {"ta.divergence(m.close, ta.macd(m.close, 12, 26, 9))",
     "ta.divergence: b is outputs of ta.macd; name one of its outputs: macd, signal, hist"},
    {"ta.divergence(m.close, m[\"1h\"].close)",
     "ta.divergence: close 5m and close 1h are of different timeframes; m:align(s) gives a slower series as seen at "
     "each bar of m"},
    {"ta.divergence(m.low, m.close, {lookback = 501})",
     "ta.divergence: lookback is 501; expected a whole number from 3 to 500"},
    {"ta.divergence(m.low, m.close, {separation = 0})",
     "ta.divergence: separation is 0; expected a whole number from 1 to 500"},
    {"ta.divergence(m.low, m.close, {look_back = 9})",
     "ta.divergence has no option \"look_back\"; did you mean \"lookback\"?"},
    {"ta.divergence(m.low, m.close, 30)",
     "ta.divergence: options is a number; expected a table such as {lookback = 30}"},
    {"ta.swings({left = 0})", "ta.swings: left is 0; expected a whole number from 1 to 100"},
    {"ta.swings({right = 101})", "ta.swings: right is 101; expected a whole number from 1 to 100"},
    {"ta.swings({n = 0})", "ta.swings: n is 0; expected a whole number from 1 to 100"},
    {"ta.swings({lookback = 10})", "ta.swings: lookback is 10; expected at least left + right + 1, which is 11"},
    {"ta.swings({rigth = 3})", "ta.swings has no option \"rigth\"; did you mean \"right\"?"},
    {"ta.rising(m.close)", "ta.rising: length is nil; expected a whole number from 1 to 5000"},
    {"ta.rising(m.close, 0)", "ta.rising: length is 0; expected a whole number from 1 to 5000"},
    {"ta.falling(m.close[0], 3)", "ta.falling: source is a number; expected a series such as m.close"},
    {"ta.cross(1, 2)", "ta.cross: expected at least one series, found two numbers"},
    {"ta.cross(m.close, m[\"1h\"].close)",
     "ta.cross: close 5m and close 1h are of different timeframes; m:align(s) gives a slower series as seen at each "
     "bar of m"},
};

static void test_mistakes(scripts *s) {
    for (size_t i = 0; i < sizeof MISTAKES / sizeof *MISTAKES; i++) {
        char code[512], sentence[512];
        snprintf(code, sizeof code, TRADER("local x = %s return x ~= nil"), MISTAKES[i].code);
        snprintf(sentence, sizeof sentence, "t.lua:2: %s", MISTAKES[i].sentence);
        err e = scripts_load(s, 0, "t.lua", code);
        ok(e == ERR_SCRIPT && strcmp(s->why.text, sentence) == 0, "%s", sentence);
        if (strcmp(s->why.text, sentence) != 0) printf("# found    %s\n", s->why.text);
    }
}

/* ---- the same by hand ---- */

static const char HELPERS[] =
    "local function same(what, a, b)\n"
    "  if a ~= b and not (type(a) == 'number' and math.abs(a - b) <= 1e-9 * math.max(math.abs(a), math.abs(b))) then\n"
    "    error(what .. ': found ' .. tostring(a) .. ', by hand ' .. tostring(b), 0)\n"
    "  end\n"
    "end\n"
    "local function hvn(m, bins, lookback, percentile, tolerance, min_strength)\n"
    "  local n, top, bottom = math.min(lookback, m.close:len()), -math.huge, math.huge\n"
    "  for i = 0, n - 1 do top, bottom = math.max(top, m.high[i]), math.min(bottom, m.low[i]) end\n"
    "  local volume, bought, sorted, width, most = {}, {}, {}, (top - bottom) / bins, 0\n"
    "  for k = 0, bins - 1 do volume[k], bought[k] = 0, 0 end\n"
    "  for i = n - 1, 0, -1 do\n"
    "    local from = math.min(math.floor((m.low[i] - bottom) / width), bins - 1)\n"
    "    local to = math.min(math.floor((m.high[i] - bottom) / width), bins - 1)\n"
    "    for k = from, to do\n"
    "      volume[k] = volume[k] + m.volume[i] / (to - from + 1)\n"
    "      bought[k] = bought[k] + m.taker_base[i] / (to - from + 1)\n"
    "    end\n"
    "  end\n"
    "  for k = 0, bins - 1 do sorted[k + 1], most = volume[k], math.max(most, volume[k]) end\n"
    "  table.sort(sorted)\n"
    "  local threshold, nodes = sorted[math.min(math.floor(percentile / 100 * bins), bins - 1) + 1], {}\n"
    "  for k = 0, bins - 1 do\n"
    "    local v, more = volume[k], 1 + tolerance\n"
    "    if v >= threshold and v > (volume[k - 1] or 0) * more and v > (volume[k + 1] or 0) * more and\n"
    "       v / most * 100 >= min_strength then\n"
    "      nodes[#nodes + 1] = {price = bottom + (k + 0.5) * width, low = bottom + k * width, volume = v,\n"
    "        high = bottom + (k + 1) * width, strength = v / most * 100, buy_volume = bought[k], sell_volume = v - "
    "bought[k]}\n"
    "    end\n"
    "  end\n"
    "  table.sort(nodes, function(a, b) return a.volume > b.volume end)\n"
    "  return nodes\n"
    "end\n"
    "local function check_hvn(found, nodes)\n"
    "  same('nodes', #found, #nodes)\n"
    "  for i, node in ipairs(nodes) do\n"
    "    for field, value in pairs(node) do same(i .. '.' .. field, found[i][field], value) end\n"
    "    for field in pairs(found[i]) do if not node[field] then error('unknown field ' .. field, 0) end end\n"
    "    found[i].price, found[i] = 0, nil\n"
    "  end\n"
    "  return #nodes\n"
    "end\n"
    "local function swings(s, sign, left, right, n, lookback)\n"
    "  local list = {}\n"
    "  for i = right, math.min(lookback, s:len()) - 1 - left do\n"
    "    local is_swing = #list < n\n"
    "    for k = 1, left do is_swing = is_swing and sign * s[i] > sign * s[i + k] end\n"
    "    for k = 1, right do is_swing = is_swing and sign * s[i] >= sign * s[i - k] end\n"
    "    if is_swing then list[#list + 1] = {price = s[i], bars_ago = i} end\n"
    "  end\n"
    "  return list\n"
    "end\n"
    "local function check_swings(what, found, list)\n"
    "  same(what, #found, #list)\n"
    "  for i, swing in ipairs(list) do\n"
    "    same(what .. ' price', found[i].price, swing.price)\n"
    "    same(what .. ' bars ago', found[i].bars_ago, swing.bars_ago)\n"
    "  end\n"
    "  return #list\n"
    "end\n"
    "local function divergence(a, b, lookback, separation)\n"
    "  local function turns(sign)\n"
    "    local list = {}\n"
    "    for i = 1, math.min(lookback, a:len()) - 2 do\n"
    "      if sign * a[i] < sign * a[i - 1] and sign * a[i] < sign * a[i + 1] and b[i] == b[i] then list[#list + 1] = "
    "i end\n"
    "    end\n"
    "    return list\n"
    "  end\n"
    "  local function any(list, sign_a, sign_b)\n"
    "    for i = 1, #list do\n"
    "      for k = i + 1, #list do\n"
    "        if list[k] - list[i] >= separation and sign_a * a[list[i]] > sign_a * a[list[k]] and\n"
    "           sign_b * b[list[i]] > sign_b * b[list[k]] then return true end\n"
    "      end\n"
    "    end\n"
    "  end\n"
    "  local lows, highs = turns(1), turns(-1)\n"
    "  return any(lows, -1, 1) and 'bullish' or any(highs, 1, -1) and 'bearish' or any(lows, 1, -1) and "
    "'hidden_bullish'\n"
    "    or any(highs, -1, 1) and 'hidden_bearish' or nil\n"
    "end\n";

typedef struct by_hand {
    const char *name, *body; /* the body returns how much it has compared */
    int32_t least;           /* over 60 bars, together */
} by_hand;

static const by_hand COMPARISONS[] = {
    {"ta.hvn()", "return check_hvn(ta.hvn(), hvn(m, 30, 250, 70, 0.05, 50))", 60},
    {"ta.hvn with options",
     "return check_hvn(ta.hvn({bins = 60, lookback = 90, percentile = 40, tolerance = 0, min_strength = 5}),\n"
     "  hvn(m, 60, 90, 40, 0, 5))",
     300},
    {"m[\"1h\"].ta.hvn", "return check_hvn(m[\"1h\"].ta.hvn({lookback = 120}), hvn(m[\"1h\"], 30, 120, 70, 0.05, 50))",
     30},
    {"ta.hvn beyond the bars known", "return check_hvn(ta.hvn({lookback = 5000}), hvn(m, 30, 5000, 70, 0.05, 50))", 30},
    {"ta.swings()",
     "local found = ta.swings()\n"
     "return check_swings('highs', found.highs, swings(m.high, 1, 5, 5, 4, 250)) +\n"
     "  check_swings('lows', found.lows, swings(m.low, -1, 5, 5, 4, 250))",
     400},
    {"ta.swings with options",
     "local found = ta.swings({left = 2, right = 9, n = 20, lookback = 100})\n"
     "return check_swings('highs', found.highs, swings(m.high, 1, 2, 9, 20, 100)) +\n"
     "  check_swings('lows', found.lows, swings(m.low, -1, 2, 9, 20, 100))",
     200},
    {"m[\"1h\"].ta.swings",
     "local found = m[\"1h\"].ta.swings({n = 3})\n"
     "return check_swings('highs', found.highs, swings(m[\"1h\"].high, 1, 5, 5, 3, 250)) +\n"
     "  check_swings('lows', found.lows, swings(m[\"1h\"].low, -1, 5, 5, 3, 250))",
     300},
    {"ta.divergence()",
     "local rsi = ta.rsi(m.close, 7)\n"
     "local kind = ta.divergence(m.low, rsi)\n"
     "same('kind', kind, divergence(m.low, rsi, 30, 5))\n"
     "return kind and 1 or 0",
     5},
    {"ta.divergence with options",
     "local slow = m[\"1h\"]\n"
     "local kind = ta.divergence(slow.high, slow.volume, {lookback = 100, separation = 12})\n"
     "same('kind', kind, divergence(slow.high, slow.volume, 100, 12))\n"
     "return kind and 1 or 0",
     30},
    {"ta.rising and ta.falling",
     "local n = 0\n"
     "for length = 1, 6 do\n"
     "  local up, down = true, true\n"
     "  for k = 0, length - 1 do\n"
     "    up, down = up and m.close[k] > m.close[k + 1], down and m.close[k] < m.close[k + 1]\n"
     "  end\n"
     "  same('rising', ta.rising(m.close, length), up)\n"
     "  same('falling', ta.falling(m.close, length), down)\n"
     "  n = n + ((up or down) and 1 or 0)\n"
     "end\n"
     "same('more bars than there are', ta.rising(m.close, 5000), false)\n"
     "same('a warm-up', ta.rising(ta.sma(m.close, 398), 3), false)\n"
     "return n",
     80},
    {"ta.cross",
     "local fast, slow = m.volume, ta.sma(m.volume, 5)\n"
     "local over, under = ta.crossover(fast, slow), ta.crossunder(fast, slow)\n"
     "same('cross', ta.cross(fast, slow), over or under)\n"
     "same('cross of a number', ta.cross(slow, fast[0]), ta.crossover(slow, fast[0]) or ta.crossunder(slow, "
     "fast[0]))\n"
     "same('never', ta.cross(m.close, m.close), false)\n"
     "return (over or under) and 1 or 0",
     5},
};

static void test_by_hand(scripts *s) {
    static char code[16384];
    for (size_t i = 0; i < sizeof COMPARISONS / sizeof *COMPARISONS; i++) {
        const by_hand *c = &COMPARISONS[i];
        int32_t compared = 0, back = 0;
        err e;
        snprintf(code, sizeof code,
                 "%slocal function compare(m)\n%s\nend\n" TRADER("local n = compare(m)\n"
                                                                 "return {match = true, stop = n > 0 and n or nil}"),
                 HELPERS, c->body);
        e = scripts_load(s, 0, "t.lua", code);
        for (; e == OK && back < 60; back++) {
            e = scripts_run_at(s, 0, back);
            if (e == OK && !isnan(s->result.stop)) compared += (int32_t)s->result.stop;
        }
        ok(e == OK && compared >= c->least, "%s is what a filter finds by hand, %d times%s%s", c->name, compared,
           e == OK ? "" : ": ", e == OK ? "" : s->why.text);
    }
}

/* ---- a market of one's own ---- */

typedef struct own_market {
    kline_series *bars;
    indicator_set *set;
    script_view view;
} own_market;

static const symbol_info OWN_SYMBOL = {.name = "OWNUSDT", .base = "OWN", .quote = "USDT", .tick_size = 0.01};
#define OWN_START_MS INT64_C(1704067200000)

static void own_open(own_market *m, const registry *r) {
    memset(m, 0, sizeof *m);
    m->bars = kline_series_new(INTERVAL_5M, 5200, OWN_START_MS);
    if (!m->bars || indicator_set_new(m->bars, r, &m->set) != OK) scripts_demand(ERR_NO_MEMORY, "market");
    m->view = (script_view){.symbol = &OWN_SYMBOL, .symbol_id = 1};
    m->view.bars[INTERVAL_5M] = m->bars;
    m->view.sets[INTERVAL_5M] = m->set;
}

static void own_close(own_market *m) {
    indicator_set_free(m->set);
    kline_series_free(m->bars);
}

static void own_add(own_market *m, double price, double volume) {
    kline bar = {.open_ms = interval_add(INTERVAL_5M, OWN_START_MS, kline_series_count(m->bars)),
                 .open = price,
                 .high = price,
                 .low = price,
                 .close = price,
                 .volume = volume};
    if (kline_series_close(m->bars, &bar, NULL) != KLINE_APPENDED) scripts_demand(ERR_INVALID, "bar");
    indicator_set_advance(m->set);
    m->view.open_ms = bar.open_ms;
    m->view.close_ms = interval_next(INTERVAL_5M, bar.open_ms);
}

static script_outcome own_run(scripts *s, own_market *m) {
    s->why.text[0] = 0;
    script_result_deinit(&s->result);
    scripts_demand(script_state_evaluate(s->state, 0, &m->view, &s->result, &s->why), s->why.text);
    return s->result.outcome;
}

#define OWN(body) "return trader {name = \"x\", interval = \"5m\", filter = function(m)\n" body "\nend}\n"

/* A look-back counts for the warm-up, as the window of any indicator does. */
static void test_warm_up(scripts *s) {
    static const struct {
        const char *name, *code;
        int32_t need;
    } cases[] = {{"ta.hvn", OWN("return #ta.hvn({lookback = 120}) >= 0"), 120},
                 {"ta.swings", OWN("return #ta.swings().highs >= 0"), 250},
                 {"ta.divergence", OWN("return ta.divergence(m.low, m.high) == nil"), 30},
                 {"ta.divergence of an average",
                  OWN("return ta.divergence(ta.sma(m.low, 50), m.high, {lookback = 41}) == nil"), 90}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        own_market m;
        int32_t first = 0;
        own_open(&m, s->registry);
        scripts_demand(scripts_load(s, 0, "t.lua", cases[i].code), s->why.text);
        for (int32_t n = 1; n <= 300 && first == 0; n++) {
            own_add(&m, 100 + n % 7, 1);
            if (own_run(s, &m) == SCRIPT_MATCH) first = n;
        }
        ok(first == cases[i].need, "%s: runs from bar %d on, expected %d", cases[i].name, first, cases[i].need);
        own_close(&m);
    }
}

static void test_flat(scripts *s) {
    own_market m;
    own_open(&m, s->registry);
    for (int32_t n = 0; n < 260; n++) own_add(&m, 100, 5);
    scripts_demand(scripts_load(s, 0, "t.lua",
                                OWN("local found = ta.swings({left = 2, right = 2})\n"
                                    "return #ta.hvn() == 0 and #found.highs == 0 and #found.lows == 0 and\n"
                                    "  ta.divergence(m.low, m.high) == nil and not ta.rising(m.close, 1)")),
                   s->why.text);
    ok(own_run(s, &m) == SCRIPT_MATCH, "a market that stands still has no nodes, no swings, no divergence");
    own_close(&m);
}

/* Closes, and after which of them the price has crossed 100 (+ upwards, - downwards): touching it is not crossing it. */
static void test_touches(scripts *s) {
    static const struct {
        double close;
        char crossed;
    } bars[] = {{99, ' '}, {100, ' '}, {101, '+'}, {100, ' '}, {99, '-'},  {100, ' '},
                {99, '-'}, {101, '+'}, {100, ' '}, {100, ' '}, {101, '+'}, {98, '-'}};
    own_market m;
    bool is_right = true;
    own_open(&m, s->registry);
    scripts_demand(
        scripts_load(s, 0, "t.lua",
                     OWN("local over, under = ta.crossover(m.close, 100), ta.crossunder(m.close, 100)\n"
                         "if ta.cross(m.close, 100) ~= (over or under) then error('cross') end\n"
                         "return {match = over or under, side = over and 'long' or under and 'short' or nil}")),
        s->why.text);
    for (size_t i = 0; i < sizeof bars / sizeof *bars; i++) {
        own_add(&m, bars[i].close, 1);
        (void)own_run(s, &m);
        is_right = is_right && s->result.side == (bars[i].crossed == '+' ? 1 : bars[i].crossed == '-' ? 2 : 0);
    }
    ok(is_right, "a price that touches a level has not crossed it, one that leaves it has");
    own_close(&m);
}

/* ---- TradingView's own answers ---- */

static FILE *open_data(const char *name) {
    const char *folder = getenv("TRADEMIND_DATA");
    char path[512];
    snprintf(path, sizeof path, "%s/reference/tradingview/%s", folder ? folder : "../shared/data", name);
    return fopen(path, "r");
}

/* The columns behind the volume are what Pine said of each bar (0, or not); `code` is a filter for each. */
static void test_export(scripts *s, const char *name, int n_columns, const char *const code[]) {
    for (int c = 0; c < n_columns; c++) {
        FILE *file = open_data(name);
        char line[512];
        int n_bars = 0, n_wrong = 0, n_true = 0;
        own_market m;
        if (!file) {
            ok(true, "%s # SKIP no data beside the project", name);
            continue;
        }
        own_open(&m, s->registry);
        scripts_demand(scripts_load(s, 0, "t.lua", code[c]), s->why.text);
        if (!fgets(line, sizeof line, file)) line[0] = 0;
        while (fgets(line, sizeof line, file)) {
            double close, volume, said[3] = {0};
            if (sscanf(line, "%*f,%*f,%*f,%*f,%lf,%lf,%lf,%lf,%lf", &close, &volume, &said[0], &said[1], &said[2]) < 2)
                continue;
            own_add(&m, close, volume);
            n_wrong += (own_run(s, &m) == SCRIPT_MATCH) != (said[c] != 0);
            n_true += said[c] != 0;
            n_bars++;
        }
        ok(n_bars > 90 && n_true > 3 && n_wrong == 0, "%s, column %d: %d of %d bars differ, %d are true", name, c,
           n_wrong, n_bars, n_true);
        fclose(file);
        own_close(&m);
    }
}

#define EXPORTED(body) \
    "return trader {name = \"x\", interval = \"5m\", warmup = 0, filter = function(m)\n  return " body "\nend}\n"

int main(void) {
    static const char *const moves[] = {EXPORTED("ta.falling(ta.ema(m.close, 20), 5)"),
                                        EXPORTED("ta.rising(ta.ema(m.close, 20), 5)")};
    static const char *const crosses[] = {EXPORTED("ta.cross(ta.ema(m.close, 5), ta.ema(m.close, 11))"),
                                          EXPORTED("ta.crossover(ta.ema(m.close, 5), ta.ema(m.close, 11))"),
                                          EXPORTED("ta.crossunder(ta.ema(m.close, 5), ta.ema(m.close, 11))")};
    scripts s;
    scripts_open(&s, NULL);
    s.limits.cpu_ms = 1000; /* what is computed by hand is slow */
    scripts_renew(&s);
    test_mistakes(&s);
    test_by_hand(&s);
    test_warm_up(&s);
    test_flat(&s);
    test_touches(&s);
    test_export(&s, "falling+rising.csv", 2, moves);
    test_export(&s, "cross.csv", 3, crosses);
    scripts_close(&s);
    return done();
}
