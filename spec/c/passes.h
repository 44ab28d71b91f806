/* Passes for the specs of storage: everything in them follows from (symbol, bar), so that what came back can be judged
 * without having kept what went in. */
#pragma once
#include "abi.h"
#include "screener/pass.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PASS_BAR_MS = 60000 };
#define PASS_FIRST_MS INT64_C(1770076800000)

static inline int64_t pass_bar(uint32_t n) { return PASS_FIRST_MS + (int64_t)n * PASS_BAR_MS; }

static inline void fill_signal(signal_row *s, const char *symbol, uint32_t bar, uint32_t nth) {
    char name[SYMBOL_BYTES + 64];
    memset(s, 0, sizeof *s);
    int bytes = snprintf(name, sizeof name, "%s|%u|%u", symbol, bar, nth);
    uuid5(SIGNAL_NAMESPACE, name, (size_t)bytes, s->id);
    bytes = snprintf(name, sizeof name, "trader %u", nth);
    uuid5(SIGNAL_NAMESPACE, name, (size_t)bytes, s->trader_id);
    snprintf(s->trader, sizeof s->trader, "trader_%u", nth);
    snprintf(s->trader_name, sizeof s->trader_name, "Trader \"%u\" \xE2\x82\xAC", nth);
    snprintf(s->revision, sizeof s->revision, "%064u", nth);
    snprintf(s->symbol, sizeof s->symbol, "%s", symbol);
    s->interval = INTERVAL_1M;
    s->open_ms = pass_bar(bar);
    s->close_ms = s->open_ms + PASS_BAR_MS;
    s->created_ms = s->close_ms + 5;
    s->price = 100 + bar / 10.0;
    s->change_pct = bar % 2 ? NAN : -1.25;
    s->volume = 12.5;
    s->score = nth ? 0.5 : NAN;
    s->stop = s->price - 1;
    for (int i = 0; i < 8; i++) s->target[i] = i < 2 ? s->price + i : NAN;
    s->n_targets = 2;
    s->side = nth % 3;
    s->late = bar % 5 == 0;
    s->conditions = strdup("[\"RSI crosses above the level\"]");
    s->tags = strdup("[\"a\",\"b\"]");
    if (nth % 2) s->values = strdup("{\"rsi(close 1m, 14)\":28.5}");
    if (nth % 3 == 1) s->plots = strdup("[{\"kind\":\"line\",\"title\":\"RSI\",\"pane\":1,\"value\":28.5}]");
}

static inline void must(err e) {
    if (e != OK) abort();
}

/* `n_signals` signals, one edge, one owed row, and an epoch in bar 0. */
static inline pass *new_pass(const char *symbol, uint32_t bar, uint32_t n_signals) {
    pass *p = pass_new();
    char owing[ID_BYTES];
    snprintf(p->symbol, sizeof p->symbol, "%s", symbol);
    p->interval = INTERVAL_1M;
    p->open_ms = pass_bar(bar);
    for (uint32_t i = 0; i < n_signals; i++) {
        signal_row s;
        fill_signal(&s, symbol, bar, i);
        must(pass_add_signal(p, &s));
        signal_row_deinit(&s);
    }
    must(pass_add_edge(p, &(edge_row){.trader_id = "trader-of-the-edge",
                                      .revision = "r1",
                                      .start_ms = PASS_FIRST_MS,
                                      .run_open_ms = p->open_ms,
                                      .signal_open_ms = p->open_ms - PASS_BAR_MS,
                                      .is_matching = bar % 2 == 0,
                                      .has_run = true}));
    snprintf(owing, sizeof owing, "owing-%u", bar % 3);
    must(pass_add_owed(p, owing, p->open_ms));
    if (bar == 0) must(pass_add_epoch(p, "1m sma(close,14)", PASS_FIRST_MS));
    return p;
}
