/* Bars of a symbol for whoever looks at the market over HTTP: those that the workers have, and behind them what the exchange has.
 *
 *   workers' series (excerpt) ──► made of smaller ones ──► enough? ──► on_done
 *                                                             └ no ──► the older ones, or all, from REST (feed_look_up) ──► on_done
 *
 * Threads: the loop's. */
#pragma once
#include "market/symbol.h"
#include "screener/excerpt.h"

typedef struct orchestrator orchestrator;

typedef struct bars_wish {
    char symbol[SYMBOL_BYTES];
    int32_t most[N_INTERVALS]; /* closed bars, as in excerpt */
    int32_t least
        [N_INTERVALS];  /* what is missing to so many is asked of the exchange, up to LOOKUP_WISH_MAX; 0: nothing is */
    int64_t before_ms;  /* only bars that open before it; 0: all */
    bool trusts_series; /* a series that runs is as long as it is to be */
    bool closed_only;   /* of the exchange the bar in progress is not wanted */
} bars_wish;

/* `e` is the receiver's, and its lists are made. `trouble`: what the exchange did not give, a sentence; NULL: all that there is is
 * there. `code`: why, as in lookup_answer. */
typedef void (*bars_done_fn)(void *context, excerpt *e, err code, const char *trouble);

/* on_done once, unless the screener stops before, perhaps from inside the call. ERR_NOT_FOUND and a sentence: no such symbol;
 * ERR_NO_MEMORY, ERR_CLOSED. */
MUST_CHECK err orchestrator_bars_get(orchestrator *o, const bars_wish *wish, bars_done_fn on_done, void *context,
                                     diag *why);
/* The workers have stopped, and the feed: nobody is told any more. */
void orchestrator_bars_stop(orchestrator *o);
