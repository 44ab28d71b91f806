/* Series of other symbols and of the forming bar while columns hold the newest values only: whoever looks further back on
 * some bars sees the same bits as one that looks back all the way on every bar. */
#include "script/calls.h"
#include "spec/c/symbols.h"
#include "spec/c/tap.h"

enum { N_LINES = 12, WARM = 600, LAST = 1400, LATE = 1100 };

/* Of all lines, here and of the reference, the newest value; of one that the volume says an old one. `%d`: how far back
 * every line is read besides, on every bar. */
static const char TRADER[] =
    "local full = %d\n"
    "local function text(v) return (\"%%.17g\"):format(v) end\n"
    "return trader {on = \"tick\", references = {\"BTCUSDT\"}, filter = function(m)\n"
    "  local of, x = m.ref.BTCUSDT, {}\n"
    "  local n = math.floor(m.volume[0] * 1e6)\n"
    "  for k = 1, 12 do\n"
    "    local lines = {ta.ema(of.close, 4 + k), ta.rsi(m.close, 4 + k), m:align(ta.sma(of.high, 4 + k)),\n"
    "      ta.sma(ta.ema(of.close, 4 + k), 3), ta.sma(m:align(of.close), 4 + k)}\n"
    "    local back = n %% 40 == k and (n %% 3 == 0 and 780 or 480) or k %% 3\n"
    "    for i, line in ipairs(lines) do\n"
    "      if full > 0 then local _ = line[full] end\n"
    "      x[#x + 1] = text(line[back])\n"
    "      x[#x + 1] = text(line[0])\n"
    "    end\n"
    "  end\n"
    "  return {match = true, tags = {table.concat(x, \" \", 1, 60), table.concat(x, \" \", 61)}}\n"
    "end}\n";

/* A market and a trader that looks at it. */
typedef struct reader {
    scripts s;
    symbols u;
    script_binding *binding;
} reader;

static void load(reader *r, int32_t index, const char *code) {
    if (scripts_load(&r->s, index, "depth.lua", code) == OK) return;
    printf("Bail out! %s\n", r->s.why.text);
    exit(1);
}

static void open_reader(reader *r, uint64_t seed, int32_t full) {
    char code[sizeof TRADER + 16];
    scripts_open(&r->s, NULL);
    symbols_open(&r->u, r->s.registry, seed);
    r->binding = NULL;
    snprintf(code, sizeof code, TRADER, full);
    load(r, 0, code);
}

static void close_reader(reader *r) {
    script_binding_free(r->binding);
    symbols_free(&r->u);
    scripts_close(&r->s);
}

/* What the trader says, borrowed until it is asked again. */
static const char *ask(reader *r, script_view *view) {
    view->binding = &r->binding;
    script_result_deinit(&r->s.result);
    scripts_demand(script_state_evaluate(r->s.state, 0, view, &r->s.result, &r->s.why), r->s.why.text);
    return r->s.result.tags ? r->s.result.tags : "";
}

static const char *ask_tick(reader *r, int32_t i) {
    script_view view = symbols_tick(&r->u, &r->u.mine.bars[i]);
    return ask(r, &view);
}

static const char *ask_close(reader *r) {
    script_view view = symbols_view(&r->u);
    return ask(r, &view);
}

static void correct(reader *r, int32_t i, double close) {
    one_symbol *btc = &r->u.btc;
    int32_t index;
    btc->bars[i].close = close;
    if (kline_series_close(btc->market.bars[INTERVAL_5M], &btc->bars[i], &index) != KLINE_REPLACED) abort();
    (void)indicator_set_correct(btc->market.sets[INTERVAL_5M], index);
}

/* Columns of a set that begin after the oldest bar. */
static int32_t count_short(const one_symbol *one) {
    const indicator_set *set = one->market.sets[INTERVAL_5M];
    int32_t n = 0;
    for (int32_t k = 0; k < indicator_set_count(set); k++) n += indicator_set_first(set, k) > 0;
    return n;
}

/* A new bar of the reference, a tick and the close of the symbol. */
typedef struct tally {
    int32_t n_bars, n_ticks_differ, n_closes_differ, n_unlike_close, n_grown_mine, n_grown_btc, least_mine, least_btc;
} tally;

static void one_bar(reader *some, reader *whole, int32_t i, tally *t) {
    int32_t before_mine, before_btc;
    char *tick;
    symbols_close_bar(&some->u.btc, i), symbols_close_bar(&whole->u.btc, i);
    before_mine = count_short(&some->u.mine), before_btc = count_short(&some->u.btc);
    tick = strdup(ask_tick(some, i));
    if (!tick) abort();
    t->n_grown_mine += count_short(&some->u.mine) < before_mine;
    t->n_grown_btc += count_short(&some->u.btc) < before_btc;
    t->n_ticks_differ += strcmp(tick, ask_tick(whole, i)) != 0;
    symbols_close_bar(&some->u.mine, i), symbols_close_bar(&whole->u.mine, i);
    t->n_unlike_close += strcmp(tick, ask_close(some)) != 0;
    t->n_closes_differ += strcmp(ask_close(some), ask_close(whole)) != 0;
    if (t->n_bars++ == 0) t->least_mine = before_mine, t->least_btc = before_btc;
    free(tick);
}

static void test_depths(void) {
    static reader some, whole;
    uint64_t seed = tap_seed(5);
    tally t = {0};
    open_reader(&some, seed, 0);
    open_reader(&whole, seed, 780);
    for (int32_t i = 0; i < WARM; i++) {
        symbols_close_bar(&some.u.btc, i), symbols_close_bar(&some.u.mine, i);
        symbols_close_bar(&whole.u.btc, i), symbols_close_bar(&whole.u.mine, i);
    }
    (void)ask_close(&some), (void)ask_close(&whole);
    for (int32_t i = WARM; i < LAST; i++) {
        one_bar(&some, &whole, i, &t);
        if (i % 97 == 0) correct(&some, i - 3, 500 + i), correct(&whole, i - 3, 500 + i);
        if (i == 1000) correct(&some, i - 400, 500), correct(&whole, i - 400, 500);
    }
    ok(count_short(&whole.u.btc) == 0, "of one all columns of the reference are whole");
    ok(t.least_mine > N_LINES / 2 && t.least_btc > N_LINES / 2, "of the other %d and %d are short", t.least_mine,
       t.least_btc);
    ok(t.n_grown_mine > 5 && t.n_grown_btc > 5, "and grow during a tick, %d and %d times", t.n_grown_mine,
       t.n_grown_btc);
    ok(t.n_ticks_differ == 0, "the same values at each tick: at %d of %d not", t.n_ticks_differ, t.n_bars);
    ok(t.n_closes_differ == 0, "and at each close: at %d not", t.n_closes_differ);
    ok(t.n_unlike_close == 0, "at a close those of the tick: at %d not", t.n_unlike_close);
    close_reader(&some);
    close_reader(&whole);
}

/* ---- a column that has been short becomes a source of what is aligned ---- */

static const char SOURCE[] = "5m sma(close,250)", MADE_OF_IT[] = "5m ema(sma(close,250),3)";

static int32_t add(registry *r, indicator_set *set, const char *key) {
    int32_t id = -1;
    scripts_demand(registry_parse(r, key, &id), key);
    scripts_demand(indicator_set_add(set, id, 0), key);
    return indicator_set_find(set, id, 0);
}

static void open_late(symbols *u, registry *r) {
    symbols_open(u, r, 6);
    scripts_demand(indicator_set_link_reference(u->mine.market.sets[INTERVAL_5M], registry_symbol(r, "BTCUSDT", 7),
                                                u->btc.market.sets),
                   "link");
    (void)add(r, u->btc.market.sets[INTERVAL_5M], MADE_OF_IT);
}

static void lengthen(symbols *u, registry *r, const char *key) {
    indicator_set *set = u->btc.market.sets[INTERVAL_5M];
    scripts_demand(indicator_set_lengthen(set, add(r, set, key)), "lengthen");
}

static bool is_same(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

static int32_t differences(symbols *a, symbols *b, registry *r) {
    indicator_set *const sets[] = {a->btc.market.sets[INTERVAL_5M], b->btc.market.sets[INTERVAL_5M]};
    const double *left = indicator_set_values(sets[0], add(r, sets[0], MADE_OF_IT), 0);
    const double *right = indicator_set_values(sets[1], add(r, sets[1], MADE_OF_IT), 0);
    int32_t n = 0;
    for (int32_t i = 0; i < kline_series_count(a->btc.market.bars[INTERVAL_5M]); i++) n += !is_same(left[i], right[i]);
    return n;
}

static void test_late_source(void) {
    static symbols read, unread;
    indicator_set *set;
    registry *r;
    int32_t n_differ = 0;
    scripts_demand(registry_new(&r), "registry");
    open_late(&read, r), open_late(&unread, r);
    set = unread.btc.market.sets[INTERVAL_5M];
    for (int32_t i = 0; i < LAST; i++) {
        symbols_close_bar(&read.btc, i), symbols_close_bar(&unread.btc, i);
        if (i == LATE - 1) ok(indicator_set_first(set, add(r, set, SOURCE)) > 0, "a short column");
        if (i == LATE) {
            (void)add(r, read.mine.market.sets[INTERVAL_5M], "5m align(BTCUSDT/5m:sma(close,250))");
            (void)add(r, unread.mine.market.sets[INTERVAL_5M], "5m align(BTCUSDT/5m:sma(close,250))");
            ok(indicator_set_first(set, add(r, set, SOURCE)) == 0, "is whole when something is aligned from it");
            ok(indicator_set_first(set, add(r, set, MADE_OF_IT)) > 0, "unlike what else is made of it");
        }
        lengthen(&read, r, MADE_OF_IT);
        if (i != LATE + 60) continue;
        lengthen(&unread, r, MADE_OF_IT);
        n_differ = differences(&read, &unread, r);
    }
    ok(n_differ == 0, "which has the same values whether it was read before or not: %d differ", n_differ);
    ok(differences(&read, &unread, r) == 0, "and goes on with the same ones");
    symbols_free(&read);
    symbols_free(&unread);
    registry_free(r);
}

/* A reference comes after its bars: its columns are short by then, and what is aligned is wanted from the oldest bar on. */
static void test_late_reference(void) {
    static symbols u;
    indicator_set *mine, *btc;
    registry *r;
    const double *aligned, *source;
    int32_t n_bars, n_differ = 0, n_values = 0, at;
    scripts_demand(registry_new(&r), "registry");
    symbols_open(&u, r, 7);
    mine = u.mine.market.sets[INTERVAL_5M], btc = u.btc.market.sets[INTERVAL_5M];
    (void)add(r, btc, SOURCE);
    at = add(r, mine, "5m align(BTCUSDT/5m:sma(close,250))");
    for (int32_t i = 0; i < LATE; i++) {
        symbols_close_bar(&u.btc, i), symbols_close_bar(&u.mine, i);
        indicator_set_settle(mine, kline_series_count(u.mine.market.bars[INTERVAL_5M]));
    }
    ok(indicator_set_first(btc, add(r, btc, SOURCE)) > 0, "a short column of a symbol that nothing is aligned from");
    scripts_demand(indicator_set_link_reference(mine, registry_symbol(r, "BTCUSDT", 7), u.btc.market.sets), "link");
    n_bars = kline_series_count(u.mine.market.bars[INTERVAL_5M]);
    indicator_set_settle(mine, n_bars);
    aligned = indicator_set_values(mine, at, 0);
    source = indicator_set_values(btc, add(r, btc, SOURCE), 0);
    ok(indicator_set_first(btc, add(r, btc, SOURCE)) == 0, "is whole once it is a reference");
    for (int32_t i = 0; i < n_bars; i++) {
        n_differ += !is_same(aligned[i], source[i]);
        n_values += !isnan(aligned[i]);
    }
    ok(n_differ == 0 && n_values > 400, "and what is aligned has its %d values: %d differ", n_values, n_differ);
    symbols_free(&u);
    registry_free(r);
}

int main(void) {
    test_depths();
    test_late_source();
    test_late_reference();
    return done();
}
