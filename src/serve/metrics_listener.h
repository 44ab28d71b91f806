/* /metrics on a port of its own, without a token: for whoever scrapes inside of the network. It answers GET /metrics, and nothing
 * else; what it tells are numbers, no name of a user or a trader.
 *
 * It is plain libuv beside the big server, since it has no business with channels, tokens or pages: one small request, one answer,
 * closed. Connections, bytes and times have limits.
 * Threads: the loop's. Ownership: the config is copied but for the context. */
#pragma once
#include "base/errors.h"
#include <uv.h>

typedef struct metrics_listener metrics_listener;

typedef struct metrics_listener_config {
    const char *host; /* a numeric address; "::" also takes IPv4 */
    uint16_t port;    /* 0: any free one */
    /* The text is taken. */
    err (*write)(void *context, char **text, size_t *bytes);
    void *context;
} metrics_listener_config;

/* ERR_NETWORK and a sentence when the port cannot be had. */
MUST_CHECK err metrics_listener_open(uv_loop_t *loop, const metrics_listener_config *config, metrics_listener **out,
                                     diag *why);
uint16_t metrics_listener_port(const metrics_listener *l);
/* Freed when its handles are closed. May be NULL. */
void metrics_listener_close(metrics_listener *l);
