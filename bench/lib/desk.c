/* See desk.h. */
#include "bench/lib/desk.h"
#include "bench/lib/data.h"
#include "bench/lib/rig.h"
#include "screener/tracked.h"
#include "script/calls.h"
#include "script/state.h"
#include "script/trader_folder.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct desk_symbol {
    symbol_info info;
    kline *bars[RIG_INTERVALS]; /* closed ones, and the one that is forming behind them */
    int32_t n_bars[RIG_INTERVALS];
    kline_series *series[N_INTERVALS];
    indicator_set *sets[N_INTERVALS];
    script_binding **bindings; /* by trader */
} desk_symbol;

struct desk {
    int32_t n_symbols, n_traders;
    registry *registry;
    watchdog *dog;
    guard *guard;
    script_state *state;
    trader_source **sources;
    trader_spec **specs;
    int32_t keep[N_INTERVALS];
    desk_symbol *symbols;
};

static const int64_t NOW_MS = DATA_END_MS + 60000; /* when the last 1m bar has closed */

static void die(const char *what) {
    fprintf(stderr, "desk: %s\n", what);
    exit(1);
}

static void *allocate(size_t n, size_t bytes) {
    void *p = calloc(n, bytes);
    if (!p) die("out of memory");
    return p;
}

/* ---- the state ---- */

/* As workers do it: one state finds out what the traders need, another one runs them. */
static void load(desk *d) {
    script_limits limits = {
        .cpu_ms = 20, .load_cpu_ms = 500, .memory_bytes = 64u << 20, .default_interval = INTERVAL_1M};
    script_state *first;
    int32_t n_failed;
    diag why = {.text = "out of memory"};
    if (registry_new(&d->registry) != OK || watchdog_start(&d->dog) != OK || guard_attach(d->dog, &d->guard) != OK)
        die(why.text);
    if (trader_folder_read("bench/traders", &d->sources, &d->n_traders, &n_failed, &why) != OK || n_failed)
        die(why.text);
    d->specs = allocate((size_t)d->n_traders, sizeof *d->specs);
    if (script_state_new(d->registry, d->guard, &limits, &first, &why) != OK) die(why.text);
    for (int32_t i = 0; i < d->n_traders; i++)
        if (script_state_load(first, i, d->sources[i], &d->specs[i], &why) != OK) die(why.text);
    script_state_free(first);
    if (script_state_new(d->registry, d->guard, &limits, &d->state, &why) != OK) die(why.text);
    for (int32_t i = 0; i < d->n_traders; i++) {
        if (script_state_load(d->state, i, d->sources[i], NULL, &why) != OK) die(why.text);
        script_state_expect(d->state, i, d->specs[i]);
    }
}

static int32_t bars_kept(const desk *d, int32_t interval, int32_t n_bars) {
    int32_t bars = 0;
    for (int32_t i = 0; i < d->n_traders; i++)
        if (d->specs[i]->history[interval] > bars) bars = d->specs[i]->history[interval];
    bars += SILENT_BARS + 2 * CHECKPOINT_BARS;
    return bars > n_bars ? bars : n_bars;
}

/* ---- the market ---- */

static void make_bars(desk_symbol *symbol, int32_t index, int32_t n_bars) {
    for (int32_t u = 0; u < RIG_INTERVALS; u++) {
        data_stream stream;
        kline *bar = symbol->bars[u] = allocate((size_t)n_bars + 1, sizeof *bar);
        data_stream_init(&stream, index, rig_interval[u], n_bars);
        for (data_stream_next(&stream, bar); interval_next(rig_interval[u], bar->open_ms) <= NOW_MS; bar++)
            data_stream_next(&stream, bar + 1);
        symbol->n_bars[u] = (int32_t)(bar - symbol->bars[u]);
    }
}

static void fill(const desk *d, desk_symbol *symbol) {
    for (int32_t u = 0; u < RIG_INTERVALS; u++) {
        int32_t interval = rig_interval[u];
        kline_series *series = kline_series_new(interval, d->keep[interval], symbol->bars[u][0].open_ms);
        if (!series) die("out of memory");
        for (int32_t i = 0; i < symbol->n_bars[u]; i++)
            if (kline_series_close(series, &symbol->bars[u][i], NULL) != KLINE_APPENDED) die("a bar was refused");
        symbol->series[interval] = series;
    }
}

static void clear(const desk *d, desk_symbol *symbol) {
    for (int32_t i = 0; i < d->n_traders; i++) {
        script_binding_free(symbol->bindings[i]);
        symbol->bindings[i] = NULL;
    }
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        indicator_set_free(symbol->sets[i]);
        kline_series_free(symbol->series[i]);
        symbol->sets[i] = NULL;
        symbol->series[i] = NULL;
    }
}

void desk_clear(desk *d) {
    for (int32_t s = 0; s < d->n_symbols; s++) {
        clear(d, &d->symbols[s]);
        fill(d, &d->symbols[s]);
    }
}

desk *desk_new(int32_t n_symbols, int32_t n_bars) {
    desk *d = allocate(1, sizeof *d);
    d->n_symbols = n_symbols;
    d->symbols = allocate((size_t)n_symbols, sizeof *d->symbols);
    load(d);
    for (int32_t u = 0; u < RIG_INTERVALS; u++) d->keep[rig_interval[u]] = bars_kept(d, rig_interval[u], n_bars);
    for (int32_t s = 0; s < n_symbols; s++) {
        desk_symbol *symbol = &d->symbols[s];
        symbol->info = (symbol_info){.quote = "USDT", .tick_size = 0.01, .is_trading = true};
        snprintf(symbol->info.name, sizeof symbol->info.name, "SYM%03dUSDT", s);
        snprintf(symbol->info.base, sizeof symbol->info.base, "SYM%03d", s);
        symbol->bindings = allocate((size_t)d->n_traders, sizeof(script_binding *));
        make_bars(symbol, s, n_bars);
    }
    return d;
}

void desk_free(desk *d) {
    for (int32_t s = 0; s < d->n_symbols; s++) {
        clear(d, &d->symbols[s]);
        free(d->symbols[s].bindings);
        for (int32_t u = 0; u < RIG_INTERVALS; u++) free(d->symbols[s].bars[u]);
    }
    script_state_free(d->state);
    for (int32_t i = 0; i < d->n_traders; i++) {
        trader_source_free(d->sources[i]);
        trader_spec_free(d->specs[i]);
    }
    free(d->sources);
    free(d->specs);
    free(d->symbols);
    guard_detach(d->guard);
    watchdog_stop(d->dog);
    registry_free(d->registry);
    free(d);
}

int32_t desk_traders(const desk *d) { return d->n_traders; }
const char *desk_trader(const desk *d, int32_t index) { return d->specs[index]->key; }

int32_t desk_bars(const desk *d, int32_t symbol, int32_t u, const kline **bars) {
    *bars = d->symbols[symbol].bars[u];
    return d->symbols[symbol].n_bars[u];
}

/* ---- steps ---- */

void desk_begin(desk *d, int32_t symbol, bool *matches) {
    desk_symbol *at = &d->symbols[symbol];
    for (int32_t u = 0; u < RIG_INTERVALS; u++) {
        int32_t i = rig_interval[u];
        if (indicator_set_new(at->series[i], d->registry, &at->sets[i]) != OK) die("out of memory");
    }
    for (int32_t u = 0; u < RIG_INTERVALS; u++) indicator_set_link(at->sets[rig_interval[u]], at->sets);
    desk_evaluate(d, symbol, matches);
}

/* A bar as it is after a part of its time. */
static kline forming(const kline *closed, double part) {
    kline bar = *closed;
    bar.close = closed->open + (closed->close - closed->open) * part;
    bar.high = fmax(bar.open, bar.close) + (closed->high - fmax(closed->open, closed->close)) * part;
    bar.low = fmin(bar.open, bar.close) - (fmin(closed->open, closed->close) - closed->low) * part;
    bar.volume *= part, bar.quote_volume *= part, bar.taker_base *= part, bar.taker_quote *= part;
    return bar;
}

void desk_update(desk *d, int32_t symbol, double part) {
    desk_symbol *at = &d->symbols[symbol];
    for (int32_t u = 0; u < RIG_INTERVALS; u++) {
        kline bar = forming(&at->bars[u][at->n_bars[u]], part);
        if (kline_series_update(at->series[rig_interval[u]], &bar) != KLINE_FORMING) die("an update was refused");
    }
}

static void evaluate(desk *d, int32_t symbol, script_view *view, bool *matches) {
    desk_symbol *at = &d->symbols[symbol];
    view->symbol = &at->info;
    view->symbol_id = (uint32_t)symbol;
    memcpy(view->bars, at->series, sizeof view->bars);
    memcpy(view->sets, at->sets, sizeof view->sets);
    for (int32_t i = 0; i < d->n_traders; i++) {
        script_result result;
        diag why;
        view->binding = &at->bindings[i];
        if (script_state_evaluate(d->state, i, view, &result, &why) != OK) die(why.text);
        if (result.outcome == SCRIPT_WARMING) die("a trader is still warming up");
        matches[i] = result.outcome == SCRIPT_MATCH;
        script_result_deinit(&result);
    }
}

void desk_evaluate(desk *d, int32_t symbol, bool *matches) {
    evaluate(d, symbol, &(script_view){.open_ms = interval_add(INTERVAL_1M, NOW_MS, -1), .close_ms = NOW_MS}, matches);
}

void desk_evaluate_forming(desk *d, int32_t symbol, bool *matches) {
    evaluate(d, symbol,
             &(script_view){.open_ms = NOW_MS, .close_ms = interval_next(INTERVAL_1M, NOW_MS), .is_tick = true},
             matches);
}
