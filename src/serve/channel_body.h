/* The inside of the channel, shared by channel.c, channel_wait.c, channel_hello.c, channel_asked.c and channel_token.c and by
 * nobody else.
 * Threads: the loop's. */
#pragma once
#include "base/log.h"
#include "base/token_bucket.h"
#include "serve/channel.h"
#include "serve/channel_request.h"
#include "serve/client_queue.h"
#include "serve/push_history.h"
#include "serve/topic_list.h"

enum {
    CLOSE_UNAUTHORIZED = 4401,
    CLOSE_TRY_LATER = 1013, /* not in libwebsockets' list */
};

/* What a client has missed is sent out of the history: behind `after_seq`, up to `to_seq`. */
typedef struct replay {
    bool is_under_way;
    uint64_t after_seq, to_seq, n_sent;
    char id[REQUEST_ID_BYTES];
} replay;

/* What a push to all looks at is in front: with many clients each of them is far away in memory. */
struct channel_client {
    struct lws *wsi;
    channel_client *next;
    uint64_t seen_seq; /* what must arrive has been sent up to here */
    bool is_live;      /* has got hello, gets what is pushed */
    bool is_known;     /* has shown a token that opens the gate */
    int close_code;    /* not 0: to be closed with it; nothing it sends is looked at any more */
    channel *owner;
    client_queue queue; /* answers, and what may be lost */
    replay replay;
    topic_list topics;
    channel_client *previous;
    gate_ticket *ticket; /* while the gate finds out; nothing is read meanwhile */
    uint64_t live_seq;   /* hello's: what is pushed after it comes live */
    char *input;         /* the message that is arriving */
    size_t input_bytes;
    token_bucket rate; /* of the pieces of messages that come in */
    const char *close_text;
    uint32_t n_close_waits;
    int64_t expires_s;                 /* its token; GATE_FOREVER: never */
    bool is_told;                      /* that it expires soon */
    char renewal_id[REQUEST_ID_BYTES]; /* of the request that has shown another one */
};

/* Whoever is asked for something answers later: the client may be gone by then, and the channel, too. */
typedef struct waiter {
    channel *owner;         /* NULL: gone */
    channel_client *client; /* NULL: gone */
    struct waiter *next;
    char id[REQUEST_ID_BYTES];
} waiter;

struct channel {
    channel_options options;
    channel_client *clients;
    waiter *waiters;
    uint32_t n_strangers, n_known;
    uint64_t seq, kept_seq; /* newest number; of what must arrive */
    char session[SESSION_BYTES];
    push_history history;
    uint16_t n_listeners[SYMBOL_MAX]; /* topics of all clients, by symbol */
    channel_stats stats;
    log_repeater refusals, malformed, slow, fast;
    bool is_over; /* see channel_end_questions */
};

/* Takes the message; NULL: there was no memory for it, and the client is closed. */
void channel_send(channel_client *client, message *m);
/* Once what is under way has been seen to. `text` is a literal. */
void channel_close_client(channel_client *client, int code, const char *text);
/* As the provider tells it now. */
serve_status channel_status(const channel *c);
