/* The one contract between C and Lua: C compiles this file, LuaJIT's ffi.cdef reads the same bytes.
 * Structs, enums, prototypes and comments only; fixed-width integers, no bitfields, no unions. What is declared here
 * is what libtrademind exports; everything else is hidden. C files include <stdint.h>, <stddef.h> and <stdbool.h>
 * first (CMake forces it), since ffi.cdef knows those names by itself. */
#pragma once
#pragma GCC visibility push(default)

/* ---- market: bars and intervals ---- */

/* One bar. Times are Unix ms, UTC. Volumes are in the base asset unless named otherwise. */
typedef struct kline {
    int64_t open_ms;
    double open, high, low, close;
    double volume, quote_volume, trades, taker_base, taker_quote;
} kline;

enum interval {
    INTERVAL_1S, INTERVAL_1M, INTERVAL_3M, INTERVAL_5M, INTERVAL_15M, INTERVAL_30M, INTERVAL_1H, INTERVAL_2H,
    INTERVAL_4H, INTERVAL_6H, INTERVAL_8H, INTERVAL_12H, INTERVAL_1D, INTERVAL_3D, INTERVAL_1W, INTERVAL_1MO,
    N_INTERVALS
};

/* "1s" .. "1d", "3d", "1w", "1M"; NULL outside the enum. */
const char *interval_name(int32_t interval);
/* By name, `bytes` long; -1 when it is none. Case matters: "1m" is a minute, "1M" a month. */
int32_t interval_parse(const char *name, size_t bytes);
/* Open time of the bar that holds `ms`. */
int64_t interval_floor(int32_t interval, int64_t ms);
/* Open time of the bar after the one that opens at `open_ms` (= end of that bar). */
int64_t interval_next(int32_t interval, int64_t open_ms);
/* Open time of the bar that is `n` bars after (n < 0: before) the one that opens at `open_ms`. */
int64_t interval_add(int32_t interval, int64_t open_ms, int64_t n);
/* Number of bars that open in [from_ms, to_ms), both being open times. */
int64_t interval_count(int32_t interval, int64_t from_ms, int64_t to_ms);
/* True when every bar of `large` is made of whole bars of `small` (1w holds days but 1M does not hold weeks). */
bool interval_divides(int32_t small, int32_t large);
/* Length in ms; of a month the longest (31 days). */
int64_t interval_ms(int32_t interval);

/* ---- base: names ---- */

/* Version 5 UUID of `name` in the namespace `ns` (text form); `out` takes 37 bytes. 0, or -1 when ns is no UUID. */
int32_t uuid5(const char *ns, const void *name, size_t bytes, char *out);
/* SHA-256 in lower-case hex; `out` takes 65 bytes. */
void sha256_hex(const void *data, size_t bytes, char *out);

#pragma GCC visibility pop
