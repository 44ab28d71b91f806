/* A generated market for dry evaluations: what a trader uses is found by running it, before any real bar has come.
 * The bars are a seeded random walk with calm and wild stretches, the same in every process. */
#pragma once
#include "script/state.h"

typedef struct dry_market dry_market;

MUST_CHECK err dry_market_new(const registry *r, int32_t interval, uint32_t interval_mask, dry_market **out);
void dry_market_free(dry_market *m);
/* The view at the close of the bar that is `back` bars before the newest (0 .. 63). */
void dry_market_view(dry_market *m, int32_t back, script_view *view);
