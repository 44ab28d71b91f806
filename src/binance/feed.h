/* The market side as one thing: what symbols there are, what time it is, live bars, and any range of past ones.
 *
 *   feed_open -> time -> symbols -> on_ready ... feed_watch -> live events ... feed_fetch -> history events
 *
 * Owns the HTTP client, REST, backfill and the pool of streams. Whatever fails at the start is tried again for ever.
 * Threads: the loop's. Ownership: clock and symbol table are borrowed and must outlive it. */
#pragma once
#include "binance/backfill.h"
#include "binance/stream_pool.h"
#include "binance/universe.h"

typedef struct feed feed;

typedef struct feed_handlers {
    /* The time of the exchange is `start_ms`, the chosen symbols are in the table with ids 0 .. n - 1. Once. */
    void (*on_ready)(void *context, int64_t start_ms);
    /* A symbol that was asked for does not exist, and the like: the start cannot succeed. */
    void (*on_refused)(void *context, const char *why);
    /* Live and past bars, and the ends of ranges. False: full; only for events of feed_fetch, which come again after
     * feed_resume. */
    bool (*on_event)(void *context, const market_event *event);
    void *context;
} feed_handlers;

typedef struct feed_options {
    uv_loop_t *loop;
    const char *rest_url;
    const char *ws_urls; /* with commas between several, in the order in which they are tried; "": the exchange's own */
    universe_policy policy; /* texts are borrowed and must outlive the feed */
    market_clock *clock;
    symbol_table *symbols;
    uint64_t seed;
    feed_handlers handlers;
} feed_options;

MUST_CHECK err feed_open(const feed_options *options, feed **out, diag *why);
/* Live bars of all chosen symbols for the intervals of `mask`, from now on. */
MUST_CHECK err feed_watch(feed *f, uint32_t mask, diag *why);
/* Adds a symbol of the exchange that was not chosen; its live bars come after the next feed_watch. After on_ready.
 * ERR_NOT_FOUND: the exchange has none of that name. */
MUST_CHECK err feed_add_symbol(feed *f, const char *name, uint32_t *id);
MUST_CHECK err feed_fetch(feed *f, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms);
void feed_resume(feed *f);

bool feed_is_live(const feed *f);     /* all stream connections stand */
bool feed_is_complete(const feed *f); /* and all that is watched is confirmed by the exchange */
bool feed_is_failing(const feed *f);  /* REST is */
size_t feed_ranges_under_way(const feed *f);
stream_pool_stats feed_stream_stats(const feed *f); /* `host` is NULL before feed_watch */

/* No handler is called any more; `on_closed` when the last handle is gone, then it is freed. */
void feed_close(feed *f, void (*on_closed)(void *context), void *context);
