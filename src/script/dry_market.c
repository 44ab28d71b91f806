/* See dry_market.h. All series end at one instant at which every usual interval closes. */
#include "script/dry_market.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { BARS = 400, LENGTH_MAX_KEEP = 5200 };
static const int64_t END_MS = 1704067200000; /* 2024-01-01T00:00Z: a Monday, the first of a month */
static const symbol_info SYMBOL = {
    .name = "DRYUSDT", .base = "DRY", .quote = "USDT", .tick_size = 0.01, .step_size = 0.01, .is_trading = true};

typedef struct dry_reference {
    script_market market;
    symbol_info symbol;
} dry_reference;

struct dry_market {
    script_view view;
    int32_t interval;
    const registry *registry;
    uint32_t mask;
    dry_reference *references[REFERENCES_MAX];
    script_ticker ticker;
};

static double uniform(uint64_t *state) { /* xorshift64* */
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (double)((*state * 2685821657736338717u) >> 11) / 9007199254740992.0;
}

static uint64_t seed_of(const char *symbol, int32_t interval) {
    uint64_t seed = 88172645463325252u + (uint64_t)interval;
    for (; *symbol; symbol++) seed = (seed ^ (unsigned char)*symbol) * 1099511628211u;
    return seed;
}

static err fill(kline_series *bars, int32_t interval, uint64_t seed) {
    double price = 100;
    for (int32_t i = 0; i < BARS; i++) {
        kline bar = {.open_ms = interval_add(interval, interval_floor(interval, END_MS), i - BARS), .open = price};
        double range = (i / 40 % 2 ? 0.03 : 0.004) * (uniform(&seed) + 0.1);
        double drift = (i / 25 % 2 ? 1 : -1) * 0.3 * range;
        bar.close = price * (1 + drift + range * (uniform(&seed) - 0.5));
        bar.high = fmax(bar.open, bar.close) * (1 + range * uniform(&seed) / 2);
        bar.low = fmin(bar.open, bar.close) * (1 - range * uniform(&seed) / 2);
        bar.volume = 1000 * (uniform(&seed) + 0.1) * (uniform(&seed) < 0.08 ? 8 : 1);
        bar.quote_volume = bar.volume * (bar.open + bar.close) / 2;
        bar.trades = floor(100 + 900 * uniform(&seed));
        bar.taker_base = bar.volume * uniform(&seed);
        bar.taker_quote = bar.quote_volume * bar.taker_base / bar.volume;
        if (kline_series_close(bars, &bar, NULL) != KLINE_APPENDED) return ERR_INVALID;
        price = bar.close;
    }
    return OK;
}

/* All intervals of the mask, with their indicators. */
static err make_series(const dry_market *m, const char *symbol, kline_series *bars[N_INTERVALS],
                       indicator_set *sets[N_INTERVALS]) {
    err e = OK;
    for (int32_t i = 0; i < N_INTERVALS && e == OK; i++) {
        if (!(m->mask >> i & 1)) continue;
        bars[i] = kline_series_new(i, LENGTH_MAX_KEEP, interval_add(i, interval_floor(i, END_MS), -BARS));
        e = bars[i] ? fill(bars[i], i, seed_of(symbol, i)) : ERR_NO_MEMORY;
        if (e == OK) e = indicator_set_new(bars[i], m->registry, &sets[i]);
        if (e == OK) indicator_set_link(sets[i], sets);
    }
    return e;
}

err dry_market_new(const registry *r, int32_t interval, uint32_t interval_mask, dry_market **out) {
    dry_market *m = calloc(1, sizeof *m);
    err e;
    if (!m) return ERR_NO_MEMORY;
    m->registry = r;
    m->interval = interval;
    m->mask = interval_mask;
    m->view.symbol = &SYMBOL;
    m->view.symbol_id = UINT32_MAX;
    m->view.ignores_warmup = true;
    e = make_series(m, "", m->view.bars, m->view.sets);
    if (e == OK)
        *out = m;
    else
        dry_market_free(m);
    return e;
}

err dry_market_refer(dry_market *m, int32_t k, const char *symbol) {
    dry_reference *from = calloc(1, sizeof *from);
    if (!from) return ERR_NO_MEMORY;
    m->references[k] = from;
    snprintf(from->symbol.name, sizeof from->symbol.name, "%s", symbol);
    symbol_guess_assets(&from->symbol);
    from->market.symbol = &from->symbol;
    from->market.symbol_id = UINT32_MAX - 1 - (uint32_t)k;
    m->view.references[k] = &from->market;
    return make_series(m, symbol, from->market.bars, from->market.sets);
}

static void free_series(kline_series *bars[N_INTERVALS], indicator_set *sets[N_INTERVALS]) {
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        indicator_set_free(sets[i]);
        kline_series_free(bars[i]);
    }
}

void dry_market_free(dry_market *m) {
    if (!m) return;
    free_series(m->view.bars, m->view.sets);
    for (int32_t k = 0; k < REFERENCES_MAX; k++) {
        if (m->references[k]) free_series(m->references[k]->market.bars, m->references[k]->market.sets);
        free(m->references[k]);
    }
    free(m);
}

void dry_market_view(dry_market *m, int32_t back, script_view *view) {
    *view = m->view;
    view->open_ms = interval_add(m->interval, interval_floor(m->interval, END_MS), -1 - back);
    view->close_ms = interval_next(m->interval, view->open_ms);
}

void dry_market_tick(dry_market *m, int32_t n, script_view *view) {
    kline_series *bars = m->view.bars[m->interval];
    uint64_t seed = seed_of("tick", n + 1);
    kline bar;
    (void)uniform(&seed);
    kline_series_get(bars, kline_series_count(bars) - 1, &bar);
    bar.open_ms = interval_floor(m->interval, END_MS);
    bar.open = bar.close;
    bar.close *= 0.97 + 0.06 * uniform(&seed);
    bar.high = fmax(bar.open, bar.close);
    bar.low = fmin(bar.open, bar.close);
    (void)kline_series_update(bars, &bar); /* the bar after the newest: there is no other answer */
    m->ticker = (script_ticker){.last = bar.close,
                                .change_pct = (bar.close / bar.open - 1) * 100,
                                .high = bar.high * 1.01,
                                .low = bar.low * 0.99,
                                .volume = bar.volume * 100,
                                .quote_volume = bar.quote_volume * 100,
                                .bid = bar.close,
                                .ask = bar.close + SYMBOL.tick_size};
    dry_market_view(m, -1, view);
    view->is_tick = true;
    view->ticker = &m->ticker;
}

script_rank dry_market_rank(int32_t top, int32_t n) {
    int32_t count = top < 50 ? 50 : top;
    return (script_rank){
        .rank = n % top + 1, .count = count, .advancing = count / 2, .declining = count / 3, .median_change = 0.25};
}
