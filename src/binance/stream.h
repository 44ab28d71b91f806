/* One WebSocket connection to Binance's combined market streams: connects, subscribes what is wanted, and does so again
 * for ever. A pool of connections is a set of these.
 *
 *   stream_open -> resolve -> connect -> SUBSCRIBE in chunks -> events ... -> lost -> wait -> resolve ...
 *
 * Every message's event time moves the market clock. A malformed or oversized frame is counted and logged once per
 * period, and the stream goes on. Pings are answered by libwebsockets with their own payload. A connection on which
 * nothing at all arrives is replaced, as is one on which commands stay unanswered. After `serverShutdown`, or when a
 * connection that had stood for a while is lost, the next try comes at once; otherwise with backoff and jitter.
 * Threads: the loop's; handlers come from the loop, never from inside stream_open or stream_want. A handler may call
 * stream_want, but not stream_close. Ownership: clock and symbol table are borrowed and must outlive it. */
#pragma once
#include "base/clock.h"
#include "base/errors.h"
#include "binance/connect_limit.h"
#include "binance/parse.h"
#include "binance/stream_hosts.h"
#include "binance/topics.h"
#include "market/event.h"
#include "market/symbol.h"
#include <uv.h>

typedef struct stream stream;

typedef struct stream_handlers {
    /* EVENT_BAR_FORMING or EVENT_BAR_CLOSED of a topic that is wanted. */
    void (*on_event)(void *context, const market_event *event);
    /* A ticker of a topic that is wanted. May be NULL. */
    void (*on_ticker)(void *context, uint32_t symbol, const parse_ticker *ticker);
    /* Connected (why NULL), or lost or not reached (a sentence; every failed try calls). May be NULL. */
    void (*on_state)(void *context, bool is_connected, const char *why);
    /* All that is wanted is confirmed by the server. May be NULL. */
    void (*on_carried)(void *context);
    /* The server said that it shuts down. The connection is used until it is lost; NULL: it is left at once. */
    void (*on_leaving)(void *context);
    void *context;
} stream_handlers;

typedef struct stream_options {
    uv_loop_t *loop;
    const char
        *url; /* ws:// or wss://host[:port][/prefix]; "/stream" is added. Copied. Not read when hosts are given */
    stream_hosts *hosts;            /* shared with other streams; borrowed. NULL: the URL's alone */
    connect_limit *limit;           /* the same. NULL: none */
    struct stream_library *library; /* the same. NULL: one of its own */
    market_clock *clock;
    const symbol_table *symbols;
    stream_handlers handlers;
    uint64_t seed;       /* of the jitter */
    const char *ca_file; /* as of stream_library_open; not read when a library is given */
    /* For tests; 0 takes the default in brackets. */
    int64_t retry_base_ms, retry_cap_ms; /* [500, 30000] */
    int64_t connect_ms;                  /* [10000] to resolve and connect */
    int64_t answer_ms;                   /* [10000] for a command, then once more, then a new connection */
    int64_t spacing_ms;                  /* [300] between commands, so that a second has room for four and a pong */
    int64_t silence_ms;                  /* [75000] without a byte; the server pings every 20 s */
    int64_t stable_ms;                   /* [30000] after which a lost connection is no sign of trouble */
    int64_t refused_ms;                  /* [60000] longer between tries while every host refuses (HTTP 451, 403) */
    size_t max_frame_bytes;              /* [1 MiB] */
} stream_options;

typedef struct stream_stats {
    bool is_connected;
    uint64_t n_connects, n_losses, n_failed_tries;
    uint64_t n_frames, frame_bytes;
    uint64_t n_klines, n_tickers, n_replies, n_others; /* frames by kind; a ticker array counts its elements */
    uint64_t n_malformed, n_oversized;
    uint64_t n_unknown_symbols, n_unwanted; /* messages left out */
    uint64_t n_commands, n_refused, n_repeated;
    topics_counts topics;
} stream_stats;

/* ERR_INVALID (with the sentence) for a URL of another form, ERR_NO_MEMORY. Connects at once, wanted topics or not. */
MUST_CHECK err stream_open(const stream_options *options, stream **out, diag *why);
/* The whole set that is wanted from now on; errors as topics_want. */
MUST_CHECK err stream_want(stream *s, const topic *wanted, size_t n);
/* Held: nothing is read until it is let go. What the server has sent waits in the system's buffers; when they are full the
 * server waits, or closes the connection. */
void stream_hold(stream *s, bool is_held);
stream_stats stream_get_stats(const stream *s);
/* Since the last byte of its connection, by the kernel's word; -1: there is none. */
int64_t stream_silent_ms(const stream *s);
/* No handler is called any more; `on_closed` when the last handle is gone, then it is freed. */
void stream_close(stream *s, void (*on_closed)(void *context), void *context);
