/* See byte_writer.h. */
#include "base/byte_writer.h"
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are written as they stand in memory");

enum { FIRST_ROOM = 4096 };

void byte_writer_init(byte_writer *w) { *w = (byte_writer){0}; }

void byte_writer_deinit(byte_writer *w) {
    free(w->data);
    *w = (byte_writer){0};
}

static bool make_room(byte_writer *w, size_t bytes) {
    size_t room = w->room ? w->room : FIRST_ROOM;
    unsigned char *larger;
    if (w->has_failed) return false;
    if (bytes <= w->room - w->used) return true;
    while (room - w->used < bytes && room <= SIZE_MAX / 2) room *= 2;
    larger = room - w->used < bytes ? NULL : realloc(w->data, room);
    if (!larger) {
        w->has_failed = true;
        return false;
    }
    w->data = larger;
    w->room = room;
    return true;
}

void byte_put_bytes(byte_writer *w, const void *data, size_t bytes) {
    if (bytes == 0 || !make_room(w, bytes)) return;
    memcpy(w->data + w->used, data, bytes);
    w->used += bytes;
}

void byte_put_u8(byte_writer *w, uint8_t value) { byte_put_bytes(w, &value, sizeof value); }
void byte_put_u32(byte_writer *w, uint32_t value) { byte_put_bytes(w, &value, sizeof value); }
void byte_put_i64(byte_writer *w, int64_t value) { byte_put_bytes(w, &value, sizeof value); }

void byte_put_varint(byte_writer *w, uint64_t value) {
    unsigned char part[10];
    size_t n = 0;
    for (; value >= 0x80; value >>= 7) part[n++] = (unsigned char)(value | 0x80);
    part[n++] = (unsigned char)value;
    byte_put_bytes(w, part, n);
}

void byte_put_text(byte_writer *w, const char *text) {
    size_t at = byte_put_part_begin(w);
    byte_put_bytes(w, text, strlen(text));
    byte_put_part_end(w, at);
}

size_t byte_put_part_begin(byte_writer *w) {
    byte_put_u32(w, 0);
    return w->used;
}

void byte_put_part_end(byte_writer *w, size_t begin) {
    uint32_t bytes = (uint32_t)(w->used - begin);
    if (w->has_failed) return;
    if (w->used - begin > UINT32_MAX) {
        w->has_failed = true;
        return;
    }
    memcpy(w->data + begin - sizeof bytes, &bytes, sizeof bytes);
}

err byte_writer_result(const byte_writer *w) { return w->has_failed ? ERR_NO_MEMORY : OK; }
