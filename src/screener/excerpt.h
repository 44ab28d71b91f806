/* A copy of the newest bars of one symbol, for whoever looks at the market beside the workers: its owner makes it between two
 * events, so that it is of one instant.
 *
 *   excerpt_new ──► screener_excerpt ──► the owner fills it ──► on_done (the feed's thread), whose it is from then on
 *
 * Threads: one at a time. Ownership: moves with the pointer. */
#pragma once
#include "market/kline_list.h"
#include "screener/timeframe.h"

typedef struct excerpt excerpt;
/* Called once, unless the screener stops before. */
typedef void (*excerpt_done_fn)(void *context, excerpt *e);

struct excerpt {
    /* what is asked for */
    int32_t most[N_INTERVALS]; /* closed bars of each interval; 0: none, INT32_MAX: all there are */
    int64_t before_ms;         /* only bars that open before it; 0: all */
    uint32_t symbol;
    excerpt_done_fn on_done;
    void *context;
    /* what there is */
    uint32_t loaded;               /* bit per interval: there is a series */
    kline_list lists[N_INTERVALS]; /* closed bars, oldest first */
    kline forming[N_INTERVALS];    /* has_forming: behind them */
    uint32_t has_forming;          /* bit per interval */
    uint32_t completed;            /* bit per interval: somebody else has brought the list; there is nothing to make */
    int32_t source[N_INTERVALS];   /* of an interval without a series: the one to make it of; -1: there is none */
    err failure;                   /* ERR_NOT_FOUND: nobody watches the symbol; ERR_NO_MEMORY */
};

/* ERR_NO_MEMORY. */
MUST_CHECK err excerpt_new(uint32_t symbol, excerpt **out);
void excerpt_free(excerpt *e);

/* The owner. Of an interval that has no series the largest one is copied of which it can be made. */
void excerpt_fill(excerpt *e, timeframe *const frames[N_INTERVALS]);
/* Afterwards, on any thread: makes the list of an interval without a series. ERR_NOT_FOUND: it cannot be made; ERR_NO_MEMORY.
 * No effect on one that has a series. */
MUST_CHECK err excerpt_make(excerpt *e, int32_t interval);
