/* What a snapshot holds, as JSON, in a form that does not depend on how the daemon came by it: two that have seen the same
 * bars, with the same epochs, say the same, whatever happened to them in between.
 * Threads: pure. */
#pragma once
#include "base/json_writer.h"
#include "screener/snapshot.h"

/* Writes one object of the series of `interval`: symbol, interval, bars (the newest of them, as many as are kept for
 * sure), first and last (open times), knownTo, hash (of those bars), indicators [{key, epoch, to, hash}], sorted by key.
 * `to`: open time of the first bar that is not in it; `hash`: of its newest values, and of those that it gives for some
 * bars that never were. Hashes are SHA-256, 16 hex digits of them. `r` learns the names. ERR_INVALID, ERR_NO_MEMORY. */
MUST_CHECK err snapshot_list_write(const snapshot *s, int32_t interval, registry *r, json_writer *w);
