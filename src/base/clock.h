/* Time. The monotonic clock decides deadlines, backoff and budgets; market time decides everything about bars.
 * Market time is the newest server or event time seen, carried on by the monotonic clock; it never goes back.
 * Nothing reads the wall clock for either.
 * Threads: a market_clock is observed by one thread (I/O) and may be read by all. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

int64_t monotonic_ns(void);
int64_t monotonic_ms(void);
/* CPU time that the calling thread has used, ns. */
int64_t thread_cpu_ns(void);
/* For people and for rows' created_at only. */
int64_t wall_ms(void);

typedef struct market_clock {
    _Atomic int64_t offset_ms; /* market = monotonic + offset; only grows; INT64_MIN before the first observation */
} market_clock;

void market_clock_init(market_clock *clock);
/* The exchange said that it is at least `market_ms` now (Unix ms), at monotonic time `now_ms`. A time before 1970 or
 * after 9999 is ignored: since the clock never goes back, one absurd number would stop it for good. */
void market_clock_observe(market_clock *clock, int64_t market_ms, int64_t now_ms);
/* 0 before the first observation. */
int64_t market_clock_now(const market_clock *clock, int64_t now_ms);
