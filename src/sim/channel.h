/* Streams by name, and who listens to each: a channel is one (symbol, kind of stream) with its subscribers.
 * Threads: one. Ownership: subscribers are borrowed pointers that the caller takes out before they go. */
#pragma once
#include "sim/source.h"
#include "sim/venue.h"

typedef enum stream_kind {
    STREAM_KLINE,
    STREAM_MINI_TICKER,
    STREAM_TICKER,
    STREAM_ALL_MINI,
    STREAM_ALL_TICKER, /* futures have it still */
    STREAM_SILENT
} stream_kind;

/* A silent stream is one that the exchange would accept but has nothing to say on here: an unknown symbol, or a kind of
 * stream that is not simulated (trades, depth ...). */
typedef struct stream {
    stream_kind kind;
    uint32_t symbol;
    enum interval interval;
} stream;

/* ERR_SYNTAX when the exchange would call it an invalid stream, on that part of its paths. */
MUST_CHECK err stream_parse(const source *s, const venue *v, venue_part part, const char *name, size_t bytes,
                            stream *out);

typedef struct channels channels;

MUST_CHECK err channels_new(uint32_t n_symbols, channels **out);
void channels_free(channels *c);
/* Nothing happens for silent streams. A subscriber is added once. */
MUST_CHECK err channels_add(channels *c, const stream *s, void *subscriber);
void channels_remove(channels *c, const stream *s, const void *subscriber);
/* Streams that anybody listens to. */
size_t channels_count(const channels *c);
/* Borrowed until the channel changes. */
void *const *channels_subscribers(const channels *c, const stream *s, size_t *count);
