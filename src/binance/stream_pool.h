/* As many connections as the wanted topics need, spread evenly, kept alive for ever.
 *
 *   topics -> slot 0: current stream [, its replacement]
 *             slot 1: ...
 *
 * A topic stays in its slot for as long as it is wanted. New ones go to the emptiest slot; a slot without topics is
 * closed. A slot's connection is replaced before the server's limit of a connection's age, and when the server says that
 * it shuts down: the new one is connected, has all its topics confirmed and delivers before the old one is closed. What
 * both deliver passes once, in order (topic_order.h).
 * Threads: the loop's; handlers come from the loop, never from inside a call. A handler may call stream_pool_want, but
 * not stream_pool_close. Ownership: clock and symbol table are borrowed and must outlive it. */
#pragma once
#include "binance/stream.h"

enum { STREAM_POOL_MAX = 64 };

typedef struct stream_pool stream_pool;

typedef struct stream_pool_handlers {
    void (*on_event)(void *context, const market_event *event);                    /* as of a stream */
    void (*on_ticker)(void *context, uint32_t symbol, const parse_ticker *ticker); /* as of a stream. May be NULL */
    void (*on_state)(void *context, size_t connection, bool is_connected, const char *why); /* of a slot. May be NULL */
    void *context;
} stream_pool_handlers;

typedef struct stream_pool_options {
    uv_loop_t *loop;
    const char *const *urls; /* in the order in which they are tried, NULL at the end; copied */
    market_clock *clock;
    const symbol_table *symbols;
    stream_pool_handlers handlers;
    uint64_t seed;
    const stream_options *each; /* for tests: its times and sizes, for every connection; NULL: the defaults. Copied */
    /* 0 takes the default in brackets. */
    size_t topics_per_connection; /* [TOPICS_MAX] 1 to TOPICS_MAX */
    uint32_t connects;            /* [300] tries of all connections together, at most CONNECT_LIMIT_MAX, */
    int64_t connects_ms;          /* [300000] within so many ms */
    int64_t life_ms;              /* [23 h] age at which a connection is replaced, up to an eighth earlier */
    int64_t overlap_ms; /* [2000] for which both stand at least, so that what the old one has on its way arrives */
    int64_t quiet_ms;   /* [10000] a replacement that is confirmed but has nothing to deliver takes over then */
} stream_pool_options;

typedef struct stream_pool_stats {
    bool is_live;     /* every slot has a connection */
    bool is_complete; /* and all wanted topics are confirmed, none is still to be given back */
    size_t n_connections, n_live, n_wanted, n_carried;
    uint64_t n_replacements; /* connections that took over from one that still stood */
    uint64_t n_holds;        /* how often they were held */
    uint64_t n_outdated;     /* messages that had come already, or after a newer one */
    const char *host;        /* that the next connection goes to; borrowed */
    stream_stats sum;        /* of all connections ever; its topics and is_connected are not set */
} stream_pool_stats;

/* ERR_INVALID (with the sentence) for a URL of another form, ERR_NO_MEMORY. Without topics there is no connection. */
MUST_CHECK err stream_pool_open(const stream_pool_options *options, stream_pool **out, diag *why);
/* The whole set that is wanted from now on, duplicates allowed. ERR_INVALID for an unknown symbol or kind and
 * ERR_TOO_BIG past STREAM_POOL_MAX connections: nothing has changed. ERR_NO_MEMORY: call again, the rest comes then. */
MUST_CHECK err stream_pool_want(stream_pool *p, const topic *wanted, size_t n);
/* All connections, those to come, too: as stream_hold. */
void stream_pool_hold(stream_pool *p, bool is_held);
stream_pool_stats stream_pool_get_stats(const stream_pool *p);
/* Of each connection stream_silent_ms; their number. */
size_t stream_pool_silence(const stream_pool *p, int64_t silent_ms[STREAM_POOL_MAX]);
/* No handler is called any more; `on_closed` when the last handle is gone, then it is freed. */
void stream_pool_close(stream_pool *p, void (*on_closed)(void *context), void *context);
