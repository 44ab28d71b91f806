/* One text frame on its way out: written once, shared by the queues of all clients and by the history through references.
 *
 * Threads: the loop's. Ownership: whoever holds a reference; the last one frees it. */
#pragma once
#include "base/json_writer.h"

/* What may be lost when a client does not read, and what may not. */
typedef enum message_kind {
    MESSAGE_KEPT,    /* must arrive, or the client is closed */
    MESSAGE_METRICS, /* only the newest counts */
    MESSAGE_KLINE    /* only the newest of its topic counts, but for closed bars */
} message_kind;

typedef struct message {
    uint32_t n_references;
    message_kind kind;
    uint32_t topic; /* MESSAGE_KLINE: the symbol's id * 32 + interval */
    bool is_closed; /* MESSAGE_KLINE */
    uint64_t seq;   /* 0: of no push, but an answer */
    size_t bytes;
    unsigned char room[]; /* room for the frame's header, then the text */
} message;

/* {"type":type,"seq":seq,"data":{ and its end; without a seq when it is 0. */
void message_begin(json_writer *w, const char *type, uint64_t seq);
void message_end(json_writer *w);

/* With one reference, the caller's. Takes the text of `w`, also when it fails; NULL without memory. */
message *message_new(json_writer *w, message_kind kind, uint64_t seq);
/* Of a text that is no JSON. */
message *message_new_text(const char *text);
message *message_acquire(message *m);
void message_release(message *m); /* NULL is ignored */
/* The text, with LWS_PRE writable bytes before it. */
unsigned char *message_text(message *m);
