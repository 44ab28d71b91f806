/* Reads what byte_writer.h wrote, out of bytes that nobody vouches for: nothing is read past the end. The first thing
 * that is not there fails the reader for good; from then on it gives zeros, and nothing of a length.
 * Threads: pure. Ownership: the bytes are borrowed. */
#pragma once
#include "base/errors.h"

typedef struct byte_reader {
    const unsigned char *at;
    size_t left;
    bool has_failed;
} byte_reader;

byte_reader byte_reader_of(const void *data, size_t bytes);
uint8_t byte_get_u8(byte_reader *r);
uint32_t byte_get_u32(byte_reader *r);
int64_t byte_get_i64(byte_reader *r);
/* Of byte_put_varint; one that does not end, or does not fit, is not there. */
uint64_t byte_get_varint(byte_reader *r);
/* The next `bytes` bytes where they stand (they need not be aligned); NULL when they are not there. */
const void *byte_get_bytes(byte_reader *r, size_t bytes);
/* A part that has its length before it; when it is not there, one that has failed. */
byte_reader byte_get_part(byte_reader *r);
/* Of byte_put_text; false (and "") when it is longer than `room` - 1, holds a zero, or is not there: the reader fails. */
bool byte_get_text(byte_reader *r, char *out, size_t room);
/* A failure of the one who reads: what stands there cannot be. Returns ERR_INVALID. */
err byte_reader_refuse(byte_reader *r);
