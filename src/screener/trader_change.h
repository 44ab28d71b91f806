/* From the traders that run and the ones that are wanted to the next set: what has not changed stays, what is new or
 * edited is compiled, what cannot be compiled leaves the version before it in place.
 *
 *     trader_change_begin ── job ──► loader ──► trader_change_finish ──► the next set
 *
 * Threads: the feed's. */
#pragma once
#include "screener/trader_loader.h"
#include "screener/trader_set.h"

typedef struct trader_failure {
    char key[TRADER_KEY_MAX];     /* as far as it is known without running the script: the file's name */
    char chunk[TRADER_CHUNK_MAX]; /* what messages call it: the path */
    char id[TRADER_ID_MAX];       /* of the version before it, or what it would be without an id field */
    char revision[TRADER_REVISION_MAX];
    bool has_last_good; /* an earlier version of it runs on */
    diag why;
} trader_failure;

typedef struct trader_change {
    const trader_set *before;              /* NULL: none */
    bool *keeps;                           /* by place of `before` */
    load_job job;                          /* what is to be compiled */
    int32_t n_added, n_changed, n_removed; /* after finish */
    trader_failure *failures;
    int32_t n_failures;
    const trader_failure *known; /* of the change before, borrowed: the same ones are not logged again */
    int32_t n_known;
} trader_change;

/* Takes `sources` (array and texts). Nothing to compile: job.count is 0; still to be finished. ERR_NO_MEMORY. */
MUST_CHECK err trader_change_begin(const trader_set *before, trader_source **sources, int32_t count,
                                   trader_change *out);
/* The job is done. `set`: the next set, or NULL when it would be the same. */
MUST_CHECK err trader_change_finish(trader_change *c, trader_set **set);
void trader_change_deinit(trader_change *c);
