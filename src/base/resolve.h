/* Name resolution off the loop: uv_getaddrinfo, first address as text. libwebsockets would block the loop instead.
 * Threads: the loop's thread. The callback comes exactly once, never from inside the call; there is no way to cancel,
 * so the context must live until then. ERR_NOT_FOUND: there is no such name (or it has no address); ERR_NETWORK: no
 * answer could be had; ERR_INVALID from the call itself: no possible host name. */
#pragma once
#include "base/errors.h"
#include <uv.h>

/* `address` is NULL unless error is OK; numeric IPv4 or IPv6 text, borrowed. */
typedef void (*resolve_done_fn)(void *context, err error, const char *address);
MUST_CHECK err resolve(uv_loop_t *loop, const char *host, resolve_done_fn on_done, void *context);
