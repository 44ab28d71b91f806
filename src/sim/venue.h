/* The two markets that are simulated, spot and USD-M futures: where they differ in paths, limits and pings.
 * Pure; static data. */
#pragma once
#include "base/errors.h"

/* The parts of a split market's WebSocket paths; each takes only its own streams. */
typedef enum venue_part { PART_WHOLE, PART_MARKET, PART_PUBLIC, PART_PRIVATE } venue_part;

typedef struct venue {
    const char *name;
    const char *rest; /* what stands before "klines" */
    bool is_futures;  /* shapes of the answers; WebSocket paths are split into /market, /public and /private */
    uint32_t weight_per_minute, messages_per_second, max_klines;
    int64_t ping_every_ms, pong_within_ms;
} venue;

/* By name, spot or usdm; NULL for any other. */
const venue *venue_find(const char *name);
/* Reads the part off the front of a WebSocket path and returns what follows it, which begins with '/'; NULL when the
 * venue has no such path. `is_legacy_allowed`: a split venue takes paths without a part as well. */
const char *venue_path(const venue *v, const char *path, bool is_legacy_allowed, venue_part *part);
