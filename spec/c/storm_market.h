/* The market of a storm: what the exchange would answer if it were asked for everything. Some bars exist nowhere (holes,
 * each interval has its own); some are corrected later. Also the storm's dice.
 * Threads: one. */
#pragma once
#include "market/random_market.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STORM_SYMBOLS = 12, STORM_INTERVALS = 3, MINUTE = 60000, STORM_HISTORY_MINUTES = 14400, STORM_MINUTES = 4000 };

static const int32_t storm_interval[STORM_INTERVALS] = {INTERVAL_1M, INTERVAL_5M, INTERVAL_15M};
static const int64_t storm_span[STORM_INTERVALS] = {MINUTE, 5 * MINUTE, 15 * MINUTE};

/* ---- dice: one for what happens, the same for a seed; one for what depends on when threads run ---- */

static uint64_t plan_dice, chance_dice;

static inline uint64_t throw_dice(uint64_t *state) {
    uint64_t x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static inline int below(int n) { return (int)(throw_dice(&plan_dice) % (uint64_t)n); }
static inline bool one_in(int n) { return below(n) == 0; }
static inline int chance(int n) { return (int)(throw_dice(&chance_dice) % (uint64_t)n); }

static inline void demand(err e, const char *what) {
    if (e == OK) return;
    printf("Bail out! %s: %s\n", what, error_text(e));
    exit(1);
}

/* ---- bars ---- */

typedef struct bars { /* those that exist, oldest first */
    kline *rows;
    int32_t count;
} bars;

typedef struct storm_market {
    int32_t n_symbols;
    symbol_info symbols[STORM_SYMBOLS];
    int64_t begin_ms, first_ms; /* oldest bar there is; where the storm begins */
    bars bars[STORM_SYMBOLS][STORM_INTERVALS];
} storm_market;

/* Index of the first bar that opens at or after `ms`; count when there is none. */
static inline int32_t bars_from(const bars *b, int64_t ms) {
    int32_t low = 0, high = b->count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (b->rows[middle].open_ms < ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The bar that opens at `ms`; NULL: it exists nowhere. */
static inline kline *bars_at(const bars *b, int64_t ms) {
    int32_t at = bars_from(b, ms);
    return at < b->count && b->rows[at].open_ms == ms ? &b->rows[at] : NULL;
}

static inline void make_holes(bars *b, int seldom) {
    int32_t kept = 0, missing = 0;
    for (int32_t i = 0; i < b->count; i++) {
        if (one_in(seldom)) missing = one_in(3) ? 1 + below(6) : 1;
        if (missing > 0)
            missing--;
        else
            b->rows[kept++] = b->rows[i];
    }
    b->count = kept;
}

static inline void make_bars(random_market *source, storm_market *m, int32_t symbol, int32_t k) {
    static const int seldom[STORM_INTERVALS] = {150, 120, 60};
    bars *b = &m->bars[symbol][k];
    int64_t end_ms = m->first_ms + (int64_t)STORM_MINUTES * MINUTE;
    size_t most = (size_t)((end_ms - m->begin_ms) / storm_span[k]) + 1, count;
    b->rows = malloc(most * sizeof *b->rows);
    if (!b->rows) abort();
    demand(random_market_klines(source, (size_t)symbol, (enum interval)storm_interval[k], m->begin_ms, end_ms, b->rows,
                                most, &count),
           "klines");
    b->count = (int32_t)count;
    make_holes(b, seldom[k]);
}

static inline void storm_market_init(storm_market *m) {
    char names[STORM_SYMBOLS][SYMBOL_BYTES];
    const char *list[STORM_SYMBOLS];
    random_market *source;
    m->n_symbols = 5 + below(STORM_SYMBOLS - 4);
    m->first_ms = RANDOM_MARKET_FIRST_MS + (int64_t)(100 + below(300)) * 1440 * MINUTE + (int64_t)below(1440) * MINUTE;
    m->begin_ms = interval_floor(INTERVAL_15M, m->first_ms) - (int64_t)STORM_HISTORY_MINUTES * MINUTE;
    for (int32_t i = 0; i < m->n_symbols; i++) {
        random_market_name((size_t)i, names[i]);
        list[i] = names[i];
    }
    demand(random_market_new(throw_dice(&plan_dice), list, (size_t)m->n_symbols, &source), "market");
    for (int32_t i = 0; i < m->n_symbols; i++) {
        m->symbols[i] = *random_market_symbol(source, (size_t)i);
        for (int32_t k = 0; k < STORM_INTERVALS; k++) make_bars(source, m, i, k);
    }
    random_market_free(source);
}

static inline void storm_market_deinit(storm_market *m) {
    for (int32_t i = 0; i < m->n_symbols; i++)
        for (int32_t k = 0; k < STORM_INTERVALS; k++) free(m->bars[i][k].rows);
}
