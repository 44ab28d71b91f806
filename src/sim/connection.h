/* One client of the exchange. For HTTP it holds the body that is being sent, for WebSocket the session and the queue of
 * frames, which leave in order.
 * Threads: the loop's. Ownership: libwebsockets owns the struct; the list links those whose handshake is done. */
#pragma once
#include "sim/limits.h"
#include "sim/session.h"
#include "sim/writer.h"
#include <libwebsockets.h>

enum { CONNECTION_PING_BYTES = 24 };

typedef struct connection connection;

typedef struct connection_list {
    connection *first;      /* newest first */
    size_t max_queue_bytes; /* a connection with more is closed; 0: never, since whoever plays waits for it */
    uint64_t n_opened, n_frames, n_slow_closed;
} connection_list;

struct connection {
    struct lws *wsi;
    int host;    /* from 1 */
    writer body; /* HTTP; with LWS_PRE bytes in front */
    int status;  /* HTTP; an answer that waits to be sent */
    weight_verdict verdict;
    bool is_cut;
    /* the rest is for WebSocket */
    connection_list *list;
    connection *next, **link;
    session session;
    writer incoming;
    uint8_t *queue;
    size_t head, tail, capacity;
    message_limit messages;
    char ping[CONNECTION_PING_BYTES]; /* payload of the unanswered ping; empty: none */
    int64_t pinged_ms;                /* when it was due, monotonic */
    bool wants_ping, is_too_big, is_closing;
    /* market time; INT64_MAX: for ever, INT64_MIN: not */
    int64_t opened_ms, silent_until_ms, dead_until_ms, close_at_ms;
};

/* The handshake is done. */
void connection_open(connection *c, connection_list *list, int64_t market_ms);
/* Frees what it has; it may never have been opened. */
void connection_deinit(connection *c);

/* Queue a frame. What is too much for the queue closes the connection. Silent connections lose it. */
void connection_send(connection *c, const writer *payload, bool is_binary);
/* Send what the pipe takes; -1 when the connection is lost. */
int connection_drain(connection *c);
/* Bytes that wait. */
size_t connection_backlog(const connection *c);
/* Cut off, without a word. */
void connection_cut(connection *c);
bool connection_is_silent(const connection *c);
