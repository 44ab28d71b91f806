/* ZIP archives of one file, for tests: byte by byte, so that each byte can be made wrong. */
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

typedef struct zip_bytes {
    unsigned char data[1 << 20];
    size_t used;
    size_t central_at, end_at; /* where those records begin */
} zip_bytes;

typedef struct zip_shape {
    const char *name;
    bool is_stored, has_descriptor, is_zip64;
    const char *comment; /* may be NULL */
} zip_shape;

static inline void zip_put(zip_bytes *z, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) z->data[z->used++] = (unsigned char)(value >> 8 * i);
}

static inline void zip_put_text(zip_bytes *z, const void *text, size_t bytes) {
    memcpy(z->data + z->used, text, bytes);
    z->used += bytes;
}

static inline size_t zip_pack(const char *text, size_t bytes, unsigned char *to, size_t room) {
    z_stream s = {.next_in = (unsigned char *)text, .avail_in = (uInt)bytes, .next_out = to, .avail_out = (uInt)room};
    if (deflateInit2(&s, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
        deflate(&s, Z_FINISH) != Z_STREAM_END)
        abort();
    deflateEnd(&s);
    return s.total_out;
}

/* The fields that both headers of the file have, from the flags to the length of the name. */
static inline void zip_put_fields(zip_bytes *z, const zip_shape *s, uint32_t crc, size_t packed, size_t bytes,
                                  bool is_known) {
    zip_put(z, s->has_descriptor ? 8 : 0, 2);
    zip_put(z, s->is_stored ? 0 : 8, 2);
    zip_put(z, 0, 4); /* time and date */
    zip_put(z, is_known ? crc : 0, 4);
    zip_put(z, !is_known ? 0 : s->is_zip64 ? UINT32_MAX : packed, 4);
    zip_put(z, !is_known ? 0 : s->is_zip64 ? UINT32_MAX : bytes, 4);
    zip_put(z, strlen(s->name), 2);
}

static inline void zip_put_sizes64(zip_bytes *z, size_t packed, size_t bytes) {
    zip_put(z, 1, 2);
    zip_put(z, 24, 2);
    zip_put(z, bytes, 8);
    zip_put(z, packed, 8);
    zip_put(z, 0, 8); /* where the file begins */
}

static inline void zip_put_end(zip_bytes *z, const zip_shape *s) {
    size_t at = z->central_at, bytes = z->used - at, end64_at = z->used;
    if (s->is_zip64) {
        zip_put(z, 0x06064b50, 4);
        zip_put(z, 44, 8);
        zip_put(z, 45, 2), zip_put(z, 45, 2);
        zip_put(z, 0, 4), zip_put(z, 0, 4);
        zip_put(z, 1, 8), zip_put(z, 1, 8);
        zip_put(z, bytes, 8), zip_put(z, at, 8);
        zip_put(z, 0x07064b50, 4);
        zip_put(z, 0, 4), zip_put(z, end64_at, 8), zip_put(z, 1, 4);
    }
    z->end_at = z->used;
    zip_put(z, 0x06054b50, 4);
    zip_put(z, 0, 2), zip_put(z, 0, 2);
    zip_put(z, s->is_zip64 ? UINT16_MAX : 1, 2), zip_put(z, s->is_zip64 ? UINT16_MAX : 1, 2);
    zip_put(z, s->is_zip64 ? UINT32_MAX : bytes, 4), zip_put(z, s->is_zip64 ? UINT32_MAX : at, 4);
    zip_put(z, s->comment ? strlen(s->comment) : 0, 2);
    if (s->comment) zip_put_text(z, s->comment, strlen(s->comment));
}

static inline void zip_make(zip_bytes *z, const zip_shape *s, const char *text, size_t bytes) {
    static unsigned char packed[1 << 19];
    uint32_t crc = (uint32_t)crc32_z(0, (const unsigned char *)text, bytes);
    size_t n = bytes;
    if (s->is_stored)
        memcpy(packed, text, bytes);
    else
        n = zip_pack(text, bytes, packed, sizeof packed);
    z->used = 0;
    zip_put(z, 0x04034b50, 4);
    zip_put(z, 20, 2);
    zip_put_fields(z, s, crc, n, bytes, !s->has_descriptor);
    zip_put(z, s->is_zip64 ? 28 : 0, 2);
    zip_put_text(z, s->name, strlen(s->name));
    if (s->is_zip64) zip_put_sizes64(z, n, bytes);
    zip_put_text(z, packed, n);
    if (s->has_descriptor) {
        zip_put(z, 0x08074b50, 4);
        zip_put(z, crc, 4);
        zip_put(z, n, s->is_zip64 ? 8 : 4);
        zip_put(z, bytes, s->is_zip64 ? 8 : 4);
    }
    z->central_at = z->used;
    zip_put(z, 0x02014b50, 4);
    zip_put(z, 20, 2), zip_put(z, 20, 2);
    zip_put_fields(z, s, crc, n, bytes, true);
    zip_put(z, s->is_zip64 ? 28 : 0, 2);
    zip_put(z, 0, 2), zip_put(z, 0, 2), zip_put(z, 0, 2), zip_put(z, 0, 4); /* comment, disk, attributes */
    zip_put(z, s->is_zip64 ? UINT32_MAX : 0, 4);
    zip_put_text(z, s->name, strlen(s->name));
    if (s->is_zip64) zip_put_sizes64(z, n, bytes);
    zip_put_end(z, s);
}
