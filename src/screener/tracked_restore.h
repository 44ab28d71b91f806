/* A symbol takes up the bars and states that an earlier run has written down, where they are still of use.
 * Threads: the symbol's owner. */
#pragma once
#include "screener/snapshot.h"
#include "screener/tracked.h"

/* The frames of `made` (bit per interval), which are empty, become those of the snapshot `policy->saved`; one stays as it
 * is when its series keeps another number of bars now, ends before `from_ms` (the gap is longer than what would be fetched
 * anyway), or has gone too far beyond what a trader must still see. States whose epoch is not storage's begin anew.
 * `from_ms`: first bar of each frame, in and out. What cannot be read is said once and left. ERR_NO_MEMORY. */
MUST_CHECK err tracked_restore(tracked *t, registry *r, const trader_set *set, const tracked_policy *policy,
                               uint32_t made, int64_t from_ms[N_INTERVALS]);
/* When the copies of references are bound: before the first evaluation of a restored symbol. */
void tracked_restore_end(tracked *t);
