/* See dry_market.h. All series end at one instant at which every usual interval closes. */
#include "script/dry_market.h"
#include <math.h>
#include <stdlib.h>

enum { BARS = 400, LENGTH_MAX_KEEP = 5200 };
static const int64_t END_MS = 1704067200000; /* 2024-01-01T00:00Z: a Monday, the first of a month */
static const symbol_info SYMBOL = {
    .name = "DRYUSDT", .base = "DRY", .quote = "USDT", .tick_size = 0.01, .step_size = 0.01, .is_trading = true};

struct dry_market {
    script_view view;
    int32_t interval;
};

static double uniform(uint64_t *state) { /* xorshift64* */
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (double)((*state * 2685821657736338717u) >> 11) / 9007199254740992.0;
}

static err fill(kline_series *bars, int32_t interval) {
    uint64_t seed = 88172645463325252u + (uint64_t)interval;
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

err dry_market_new(const registry *r, int32_t interval, uint32_t interval_mask, dry_market **out) {
    dry_market *m = calloc(1, sizeof *m);
    err e = m ? OK : ERR_NO_MEMORY;
    if (!m) return e;
    m->interval = interval;
    m->view.symbol = &SYMBOL;
    m->view.symbol_id = UINT32_MAX;
    m->view.ignores_warmup = true;
    for (int32_t i = 0; i < N_INTERVALS && e == OK; i++) {
        if (!(interval_mask >> i & 1)) continue;
        m->view.bars[i] = kline_series_new(i, LENGTH_MAX_KEEP, interval_add(i, interval_floor(i, END_MS), -BARS));
        e = m->view.bars[i] ? fill(m->view.bars[i], i) : ERR_NO_MEMORY;
        if (e == OK) e = indicator_set_new(m->view.bars[i], r, &m->view.sets[i]);
        if (e == OK) indicator_set_link(m->view.sets[i], m->view.sets);
    }
    if (e == OK)
        *out = m;
    else
        dry_market_free(m);
    return e;
}

void dry_market_free(dry_market *m) {
    if (!m) return;
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        indicator_set_free(m->view.sets[i]);
        kline_series_free(m->view.bars[i]);
    }
    free(m);
}

void dry_market_view(dry_market *m, int32_t back, script_view *view) {
    *view = m->view;
    view->open_ms = interval_add(m->interval, interval_floor(m->interval, END_MS), -1 - back);
    view->close_ms = interval_next(m->interval, view->open_ms);
}
