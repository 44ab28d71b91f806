/* The exchange's public dumps of klines (data.binance.vision), by path:
 *
 *   /data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2025-01-31.zip        and .zip.CHECKSUM
 *   /data/futures/um/monthly/klines/BTCUSDT/1mo/BTCUSDT-1mo-2025-01.zip
 *
 * A day is there from the next day on, a month from the first Monday after it; what has no bar is not there. Spot files
 * have no line of names, and microseconds from 2025 on; those of the futures have names from June 2022 on, and ms.
 * Threads: one. Pure but for the tape's caches. */
#pragma once
#include "sim/tape.h"
#include "sim/venue.h"
#include "sim/writer.h"

/* Whether the path is one of the dumps' host. */
bool dumps_has(const char *path);
/* Whether it is that of an archive, not of a checksum. */
bool dumps_is_archive(const char *path);
/* HTTP status, 200 or 404 (500 without memory); `body` is cleared first. `now_ms`: market time. */
int dumps_answer(const char *path, const venue *v, const source *s, tape *t, int64_t now_ms, writer *body);
