/* The market side as one thing: what symbols there are, what time it is, live bars, and any range of past ones.
 *
 *   feed_open -> time -> symbols -> on_ready ... feed_watch -> live events ... feed_fetch -> history events
 *                          ^                |
 *                          +-- refresh_ms --+-> on_universe
 *
 * Owns the HTTP client, REST, backfill, lookup and the pool of streams. Whatever fails at the start is tried again for ever; so is
 * a later look at the symbols, while everything stays as it was.
 * Threads: the loop's. Ownership: clock and symbol table are borrowed and must outlive it. */
#pragma once
#include "binance/backfill.h"
#include "binance/lookup.h"
#include "binance/roster.h"
#include "binance/stream_pool.h"

typedef struct feed feed;

typedef struct feed_handlers {
    /* The time of the exchange is `start_ms`, the chosen symbols are in the table with ids 0 .. n - 1. Once. */
    void (*on_ready)(void *context, int64_t start_ms);
    /* The universe has been looked at again: volumes, who trades, and perhaps the members have changed. */
    void (*on_universe)(void *context);
    /* A symbol that was asked for does not exist, and the like: the start cannot succeed. */
    void (*on_refused)(void *context, const char *why);
    /* Live and past bars, and the ends of ranges. False: full; only for events of feed_fetch, which come again after
     * feed_resume. */
    bool (*on_event)(void *context, const market_event *event);
    void *context;
} feed_handlers;

typedef struct feed_options {
    uv_loop_t *loop;
    const venue *venue;
    const char *const *rest_urls; /* hosts instead of the venue's own; borrowed until feed_open is through */
    size_t n_rest_urls;
    const char *const *ws_urls; /* the same; borrowed until feed_close is through. At most VENUE_MAX_HOSTS */
    size_t n_ws_urls;
    size_t streams_per_connection; /* 1 to TOPICS_MAX; 0: TOPICS_MAX */
    int64_t stream_life_ms;        /* age at which a connection is replaced; 0: stream_pool's own */
    universe_policy policy;        /* texts are borrowed and must outlive the feed */
    market_clock *clock;
    symbol_table *symbols;
    int64_t refresh_ms; /* market time between two looks at symbols and volumes; 0: never again */
    uint64_t seed;
    feed_handlers handlers;
} feed_options;

MUST_CHECK err feed_open(const feed_options *options, feed **out, diag *why);
/* Live bars of these symbols, and no others, for the intervals of `mask`, from now on; and whatever else its bits name of the
 * kinds of topics (TOPIC_TICKER). */
MUST_CHECK err feed_watch(feed *f, uint32_t mask, const uint32_t *symbols, size_t n_symbols, diag *why);
/* Id of any symbol of the exchange, in the universe or not. After on_ready. ERR_NOT_FOUND. */
MUST_CHECK err feed_find_symbol(feed *f, const char *name, uint32_t *id);
/* The ranges of a symbol that are under way: no event of them comes any more. */
void feed_forget(feed *f, uint32_t symbol);
/* The members of the universe. */
const uint32_t *feed_members(const feed *f, size_t *n);
roster_stats feed_universe_stats(const feed *f);
MUST_CHECK err feed_fetch(feed *f, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms);
void feed_resume(feed *f);
/* The streams are read no further until they are let go: more has come than can be worked off now. */
void feed_hold_streams(feed *f, bool is_held);
/* Bars that nobody watches; as lookup_ask. Whoever waits at feed_close is told then. */
MUST_CHECK err feed_look_up(feed *f, const lookup_wish *wish, lookup_done_fn on_done, void *context);

bool feed_is_live(const feed *f);     /* all stream connections stand */
bool feed_is_complete(const feed *f); /* and all that is watched is confirmed by the exchange */
bool feed_is_failing(const feed *f);  /* REST is */
size_t feed_ranges_under_way(const feed *f);
stream_pool_stats feed_stream_stats(const feed *f); /* `host` is NULL before feed_watch */
/* As stream_pool_silence. */
size_t feed_stream_silence(const feed *f, int64_t silent_ms[STREAM_POOL_MAX]);
/* Of what fetches history, and of the calls; borrowed until feed_close. After a successful feed_open. */
const backfill_progress *feed_progress(const feed *f);
const backfill_stats *feed_backfill_stats(const feed *f);
const rest_stats *feed_rest_stats(const feed *f);
const char *feed_rest_host(const feed *f);
/* All history of the first start is there: from now on at most half of the exchange's limit is used. */
void feed_end_first_start(feed *f);

/* No handler is called any more; `on_closed` when the last handle is gone, then it is freed. */
void feed_close(feed *f, void (*on_closed)(void *context), void *context);
