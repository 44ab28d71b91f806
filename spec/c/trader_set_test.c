/* What befalls one trader: pauses that grow, the guard against floods, errors alike together; and places of a set. */
#include "screener/trader_set.h"
#include "spec/c/tap.h"
#include <string.h>

enum { MINUTE_MS = 60000, HOUR_MS = 3600000 };
static const int64_t START_MS = 1700006400000; /* a full hour */

static trader *new_trader(const char *key) {
    trader_source *source;
    trader_spec *spec = calloc(1, sizeof *spec);
    trader *t;
    diag why;
    if (!spec || trader_source_new(key, key, "return 1", 8, NULL, &source, &why) != OK) abort();
    snprintf(spec->key, sizeof spec->key, "%s", key);
    snprintf(spec->id, sizeof spec->id, "id of %s", key);
    snprintf(spec->revision, sizeof spec->revision, "r1");
    spec->is_enabled = true;
    if (trader_new(source, spec, &t) != OK) abort();
    return t;
}

static bool fail_at(trader *t, int64_t close_ms, const char *message, bool stops) {
    return trader_fail(t, &(trader_trouble){.kind = TRADER_ERROR_ERROR,
                                            .symbol = "BTCUSDT",
                                            .open_ms = close_ms - MINUTE_MS,
                                            .close_ms = close_ms,
                                            .message = message,
                                            .trace = "trace",
                                            .stops = stops});
}

/* How long it is stopped after a failure at this close, minutes. */
static int64_t pause_after(trader *t, int64_t close_ms) {
    int64_t minutes = 0;
    if (!fail_at(t, close_ms, "a.lua:1: no", true)) return -1;
    while (trader_is_stopped(t, close_ms + minutes * MINUTE_MS)) minutes++;
    return minutes;
}

static void test_pauses(void) {
    static const int64_t expected[] = {1, 5, 30, 120, 720, 720};
    trader *t = new_trader("a");
    int64_t at_ms = START_MS;
    ok(!fail_at(t, at_ms, "a.lua:1: no", false) && !trader_is_stopped(t, at_ms), "one error alone stops nothing");
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        int64_t minutes = pause_after(t, at_ms);
        ok(minutes == expected[i], "pause %zu: %lld minutes", i + 1, (long long)minutes);
        if (i == 2) ok(!fail_at(t, at_ms, "a.lua:1: no", true), "who is stopped is not stopped again");
        at_ms += minutes * MINUTE_MS;
    }
    at_ms += 720 * MINUTE_MS; /* as long as the pause: not longer */
    ok(pause_after(t, at_ms) == 720, "a good time as long as the pause is not enough");
    at_ms += 2 * 720 * MINUTE_MS + MINUTE_MS;
    ok(pause_after(t, at_ms) == 1, "after a longer one it begins anew with a minute");
    ok(pause_after(t, at_ms + MINUTE_MS) == 5, "and goes on with five");
    at_ms += (1 + 5 + 60) * MINUTE_MS;
    ok(pause_after(t, at_ms) == 30, "an hour is not a long time");
    ok(t->fault.n_pauses == 10, "every pause is counted");
    trader_free(t);
}

static void test_floods(void) {
    enum { MOST = 10 };
    trader *t = new_trader("a");
    trader_error_row rows[FAULT_ROWS_MAX];
    int n_true = 0;
    for (int i = 0; i < 1000; i++) n_true += trader_floods(t, START_MS + i, 0);
    ok(n_true == 0, "without a limit there is no flood");
    for (int i = 0; i < MOST; i++) n_true += trader_floods(t, START_MS + MINUTE_MS * (i + 1), MOST);
    ok(n_true == 0 && !trader_is_stopped(t, START_MS + 11 * MINUTE_MS), "as many signals as allowed are no flood");
    ok(trader_floods(t, START_MS + 11 * MINUTE_MS, MOST), "the next one is");
    ok(!trader_floods(t, START_MS + 11 * MINUTE_MS, MOST), "which is said once");
    ok(trader_is_stopped(t, START_MS + 12 * MINUTE_MS) && trader_is_stopped(t, START_MS + HOUR_MS),
       "it is paused to the end of the hour");
    ok(!trader_is_stopped(t, START_MS + HOUR_MS + MINUTE_MS), "and no longer");
    for (int i = 1; i <= MOST; i++) n_true += trader_floods(t, START_MS + HOUR_MS + i * MINUTE_MS, MOST);
    ok(n_true == 0, "the next hour counts from nothing");
    ok(t->fault.n_floods == 1 && trader_take_errors(t, rows) == 1 && rows[0].kind == TRADER_ERROR_FLOOD,
       "a flood is among its errors");
    trader_free(t);
}

static const trader_error_row *find_row(const trader_error_row *rows, int32_t n, const char *message) {
    for (int32_t i = 0; i < n; i++)
        if (strcmp(rows[i].message, message) == 0) return &rows[i];
    return NULL;
}

static void test_rows(void) {
    static trader_error_row rows[FAULT_ROWS_MAX];
    trader *t = new_trader("a");
    const trader_error_row *row;
    char message[64];
    int32_t n;
    ok(trader_take_errors(t, rows) == 0, "no errors at first");
    for (int i = 0; i < 5; i++) (void)fail_at(t, START_MS + i * MINUTE_MS, "a.lua:14: nil", false);
    (void)fail_at(t, START_MS, "a.lua:15: nil", false);
    n = trader_take_errors(t, rows);
    row = find_row(rows, n, "a.lua:14: nil");
    ok(n == 2 && row && row->count == 5 && row->line == 14, "errors alike are one row with their number and line");
    ok(row && row->open_ms == START_MS + 3 * MINUTE_MS && strcmp(row->symbol, "BTCUSDT") == 0 &&
           strcmp(row->trace, "trace") == 0 && strcmp(row->trader, "a") == 0 && strcmp(row->revision, "r1") == 0,
       "with the last one's bar, symbol and trace, and whose it is");
    ok(trader_take_errors(t, rows) == 0, "they are taken once");
    (void)fail_at(t, START_MS, "a.lua:14: nil", false);
    n = trader_take_errors(t, rows);
    ok(n == 1 && rows[0].count == 6, "until one comes again: its number goes on");
    for (int i = 0; i < 20; i++) {
        snprintf(message, sizeof message, "a.lua:%d: other", 100 + i);
        (void)fail_at(t, START_MS, message, false);
    }
    n = trader_take_errors(t, rows);
    ok(n <= FAULT_ROWS_MAX && find_row(rows, n, message) && t->fault.n_errors == 27,
       "of more kinds than there are rows the newest is there, and all are counted: %d rows", n);
    trader_free(t);
}

static void test_sets(void) {
    trader_set *before, *after;
    trader *a = new_trader("a"), *b = new_trader("b"), *c = new_trader("c");
    int32_t depth[N_INTERVALS];
    a->spec->interval_mask = 1u << INTERVAL_1M | 1u << INTERVAL_1H;
    a->spec->history[INTERVAL_1M] = 100;
    b->spec->interval_mask = 1u << INTERVAL_1M;
    b->spec->history[INTERVAL_1M] = 300;
    c->spec->interval_mask = 1u << INTERVAL_1D;
    c->spec->is_enabled = false;
    if (trader_set_new(3, &before) != OK || trader_set_new(4, &after) != OK) abort();
    trader_set_put(before, 0, a);
    trader_set_put(before, 2, b);
    trader_set_put(after, 2, b);
    trader_set_put(after, 3, c);
    ok(trader_set_running(before) == 2 && !trader_set_at(before, 1) && !trader_set_at(before, 9) &&
           !trader_set_at(NULL, 0),
       "a place may be empty");
    ok(trader_set_find(before, "b") == 2 && trader_set_find(before, "c") < 0, "traders are found by their keys");
    ok(trader_set_intervals(before, depth) == (1u << INTERVAL_1M | 1u << INTERVAL_1H) && depth[INTERVAL_1M] == 300,
       "the intervals of all, as deep as the deepest needs");
    trader_set_free(before); /* with a; b is held by the other */
    ok(trader_set_at(after, 2) == b && strcmp(b->spec->key, "b") == 0, "a trader lives as long as a set that has it");
    ok(trader_set_intervals(after, depth) == 1u << INTERVAL_1M, "one that is switched off needs nothing");
    trader_set_free(after);
}

static uint32_t add_symbol(symbol_table *table, const char *name, const char *quote, double volume) {
    symbol_info info = {.quote_volume_24h = volume};
    uint32_t id;
    snprintf(info.name, sizeof info.name, "%s", name);
    snprintf(info.quote, sizeof info.quote, "%s", quote);
    if (symbol_table_add(table, &info, &id) != OK) abort();
    return id;
}

/* Which of the five symbols the only trader of a set looks at, a letter each. */
static const char *wanted(const symbol_table *table, const char *quote, int32_t top, double least) {
    static char letters[8];
    trader_set *set;
    trader *t = new_trader("volumes");
    int n = 0;
    if (quote) t->spec->quote = strdup(quote);
    t->spec->symbols_top = top;
    t->spec->min_quote_volume = least;
    if (trader_set_new(1, &set) != OK) abort();
    trader_set_put(set, 0, t);
    if (trader_set_choose(set, table, false) != OK) abort();
    for (uint32_t id = 0; id < symbol_table_count(table); id++) {
        const symbol_info *info = symbol_table_get(table, id);
        if (!info->is_alias && trader_wants(t, info)) letters[n++] = info->name[0];
    }
    letters[n] = 0;
    trader_set_free(set);
    return letters;
}

static const char *letters_of(const trader *t, const symbol_table *table) {
    static char letters[8];
    int n = 0;
    for (uint32_t id = 0; id < symbol_table_count(table); id++)
        if (trader_wants(t, symbol_table_get(table, id))) letters[n++] = symbol_table_get(table, id)->name[0];
    letters[n] = 0;
    return letters;
}

/* The universe is looked at again: volumes and members have changed. */
static void test_refresh(void) {
    symbol_table *table;
    trader_set *set;
    trader *top = new_trader("top"), *one = new_trader("one");
    if (symbol_table_new(&table) != OK || trader_set_new(2, &set) != OK) abort();
    add_symbol(table, "AUSDT", "USDT", 50);
    add_symbol(table, "BUSDT", "USDT", 400);
    add_symbol(table, "CUSDT", "USDT", 300);
    top->spec->symbols_top = 2;
    one->spec->include = calloc(2, sizeof(char *));
    one->spec->include[0] = strdup("AUSDT");
    trader_set_put(set, 0, top);
    trader_set_put(set, 1, one);
    if (trader_set_choose(set, table, false) != OK) abort();
    ok(strcmp(letters_of(top, table), "BC") == 0 && strcmp(letters_of(one, table), "A") == 0, "as at the start");
    symbol_table_refresh(table, 0, 900, true);
    symbol_table_refresh(table, 2, 10, true);
    if (trader_set_choose(set, table, true) != OK) abort();
    ok(strcmp(letters_of(top, table), "AB") == 0, "the two most traded are others now");
    symbol_table_set_outside(table, 0, true);
    if (trader_set_choose(set, table, true) != OK) abort();
    ok(strcmp(letters_of(top, table), "BC") == 0, "one outside of the universe takes no place");
    ok(strcmp(letters_of(one, table), "A") == 0, "whoever names it looks at it");
    trader_set_free(set);
    symbol_table_free(table);
}

static void test_volumes(void) {
    symbol_table *table;
    uint32_t copy;
    if (symbol_table_new(&table) != OK) abort();
    add_symbol(table, "AUSDT", "USDT", 50);
    add_symbol(table, "BUSDT", "USDT", 400);
    add_symbol(table, "CBTC", "BTC", 900);
    add_symbol(table, "DUSDT", "USDT", 300);
    add_symbol(table, "EUSDT", "USDT", 0); /* not known */
    if (symbol_table_alias(table, 1, &copy) != OK) abort();
    ok(strcmp(wanted(table, NULL, 0, 0), "ABCDE") == 0, "no bound: all");
    ok(strcmp(wanted(table, NULL, 0, 300), "BCDE") == 0, "a least volume, which counts; one that is not known is in");
    ok(strcmp(wanted(table, NULL, 2, 0), "BCE") == 0, "the two most traded; a further id of a symbol takes no place");
    ok(strcmp(wanted(table, "USDT", 2, 0), "BDE") == 0, "of those with the quote asset");
    ok(strcmp(wanted(table, "USDT", 3, 350), "BE") == 0, "both bounds");
    ok(strcmp(wanted(table, NULL, 9, 0), "ABCDE") == 0, "more than there are");
    symbol_table_free(table);
}

int main(void) {
    test_pauses();
    test_floods();
    test_rows();
    test_sets();
    test_volumes();
    test_refresh();
    return done();
}
