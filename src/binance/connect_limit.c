/* A ring of the times of the last attempts; what has left the window is forgotten when the next one asks. */
#include "binance/connect_limit.h"
#include <assert.h>

void connect_limit_init(connect_limit *l, uint32_t max, int64_t window_ms) {
    assert(max > 0 && max <= CONNECT_LIMIT_MAX && window_ms > 0);
    *l = (connect_limit){.window_ms = window_ms, .max = max};
}

int64_t connect_limit_take(connect_limit *l, int64_t now_ms) {
    while (l->n > 0 && now_ms - l->at_ms[l->oldest] >= l->window_ms) {
        l->oldest = (l->oldest + 1) % l->max;
        l->n--;
    }
    if (l->n == l->max) return l->at_ms[l->oldest] + l->window_ms - now_ms;
    l->at_ms[(l->oldest + l->n++) % l->max] = now_ms;
    return 0;
}
