/* Strict pull reader for JSON on the hot path: no allocation, no copy, keys in any order.
 *
 * The caller walks the text in one pass: enter, next key, read or skip, until the reader says the end or that the
 * text is bad. The first error sticks: every later call fails, so a caller may check once at the end. RFC 8259 is
 * enforced over every byte that is passed (also inside what is skipped): UTF-8, escapes, number grammar, no trailing
 * commas, nothing but white space after the value, at most JSON_MAX_DEPTH levels.
 * Threads: none shared; a reader belongs to its caller.
 * Ownership: slices point into the caller's text. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { JSON_MAX_DEPTH = 32, JSON_MAX_NUMBER_BYTES = 1024 };

typedef struct json_slice {
    const char *at; /* not terminated; string content between the quotes, escapes not decoded */
    uint32_t bytes;
    bool has_escape;
} json_slice;

typedef struct json_reader {
    const char *start, *at, *end; /* after an error `end` is `at` */
    const char *error;            /* NULL while all is well; else what was expected at `at` */
    uint32_t depth;
    bool is_first; /* nothing read yet in the innermost container */
} json_reader;

void json_reader_init(json_reader *r, const char *text, size_t bytes);
/* What comes next: one of { [ " t f n, or '0' for a number, or 0 when no value can begin here. Sets no error. */
char json_peek(json_reader *r);
bool json_enter_object(json_reader *r);
/* Next key of the object that was entered; false at its end (which is consumed) or on error. */
static inline bool json_next_key(json_reader *r, json_slice *key);
bool json_enter_array(json_reader *r);
/* True: a value follows; false at the end of the array (consumed) or on error. */
bool json_next_item(json_reader *r);
/* jansson exports a json_string and a json_null, too: under these names the linker keeps them apart. No file includes
 * both headers. */
bool json_string(json_reader *r, json_slice *out) __asm__("json_reader_string");
bool json_null(json_reader *r) __asm__("json_reader_null");
bool json_int64(json_reader *r, int64_t *out); /* integers only; out of range is an error */
/* A number, or a string that holds exactly one JSON number (Binance's decimals), correctly rounded: exact fast path
 * (at most 19 digits and a power of ten up to 22), strtod otherwise; the locale plays no part. Always finite: what a
 * double cannot hold is an error, and so is a number of more than JSON_MAX_NUMBER_BYTES that needs strtod. */
bool json_decimal(json_reader *r, double *out);
bool json_bool(json_reader *r, bool *out);
bool json_skip(json_reader *r); /* any one value, validated */
/* After the outermost value: nothing but white space is left, and no error. */
bool json_finish(json_reader *r);
static inline bool json_equals(json_slice s, const char *text); /* false when the slice has escapes */

/* ---- short cuts, inline because a market message is mostly keys ---- */

bool json_next_key_slowly(json_reader *r, json_slice *key);

/* Binance's keys are one letter and its text has no white space: ,"e": and on. */
static inline bool json_next_key(json_reader *r, json_slice *key) {
    const char *p = r->at;
    bool is_short = r->end - p >= 5 && p[0] == ',' && p[1] == '"' && p[3] == '"' && p[4] == ':';
    if (!is_short || (signed char)p[2] < ' ' || p[2] == '"' || p[2] == '\\' || r->is_first || r->depth == 0)
        return json_next_key_slowly(r, key);
    *key = (json_slice){.at = p + 2, .bytes = 1};
    r->at = p + 5;
    return true;
}

static inline bool json_equals(json_slice s, const char *text) {
    size_t bytes = strlen(text);
    return s.bytes == bytes && !s.has_escape && memcmp(s.at, text, bytes) == 0;
}
