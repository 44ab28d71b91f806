/* Clocks: thin readings of the system's, and market time as an offset to the monotonic one. */
#include "base/clock.h"
#include <assert.h>
#include <time.h>

static const int64_t YEAR_10000_MS = 253402300800000;

static int64_t read_ns(clockid_t id) {
    struct timespec now;
    int rc = clock_gettime(id, &now);
    assert(rc == 0);
    (void)rc;
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t monotonic_ns(void) { return read_ns(CLOCK_MONOTONIC); }

int64_t monotonic_ms(void) { return monotonic_ns() / 1000000; }

int64_t thread_cpu_ns(void) { return read_ns(CLOCK_THREAD_CPUTIME_ID); }

int64_t wall_ms(void) { return read_ns(CLOCK_REALTIME) / 1000000; }

void market_clock_init(market_clock *clock) { atomic_init(&clock->offset_ms, INT64_MIN); }

void market_clock_observe(market_clock *clock, int64_t market_ms, int64_t now_ms) {
    if (market_ms <= 0 || market_ms >= YEAR_10000_MS) return;
    int64_t offset = market_ms - now_ms;
    int64_t seen = atomic_load_explicit(&clock->offset_ms, memory_order_relaxed);
    while (offset > seen && !atomic_compare_exchange_weak_explicit(&clock->offset_ms, &seen, offset,
                                                                   memory_order_relaxed, memory_order_relaxed)) {}
}

int64_t market_clock_now(const market_clock *clock, int64_t now_ms) {
    int64_t offset = atomic_load_explicit(&clock->offset_ms, memory_order_relaxed);
    return offset == INT64_MIN ? 0 : now_ms + offset;
}
