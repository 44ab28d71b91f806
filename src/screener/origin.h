/* How far back the bars of a symbol are needed when it comes under watch: to the start, or to where an earlier run has left a
 * trader, or to the first bar of an indicator that storage remembers, whichever is oldest.
 * A copy of a reference must reach back to the places of its traders on all symbols: each looks at the copy beside its own
 * bars.
 * Threads: the symbol's owner. */
#pragma once
#include "screener/tracked.h"

typedef struct origin {
    int64_t start_ms;              /* as the policy says */
    int64_t place_ms[N_INTERVALS]; /* the oldest place of a trader that looks at this interval; 0: none is remembered */
    int64_t mark_ms[N_INTERVALS];  /* watermark; 0: none */
    int64_t epoch_ms[N_INTERVALS]; /* the oldest epoch; 0: none is remembered */
} origin;

void origin_of_symbol(const char *symbol, registry *r, const trader_set *set, const tracked_policy *p, origin *out);
/* Of the reference `symbol`, whose copies storage knows as `copy_name`. */
void origin_of_copy(const char *symbol, const char *copy_name, registry *r, const trader_set *set,
                    const tracked_policy *p, origin *out);
/* The first bar to ask for: `bars` before all of these, within reach (BACKFILL_MAX_BARS). */
int64_t origin_first_bar(const origin *o, int32_t interval, int32_t bars);
