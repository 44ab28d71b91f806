/* Decimals are written by hand: printf's "%.8f" costs more than all the rest of a frame. */
#include "sim/writer.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DECIMALS_SCALE = 100000000 };

static bool reserve(writer *t, size_t more);

void writer_free(writer *t) {
    free(t->at);
    *t = (writer){0};
}

void writer_clear(writer *t) {
    t->bytes = 0;
    t->failed = false;
}

void writer_add(writer *t, const char *string) { writer_add_bytes(t, string, strlen(string)); }

void writer_add_bytes(writer *t, const char *bytes, size_t n) {
    if (!reserve(t, n)) return;
    memcpy(t->at + t->bytes, bytes, n);
    t->bytes += n;
}

void writer_add_format(writer *t, const char *format, ...) {
    char line[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof line)
        t->failed = true;
    else
        writer_add_bytes(t, line, (size_t)n);
}

void writer_add_int(writer *t, int64_t value) {
    char digits[24], *at = digits + sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do *--at = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (value < 0) *--at = '-';
    writer_add_bytes(t, at, (size_t)(digits + sizeof digits - at));
}

void writer_add_decimal(writer *t, double value) {
    if (!(value >= 0 && value < 67108864.0)) { /* beyond, eight decimals no longer fit the double's integers */
        writer_add_format(t, "%.8f", value);
        return;
    }
    uint64_t scaled = (uint64_t)nearbyint(value * DECIMALS_SCALE);
    uint32_t fraction = (uint32_t)(scaled % DECIMALS_SCALE);
    char digits[9] = {'.'};
    for (int i = 8; i > 0; i--, fraction /= 10) digits[i] = (char)('0' + fraction % 10);
    writer_add_int(t, (int64_t)(scaled / DECIMALS_SCALE));
    writer_add_bytes(t, digits, sizeof digits);
}

void writer_add_json(writer *t, const char *bytes, size_t n) {
    writer_add_bytes(t, "\"", 1);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c == '"' || c == '\\')
            writer_add_format(t, "\\%c", c);
        else if (c < 0x20)
            writer_add_format(t, "\\u%04x", c);
        else
            writer_add_bytes(t, &bytes[i], 1);
    }
    writer_add_bytes(t, "\"", 1);
}

static bool reserve(writer *t, size_t more) {
    if (t->failed) return false;
    if (more <= t->capacity - t->bytes) return true;
    size_t capacity = 2 * t->capacity + more + 256;
    char *at = realloc(t->at, capacity);
    t->failed = !at;
    if (!at) return false;
    t->at = at;
    t->capacity = capacity;
    return true;
}
