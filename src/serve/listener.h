/* The socket, and libwebsockets behind it, on a loop that belongs to the caller.
 *
 * The socket is bound and accepted here and each connection handed to libwebsockets: so a port that is taken gives a
 * sentence, port 0 and `::` (dual stack) work, the number of connections has a limit, in all and of one address, and a
 * connection comes to libwebsockets only with a whole request.
 * Threads: the loop's. Ownership: borrows channel and api until on_closed. */
#pragma once
#include "serve/channel.h"
#include "serve/http_api.h"
#include <uv.h>

typedef struct listener listener;

typedef struct listener_options {
    const char *host; /* an address or a name; "::" also takes IPv4 */
    uint16_t port;    /* 0: any free one */
    channel *channel;
    http_api *api;
    uint32_t max_clients; /* of the channel, which have room beside others; 0: 32 */
    bool
        is_behind_proxy; /* all come through Fly's, which speaks HTTPS and tells the client's address in Fly-Client-IP */
    uint32_t max_per_address;    /* connections at once; 0: 32. This machine's own are not limited so */
    int64_t requests_per_minute; /* of one address; 0: no limit */
    int64_t head_timeout_ms;     /* for the head of a connection's first request; 0: 10000 */
    uint32_t max_visitors;       /* connections without a whole request; 0: 512 */
} listener_options;

typedef struct listener_stats {
    uint64_t n_connections; /* now */
    uint64_t n_accepted, n_requests;
    uint64_t n_refused_full, n_refused_address; /* too many in all, of one address */
    uint64_t n_refused_rate;                    /* requests of an address that asks too fast */
    uint64_t n_bad_heads;                       /* what is no request */
    uint64_t n_late, n_gone, n_put_out;         /* too slow, left, made room (those between two requests as well) */
} listener_stats;

/* ERR_NETWORK when the port cannot be had. */
MUST_CHECK err listener_open(uv_loop_t *loop, const listener_options *options, listener **out, diag *why);
uint16_t listener_port(const listener *l);
void listener_read_stats(const listener *l, listener_stats *out);
/* No new connections; gives the present ones a moment to take what is on its way, then cuts them off. */
void listener_close(listener *l, void (*on_closed)(void *context), void *context);
