/* HTTP client: libcurl's multi interface on a caller-owned libuv loop.
 *
 * Every request has a deadline and a ceiling for its body; both are errors of their own (ERR_TIMEOUT, ERR_TOO_BIG).
 * Threads: the loop's thread only. Ownership: request data is copied by http_client_send; the response is borrowed by
 * the callback. The callback is called exactly once for every accepted request, never from inside send, cancel or
 * close; it may call any of them.
 * Always: http and https alone, certificates verified, redirects not followed, gzip accepted, connections kept and
 * used again; at most 64 KiB of headers (ERR_TOO_BIG). libcurl's own initialisation is done by the first client;
 * no signal handler is touched, so the process blocks or ignores SIGPIPE. */
#pragma once
#include "base/errors.h"
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

typedef struct http_client http_client;

typedef struct http_response {
    err error;        /* OK when an HTTP answer arrived whole, whatever its status */
    const char *why;  /* one sentence when error != OK */
    int status;       /* 0 without an answer */
    const char *body; /* terminated with 0 after body_bytes; empty when error != OK */
    size_t body_bytes;
    const void *headers; /* for http_response_header */
} http_response;

typedef void (*http_done_fn)(void *context, const http_response *response);

typedef struct http_request {
    const char *method; /* NULL: GET */
    const char *url;
    const char *socket;         /* path of a Unix socket that is spoken to instead of the URL's host; NULL: none */
    const char *const *headers; /* "Name: value" lines, NULL at the end; or NULL */
    const void *body;
    size_t body_bytes;
    /* Must not be carried out twice: libcurl sends a request again, of whatever method, when a connection that was kept turns
     * out to be closed; so this one gets a new connection. */
    bool is_once;
    int64_t timeout_ms;    /* > 0 */
    size_t max_body_bytes; /* > 0; after decompression */
    http_done_fn on_done;
    void *context;
} http_request;

/* `user_agent` is copied. */
MUST_CHECK err http_client_new(uv_loop_t *loop, const char *user_agent, http_client **out);
/* `id` (may be NULL) is for http_client_cancel; never 0. ERR_INVALID: no limits, no http or https, or a line break in
 * what goes into the request's head; ERR_CLOSED after close; ERR_NO_MEMORY. */
MUST_CHECK err http_client_send(http_client *client, const http_request *request, uint64_t *id);
/* The callback comes with ERR_CANCELLED. An id that is gone is ignored. */
void http_client_cancel(http_client *client, uint64_t id);
/* Value of a response header by name, case-insensitive; NULL when absent. Borrowed as the response. */
const char *http_response_header(const http_response *response, const char *name);
/* Cancels all (their callbacks still come); `on_closed` when the last libuv handle is gone; frees the client. */
void http_client_close(http_client *client, void (*on_closed)(void *context), void *context);
