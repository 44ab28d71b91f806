#include "sync/breaker.h"

void breaker_init(breaker *b, int64_t base_ms, int64_t cap_ms, int64_t rows_per_s, uint64_t seed) {
    *b = (breaker){.rows_per_s = rows_per_s};
    backoff_init(&b->wait, base_ms, cap_ms, seed);
}

void breaker_failed(breaker *b, int64_t now_ms, int64_t retry_after_ms) {
    int64_t wait_ms = backoff_next_ms(&b->wait);
    if (wait_ms < retry_after_ms) wait_ms = retry_after_ms;
    b->until_ms = now_ms + wait_ms;
    b->n_failures++;
    b->state = b->n_failures >= BREAKER_OPEN_AFTER ? BREAKER_OPEN : BREAKER_RETRYING;
}

void breaker_worked(breaker *b) {
    if (b->state == BREAKER_OPEN) b->is_draining = true;
    b->state = BREAKER_CLOSED;
    b->n_failures = 0;
    b->until_ms = 0;
    backoff_reset(&b->wait);
}

void breaker_sent(breaker *b, int64_t now_ms, uint32_t n) {
    if (!b->is_draining) return;
    if (b->next_rows_ms < now_ms) b->next_rows_ms = now_ms;
    b->next_rows_ms += (int64_t)n * 1000 / b->rows_per_s;
}

void breaker_emptied(breaker *b) {
    b->is_draining = false;
    b->next_rows_ms = 0;
}

int64_t breaker_wait_ms(const breaker *b, int64_t now_ms) {
    int64_t from_ms = b->state != BREAKER_CLOSED ? b->until_ms : b->is_draining ? b->next_rows_ms : 0;
    return from_ms > now_ms ? from_ms - now_ms : 0;
}
