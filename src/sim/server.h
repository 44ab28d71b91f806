/* HTTP and WebSocket on one port: libwebsockets on a caller-owned libuv loop. It answers REST from the tape, keeps the
 * connections and their queues, and is the tape's sink: a frame is written once and queued for all who listen.
 * Threads: the loop's. Ownership: source and tape are borrowed; the server is freed by server_close's callback. */
#pragma once
#include "sim/tape.h"
#include <uv.h>

typedef struct server server;

typedef struct server_options {
    const char *host;
    int port; /* 0: any free one */
    source *source;
    tape *tape;
    int64_t ping_every_ms, pong_within_ms;
    size_t max_queue_bytes; /* a connection with more is closed; 0: never, since whoever plays waits for it */
    void *context;
    int64_t (*now_ms)(void *context);   /* market time for answers */
    void (*on_contact)(void *context);  /* after a request for the time, or a new connection */
    void (*on_listener)(void *context); /* a queue has drained or somebody has subscribed */
} server_options;

typedef struct server_counts {
    uint64_t n_requests, n_connections, n_frames, n_slow_closed;
    int64_t request_ms; /* monotonic time of the newest REST request; 0 before the first */
} server_counts;

MUST_CHECK err server_new(uv_loop_t *loop, const server_options *options, server **out, diag *why);
int server_port(const server *s);
server_counts server_count(const server *s);
/* Where the tape's events go. */
tape_sink server_sink(server *s);
/* Bytes that wait in the fullest queue. */
size_t server_backlog(const server *s);
/* Whether anybody is subscribed to anything. */
bool server_has_listener(const server *s);
/* Closes everything; afterwards run the loop until it is empty and call server_free. */
void server_close(server *s);
void server_free(server *s);
