/* One buffer, doubled when full, and one flag a level that says whether a comma is due. */
#include "base/json_writer.h"
#include "base/utf8.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void json_writer_init(json_writer *w) { memset(w, 0, sizeof *w); }

void json_writer_deinit(json_writer *w) {
    free(w->text);
    json_writer_init(w);
}

static bool reserve(json_writer *w, size_t more) {
    if (w->failure) return false;
    size_t needed = w->bytes + more + 1;
    if (needed <= w->capacity) return true;
    size_t capacity = w->capacity ? w->capacity : 256;
    while (capacity < needed) capacity *= 2;
    char *text = realloc(w->text, capacity);
    if (!text) {
        w->failure = ERR_NO_MEMORY;
        return false;
    }
    w->text = text;
    w->capacity = capacity;
    return true;
}

static void append(json_writer *w, const char *bytes, size_t count) {
    if (!reserve(w, count)) return;
    memcpy(w->text + w->bytes, bytes, count);
    w->bytes += count;
    w->text[w->bytes] = 0;
}

/* Before a value or a key: the comma, unless a key has just been written. */
static void separate(json_writer *w) {
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (w->depth == 0) return;
    if (w->has_item[w->depth - 1]) append(w, ",", 1);
    w->has_item[w->depth - 1] = true;
}

static void enter(json_writer *w, const char *bracket) {
    separate(w);
    if (w->depth == JSON_WRITER_MAX_DEPTH) {
        w->failure = w->failure ? w->failure : ERR_TOO_BIG;
        return;
    }
    w->has_item[w->depth++] = false;
    append(w, bracket, 1);
}

static void leave(json_writer *w, const char *bracket) {
    if (w->failure) return;
    assert(w->depth > 0 && !w->after_key);
    w->depth--;
    append(w, bracket, 1);
}

void json_write_object(json_writer *w) { enter(w, "{"); }
void json_write_object_end(json_writer *w) { leave(w, "}"); }
void json_write_array(json_writer *w) { enter(w, "["); }
void json_write_array_end(json_writer *w) { leave(w, "]"); }

static void append_escape(json_writer *w, unsigned char c) {
    char text[8];
    switch (c) {
    case '"': append(w, "\\\"", 2); return;
    case '\\': append(w, "\\\\", 2); return;
    case '\n': append(w, "\\n", 2); return;
    case '\r': append(w, "\\r", 2); return;
    case '\t': append(w, "\\t", 2); return;
    default: append(w, text, (size_t)snprintf(text, sizeof text, "\\u%04x", c));
    }
}

static void append_quoted(json_writer *w, const char *value, size_t bytes) {
    const unsigned char *at = (const unsigned char *)value;
    append(w, "\"", 1);
    for (size_t i = 0; i < bytes;) {
        size_t count = at[i] < 0x80 ? 1 : utf8_bytes(value + i, bytes - i);
        if (count == 0)
            append(w, "\xEF\xBF\xBD", 3);
        else if (at[i] < 0x20 || at[i] == '"' || at[i] == '\\' || at[i] == 0x7F)
            append_escape(w, at[i]);
        else
            append(w, value + i, count);
        i += count ? count : 1;
    }
    append(w, "\"", 1);
}

void json_write_key(json_writer *w, const char *key) {
    separate(w);
    append_quoted(w, key, strlen(key));
    append(w, ":", 1);
    w->after_key = true;
}

void json_write_bytes(json_writer *w, const char *value, size_t bytes) {
    separate(w);
    append_quoted(w, value, bytes);
}

void json_write_text(json_writer *w, const char *value) {
    if (value)
        json_write_bytes(w, value, strlen(value));
    else
        json_write_null(w);
}

void json_write_raw(json_writer *w, const char *json) {
    separate(w);
    append(w, json, strlen(json));
}

void json_write_null(json_writer *w) { json_write_raw(w, "null"); }
void json_write_bool(json_writer *w, bool value) { json_write_raw(w, value ? "true" : "false"); }

/* Prices are short decimals. Of up to 8 places and 15 digits in all: n / 10^8, which divides to the same double, is what %.15g
 * would print, at a tenth of the time. False: it is none of these. */
static bool print_short(double value, char text[32]) {
    const int64_t places = 100000000, most = INT64_C(1000000000000000);
    double size = fabs(value);
    if (!(size >= 1e-4 && size < 1e7)) return false;
    int64_t n = (int64_t)(size * 1e8 + 0.5);
    if (n >= most || (double)n / 1e8 != size) return false;
    char digits[24], *end = digits + sizeof digits, *at = end;
    int64_t whole = n / places, fraction = n % places;
    for (int i = 0; i < 8; i++, fraction /= 10) *--at = (char)('0' + fraction % 10);
    while (end > at && end[-1] == '0') end--;
    if (end > at) *--at = '.';
    do *--at = (char)('0' + whole % 10);
    while ((whole /= 10) > 0);
    if (value < 0) *--at = '-';
    memcpy(text, at, (size_t)(end - at));
    text[end - at] = 0;
    return true;
}

void json_write_number(json_writer *w, double value) {
    char text[32];
    if (!isfinite(value)) {
        json_write_null(w);
        return;
    }
    if (print_short(value, text)) {
        json_write_raw(w, text);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) { /* 17 always suffice for a double */
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    json_write_raw(w, text);
}

void json_write_integer(json_writer *w, int64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    json_write_raw(w, text);
}

void json_put_text(json_writer *w, const char *key, const char *value) {
    json_write_key(w, key);
    json_write_text(w, value);
}

void json_put_number(json_writer *w, const char *key, double value) {
    json_write_key(w, key);
    json_write_number(w, value);
}

void json_put_integer(json_writer *w, const char *key, int64_t value) {
    json_write_key(w, key);
    json_write_integer(w, value);
}

void json_put_bool(json_writer *w, const char *key, bool value) {
    json_write_key(w, key);
    json_write_bool(w, value);
}

void json_put_raw(json_writer *w, const char *key, const char *json) {
    json_write_key(w, key);
    json_write_raw(w, json);
}

const char *json_writer_text(const json_writer *w) { return w->failure ? NULL : w->text; }

err json_writer_take(json_writer *w, char **text, size_t *bytes) {
    err failure = w->failure;
    if (!failure && !w->text) failure = ERR_INVALID; /* nothing was written */
    if (!failure) {
        *text = w->text;
        if (bytes) *bytes = w->bytes;
        w->text = NULL;
    }
    json_writer_deinit(w);
    return failure;
}
