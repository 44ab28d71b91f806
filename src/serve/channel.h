/* The browser's live channel: WebSocket text frames {"type":..., "data":{...}} on `/` and `/ws` (docs/channel.md).
 *
 *   stranger --token--> known: status_update --signals read--> hello, live: every push, and what it has asked for
 *
 * A client is known by its token: in the Authorization header, as second subprotocol ("trademind, TOKEN"), or in its
 * first message {"type":"auth","data":{"token":...}} in time. Before that it gets nothing and is told nothing (closed
 * with 4401). When a user's token ends, and no later one was shown, the client is closed. Pushed messages carry a growing `seq`, the same number for all clients; those that must arrive are kept for
 * a while, so that a client which comes back asks for what it has missed (`resume`). A client that reads too slowly loses
 * metrics and klines, then is closed with 1013.
 * Threads: the loop's. Ownership: borrows gate, origins and providers. */
#pragma once
#include "screener/analysis.h"
#include "screener/pass.h"
#include "serve/gate.h"
#include "serve/providers.h"
#include <libwebsockets.h>

typedef struct channel channel;
typedef struct channel_client channel_client;

typedef struct channel_options {
    gate *gate;                 /* who is let in */
    const char *const *origins; /* allowed beside the page's own host */
    size_t n_origins;
    int64_t auth_timeout_ms;
    uint32_t max_clients; /* 0: 32 */
    const char *version;  /* of the program, for hello */
    serve_providers providers;
} channel_options;

typedef struct channel_stats {
    uint64_t n_clients, n_refused, n_malformed, n_slow, n_pushed;
    uint64_t n_dropped;  /* metrics and klines that slow clients have lost */
    uint64_t n_replayed; /* messages that were sent again to clients that came back */
    uint64_t n_fast;     /* closed with 1008: more than 3000 pieces of messages in a minute */
    uint64_t n_expired;  /* closed with 4401 at the end of their token */
    uint64_t n_renewed;  /* later tokens that were shown on an open channel */
} channel_stats;

MUST_CHECK err channel_new(const channel_options *options, channel **out);
/* When no connection is left. */
void channel_free(channel *c);

/* An event of libwebsockets on a connection that is, or asks to become, a WebSocket. `slot` is the connection's own,
 * zero at first. */
int channel_on_event(channel *c, struct lws *wsi, enum lws_callback_reasons reason, channel_client **slot,
                     const void *in, size_t bytes);

/* `signal_created` to every client that has shown its token. */
void channel_publish_signal(channel *c, const signal_row *s);
/* `signal_updated`: a signal that they were told of has another state now. */
void channel_publish_update(channel *c, const update_row *u);
/* `analysis_completed`: a verdict; `analysis_failed`: there is none, and why. */
void channel_publish_analysis(channel *c, const analysis_row *row);
/* `error`: a trader that does not run as it is written. */
void channel_publish_problem(channel *c, const char *trader_id, const char *why);
/* `status_update`, as the provider tells it now. */
void channel_publish_status(channel *c);
/* `metrics_update`. */
void channel_publish_metrics(channel *c, const serve_metrics *metrics);
/* Somebody is there to be told. */
bool channel_has_listeners(const channel *c);
/* Somebody wants the klines of the symbol; cheap. */
bool channel_wants_klines(const channel *c, uint32_t id, int32_t interval);
/* `kline_update` to those who do; nothing is written when nobody does. */
void channel_publish_kline(channel *c, uint32_t id, const char *symbol, int32_t interval, const kline *bar,
                           bool is_closed);
/* Asks all clients to go (1001). */
void channel_close_clients(channel *c);
/* Nobody is let in any more, and no message is taken. */
void channel_end_questions(channel *c);
void channel_read_stats(const channel *c, channel_stats *out);
