/* The JSON reader: every text is accepted or refused as jansson does, and what both accept has the same values; calls
 * in any order stay inside the text, and the first error sticks.
 *
 * Where the two may differ, and how that is told from a fault:
 * - more than 32 levels: ours refuses, with that reason (jansson's limit is 2048);
 * - integers beyond 64 bits and reals beyond doubles: jansson refuses while it parses, ours when the value is asked for;
 * - \u0000 in a key: jansson refuses, because its keys are C strings;
 * - a byte of zero, which no JSON text holds: jansson overlooks one behind a number, so ours is to refuse it unasked;
 * - of equal keys jansson keeps the last, so objects that have some are not compared by value. */
#define json_string jansson_string /* both libraries have functions of these names */
#define json_null jansson_null
#include <jansson.h>
#undef json_string
#undef json_null
#include "base/json_reader.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void require(bool holds) {
    if (!holds) abort();
}

static bool same_bits(double a, double b) { return memcmp(&a, &b, sizeof a) == 0; }

static void compare(json_reader *r, json_t *expected);

static void compare_number(json_reader *r, json_t *expected) {
    json_reader probe = *r;
    int64_t integer = 0;
    double value = 0;
    bool is_integer = json_int64(&probe, &integer);
    require(is_integer == json_is_integer(expected));
    require(!is_integer || integer == json_integer_value(expected));
    probe = *r;
    if (!json_decimal(&probe, &value)) {
        probe = *r;
        json_skip(&probe);
        require(probe.at - r->at > JSON_MAX_NUMBER_BYTES);
    } else if (is_integer)
        require(value == (double)integer); /* -0 has no integer to compare bits with */
    else
        require(same_bits(value, json_real_value(expected)));
    json_skip(r);
}

static void compare_string(json_reader *r, json_t *expected) {
    json_slice s;
    require(json_string(r, &s) && json_is_string(expected));
    if (s.has_escape)
        require(s.bytes > json_string_length(expected));
    else
        require(s.bytes == json_string_length(expected) && memcmp(s.at, json_string_value(expected), s.bytes) == 0);
}

static size_t count_keys(json_reader probe) {
    json_slice key;
    size_t n = 0;
    for (json_enter_object(&probe); json_next_key(&probe, &key); n++) json_skip(&probe);
    return n;
}

static void compare_object(json_reader *r, json_t *expected) {
    require(json_is_object(expected));
    json_slice key;
    if (count_keys(*r) != json_object_size(expected)) {
        json_skip(r);
        return;
    }
    void *pair = json_object_iter(expected); /* in order of insertion */
    for (json_enter_object(r); json_next_key(r, &key); pair = json_object_iter_next(expected, pair)) {
        require(pair != NULL && (key.has_escape || json_equals(key, json_object_iter_key(pair))));
        compare(r, json_object_iter_value(pair));
    }
    require(pair == NULL);
}

static void compare_array(json_reader *r, json_t *expected) {
    size_t n = 0;
    require(json_is_array(expected));
    for (json_enter_array(r); json_next_item(r); n++) compare(r, json_array_get(expected, n));
    require(n == json_array_size(expected));
}

static void compare(json_reader *r, json_t *expected) {
    bool truth = false;
    switch (json_peek(r)) {
    case '{': compare_object(r, expected); break;
    case '[': compare_array(r, expected); break;
    case '"': compare_string(r, expected); break;
    case '0': compare_number(r, expected); break;
    case 'n': require(json_null(r) && json_is_null(expected)); break;
    default: require(json_bool(r, &truth) && (truth ? json_is_true(expected) : json_is_false(expected)));
    }
}

static bool may_differ(const json_reader *r, const json_error_t *error) {
    if (r->error) return strcmp(r->error, "at most 32 levels") == 0;
    return json_error_code(error) == json_error_numeric_overflow ||
           json_error_code(error) == json_error_null_byte_in_key;
}

static void compare_with_jansson(const char *text, size_t bytes) {
    json_reader r;
    json_error_t error = {0};
    json_t *expected = json_loadb(text, bytes, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    json_reader_init(&r, text, bytes);
    bool accepted = json_skip(&r) && json_finish(&r);
    require(accepted == (r.error == NULL));
    if (memchr(text, 0, bytes)) {
        require(!accepted);
    } else if (accepted != (expected != NULL)) {
        require(may_differ(&r, &error));
    } else if (accepted) {
        json_reader_init(&r, text, bytes);
        compare(&r, expected);
        require(json_finish(&r));
    }
    json_decref(expected);
}

static bool call_any(json_reader *r, unsigned which) {
    json_slice slice = {0};
    int64_t integer;
    double decimal;
    bool truth, done = false;
    switch (which % 11) {
    case 0: done = json_enter_object(r); break;
    case 1: done = json_next_key(r, &slice); break;
    case 2: done = json_enter_array(r); break;
    case 3: done = json_next_item(r); break;
    case 4: done = json_string(r, &slice); break;
    case 5: done = json_int64(r, &integer); break;
    case 6: done = json_decimal(r, &decimal); break;
    case 7: done = json_bool(r, &truth); break;
    case 8: done = json_null(r); break;
    case 9: done = json_skip(r); break;
    default: done = json_peek(r) != 0; break;
    }
    if (done && slice.at) require(slice.at >= r->start && slice.at + slice.bytes < r->at);
    return done;
}

/* The first byte says how many of the next are calls; they are made on the whole input. */
static void call_at_random(const uint8_t *data, size_t bytes) {
    json_reader r;
    size_t n_calls = bytes ? data[0] % 32u : 0;
    json_reader_init(&r, (const char *)data, bytes);
    if (n_calls < bytes) r.at = r.start + n_calls;
    for (size_t i = 0; i < n_calls && i + 1 < bytes; i++) {
        const char *error = r.error, *at = r.at;
        bool done = call_any(&r, data[i + 1]);
        require(r.at >= at && r.at <= r.end && r.end <= (const char *)data + bytes && r.depth <= JSON_MAX_DEPTH);
        require(!error || (!done && r.error == error && r.at == at));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    compare_with_jansson((const char *)data, bytes);
    call_at_random(data, bytes);
    return 0;
}
