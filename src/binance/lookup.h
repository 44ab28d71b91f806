/* Bars that nobody watches, asked of REST for whoever looks at the market now and then: a chart of another timeframe, older
 * candles, a script that is only tried.
 *
 *   lookup_ask ──► kept? ──► on_done
 *                    └──► waits ──► REST, page by page, within the budget of weight ──► kept ──► on_done
 *
 * History of the running series goes first: these calls leave a part of the budget to it, and are refused while the exchange's
 * limit is used up. There is one try each: whoever looks, looks again.
 * What came is kept for LOOKUP_PAST_MS (the bar in progress for LOOKUP_FORMING_MS), at most LOOKUP_BARS_MAX bars in all; what was
 * used least lately goes first.
 * Threads: the loop's. Ownership: rest and clock are borrowed and must outlive it. */
#pragma once
#include "base/clock.h"
#include "binance/rest.h"
#include "market/kline_list.h"

enum {
    LOOKUP_BARS_MAX = 100000, /* about 9 MB */
    LOOKUP_WISH_MAX = 2000,   /* bars of one wish */
    LOOKUP_WAITING_MAX = 64,
    LOOKUP_CALLS_MAX = 3,
    LOOKUP_PAST_MS = 600000,
    LOOKUP_FORMING_MS = 10000,
    LOOKUP_PATIENCE_MS = 3000 /* what would have to wait longer for the exchange's limit is refused */
};

typedef struct lookup lookup;

typedef struct lookup_wish {
    const char *symbol; /* copied */
    int32_t interval, n_bars;
    int64_t before_ms; /* bars that open before it; 0: up to now, the one in progress included */
    bool closed_only;  /* but without that one: then what is kept serves until the next bar closes */
} lookup_wish;

/* OK: `bars` are the closed ones, oldest first, at most as many as wanted, fewer where the exchange has no more; `forming`: the one in
 * progress; NULL: none. Else `why` is a sentence; ERR_NOT_FOUND: the exchange knows no such bars; ERR_FULL: its limit is used up for
 * now; ERR_CLOSED; any other: it cannot be reached, or fails. All is borrowed for the call. */
typedef struct lookup_answer {
    err error;
    const char *why;
    const kline *bars;
    size_t n_bars;
    const kline *forming;
} lookup_answer;

typedef void (*lookup_done_fn)(void *context, const lookup_answer *answer);

MUST_CHECK err lookup_new(rest *r, const market_clock *clock, lookup **out);
/* Whoever waits is told ERR_CLOSED. Before rest_close, and not from inside on_done. NULL: nothing. */
void lookup_close(lookup *l);
/* on_done once, perhaps from inside the call. ERR_INVALID, ERR_NO_MEMORY, ERR_CLOSED, ERR_FULL (too many wait): not at all. */
MUST_CHECK err lookup_ask(lookup *l, const lookup_wish *wish, lookup_done_fn on_done, void *context);
size_t lookup_kept_bars(const lookup *l);
