/* Series of other symbols: they are those of that symbol's own traders; what is aligned from them is what had closed by
 * then, in whatever order the bars come, after corrections and when the worker's copy is another one. */
#include "script/calls.h"
#include "script/text.h"
#include "spec/c/symbols.h"
#include "spec/c/tap.h"

static symbols u;

static void load(scripts *s, int32_t index, const char *code) {
    err e = scripts_load(s, index, "r.lua", code);
    if (e != OK) printf("Bail out! %s\n", s->why.text), exit(1);
}

static bool matches(scripts *s, int32_t index, const script_view *view) {
    script_result_deinit(&s->result);
    scripts_demand(script_state_evaluate(s->state, index, view, &s->result, &s->why), s->why.text);
    return s->result.outcome == SCRIPT_MATCH;
}

static void open_both(scripts *s, int32_t n_bars) {
    scripts_open(s, NULL);
    symbols_open(&u, s->registry, 21);
    for (int32_t i = 0; i < n_bars; i++) symbols_close_bar(&u.btc, i), symbols_close_bar(&u.mine, i);
}

static void close_both(scripts *s) {
    symbols_free(&u);
    scripts_close(s);
}

/* ---- what is shown ---- */

#define TEXT \
    "local function text(of)\n" \
    "  local x = {ta.ema(of.close, 9)[0], of.ta.atr(14)[0], of.close[3], ta.sma(of.hl2, 5)[1], of[\"1h\"].high[2],\n" \
    "    ta.rsi(of[\"1h\"].close, 14)[0], of.day.change_pct, (of.close - of.open)[0], of.close:len(), " \
    "of[\"1h\"].close:len()}\n" \
    "  for i, v in ipairs(x) do x[i] = (\"%.17g\"):format(v) end\n" \
    "  return table.concat(x, \" \")\n" \
    "end\n"

static void test_same_values(void) {
    scripts s;
    script_view view, of_btc;
    char *seen;
    int32_t id;
    open_both(&s, 700);
    load(&s, 0,
         TEXT "return trader {timeframes = {\"1h\"}, references = {\"BTCUSDT\"}, filter = function(m)\n"
              "  return {match = true, tags = {text(m.ref.BTCUSDT)}} end}");
    load(&s, 1,
         TEXT
         "return trader {timeframes = {\"1h\"}, filter = function(m) return {match = true, tags = {text(m)}} end}");
    view = symbols_view(&u);
    of_btc = view;
    memcpy(of_btc.bars, u.btc.market.bars, sizeof of_btc.bars);
    memcpy(of_btc.sets, u.btc.market.sets, sizeof of_btc.sets);
    (void)matches(&s, 0, &view);
    seen = s.result.tags;
    s.result.tags = NULL;
    (void)matches(&s, 1, &of_btc);
    ok(seen && strcmp(seen, s.result.tags) == 0, "of a reference: %s, of its own: %s", seen ? seen : "", s.result.tags);
    (void)matches(&s, 1, &view);
    ok(seen && strcmp(seen, s.result.tags) != 0, "of the other symbol: %s", s.result.tags);
    text_free(seen);
    ok(registry_parse(s.registry, "5m ema(close,9)", &id) == OK &&
           indicator_set_find(u.btc.market.sets[INTERVAL_5M], id, 0) >= 0,
       "the indicators are the symbol's own");
    load(&s, 2,
         "return trader {references = {\"BTCUSDT\"}, filter = function(m)\n"
         "  return ta.wma(m.ref.BTCUSDT.close, 77)[0] > 0 and m.ref.BTCUSDT.symbol == \"BTCUSDT\" and\n"
         "    m.ref.BTCUSDT.interval == \"5m\" and m.ref[\"BTCUSDT\"] == m.ref.BTCUSDT end}");
    ok(matches(&s, 2, &view), "symbol and interval");
    ok(registry_parse(s.registry, "5m wma(close,77)", &id) == OK &&
           indicator_set_find(u.mine.market.sets[INTERVAL_5M], id, 0) < 0,
       "and not computed of another symbol");
    close_both(&s);
}

static void test_spec(void) {
    scripts s;
    const trader_spec *spec;
    bool has_need = false;
    scripts_open(&s, NULL);
    load(&s, 0,
         "return trader {timeframes = {\"1h\"}, references = {\"ETHUSDT\", \"BTCUSDT\"}, symbols = {top = 30,\n"
         "  min_quote_volume = 5e6}, filter = function(m)\n"
         "  return ta.sma(m.ref.BTCUSDT[\"1h\"].close, 30)[40] > ta.sma(m.close, 7)[0] end}");
    spec = s.specs[0];
    ok(spec->n_references == 2 && strcmp(spec->references[0], "ETHUSDT") == 0 &&
           strcmp(spec->references[1], "BTCUSDT") == 0 && !spec->references[2],
       "the references, in the trader's order");
    ok(spec->reference_mask == (1u << INTERVAL_5M | 1u << INTERVAL_1H), "their intervals");
    ok(spec->depth[INTERVAL_1H] == 30 && spec->history[INTERVAL_1H] == 70 && spec->depth[INTERVAL_5M] == 7,
       "depth and history of a reference count: %d, %d", spec->depth[INTERVAL_1H], spec->history[INTERVAL_1H]);
    for (int32_t i = 0; i < spec->n_needs; i++)
        has_need = has_need || (spec->needs[i].place == place_reference(1, INTERVAL_1H) && spec->needs[i].depth == 30);
    ok(has_need, "it is waited for");
    ok(spec->symbols_top == 30 && spec->min_quote_volume == 5e6, "the most traded symbols");
    ok(spec->on == ON_CLOSE && spec->rank_top == 0, "neither ticks nor rank");
    load(&s, 1, "return trader {filter = function(m) return true end}");
    ok(s.specs[1]->n_references == 0 && s.specs[1]->reference_mask == 0 && s.specs[1]->symbols_top == 0,
       "a trader without any of it");
    scripts_close(&s);
}

/* ---- mistakes ---- */

static void expect_mistake(scripts *s, const char *body, const char *sentence) {
    char code[1024];
    snprintf(code, sizeof code,
             "return trader {timeframes = {\"1h\"}, references = {\"BTCUSDT\", \"ETHUSDT\"}, filter = function(m)\n  "
             "%s end}",
             body);
    ok(scripts_load(s, 3, "r.lua", code) == ERR_SCRIPT && strcmp(s->why.text, sentence) == 0, "%s", s->why.text);
}

#define ALIGN "; m:align(s) gives a series of a reference as seen at each bar of m"

static void test_mistakes(void) {
    scripts s;
    scripts_open(&s, NULL);
    expect_mistake(&s, "return m.ref.SOLUSDT.close[0] > 1",
                   "r.lua:2: m.ref.SOLUSDT is not listed in references of this trader; add references = {\"SOLUSDT\"}");
    expect_mistake(
        &s, "return m.ref.BTCUSDT[\"4h\"].close[0] > 1",
        "r.lua:2: m.ref.BTCUSDT[\"4h\"] is not listed in timeframes of this trader; add timeframes = {\"4h\"}");
    expect_mistake(&s, "return m.ref.BTCUSDT.clos[0] > 1",
                   "r.lua:2: m.ref.BTCUSDT has no field \"clos\"; did you mean \"close\"?");
    expect_mistake(&s, "return m.ref[5].close[0] > 1",
                   "r.lua:2: m.ref: found a number; expected a symbol: m.ref.BTCUSDT");
    expect_mistake(&s, "m.ref.SOLUSDT = 1 return true", "r.lua:2: m.ref is read-only");
    expect_mistake(&s, "m.ref.BTCUSDT.close = 1 return true", "r.lua:2: the market is read-only");
    expect_mistake(&s, "return (m.close - m.ref.BTCUSDT.close)[0] > 1",
                   "r.lua:2: -: close 5m and close BTCUSDT 5m are of different symbols" ALIGN);
    expect_mistake(&s, "return (m.ref.ETHUSDT.close / m.ref.BTCUSDT.close)[0] > 1",
                   "r.lua:2: /: close ETHUSDT 5m and close BTCUSDT 5m are of different symbols" ALIGN);
    expect_mistake(&s, "return ta.correlation(m.close, m.ref.BTCUSDT.close, 9)[0] > 1",
                   "r.lua:2: ta.correlation: close 5m and close BTCUSDT 5m are of different symbols" ALIGN);
    expect_mistake(&s, "local x = ta.crossover(m.close, m.ref.BTCUSDT.close) return x",
                   "r.lua:2: ta.crossover: close 5m and close BTCUSDT 5m are of different symbols" ALIGN);
    expect_mistake(
        &s, "return (m.ref.BTCUSDT.close - m.ref.BTCUSDT[\"1h\"].close)[0] > 1",
        "r.lua:2: -: close BTCUSDT 5m and close BTCUSDT 1h are of different timeframes; m:align(s) gives a slower "
        "series as seen at each bar of m");
    expect_mistake(&s, "return m[\"1h\"]:align(m.ref.BTCUSDT.close)[0] > 1",
                   "r.lua:2: m:align: close BTCUSDT 5m is of a faster timeframe than 1h; expected one of a slower");
    ok(scripts_load(&s, 3, "r.lua", "return trader {filter = function(m)\n  return m.ref.BTCUSDT.close[0] > 1 end}") ==
               ERR_SCRIPT &&
           strcmp(s.why.text, "r.lua:2: m.ref.BTCUSDT is not listed in references of this trader; add references = "
                              "{\"BTCUSDT\"}") == 0,
       "without references: %s", s.why.text);
    scripts_close(&s);
}

/* ---- what is not there ---- */

static void test_missing(void) {
    scripts s;
    script_view view;
    script_binding *binding = NULL;
    open_both(&s, 500);
    load(&s, 0,
         "return trader {references = {\"BTCUSDT\"}, filter = function(m)\n"
         "  local btc = m.ref.BTCUSDT\n"
         "  local none = btc.close:len() == 0 and na(btc.close[0]) and na(ta.sma(btc.close, 300)[0]) and\n"
         "    na(m:align(btc.close)[0]) and na(ta.ema(m:align(btc.close), 9)[0])\n"
         "  local all = btc.close:len() > 300 and not na(ta.sma(btc.close, 300)[0]) and m:align(btc.close)[9] == "
         "btc.close[9]\n"
         "    and ta.ema(m:align(btc.close), 9)[0] == ta.ema(btc.close, 9)[0]\n"
         "  return {match = none or all, side = all and \"long\" or \"short\"} end}");
    view = symbols_view(&u);
    view.ignores_warmup = false;
    view.binding = &binding;
    view.references[0] = NULL;
    for (int k = 0; k < 2; k++)
        ok(matches(&s, 0, &view) && s.result.side == 2, "a reference that is not there is empty, and not waited for");
    view.references[0] = &u.btc.market;
    for (int k = 0; k < 2; k++) ok(matches(&s, 0, &view) && s.result.side == 1, "once it is there it is seen");
    view.references[0] = NULL;
    scripts_demand(
        indicator_set_link_reference(u.mine.market.sets[INTERVAL_5M], registry_symbol(s.registry, "BTCUSDT", 7), NULL),
        "unlink");
    symbols_free_one(&u.btc);
    memset(u.btc.market.bars, 0, sizeof u.btc.market.bars);
    memset(u.btc.market.sets, 0, sizeof u.btc.market.sets);
    symbols_close_bar(&u.mine, 500);
    view.open_ms += 300000, view.close_ms += 300000;
    ok(matches(&s, 0, &view) && s.result.side == 2, "and it may go");
    script_binding_free(binding);
    close_both(&s);
}

static void test_warm_up(void) {
    scripts s;
    script_view view;
    scripts_open(&s, NULL);
    symbols_open(&u, s.registry, 22);
    for (int32_t i = 0; i < 400; i++) symbols_close_bar(&u.mine, i);
    load(&s, 0,
         "return trader {references = {\"BTCUSDT\"}, filter = function(m) return ta.sma(m.ref.BTCUSDT.close, 50)[0] > "
         "0 end}");
    for (int32_t i = 351; i < 400; i++) {
        kline_series_known(u.btc.market.bars[INTERVAL_5M], u.btc.bars[i].open_ms);
        symbols_put(&u.btc, INTERVAL_5M, &u.btc.bars[i]);
    }
    view = symbols_view(&u);
    view.ignores_warmup = false;
    ok(!matches(&s, 0, &view) && s.result.outcome == SCRIPT_WARMING && s.result.have == 49 && s.result.need == 50,
       "a reference warms up by itself: %d/%d", s.result.have, s.result.need);
    symbols_put(&u.btc, INTERVAL_5M, &u.btc.bars[400]);
    symbols_close_bar(&u.mine, 400);
    view = symbols_view(&u);
    view.ignores_warmup = false;
    ok(matches(&s, 0, &view), "and is warm");
    close_both(&s);
}

/* A state that has not run the trader yet, on a symbol that has all bars: it waits for nothing. */
static void test_fresh_state(void) {
    static const char code[] =
        "return trader {references = {\"BTCUSDT\"}, filter = function(m)\n"
        "  return ta.sma(m:align(m.ref.BTCUSDT.close), 20)[0] > 0 and ta.ema(m.ref.BTCUSDT.close, 9)[0] > 0 end}";
    scripts s;
    script_view view;
    trader_spec *spec;
    open_both(&s, 400);
    load(&s, 0, code);
    spec = s.specs[0];
    s.specs[0] = NULL;
    scripts_renew(&s);
    scripts_demand(scripts_compile(&s, 0, "r.lua", code), s.why.text);
    script_state_expect(s.state, 0, spec);
    view = symbols_view(&u);
    view.ignores_warmup = false;
    ok(matches(&s, 0, &view), "at once: %d/%d", s.result.have, s.result.need);
    trader_spec_free(spec);
    close_both(&s);
}

/* A symbol that refers to itself. */
static void test_itself(void) {
    scripts s;
    script_view view;
    open_both(&s, 500);
    load(&s, 0,
         "return trader {timeframes = {\"1h\"}, references = {\"BTCUSDT\"}, filter = function(m)\n"
         "  local b = m.ref.BTCUSDT\n"
         "  return m:align(ta.ema(b.close, 7))[20] == ta.ema(m.close, 7)[20] and\n"
         "    ta.sma(m:align(b[\"1h\"].close), 3)[1] == ta.sma(m:align(m[\"1h\"].close), 3)[1] or m.symbol == "
         "\"DRYUSDT\" end}");
    view = symbols_view(&u);
    view.symbol = &u.btc.info;
    memcpy(view.bars, u.btc.market.bars, sizeof view.bars);
    memcpy(view.sets, u.btc.market.sets, sizeof view.sets);
    ok(matches(&s, 0, &view), "sees the same");
    for (int32_t i = 500; i < 540; i++) symbols_close_bar(&u.btc, i);
    view.open_ms = u.btc.bars[539].open_ms;
    view.close_ms = view.open_ms + 300000;
    ok(matches(&s, 0, &view), "and goes on to");
    close_both(&s);
}

/* ---- what is aligned ---- */

static const char *const KEYS[] = {"5m align(BTCUSDT/5m:close)",
                                   "5m align(BTCUSDT/1h:close)",
                                   "5m align(BTCUSDT/1h:ema(close,5))",
                                   "5m ema(align(BTCUSDT/5m:close),9)",
                                   "5m sub(close,align(BTCUSDT/5m:sma(close,7)))",
                                   "5m align(1h:close)"};
enum { N_KEYS = sizeof KEYS / sizeof *KEYS };

static void add_keys(symbols *at) {
    scripts_demand(indicator_set_link_reference(at->mine.market.sets[INTERVAL_5M],
                                                registry_symbol(at->registry, "BTCUSDT", 7), at->btc.market.sets),
                   "link");
    for (int k = 0; k < N_KEYS; k++) {
        int32_t id;
        char key[INDICATOR_KEY_BYTES];
        scripts_demand(registry_parse(at->registry, KEYS[k], &id), KEYS[k]);
        registry_key(at->registry, id, key);
        if (strcmp(key, KEYS[k]) != 0) ok(false, "%s is written as %s", KEYS[k], key);
        scripts_demand(indicator_set_add(at->mine.market.sets[INTERVAL_5M], id, 0), KEYS[k]);
    }
}

static const double *values(const symbols *at, const char *key) {
    indicator_set *set = at->mine.market.sets[INTERVAL_5M];
    int32_t id;
    scripts_demand(registry_parse(at->registry, key, &id), key);
    return indicator_set_values(set, indicator_set_find(set, id, 0), 0);
}

static int32_t differences(const symbols *a, const symbols *b) {
    int32_t n = kline_series_count(a->mine.market.bars[INTERVAL_5M]), n_different = 0;
    for (int k = 0; k < N_KEYS; k++) {
        const double *x = values(a, KEYS[k]), *y = values(b, KEYS[k]);
        for (int32_t i = 0; i < n; i++) n_different += !(x[i] == y[i] || (isnan(x[i]) && isnan(y[i])));
    }
    return n_different;
}

static void settle(symbols *at) {
    indicator_set *set = at->mine.market.sets[INTERVAL_5M];
    indicator_set_settle(set, kline_series_count(at->mine.market.bars[INTERVAL_5M]));
}

/* By a search of its own. */
static double last_closed(const one_symbol *one, int32_t per_bar, int32_t at) {
    int32_t n = (at + 1) / per_bar;
    return n > 0 ? one->bars[n * per_bar - 1].close : NAN;
}

static void test_align(void) {
    static symbols straight, mixed;
    registry *r;
    uint64_t random = tap_seed(31);
    int32_t n_wrong = 0, n_btc = 0;
    scripts_demand(registry_new(&r), "registry");
    symbols_open(&straight, r, 5);
    symbols_open(&mixed, r, 5);
    add_keys(&straight);
    add_keys(&mixed);
    for (int32_t i = 0; i < 700; i++) {
        symbols_close_bar(&straight.btc, i), symbols_close_bar(&straight.mine, i);
        settle(&straight);
        symbols_close_bar(&mixed.mine, i);
        while (n_btc <= i + 3 && symbols_uniform(&random) < 0.66) symbols_close_bar(&mixed.btc, n_btc++);
        if (symbols_uniform(&random) < 0.3) settle(&mixed); /* too early, at times */
    }
    for (; n_btc < 700; n_btc++) symbols_close_bar(&mixed.btc, n_btc);
    settle(&mixed);
    for (int32_t i = 0; i < 700; i++) {
        double fast = last_closed(&straight.btc, 1, i), slow = last_closed(&straight.btc, SYMBOLS_HOUR, i);
        n_wrong += values(&straight, KEYS[0])[i] != fast;
        n_wrong += !(values(&straight, KEYS[1])[i] == slow || (isnan(values(&straight, KEYS[1])[i]) && isnan(slow)));
    }
    ok(n_wrong == 0, "at each bar what had closed by then: %d are not", n_wrong);
    ok(differences(&straight, &mixed) == 0, "whatever the order of arrival");
    symbols_free(&straight);
    symbols_free(&mixed);
    registry_free(r);
}

/* Bars that the reference lacks: the one before is seen. */
static void test_holes(void) {
    static symbols at;
    registry *r;
    int32_t n_wrong = 0, before = -1;
    scripts_demand(registry_new(&r), "registry");
    symbols_open(&at, r, 6);
    add_keys(&at);
    for (int32_t i = 0; i < 300; i++) {
        bool is_there = i % 7 != 3 && i % 31 > 4;
        kline_series_known(at.btc.market.bars[INTERVAL_5M], at.btc.bars[i].open_ms + (is_there ? 0 : 300000));
        if (is_there) symbols_put(&at.btc, INTERVAL_5M, &at.btc.bars[i]), before = i;
        symbols_put(&at.mine, INTERVAL_5M, &at.mine.bars[i]);
        settle(&at);
        n_wrong += before >= 0 ? values(&at, KEYS[0])[i] != at.btc.bars[before].close : !isnan(values(&at, KEYS[0])[i]);
    }
    ok(n_wrong == 0, "over holes the last value: %d are not", n_wrong);
    symbols_free(&at);
    registry_free(r);
}

static void correct_one(one_symbol *one, int32_t i, double close) {
    int32_t index;
    one->bars[i].close = close;
    if (kline_series_close(one->market.bars[INTERVAL_5M], &one->bars[i], &index) != KLINE_REPLACED) abort();
    (void)indicator_set_correct(one->market.sets[INTERVAL_5M], index);
}

static void correct(symbols *at, int32_t i, double close) { correct_one(&at->btc, i, close); }

static void test_corrections(void) {
    static symbols right, corrected;
    registry *r;
    scripts_demand(registry_new(&r), "registry");
    symbols_open(&right, r, 8);
    symbols_open(&corrected, r, 8);
    right.btc.bars[450].close = 42;
    right.btc.bars[20].close = 43;
    add_keys(&right);
    add_keys(&corrected);
    for (int32_t i = 0; i < 480; i++) {
        symbols_put(&right.btc, INTERVAL_5M, &right.btc.bars[i]),
            symbols_put(&right.mine, INTERVAL_5M, &right.mine.bars[i]);
        symbols_put(&corrected.btc, INTERVAL_5M, &corrected.btc.bars[i]);
        symbols_put(&corrected.mine, INTERVAL_5M, &corrected.mine.bars[i]);
    }
    settle(&right), settle(&corrected);
    ok(differences(&right, &corrected) > 0, "other bars, other values");
    correct(&corrected, 450, 42);
    correct(&corrected, 20, 43);
    settle(&corrected);
    ok(differences(&right, &corrected) == 0, "corrections of a reference are followed");
    for (int32_t k = 0; k < 40; k++) correct(&corrected, 300 + k, 7000 + k), right.btc.bars[300 + k].close = 7000 + k;
    for (int32_t k = 0; k < 40; k++) correct(&right, 300 + k, 7000 + k), settle(&right);
    settle(&corrected);
    ok(differences(&right, &corrected) == 0, "any number of them");
    symbols_free(&right);
    symbols_free(&corrected);
    registry_free(r);
}

/* The symbol goes to a worker that has a copy of its own: the old one is gone, the values go on. */
static void test_new_copy(void) {
    static symbols straight, moved;
    static one_symbol copy;
    registry *r;
    int64_t begun;
    scripts_demand(registry_new(&r), "registry");
    symbols_open(&straight, r, 9);
    symbols_open(&moved, r, 9);
    symbols_open_one(&copy, r, "BTCUSDT", 2, 9 ^ 0x9E3779B97F4A7C15u);
    add_keys(&straight);
    add_keys(&moved);
    for (int32_t i = 0; i < 1000; i++) { /* the first ones have left the window */
        symbols_close_bar(&straight.btc, i), symbols_close_bar(&straight.mine, i);
        symbols_close_bar(&moved.btc, i), symbols_close_bar(&moved.mine, i);
        symbols_close_bar(&copy, i);
        settle(&straight), settle(&moved);
    }
    for (int k = 0; k < 2; k++) { /* the copy has another past, and the same bars */
        double close = copy.bars[980].close;
        correct_one(&copy, 980, k ? moved.btc.bars[980].close : close + 1);
    }
    begun = indicator_set_begun(moved.mine.market.sets[INTERVAL_5M]);
    scripts_demand(indicator_set_link_reference(moved.mine.market.sets[INTERVAL_5M], registry_symbol(r, "BTCUSDT", 7),
                                                copy.market.sets),
                   "link");
    symbols_free_one(&moved.btc);
    moved.btc = copy;
    for (int32_t i = 1000; i < 1100; i++) {
        symbols_close_bar(&straight.btc, i), symbols_close_bar(&straight.mine, i);
        symbols_close_bar(&copy, i), symbols_close_bar(&moved.mine, i);
        settle(&straight), settle(&moved);
    }
    ok(differences(&straight, &moved) == 0, "the values are those of the other copy");
    ok(indicator_set_begun(moved.mine.market.sets[INTERVAL_5M]) == begun &&
           indicator_set_new_epochs(moved.mine.market.sets[INTERVAL_5M]) == 0,
       "nothing began anew");
    symbols_free(&straight);
    symbols_free(&moved);
    registry_free(r);
}

/* Aligned twice, while another trader computes what it knows of. */
static void test_chain(void) {
    scripts s;
    script_view view;
    int32_t n_wrong = 0;
    open_both(&s, 500);
    load(&s, 0,
         "return trader {timeframes = {\"1h\"}, references = {\"BTCUSDT\"}, filter = function(m)\n"
         "  local twice, once = m:align(m[\"1h\"]:align(m.ref.BTCUSDT[\"1h\"].close)), "
         "m:align(m.ref.BTCUSDT[\"1h\"].close)\n"
         "  for i = 0, 30 do if twice[i] ~= once[i] then return false end end\n"
         "  return once[0] > 0 end}");
    load(&s, 1, "return trader {filter = function(m) return m.close[0] > 0 end}");
    for (int32_t i = 500; i < 560; i++) {
        symbols_close_bar(&u.btc, i), symbols_close_bar(&u.mine, i);
        view = symbols_view(&u);
        (void)matches(&s, 1, &view);
        n_wrong += !matches(&s, 0, &view);
    }
    ok(n_wrong == 0, "of what is aligned itself nothing is taken before it is there: %d of 60 bars", n_wrong);
    close_both(&s);
}

/* An own series that reads a reference is made again from a corrected bar on. */
static void test_own_series(void) {
    scripts s;
    script_view view;
    int32_t index;
    open_both(&s, 300);
    load(&s, 0,
         "return trader {references = {\"BTCUSDT\"}, series = {sum = function(m, prev) return nz(prev) + "
         "m.ref.BTCUSDT.close[0] "
         "end},\n  filter = function(m)\n    local sum = 0\n"
         "    for i = m.ref.BTCUSDT.close:len() - 1, 0, -1 do sum = sum + m.ref.BTCUSDT.close[i] end\n"
         "    return m.my.sum[0] == sum end}");
    view = symbols_view(&u);
    ok(matches(&s, 0, &view), "a sum of the reference's closes, each as of its bar");
    u.btc.bars[250].close = 5000;
    if (kline_series_close(u.btc.market.bars[INTERVAL_5M], &u.btc.bars[250], &index) != KLINE_REPLACED) abort();
    (void)indicator_set_correct(u.btc.market.sets[INTERVAL_5M], index);
    ok(matches(&s, 0, &view), "and after a correction");
    close_both(&s);
}

static void test_registry(void) {
    registry *r;
    int32_t btc, id, other;
    char name[80];
    scripts_demand(registry_new(&r), "registry");
    btc = registry_symbol(r, "BTCUSDT", 7);
    ok(btc > 0 && registry_symbol(r, "BTCUSDT", 7) == btc && registry_symbol(r, "BTCUSDTX", 7) == btc,
       "a name has a number");
    ok(registry_symbol(r, "ETHUSDT", 7) != btc && registry_symbol(r, "BTCUSD", 6) != btc, "another name another one");
    memset(name, 'A', sizeof name);
    ok(registry_symbol(r, "", 0) < 0 && registry_symbol(r, name, 64) < 0 && registry_symbol(r, name, 63) > 0,
       "neither empty nor too long");
    ok(registry_parse(r, "5m align(BTCUSDT/1h:close)", &id) == OK &&
           registry_parse(r, "5m align(ETHUSDT/1h:close)", &other) == OK && id != other &&
           registry_parse(r, "5m align(1h:close)", &other) == OK && id != other,
       "the symbol is part of an indicator");
    ok(registry_parse(r, "5m align(/1h:close)", &id) != OK &&
           registry_parse(r, "5m align(BTCUSDT/7h:close)", &id) != OK,
       "and must be one");
    for (int k = 0; k < REGISTRY_SYMBOLS_MAX; k++) {
        int bytes = snprintf(name, sizeof name, "S%d", k);
        id = registry_symbol(r, name, (size_t)bytes);
    }
    ok(id < 0 && registry_symbol(r, "BTCUSDT", 7) == btc, "no more than there is room for");
    registry_free(r);
}

int main(void) {
    test_same_values();
    test_spec();
    test_mistakes();
    test_missing();
    test_warm_up();
    test_fresh_state();
    test_itself();
    test_align();
    test_holes();
    test_corrections();
    test_new_copy();
    test_chain();
    test_own_series();
    test_registry();
    return done();
}
