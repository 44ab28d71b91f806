/* How many connections may be tried within a period, over all connections of one address. Pure: time is an argument.
 * A sliding window: the last `n` attempts are remembered, the next one waits until the oldest of them has left it.
 * Threads: one. Ownership: plain data of the caller. */
#pragma once
#include <stdint.h>

enum { CONNECT_LIMIT_MAX = 300 };

typedef struct connect_limit {
    int64_t window_ms;
    uint32_t max, n, oldest;
    int64_t at_ms[CONNECT_LIMIT_MAX];
} connect_limit;

/* `max` attempts, 1 to CONNECT_LIMIT_MAX, within `window_ms`, above 0. */
void connect_limit_init(connect_limit *l, uint32_t max, int64_t window_ms);
/* 0: the attempt may be made and is counted. Otherwise ms until the next one may; nothing is counted.
 * `now_ms` (monotonic) never goes back. */
int64_t connect_limit_take(connect_limit *l, int64_t now_ms);
