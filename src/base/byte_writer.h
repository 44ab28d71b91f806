/* Numbers and bytes, one behind the other, in a block that grows: what byte_reader.h reads back. Little-endian, without
 * padding, so that equal values make equal bytes.
 * Threads: pure. Ownership: the writer owns its block until it is taken. Without memory it says so at the end, once. */
#pragma once
#include "base/errors.h"

typedef struct byte_writer {
    unsigned char *data;
    size_t used, room;
    bool has_failed;
} byte_writer;

void byte_writer_init(byte_writer *w);
void byte_writer_deinit(byte_writer *w);
void byte_put_u8(byte_writer *w, uint8_t value);
void byte_put_u32(byte_writer *w, uint32_t value);
void byte_put_i64(byte_writer *w, int64_t value);
/* Seven bits a byte, the least first: small numbers take little room. */
void byte_put_varint(byte_writer *w, uint64_t value);
void byte_put_bytes(byte_writer *w, const void *data, size_t bytes);
/* Its length (u32) and its characters. */
void byte_put_text(byte_writer *w, const char *text);
/* A part whose length (u32) stands before it: begin says where, end fills it in. ERR_TOO_BIG fails the writer. */
size_t byte_put_part_begin(byte_writer *w);
void byte_put_part_end(byte_writer *w, size_t begin);
/* OK, or ERR_NO_MEMORY when anything has failed. */
MUST_CHECK err byte_writer_result(const byte_writer *w);
