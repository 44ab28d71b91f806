#include "sync/outage.h"

void outage_init(outage *b, int64_t base_ms, int64_t cap_ms, int64_t rows_per_s, uint64_t seed) {
    *b = (outage){.rows_per_s = rows_per_s};
    backoff_init(&b->wait, base_ms, cap_ms, seed);
}

void outage_failed(outage *b, int64_t now_ms, int64_t retry_after_ms) {
    int64_t wait_ms = backoff_next_ms(&b->wait);
    if (wait_ms < retry_after_ms) wait_ms = retry_after_ms;
    b->until_ms = now_ms + wait_ms;
    b->n_failures++;
    b->state = b->n_failures >= OUTAGE_LASTS_AFTER ? OUTAGE_LASTING : OUTAGE_RETRYING;
}

void outage_worked(outage *b) {
    if (b->state == OUTAGE_LASTING) b->is_draining = true;
    b->state = OUTAGE_NONE;
    b->n_failures = 0;
    b->until_ms = 0;
    backoff_reset(&b->wait);
}

void outage_sent(outage *b, int64_t now_ms, uint32_t n) {
    if (!b->is_draining) return;
    if (b->next_rows_ms < now_ms) b->next_rows_ms = now_ms;
    b->next_rows_ms += (int64_t)n * 1000 / b->rows_per_s;
}

void outage_emptied(outage *b) {
    b->is_draining = false;
    b->next_rows_ms = 0;
}

int64_t outage_wait_ms(const outage *b, int64_t now_ms) {
    int64_t from_ms = b->state != OUTAGE_NONE ? b->until_ms : b->is_draining ? b->next_rows_ms : 0;
    return from_ms > now_ms ? from_ms - now_ms : 0;
}
