/* helpers.*: every function against the plain computation of spec/c/helpers_checks.lua, in the real sandbox, on markets that
 * move, stand still and begin; and what an author reads who forgot that a helper may give nil. */
#include "base/errors.h"
#include "script/calls.h"
#include "spec/c/random.h"
#include "spec/c/scripts.h"
#include "spec/c/tap.h"
#include <math.h>

#define CHECKS "spec/c/helpers_checks.lua"
#define FILTER(body) "return trader {timeframes = {\"1h\"}, filter = function(m)\n  " body "\nend}\n"

enum { HOURS = 58, KEEP = 1000, PER_HOUR = 12 };
static const int64_t END_MS = 1704067200000; /* 2024-01-01T00:00Z */

static const char *const names[] = {
    "all",
    "calculateMA",
    "calculateMASeries",
    "calculateSMA",
    "calculateAvgVolume",
    "calculateRSI",
    "getLatestRSI",
    "detectGenericDivergence",
    "detectRSIDivergence",
    "calculateStochRSI",
    "getLatestStochRSI",
    "calculateEMASeries",
    "getLatestEMA",
    "calculateEMA",
    "calculateMACDValues",
    "getLatestMACD",
    "calculateMACD",
    "calculateADX",
    "calculateStochastic",
    "getHighestHigh",
    "getLowestLow",
    "detectEngulfingPattern",
    "calculatePVISeries",
    "getLatestPVI",
    "calculateHighVolumeNodes",
    "isNearHVN",
    "getClosestHVN",
    "countHVNInRange",
    "clearHVNCache",
    "calculateBollingerBands",
    "getLatestBollingerBands",
    "calculateVWAP",
    "calculateVWAPSeries",
    "getLatestVWAP",
    "calculateVWAPBands",
    "getLatestVWAPBands",
};
enum { N_NAMES = sizeof names / sizeof *names };

/* ---- markets ---- */

typedef struct market {
    kline_series *bars[N_INTERVALS];
    indicator_set *sets[N_INTERVALS];
} market;

static double cents(double price) { return round(price * 100) / 100; }

/* Prices in cents, so that extremes tie; jumps; a stretch in five stands still, half of those without volume. */
static kline lively_bar(int32_t i, double *price) {
    kline bar = {.open = *price, .volume = 100 * uniform() * (uniform() < 0.05 ? 9 : 1)};
    bool is_still = i / 40 % 5 == 3;
    double step = uniform() < 0.03 ? 6 : 0.6;
    bar.close = is_still ? *price : fmax(1, cents(*price + step * (uniform() - 0.5) + (100 - *price) * 0.01));
    if (uniform() < 0.1) bar.open = cents(bar.close + (uniform() - 0.5)); /* does not open at the close before */
    if (is_still) bar.open = bar.close;
    bar.high = is_still ? bar.close : cents(fmax(bar.open, bar.close) + 0.3 * uniform());
    bar.low = is_still ? bar.close : cents(fmin(bar.open, bar.close) - 0.3 * uniform());
    if (is_still && i % 40 >= 20) bar.volume = 0;
    *price = bar.close;
    return bar;
}

static kline flat_bar(void) { return (kline){.open = 100, .high = 100, .low = 100, .close = 100, .volume = 5}; }

static void fill(market *m, const registry *r, int32_t interval, int32_t n, bool is_flat) {
    double price = 100;
    int64_t first_ms = interval_add(interval, END_MS, -n);
    m->bars[interval] = kline_series_new(interval, KEEP, first_ms);
    if (!m->bars[interval]) scripts_demand(ERR_NO_MEMORY, "bars");
    for (int32_t i = 0; i < n; i++) {
        kline bar = is_flat ? flat_bar() : lively_bar(i, &price);
        bar.open_ms = interval_add(interval, first_ms, i);
        bar.taker_base = bar.volume * uniform();
        if (kline_series_close(m->bars[interval], &bar, NULL) != KLINE_APPENDED) scripts_demand(ERR_INVALID, "a bar");
    }
    scripts_demand(indicator_set_new(m->bars[interval], r, &m->sets[interval]), "indicators");
    indicator_set_link(m->sets[interval], m->sets);
}

/* The hourly bars begin later: at most bars one of the two is in a warm-up. */
static void market_init(market *m, const registry *r, bool is_flat) {
    memset(m, 0, sizeof *m);
    fill(m, r, INTERVAL_5M, HOURS * PER_HOUR, is_flat);
    fill(m, r, INTERVAL_1H, HOURS - 10, is_flat);
}

static void market_deinit(market *m) {
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        indicator_set_free(m->sets[i]);
        kline_series_free(m->bars[i]);
    }
}

/* With `n` bars of 5 minutes behind it. */
static err run_at(scripts *s, const market *m, int32_t index, int32_t n) {
    static const symbol_info symbol = {.name = "ABCUSDT", .base = "ABC", .quote = "USDT", .tick_size = 0.01};
    script_view view = {.symbol = &symbol, .symbol_id = 7, .ignores_warmup = true};
    memcpy(view.bars, m->bars, sizeof view.bars);
    memcpy(view.sets, m->sets, sizeof view.sets);
    view.close_ms = interval_add(INTERVAL_5M, END_MS, n - HOURS * PER_HOUR);
    view.open_ms = interval_add(INTERVAL_5M, view.close_ms, -1);
    s->why.text[0] = 0;
    script_result_deinit(&s->result);
    return script_state_evaluate(s->state, index, &view, &s->result, &s->why);
}

/* ---- every helper ---- */

static char *read_file(const char *path) {
    static char text[1 << 16];
    FILE *file = fopen(path, "r");
    size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (!file || n == sizeof text - 1) scripts_demand(ERR_IO, path);
    fclose(file);
    text[n] = 0;
    return text;
}

static void test_values(scripts *s, const market *lively, const market *flat) {
    static const int32_t bars[] = {1,  2,  3,   9,   14,  15,  16,  27,  28,  29,  30,  33,  34,  35,
                                   36, 50, 121, 140, 159, 175, 201, 300, 401, 499, 560, 600, 640, HOURS * PER_HOUR};
    char *code = read_file(CHECKS), inputs[80];
    for (size_t k = 0; k < N_NAMES; k++) {
        int32_t n_bars = sizeof bars / sizeof *bars, n_right = 0;
        diag first = {.text = ""};
        snprintf(inputs, sizeof inputs, "{\"check\": \"%s\"}", names[k]);
        err e = scripts_load_bytes(s, 0, "checks.lua", code, strlen(code), inputs, true);
        for (int32_t i = 0; i < 2 * n_bars && e == OK; i++) {
            e = run_at(s, i < n_bars ? lively : flat, 0, bars[i % n_bars]);
            n_right += e == OK && s->result.outcome == SCRIPT_MATCH;
            if (e == ERR_SCRIPT && !first.text[0])
                diag_set(&first, e, "%s market, %d bars: %s", i < n_bars ? "lively" : "flat", bars[i % n_bars],
                         s->why.text);
            if (e == ERR_SCRIPT) e = OK;
        }
        ok(e == OK && n_right == 2 * n_bars, "%s: %d of %d right %s", names[k], n_right, 2 * n_bars,
           e == OK ? first.text : s->why.text);
        scripts_renew(s);
    }
}

/* ---- a nil that meets a number ---- */

typedef struct mistake {
    int32_t bars; /* known at the evaluation */
    const char *code, *sentence;
} mistake;

static const mistake NILS[] = {
    {12, FILTER("return helpers.getLatestRSI(m, 14) < 30"),
     "t.lua:2: attempt to compare nil with number; helpers.getLatestRSI gave nil: not enough bars (12 of 15)"},
    {12, FILTER("return 30 > helpers.getLatestRSI(m)"),
     "t.lua:2: attempt to compare nil with number; helpers.getLatestRSI gave nil: not enough bars (12 of 15)"},
    {12, FILTER("local fast, slow = helpers.getLatestEMA(m, 20), helpers.getLatestEMA(m, 50)\n  return fast < slow"),
     "t.lua:3: attempt to compare two nil values; helpers.getLatestEMA gave nil: not enough bars (12 of 50)"},
    {19, FILTER("local mean = helpers.calculateMA(m, 20)\n  return m.close[0] - mean > 0"),
     "t.lua:3: attempt to perform arithmetic on local 'mean' (a nil value); helpers.calculateMA gave nil: not enough "
     "bars (19 of 20)"},
    {9, FILTER("return helpers.calculateRSI(m, 14)[0] < 30"),
     "t.lua:2: attempt to index a nil value; helpers.calculateRSI gave nil: not enough bars (9 of 15)"},
    {9, FILTER("return ta.sma(helpers.calculateRSI(m, 14), 3)[0] < 30"),
     "t.lua:2: ta.sma: source is nil; expected a series such as m.close; helpers.calculateRSI gave nil: not enough "
     "bars (9 of 15)"},
    {33, FILTER("return helpers.getLatestMACD(m).signal > 0"),
     "t.lua:2: attempt to compare number with nil; helpers.getLatestMACD gave nil: not enough bars (33 of 34)"},
    {20, FILTER("return helpers.getLatestMACD(m).macd > 0"),
     "t.lua:2: attempt to compare number with nil; helpers.getLatestMACD gave nil: not enough bars (20 of 26)"},
    {20, FILTER("return helpers.calculateMACD({1, 2, 3}).MACD > 0"),
     "t.lua:2: attempt to compare number with nil; helpers.calculateMACD gave nil: not enough bars (3 of 26)"},
    {20, FILTER("return math.abs(helpers.calculateSMA({1, 2}, 3)) > 0"),
     "t.lua:2: bad argument #1 to 'abs' (number expected, got nil); helpers.calculateSMA gave nil: not enough bars (2 "
     "of 3)"},
    {20, FILTER("return helpers.calculateSMA({1, 0 / 0}, 2) > 0"),
     "t.lua:2: attempt to compare number with nil; helpers.calculateSMA gave nil: a value of its bars is not defined"},
    {200, FILTER("return helpers.getLatestBollingerBands(m[\"1h\"]).upper > 0"),
     "t.lua:2: attempt to compare number with nil; helpers.getLatestBollingerBands gave nil: not enough bars (6 of "
     "20)"},
    {3, FILTER("return helpers.calculateVWAP(m) > 0"),
     "t.lua:2: attempt to compare number with nil; helpers.calculateVWAP gave nil: not enough bars: the first day that "
     "is whole has not begun, or nothing was traded since it has"},
    {200, FILTER("return helpers.calculateMA(m, 0) > 0"),
     "t.lua:2: attempt to compare number with nil; helpers.calculateMA gave nil: period is 0"},
    {200, FILTER("return helpers.getClosestHVN(100, {}).price > 0"),
     "t.lua:2: attempt to index a nil value; helpers.getClosestHVN gave nil: no node there"},
    /* What no helper gave is not blamed on one, and what one gave is forgotten by the next call. */
    {200, FILTER("local t = {}\n  return t.x > 0"), "t.lua:3: attempt to compare number with nil"},
    {200, FILTER("local rsi = helpers.getLatestRSI(m, 14)\n  local t = {}\n  return t.x > rsi"),
     "t.lua:4: attempt to compare number with nil"},
    {12, FILTER("if not helpers.getLatestRSI(m, 14) then error(\"too early\") end return true"), "t.lua:2: too early"},
};

static const mistake ARGUMENTS[] = {
    {200, FILTER("return helpers.getLatestRSI(m.close, 14) < 30"),
     "t.lua:2: helpers.getLatestRSI: klines is series close 5m; expected the market: m or m[\"1h\"]"},
    {200, FILTER("return helpers.getLatestRSI(14) < 30"),
     "t.lua:2: helpers.getLatestRSI: klines is 14; expected the market: m or m[\"1h\"]"},
    {200, FILTER("return helpers.getLatestRSI() < 30"),
     "t.lua:2: helpers.getLatestRSI: klines is nil; expected the market: m or m[\"1h\"]"},
    {200, FILTER("return helpers.getLatestRSI(m, 0) < 30"),
     "t.lua:2: helpers.getLatestRSI: period is 0; expected a whole number from 1 to 4999"},
    {200, FILTER("return helpers.getLatestEMA(m, 2.5) < 30"),
     "t.lua:2: helpers.getLatestEMA: period is 2.5; expected a whole number from 1 to 5000"},
    {200, FILTER("return helpers.getLatestEMA(m) < 30"),
     "t.lua:2: helpers.getLatestEMA: period is nil; expected a whole number from 1 to 5000"},
    {200, FILTER("return helpers.calculateMA(m, \"20\") < 30"),
     "t.lua:2: helpers.calculateMA: period is \"20\"; expected a whole number from 1 to 5000"},
    {200, FILTER("return helpers.calculateSMA(m, 20) < 30"),
     "t.lua:2: helpers.calculateSMA: values is market 5m; expected a series such as m.close, or a list of numbers, "
     "oldest first"},
    {200, FILTER("return helpers.calculateSMA({1, \"2\"}, 1) < 30"),
     "t.lua:2: helpers.calculateSMA: item 2 of values is \"2\"; expected a number"},
    {200, FILTER("return helpers.detectGenericDivergence(m.close, m[\"1h\"].close) == \"x\""),
     "t.lua:2: helpers.detectGenericDivergence: close 5m and close 1h are of different timeframes; m:align(s) gives a "
     "slower series as seen at each bar of m"},
    {200, FILTER("return helpers.isNearHVN(100, 5) == true"),
     "t.lua:2: helpers.isNearHVN: nodes is 5; expected a list of helpers.calculateHighVolumeNodes"},
    {200, FILTER("return helpers.isNearHVN(100, {5}) == true"),
     "t.lua:2: helpers.isNearHVN: item 1 of nodes is 5; expected a table with a price"},
    {200, FILTER("return helpers.getClosestHVN(100, {}, \"up\") == nil"),
     "t.lua:2: helpers.getClosestHVN: direction is \"up\"; expected \"above\", \"below\" or \"both\""},
    {200, FILTER("return #helpers.calculateHighVolumeNodes(m, {bin = 30}) > 0"),
     "t.lua:2: helpers.calculateHighVolumeNodes has no option \"bin\"; did you mean \"bins\"?"},
    {200, FILTER("return helpers.calculateVWAPBands(m, nil, \"2\").vwap[0] > 0"),
     "t.lua:2: helpers.calculateVWAPBands: stdDevMultiplier is \"2\"; expected a number"},
    {200, FILTER("return helpers.getLatestRsi(m, 14) < 30"),
     "t.lua:2: there is no helpers.getLatestRsi; did you mean \"getLatestRSI\"?"},
    {200, FILTER("return helper.getLatestRSI(m, 14) < 30"),
     "t.lua:2: there is no \"helper\" here; a trader has ta, input, math, string, table, json; did you mean "
     "\"helpers\"?"},
};

static void test_sentences(scripts *s, const market *m, const char *what, const mistake *list, size_t n) {
    for (size_t i = 0; i < n; i++) {
        err e = scripts_compile(s, 0, "t.lua", list[i].code);
        if (e == OK) e = run_at(s, m, 0, list[i].bars);
        bool same = e == ERR_SCRIPT && strcmp(s->why.text, list[i].sentence) == 0;
        ok(same, "%s: %s", what, list[i].sentence);
        if (!same) printf("# found    %s\n", s->why.text);
    }
}

/* A note of one trader is not the next one's. */
static void test_forgets(scripts *s, const market *m) {
    err e = scripts_compile(s, 0, "a.lua", FILTER("return helpers.getLatestRSI(m, 14) == 5"));
    if (e == OK) e = scripts_compile(s, 1, "b.lua", FILTER("local t = {}\n  return t.x > 0"));
    ok(e == OK && run_at(s, m, 0, 12) == OK, "a nil may be compared for equality");
    ok(run_at(s, m, 1, 12) == ERR_SCRIPT && strcmp(s->why.text, "b.lua:3: attempt to compare number with nil") == 0,
       "another trader knows nothing of it: %s", s->why.text);
}

static void test_alone(scripts *s, const market *m) {
    err e = scripts_compile(s, 0, "t.lua",
                            FILTER("local before = helpers.calculateMA\n  helpers.calculateMA = nil\n"
                                   "  helpers.calculateMA = before\n  return helpers.calculateMA(m, 2) > 0"));
    if (e == OK) e = scripts_compile(s, 1, "t.lua", FILTER("return helpers.calculateMA(m, 2) > 0"));
    ok(e == OK && run_at(s, m, 0, 100) == OK && run_at(s, m, 1, 100) == OK, "a trader has a table of its own: %s",
       s->why.text);
}

int main(void) {
    scripts s;
    market lively, flat;
    random_state = tap_seed((uint64_t)time(NULL)) * 2654435769u + 1;
    scripts_open(&s, NULL);
    s.limits.cpu_ms = 5000; /* plain computations are slow, and a sanitizer makes them slower */
    s.limits.load_cpu_ms = 60000;
    scripts_renew(&s);
    market_init(&lively, s.registry, false);
    market_init(&flat, s.registry, true);
    test_values(&s, &lively, &flat);
    test_sentences(&s, &lively, "nil", NILS, sizeof NILS / sizeof *NILS);
    test_sentences(&s, &lively, "an argument", ARGUMENTS, sizeof ARGUMENTS / sizeof *ARGUMENTS);
    test_forgets(&s, &lively);
    test_alone(&s, &lively);
    scripts_close(&s);
    market_deinit(&lively);
    market_deinit(&flat);
    return done();
}
