/* The socket, and libwebsockets behind it, on a loop that belongs to the caller.
 *
 * The socket is bound and accepted here and each connection handed to libwebsockets: so a port that is taken gives a
 * sentence, port 0 and `::` (dual stack) work, and the number of connections has a limit.
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
} listener_options;

/* ERR_NETWORK when the port cannot be had. */
MUST_CHECK err listener_open(uv_loop_t *loop, const listener_options *options, listener **out, diag *why);
uint16_t listener_port(const listener *l);
/* No new connections; gives the present ones a moment to take what is on its way, then cuts them off. */
void listener_close(listener *l, void (*on_closed)(void *context), void *context);
