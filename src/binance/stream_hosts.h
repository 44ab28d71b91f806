/* The hosts that serve the streams, in the order in which they are tried, shared by all connections: where one could not
 * be reached, the next connection goes to the next. A host that refuses this place or address (HTTP 451, 403) is left
 * alone for an hour under all its ports, so that the host of another name (market data only) is taken. Pure.
 * Threads: one. Ownership: endpoints are borrowed until stream_hosts_free. */
#pragma once
#include "base/errors.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STREAM_HOSTS_MAX = 8, STREAM_HOSTS_REFUSED_MS = 3600000 };

typedef struct endpoint {
    char *host, *path; /* the path ends with "/stream" */
    int port;
    bool is_secure;
    int64_t refused_until_ms; /* monotonic */
} endpoint;

typedef struct stream_hosts stream_hosts;

/* ws:// or wss://host[:port][/prefix], 1 to STREAM_HOSTS_MAX of them, ended by NULL; copied. ERR_INVALID with the sentence
 * for another form or number, ERR_NO_MEMORY. */
MUST_CHECK err stream_hosts_new(const char *const *urls, stream_hosts **out, diag *why);
void stream_hosts_free(stream_hosts *h);
/* The one that the next connection goes to. */
const endpoint *stream_hosts_current(const stream_hosts *h);
/* `tried` was not reached; `http_status` of its answer, 0: none. True: another host is current now. */
bool stream_hosts_fail(stream_hosts *h, const endpoint *tried, int http_status, int64_t now_ms);
