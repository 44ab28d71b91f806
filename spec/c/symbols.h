/* Two symbols with 5m and 1h bars that a spec closes one after the other: MINE, at which traders look, and BTCUSDT, which
 * they may refer to. The bars are a seeded random walk, those of 1h made of those of 5m.
 *
 *   symbols u;
 *   symbols_open(&u, seed);
 *   symbols_close_bar(&u.mine, i);       the i-th 5m bar, and the hour that it ends
 *   view = symbols_view(&u);             at the close of the newest bar of MINE
 *   view = symbols_tick(&u, &bar);       at a forming bar
 *   symbols_free(&u);
 */
#pragma once
#include "spec/c/scripts.h"
#include <math.h>

/* KEEP: as for a trader that looks 780 bars back (tracked.c): a window and REBUILD_BARS behind that. */
enum { SYMBOLS_BARS = 1500, SYMBOLS_KEEP = 1100, SYMBOLS_HOUR = 12 };
static const int64_t SYMBOLS_START_MS = 1700006400000; /* 2023-11-15T00:00Z */

typedef struct one_symbol {
    script_market market;
    symbol_info info;
    kline bars[SYMBOLS_BARS];
} one_symbol;

typedef struct symbols {
    registry *registry;
    one_symbol mine, btc;
} symbols;

static inline double symbols_uniform(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (double)((*state * 2685821657736338717u) >> 11) / 9007199254740992.0;
}

static inline void symbols_make_bars(one_symbol *one, uint64_t seed) {
    double price = 100;
    for (int32_t i = 0; i < SYMBOLS_BARS; i++) {
        kline *bar = &one->bars[i];
        *bar = (kline){.open_ms = SYMBOLS_START_MS + (int64_t)i * 300000, .open = price};
        price *= 1 + (symbols_uniform(&seed) - 0.5) * 0.02;
        bar->close = price;
        bar->high = fmax(bar->open, bar->close) * (1 + 0.005 * symbols_uniform(&seed));
        bar->low = fmin(bar->open, bar->close) * (1 - 0.005 * symbols_uniform(&seed));
        bar->volume = 10 + 100 * symbols_uniform(&seed);
        bar->quote_volume = bar->volume * (bar->open + bar->close) / 2;
        bar->trades = floor(10 + 50 * symbols_uniform(&seed));
        bar->taker_base = bar->volume * symbols_uniform(&seed);
        bar->taker_quote = bar->taker_base * bar->close;
    }
}

static inline void symbols_make_series(one_symbol *one, const registry *r) {
    const int32_t intervals[] = {INTERVAL_5M, INTERVAL_1H};
    for (int k = 0; k < 2; k++) {
        int32_t i = intervals[k];
        one->market.bars[i] = kline_series_new(i, SYMBOLS_KEEP, SYMBOLS_START_MS);
        if (!one->market.bars[i] || indicator_set_new(one->market.bars[i], r, &one->market.sets[i]) != OK) abort();
        indicator_set_link(one->market.sets[i], one->market.sets);
    }
}

static inline void symbols_open_one(one_symbol *one, const registry *r, const char *name, uint32_t id, uint64_t seed) {
    memset(one, 0, sizeof *one);
    snprintf(one->info.name, sizeof one->info.name, "%s", name);
    one->info.tick_size = 0.01;
    one->market.symbol = &one->info;
    one->market.symbol_id = id;
    symbols_make_bars(one, seed);
    symbols_make_series(one, r);
}

static inline void symbols_open(symbols *u, registry *r, uint64_t seed) {
    u->registry = r;
    symbols_open_one(&u->mine, r, "MINEUSDT", 1, seed);
    symbols_open_one(&u->btc, r, "BTCUSDT", 2, seed ^ 0x9E3779B97F4A7C15u);
}

static inline void symbols_free_one(one_symbol *one) {
    for (int32_t i = 0; i < N_INTERVALS; i++) indicator_set_free(one->market.sets[i]);
    for (int32_t i = 0; i < N_INTERVALS; i++) kline_series_free(one->market.bars[i]);
}

static inline void symbols_free(symbols *u) {
    symbols_free_one(&u->mine);
    symbols_free_one(&u->btc);
}

static inline void symbols_put(one_symbol *one, int32_t interval, const kline *bar) {
    if (kline_series_close(one->market.bars[interval], bar, NULL) != KLINE_APPENDED) abort();
    indicator_set_advance(one->market.sets[interval]);
}

/* The hour that the i-th bar ends. */
static inline kline symbols_hour(const one_symbol *one, int32_t i) {
    kline hour = one->bars[i - SYMBOLS_HOUR + 1];
    for (int32_t k = i - SYMBOLS_HOUR + 2; k <= i; k++) {
        hour.high = fmax(hour.high, one->bars[k].high);
        hour.low = fmin(hour.low, one->bars[k].low);
        hour.volume += one->bars[k].volume;
        hour.quote_volume += one->bars[k].quote_volume;
    }
    hour.close = one->bars[i].close;
    return hour;
}

static inline void symbols_close_bar(one_symbol *one, int32_t i) {
    kline hour;
    symbols_put(one, INTERVAL_5M, &one->bars[i]);
    if (i % SYMBOLS_HOUR != SYMBOLS_HOUR - 1) return;
    hour = symbols_hour(one, i);
    symbols_put(one, INTERVAL_1H, &hour);
}

/* Without references. */
static inline script_view symbols_view_alone(symbols *u) {
    script_view view = {.symbol = &u->mine.info, .symbol_id = 1, .ignores_warmup = true};
    const kline_series *bars = u->mine.market.bars[INTERVAL_5M];
    memcpy(view.bars, u->mine.market.bars, sizeof view.bars);
    memcpy(view.sets, u->mine.market.sets, sizeof view.sets);
    if (kline_series_count(bars) > 0) view.open_ms = kline_series_open_ms(bars)[kline_series_count(bars) - 1];
    view.close_ms = view.open_ms + 300000;
    return view;
}

static inline script_view symbols_view(symbols *u) {
    script_view view = symbols_view_alone(u);
    view.references[0] = &u->btc.market;
    return view;
}

static inline script_view symbols_tick(symbols *u, const kline *bar) {
    script_view view = symbols_view(u);
    if (kline_series_update(u->mine.market.bars[INTERVAL_5M], bar) != KLINE_FORMING) abort();
    view.is_tick = true;
    view.open_ms = bar->open_ms;
    view.close_ms = bar->open_ms + 300000;
    return view;
}
