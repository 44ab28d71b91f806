/* Exponential backoff with jitter. */
#include "base/backoff.h"

/* splitmix64: one word of state, good enough to keep a crowd of clients apart. */
static uint64_t next_random(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int64_t ceiling_ms(const backoff *b) {
    int64_t ms = b->base_ms;
    for (uint32_t n = 0; n < b->n_failures && ms < b->cap_ms; n++) ms = ms > b->cap_ms / 2 ? b->cap_ms : ms * 2;
    return ms < b->cap_ms ? ms : b->cap_ms;
}

void backoff_init(backoff *b, int64_t base_ms, int64_t cap_ms, uint64_t seed) {
    *b = (backoff){.base_ms = base_ms, .cap_ms = cap_ms, .random = seed};
}

int64_t backoff_next_ms(backoff *b) {
    int64_t high = ceiling_ms(b);
    int64_t low = b->base_ms / 2 < high ? b->base_ms / 2 : high;
    if (b->n_failures < UINT32_MAX) b->n_failures++;
    uint64_t span = (uint64_t)(high - low) + 1;
    return low + (int64_t)(((unsigned __int128)next_random(&b->random) * span) >> 64);
}

void backoff_reset(backoff *b) { b->n_failures = 0; }
