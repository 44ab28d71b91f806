/* Whether to ask a service that fails, and how much of what has piled up to send once it does not: pure.
 *
 *   NONE ──failure──► RETRYING ──LASTS_AFTER failures──► LASTING
 *     ▲                   │ after the wait, one request at a time │
 *     └──────success──────┴────────────────success────────────────┘  from LASTING: draining until nothing is left
 *
 * While it drains, rows go at a bounded rate, so that what has waited for a day does not crowd out what is new.
 * Time is an argument: monotonic, ms. */
#pragma once
#include "base/backoff.h"

typedef enum outage_state { OUTAGE_NONE, OUTAGE_RETRYING, OUTAGE_LASTING } outage_state;

enum { OUTAGE_LASTS_AFTER = 3 };

typedef struct outage {
    backoff wait;
    outage_state state;
    uint32_t n_failures; /* in a row */
    int64_t until_ms;    /* no request before */
    bool is_draining;
    int64_t rows_per_s, next_rows_ms;
} outage;

void outage_init(outage *b, int64_t base_ms, int64_t cap_ms, int64_t rows_per_s, uint64_t seed);
/* The service asks for `retry_after_ms`; 0: it does not. */
void outage_failed(outage *b, int64_t now_ms, int64_t retry_after_ms);
void outage_worked(outage *b);
/* `n` rows were sent; nothing was left behind them. */
void outage_sent(outage *b, int64_t now_ms, uint32_t n);
void outage_emptied(outage *b);
/* How long until the next request may go; 0: now, provided that unless NONE no other is under way. */
int64_t outage_wait_ms(const outage *b, int64_t now_ms);
