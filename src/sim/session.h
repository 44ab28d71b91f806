/* What one WebSocket connection is subscribed to, and the control messages that change it.
 * Threads: one. Ownership: in place, inside the connection; channels, source and tape are borrowed. */
#pragma once
#include "sim/channel.h"
#include "sim/tape.h"
#include "sim/writer.h"

typedef struct session_entry {
    char *name;
    stream stream;
} session_entry;

typedef struct session {
    source *source;
    const venue *venue;
    venue_part part;
    tape *tape;
    channels *channels;
    void *subscriber; /* what channels hand out */
    session_entry *entries;
    size_t count, capacity;
    bool is_combined; /* payloads are wrapped with the stream's name */
} session;

void session_init(session *s, source *from, const venue *v, venue_part part, tape *t, channels *c, void *subscriber,
                  bool is_combined);
/* Takes itself out of all channels. */
void session_deinit(session *s);

/* ERR_SYNTAX: invalid stream; ERR_FULL: more than 1024. Twice the same is one. */
MUST_CHECK err session_subscribe(session *s, const char *name, size_t bytes);
/* Names with '/' between, as in a URL. Empty parts are ignored. */
MUST_CHECK err session_subscribe_all(session *s, const char *names);
/* A stream that is not there is ignored. */
void session_unsubscribe(session *s, const char *name, size_t bytes);

/* Answer one text frame. An over-long one gets no answer at all, as on the real exchange: the reply stays empty. */
void session_control(session *s, const char *frame, size_t bytes, writer *reply);
