/* Which of the rows run for a user: own ones that are enabled and let into the cloud, as many as the tier has room for,
 * and built-in ones that the tier allows. Pure.
 *
 *            anonymous  free  pro  elite
 *   own          0        0    10   all      the oldest ones, so that a new one never ends one that runs
 *   built-in   those whose tier is not above the user's
 *
 * Threads: none of its own. */
#pragma once
#include "sync/trader_row.h"

typedef enum trader_verdict {
    VERDICT_RUNS,
    VERDICT_DISABLED,    /* not enabled, or not in the cloud */
    VERDICT_TIER,        /* built-in, of a higher tier */
    VERDICT_QUOTA,       /* the tier has no room for it */
    VERDICT_UNSUPPORTED, /* not in Lua */
    N_VERDICTS
} trader_verdict;

/* Own traders that a tier has room for; -1: any number. */
int32_t user_tier_quota(user_tier tier);
/* `verdicts`: one for each row, in their order. ERR_NO_MEMORY. */
MUST_CHECK err trader_choice_make(const trader_row_list *rows, user_tier tier, trader_verdict *verdicts);
