/* What comes over one connection: pieces of messages become messages, messages become handler calls.
 * A part of a stream. Threads: the stream's. Ownership: everything is the stream's but the buffer of a message in pieces. */
#pragma once
#include "binance/stream.h"

typedef struct stream_reader {
    const stream_options *options;
    const topics *topics;
    stream_stats *stats;
    void (*on_reply)(void *context, const parse_message *m);
    void (*on_shutdown)(void *context);
    void *context; /* of these two */

    char *frame; /* of a message that comes in pieces */
    size_t frame_bytes, frame_capacity;
    bool is_skipping; /* the rest of an oversized one */
} stream_reader;

/* A piece of a message, `is_last`: its end. */
void stream_reader_take(stream_reader *r, const char *piece, size_t bytes, bool is_last);
/* A new connection: what was begun is forgotten. */
void stream_reader_reset(stream_reader *r);
void stream_reader_deinit(stream_reader *r);
