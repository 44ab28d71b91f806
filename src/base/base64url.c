#include "base/base64url.h"
#include <stdint.h>

/* 0..63; -1: no digit. */
static int value_of(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '-') return 62;
    return c == '_' ? 63 : -1;
}

err base64url_decode(const char *text, size_t n, unsigned char *out, size_t room, size_t *bytes) {
    uint32_t bits = 0, n_bits = 0;
    if (n % 4 == 1) return ERR_SYNTAX;
    if (n / 4 * 3 + (n % 4 ? n % 4 - 1 : 0) > room) return ERR_TOO_BIG;
    *bytes = 0;
    for (size_t i = 0; i < n; i++) {
        int value = value_of(text[i]);
        if (value < 0) return ERR_SYNTAX;
        bits = bits << 6 | (uint32_t)value;
        n_bits += 6;
        if (n_bits < 8) continue;
        n_bits -= 8;
        out[(*bytes)++] = (unsigned char)(bits >> n_bits);
    }
    return bits & ((1u << n_bits) - 1) ? ERR_SYNTAX : OK;
}
