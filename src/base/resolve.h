/* Name resolution off the loop: uv_getaddrinfo, first address as text. libwebsockets would block the loop instead.
 * Threads: the loop's thread. The callback comes exactly once, never from inside the call. */
#pragma once
#include "base/errors.h"
#include <uv.h>

/* `address` is NULL unless error is OK; numeric IPv4 or IPv6 text, borrowed. */
typedef void (*resolve_done_fn)(void *context, err error, const char *address);
MUST_CHECK err resolve(uv_loop_t *loop, const char *host, resolve_done_fn on_done, void *context);
