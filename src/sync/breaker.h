/* Whether to ask a service that fails, and how much of what has piled up to send once it does not: pure.
 *
 *   CLOSED ──failure──► RETRYING ──OPEN_AFTER failures──► OPEN
 *     ▲                    │ after the wait one request at a time          │
 *     └───────success──────┴────────────────success───────────────────────┘  from OPEN: draining until nothing is left
 *
 * While it drains, rows go at a bounded rate, so that what has waited for a day does not crowd out what is new.
 * Time is an argument: monotonic, ms. */
#pragma once
#include "base/backoff.h"

typedef enum breaker_state { BREAKER_CLOSED, BREAKER_RETRYING, BREAKER_OPEN } breaker_state;

enum { BREAKER_OPEN_AFTER = 3 };

typedef struct breaker {
    backoff wait;
    breaker_state state;
    uint32_t n_failures; /* in a row */
    int64_t until_ms;    /* no request before */
    bool is_draining;
    int64_t rows_per_s, next_rows_ms;
} breaker;

void breaker_init(breaker *b, int64_t base_ms, int64_t cap_ms, int64_t rows_per_s, uint64_t seed);
/* The service asks for `retry_after_ms`; 0: it does not. */
void breaker_failed(breaker *b, int64_t now_ms, int64_t retry_after_ms);
void breaker_worked(breaker *b);
/* `n` rows were sent; nothing was left behind them. */
void breaker_sent(breaker *b, int64_t now_ms, uint32_t n);
void breaker_emptied(breaker *b);
/* How long until the next request may go; 0: now, provided that unless CLOSED no other is under way. */
int64_t breaker_wait_ms(const breaker *b, int64_t now_ms);
