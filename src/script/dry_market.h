/* A generated market for dry evaluations: what a trader uses is found by running it, before any real bar has come.
 * The bars are a seeded random walk with calm and wild stretches, the same in every process. */
#pragma once
#include "script/state.h"

typedef struct dry_market dry_market;

MUST_CHECK err dry_market_new(const registry *r, int32_t interval, uint32_t interval_mask, dry_market **out);
/* Another symbol beside it, as reference number `k` of the views. ERR_NO_MEMORY. */
MUST_CHECK err dry_market_refer(dry_market *m, int32_t k, const char *symbol);
void dry_market_free(dry_market *m);
/* The view at the close of the bar that is `back` bars before the newest (0 .. 63). */
void dry_market_view(dry_market *m, int32_t back, script_view *view);
/* The view of tick number `n` (from 0) of the bar after the newest: each has another price. The ticker in it is the
 * market's. */
void dry_market_tick(dry_market *m, int32_t n, script_view *view);
/* A place among the symbols of a trader that ranks them and runs for the best `top`. */
script_rank dry_market_rank(int32_t top, int32_t n);
