/* Runs the traders of a symbol over the bars behind their cursors, and writes the passes for storage.
 * Threads: the worker's. */
#pragma once
#include "screener/owed_prompts.h"
#include "screener/pass_pool.h"
#include "screener/worker.h"

/* Symbols that may be evaluated together. */
enum { EVALUATIONS_MAX = 32 };

/* Of one symbol. */
typedef struct evaluation {
    const worker_shared *shared;
    const trader_set *set;
    script_state *state;
    trader **loaded; /* by place: what the state has compiled; NULL: nothing */
    worker_stats *stats;
    pass_pool *pool;
    owed_prompts *owed_prompts; /* of the worker; fired signals that want an analysis are added */
    tracked *const *symbols;    /* of the worker, by id: for the copies of references */
    void *say_context;          /* for worker_say */
    int32_t worker;
    bool is_paused;            /* what is to be evaluated stays owed */
    int64_t market_ms;         /* newest event time that this worker has taken from its inbox */
    int64_t received_ns;       /* monotonic: when the present event was taken */
    int64_t spent_ns;          /* what evaluation_run has taken for the symbol so far */
    pass *passes[N_INTERVALS]; /* under construction; all NULL before the first call */
} evaluation;

/* Tells storage of a new symbol where its traders begin, so that a run which ends while its history is being loaded is
 * continued, not begun anew. ERR_NO_MEMORY. */
MUST_CHECK err evaluation_announce(evaluation *e, tracked *t);
/* Before other traders are installed (evaluation_announce hands it over): provisional signals of those that end are withdrawn,
 * since nobody will see their bar close. ERR_NO_MEMORY. */
MUST_CHECK err evaluation_withdraw(evaluation *e, tracked *t, const trader_set *next);
/* The same for those traders that do not want the symbol any more. */
MUST_CHECK err evaluation_withdraw_unwanted(evaluation *e, tracked *t);
/* `n` symbols (1 .. EVALUATIONS_MAX, each one once), an evaluation for each of them; a trader sees them in this order.
 * ERR_RUNAWAY: the state is dead (its trader is quarantined already): put a new one into all evaluations and call again with
 * the same; nothing is handed over before all traders have had their turn, since a watermark stands for all of them.
 * ERR_NO_MEMORY: what was under construction is gone. */
MUST_CHECK err evaluation_run(evaluation *all, tracked *const *symbols, int32_t n);
/* Before evaluation_run, with the same evaluation: bars of a copy of a reference were corrected (its timeframe says which), and
 * the traders that name it have their signals marked. `*concerns_it` false: none does. ERR_NO_MEMORY. */
MUST_CHECK err evaluation_revise(evaluation *e, const tracked *t, const tracked *copy, int32_t interval,
                                 bool *concerns_it);
/* Runs the traders with on = "tick" over the forming bar of `interval`: signals are provisional, no watermark moves. Errors
 * as evaluation_run. */
MUST_CHECK err evaluation_tick(evaluation *e, tracked *t, int32_t interval);
/* Tells storage where the indicators of a copy of a reference have begun. ERR_NO_MEMORY. */
MUST_CHECK err evaluation_tell_copy(evaluation *e, tracked *t);
