/* HTTP and WebSocket on the same ports: libwebsockets on a caller-owned libuv loop. It answers REST from the tape, keeps the
 * connections and their queues, and is the tape's sink: a frame is written once and queued for all who listen.
 * Threads: the loop's. Ownership: source, tape and faults are borrowed; the server is freed by server_close's callback. */
#pragma once
#include "sim/faults.h"
#include "sim/tape.h"
#include "sim/venue.h"
#include <uv.h>

typedef struct server server;

enum { SERVER_MOST_HOSTS = 16 };

typedef struct server_options {
    const char *host;
    int port;    /* of the first host, the others follow; 0: any free ones */
    int n_hosts; /* 1..SERVER_MOST_HOSTS: ports that serve the same exchange */
    const venue *venue;
    bool takes_legacy_paths; /* of futures: without /market or /public */
    source *source;
    tape *tape;
    faults *faults;
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
/* `host` from 1. */
int server_port(const server *s, int host);
server_counts server_count(const server *s);
/* Where the tape's events go. */
tape_sink server_sink(server *s);
/* Bytes that wait in the fullest queue. */
size_t server_backlog(const server *s);
/* At top speed: whether the market must stand, because nobody listens, or because a fault has taken streams from all
 * their listeners and they are not back; that, some seconds of real time at most. Never in an outage. */
bool server_holds_market(server *s);

/* A fault begins, or is over (also before its time). Returns how many connections it met. */
size_t server_begin_fault(server *s, const fault *f);
void server_end_fault(server *s, const fault *f);
/* When a connection is closed for its age or because it was told to go; INT64_MAX: none. */
int64_t server_next_ms(const server *s);
/* Market time has come to `now_ms`, with a change. */
void server_pass(server *s, int64_t now_ms);
/* Closes everything; afterwards run the loop until it is empty and call server_free. */
void server_close(server *s);
void server_free(server *s);
