/* Exponential backoff with full jitter, for ever: delay n is uniform in [base/2, min(cap, base * 2^n)].
 * Pure: time and randomness are arguments or caller-owned state. */
#pragma once
#include <stdint.h>

typedef struct backoff {
    int64_t base_ms, cap_ms;
    uint32_t n_failures;
    uint64_t random; /* state of the generator; seeded by init */
} backoff;

void backoff_init(backoff *b, int64_t base_ms, int64_t cap_ms, uint64_t seed);
/* The wait before the next try, ms; counts one failure. */
int64_t backoff_next_ms(backoff *b);
void backoff_reset(backoff *b);
