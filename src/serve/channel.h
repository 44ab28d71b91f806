/* The browser's live channel: WebSocket text frames {"type":..., "data":{...}} on `/` and `/ws`.
 *
 * A client is known by its token: in the Authorization header, as second subprotocol ("trademind, TOKEN"), or in its
 * first message {"type":"auth","data":{"token":...}} in time. Before that it gets nothing and is told nothing (closed
 * with 4401). Pushed messages carry a growing `seq`, the same number for all clients. A client that reads too slowly
 * for its bounded queue is closed with 1013; it may come back and ask the API for what it missed.
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
    serve_providers providers;
} channel_options;

typedef struct channel_stats {
    uint64_t n_clients, n_refused, n_malformed, n_slow, n_pushed;
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
/* Asks all clients to go (1001). */
void channel_close_clients(channel *c);
void channel_read_stats(const channel *c, channel_stats *out);
