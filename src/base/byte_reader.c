/* See byte_reader.h. */
#include "base/byte_reader.h"
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are read as they stand in memory");

byte_reader byte_reader_of(const void *data, size_t bytes) { return (byte_reader){.at = data, .left = bytes}; }

err byte_reader_refuse(byte_reader *r) {
    *r = (byte_reader){.has_failed = true};
    return ERR_INVALID;
}

const void *byte_get_bytes(byte_reader *r, size_t bytes) {
    const unsigned char *at = r->at;
    if (r->has_failed || bytes > r->left) {
        (void)byte_reader_refuse(r);
        return NULL;
    }
    r->at += bytes;
    r->left -= bytes;
    return at;
}

static void get(byte_reader *r, void *value, size_t bytes) {
    const void *at = byte_get_bytes(r, bytes);
    if (at) memcpy(value, at, bytes);
}

uint8_t byte_get_u8(byte_reader *r) {
    uint8_t value = 0;
    get(r, &value, sizeof value);
    return value;
}

uint32_t byte_get_u32(byte_reader *r) {
    uint32_t value = 0;
    get(r, &value, sizeof value);
    return value;
}

int64_t byte_get_i64(byte_reader *r) {
    int64_t value = 0;
    get(r, &value, sizeof value);
    return value;
}

uint64_t byte_get_varint(byte_reader *r) {
    uint64_t value = 0;
    for (int32_t shift = 0; shift < 64; shift += 7) {
        uint8_t part = byte_get_u8(r);
        if (shift == 63 && part > 1) break;
        value |= (uint64_t)(part & 0x7f) << shift;
        if (part < 0x80) return value;
    }
    (void)byte_reader_refuse(r);
    return 0;
}

byte_reader byte_get_part(byte_reader *r) {
    size_t bytes = byte_get_u32(r);
    const void *at = byte_get_bytes(r, bytes);
    return at ? byte_reader_of(at, bytes) : (byte_reader){.has_failed = true};
}

bool byte_get_text(byte_reader *r, char *out, size_t room) {
    byte_reader text = byte_get_part(r);
    out[0] = 0;
    if (text.has_failed || text.left >= room || memchr(text.at, 0, text.left)) {
        (void)byte_reader_refuse(r);
        return false;
    }
    memcpy(out, text.at, text.left);
    out[text.left] = 0;
    return true;
}
