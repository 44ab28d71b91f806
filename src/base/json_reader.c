/* The reader for market messages. It is what the program spends its input time in, hence:
 *
 * - Text is looked at 16 bytes at a time (8 without SSE2) for the end of a string; one signed comparison finds both
 *   control characters and bytes outside ASCII.
 * - An error moves `end` to `at`. Every function needs a byte to go on, so the error sticks without a check of its own.
 * - Decimals are a mantissa and a power of ten. When both are exact doubles, one division or multiplication rounds
 *   once and so gives what strtod gives (Clinger's fast path); all else goes through strtod. */
#include "base/json_reader.h"
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* A call costs as much as what most of these do; clang would leave them out of line. */
#define HOT static inline __attribute__((always_inline))

enum { MAX_DIGITS = 19, MAX_POWER = 22 };

static const double POWERS[MAX_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                             1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

__attribute__((cold, noinline)) static void set_error(json_reader *r, const char *at, const char *expected) {
    if (!r->error) {
        r->error = expected;
        r->at = at;
    }
    r->end = r->at;
}

/* Inline, so that the compiler knows it to be false. */
static inline bool fail(json_reader *r, const char *at, const char *expected) {
    set_error(r, at, expected);
    return false;
}

HOT const char *skip_space(const char *p, const char *end) {
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r')) p++;
    return p;
}

/* The next byte that is no white space, consumed if it is `c`. */
HOT bool take(json_reader *r, char c, const char *expected) {
    const char *p = r->at;
    if (p >= r->end || *p != c) {
        p = skip_space(p, r->end);
        if (p >= r->end || *p != c) return fail(r, p, expected);
    }
    r->at = p + 1;
    return true;
}

void json_reader_init(json_reader *r, const char *text, size_t bytes) {
    *r = (json_reader){.start = text, .at = text, .end = text + bytes};
    if (bytes > UINT32_MAX) fail(r, text, "a text below 4 GiB");
}

char json_peek(json_reader *r) {
    r->at = skip_space(r->at, r->end);
    if (r->at >= r->end) return 0;
    switch (*r->at) {
    case '{':
    case '[':
    case '"':
    case 't':
    case 'f':
    case 'n': return *r->at;
    case '-':
    case '0' ... '9': return '0';
    default: return 0;
    }
}

/* ---- strings ---- */

/* First byte at or after `p` that is a quote, a backslash, a control character or not ASCII; else `end`. */
HOT const char *scan_plain(const char *p, const char *end) {
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), space = _mm_set1_epi8(' ');
    for (; end - p >= 16; p += 16) {
        __m128i text = _mm_loadu_si128((const __m128i *)p);
        __m128i special = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(text, quote), _mm_cmpeq_epi8(text, backslash)),
                                       _mm_cmplt_epi8(text, space));
        unsigned mask = (unsigned)_mm_movemask_epi8(special);
        if (mask) return p + __builtin_ctz(mask);
    }
#else
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    for (; end - p >= 8; p += 8) {
        uint64_t text;
        memcpy(&text, p, 8);
        uint64_t quote = text ^ ones * '"', backslash = text ^ ones * '\\';
        /* A byte of zero borrows; false hits above a true one do no harm, the loop below finds the first. */
        uint64_t special = ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | (text - ones * ' ') | text;
        if (special & highs) break;
    }
#endif
    while (p < end && (signed char)*p >= ' ' && *p != '"' && *p != '\\') p++;
    return p;
}

static inline bool is_continuation(uint8_t byte, uint8_t low, uint8_t high) { return byte >= low && byte <= high; }

/* Length of the well-formed sequence at `p` (Unicode, table 3-7), 0 when there is none. */
static size_t utf8_length(const char *text, const char *end) {
    const uint8_t *p = (const uint8_t *)text;
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || (size_t)(end - text) < n) return 0;
    uint8_t low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    uint8_t high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (!is_continuation(p[1], low, high)) return 0;
    for (size_t i = 2; i < n; i++)
        if (!is_continuation(p[i], 0x80, 0xbf)) return 0;
    return n;
}

/* Four hex digits at `p`; -1 when they are not there. */
static int hex4(const char *p, const char *end) {
    if (end - p < 4) return -1;
    int code = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
        if (digit < 0) return -1;
        code = code * 16 + digit;
    }
    return code;
}

/* Length of the escape at `p` (a backslash), a surrogate pair being one; 0 when it is malformed. */
static size_t escape_length(const char *p, const char *end) {
    if (end - p < 2) return 0;
    if (p[1] != 'u') return memchr("\"\\/bfnrt", p[1], 8) ? 2 : 0;
    int code = hex4(p + 2, end);
    if (code < 0 || (code >= 0xdc00 && code <= 0xdfff)) return 0;
    if (code < 0xd800 || code > 0xdbff) return 6;
    if (end - p < 12 || p[6] != '\\' || p[7] != 'u') return 0;
    int low = hex4(p + 8, end);
    return low >= 0xdc00 && low <= 0xdfff ? 12 : 0;
}

/* From what scan_plain stopped at to the closing quote; NULL and an error when there is none. */
__attribute__((noinline)) static const char *scan_rest(json_reader *r, const char *p, bool *has_escape) {
    while (p < r->end && *p != '"') {
        size_t n = 0;
        const char *expected = "no control character in a string";
        if (*p == '\\') {
            n = escape_length(p, r->end);
            expected = "a valid escape";
            *has_escape = true;
        } else if ((signed char)*p < 0) {
            n = utf8_length(p, r->end);
            expected = "valid UTF-8";
        }
        if (n == 0) {
            fail(r, p, expected);
            return NULL;
        }
        p = scan_plain(p + n, r->end);
    }
    if (p < r->end) return p;
    fail(r, p, "the end of the string");
    return NULL;
}

HOT bool read_string(json_reader *r, json_slice *out, const char *expected) {
    if (!take(r, '"', expected)) return false;
    const char *from = r->at;
    const char *p = scan_plain(from, r->end);
    bool has_escape = false;
    if (p >= r->end || *p != '"') {
        p = scan_rest(r, p, &has_escape);
        if (!p) return false;
    }
    *out = (json_slice){.at = from, .bytes = (uint32_t)(p - from), .has_escape = has_escape};
    r->at = p + 1;
    return true;
}

bool json_string(json_reader *r, json_slice *out) { return read_string(r, out, "a string"); }

/* ---- containers ---- */

HOT bool enter(json_reader *r, char c, const char *expected) {
    if (!take(r, c, expected)) return false;
    if (r->depth >= JSON_MAX_DEPTH) return fail(r, r->at - 1, "at most 32 levels");
    r->depth++;
    r->is_first = true;
    return true;
}

bool json_enter_object(json_reader *r) { return enter(r, '{', "an object"); }

bool json_enter_array(json_reader *r) { return enter(r, '[', "an array"); }

/* True when an element follows (its comma consumed); false when the container has ended or the text is bad. */
HOT bool next_element(json_reader *r, char closing, const char *expected) {
    const char *p = skip_space(r->at, r->end);
    if (p >= r->end || r->depth == 0) return fail(r, p, expected);
    if (*p == closing) {
        r->at = p + 1;
        r->depth--;
        r->is_first = false;
        return false;
    }
    if (!r->is_first) {
        if (*p != ',') return fail(r, p, expected);
        p++;
    }
    r->at = p;
    r->is_first = false;
    return true;
}

bool json_next_key_slowly(json_reader *r, json_slice *key) {
    return next_element(r, '}', "a comma or }") && read_string(r, key, "a key") && take(r, ':', "a colon");
}

bool json_next_item(json_reader *r) {
    if (!next_element(r, ']', "a comma or ]")) return false;
    return json_peek(r) || fail(r, r->at, "a value");
}

/* ---- numbers ---- */

typedef struct number {
    uint64_t mantissa;         /* of the first 19 significant digits */
    int64_t exponent;          /* of ten */
    const char *from, *end;    /* its text */
    bool is_negative, is_long; /* more significant digits than the mantissa holds */
    bool is_integer;           /* neither point nor exponent */
} number;

HOT bool is_digit(const char *p, const char *end) { return p < end && (unsigned char)(*p - '0') < 10; }

/* Digits at `p` into the mantissa. Up to 19 of them cannot overflow it, so most numbers never count digits at all. */
HOT const char *scan_digits(const char *p, const char *end, uint64_t *mantissa) {
    uint64_t sum = *mantissa;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    /* Eight at a time: the digits that there are move to the end of the word, zeros before them; then neighbours are
     * joined to numbers of two digits, of four, of eight. */
    static const uint32_t scales[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    while (end - p >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        word ^= 0x3030303030303030u;
        uint64_t others = ((word + 0x7676767676767676u) | word) & 0x8080808080808080u;
        unsigned n = others ? (unsigned)__builtin_ctzll(others) / 8 : 8;
        if (n == 0) break;
        word <<= 64 - 8 * n;
        word = word * 10 + (word >> 8);
        word = (((word & 0x000000ff000000ffu) * 0x000f424000000064u) +
                (((word >> 16) & 0x000000ff000000ffu) * 0x0000271000000001u)) >>
               32;
        sum = sum * scales[n] + word;
        p += n;
        if (n < 8) break;
    }
#endif
    for (; is_digit(p, end); p++) sum = sum * 10 + (uint64_t)(*p - '0');
    *mantissa = sum;
    return p;
}

/* The exponent after an e, added to `exponent`. Held below 10^8, which is far outside doubles anyway. */
static inline const char *scan_exponent(json_reader *r, const char *p, int64_t *exponent) {
    const char *end = r->end;
    bool is_negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (!is_digit(p, end)) {
        set_error(r, p, "an exponent");
        return NULL;
    }
    int64_t sum = 0;
    for (; is_digit(p, end); p++)
        if (sum < 10000000) sum = sum * 10 + (*p - '0');
    *exponent += is_negative ? -sum : sum;
    return p;
}

/* Significant digits between `p` and `end`, a point and leading zeros not counted. */
static size_t count_significant(const char *p, const char *end) {
    size_t n = 0;
    for (; p < end; p++)
        if (*p != '.' && (n > 0 || *p != '0')) n++;
    return n;
}

/* The number at `p`, by JSON's grammar. */
HOT bool scan_number(json_reader *r, const char *p, number *out) {
    const char *end = r->end;
    *out = (number){.from = p, .is_integer = true};
    if (p < end && *p == '-') {
        out->is_negative = true;
        p++;
    }
    const char *digits = p;
    if (!is_digit(p, end)) return fail(r, p, "a number");
    if (*p == '0')
        p++;
    else
        p = scan_digits(p, end, &out->mantissa);
    if (p < end && *p == '.') {
        const char *fraction = p + 1;
        p = scan_digits(fraction, end, &out->mantissa);
        if (p == fraction) return fail(r, p, "a digit");
        out->exponent = fraction - p;
        out->is_integer = false;
    }
    out->is_long = p - digits > MAX_DIGITS && count_significant(digits, p) > MAX_DIGITS;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p = scan_exponent(r, p + 1, &out->exponent);
        if (!p) return false;
        out->is_integer = false;
    }
    out->end = p;
    return true;
}

/* The general case. The copy ends where the number ends; the C locale's point is a point whatever the process has set
 * (glibc's newlocale returns its built-in object for "C", so this allocates nothing). */
__attribute__((cold, noinline)) static bool convert_slowly(json_reader *r, const char *from, const char *end,
                                                           double *out) {
    char copy[JSON_MAX_NUMBER_BYTES + 1];
    size_t bytes = (size_t)(end - from);
    if (bytes > JSON_MAX_NUMBER_BYTES) return fail(r, from, "a number of at most 1024 characters");
    memcpy(copy, from, bytes);
    copy[bytes] = 0;
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c_locale) return fail(r, from, "memory for a locale");
    double value = strtod_l(copy, NULL, c_locale);
    freelocale(c_locale);
    if (isinf(value)) return fail(r, from, "a number that a double can hold");
    *out = value;
    return true;
}

HOT bool convert(json_reader *r, const number *n, double *out) {
    uint64_t mantissa = n->mantissa;
    int64_t exponent = n->exponent;
    if (n->is_long) return convert_slowly(r, n->from, n->end, out);
    /* "90123456.12300000": sixteen digits and more are often zeros at the end. */
    while (mantissa > (uint64_t)1 << 53 && mantissa % 10 == 0) {
        mantissa /= 10;
        exponent++;
    }
    if (mantissa > (uint64_t)1 << 53 || exponent < -MAX_POWER || exponent > MAX_POWER)
        return convert_slowly(r, n->from, n->end, out);
    double value = (double)(int64_t)mantissa; /* of a signed number it is one instruction */
    value = exponent < 0 ? value / POWERS[-exponent] : value * POWERS[exponent];
    *out = n->is_negative ? -value : value;
    return true;
}

bool json_decimal(json_reader *r, double *out) {
    const char *p = skip_space(r->at, r->end);
    bool is_quoted = p < r->end && *p == '"';
    number n;
    if (!scan_number(r, p + is_quoted, &n)) return false;
    if (is_quoted && (n.end >= r->end || *n.end != '"')) return fail(r, n.end, "the end of a decimal");
    if (!convert(r, &n, out)) return false;
    r->at = n.end + is_quoted;
    return true;
}

bool json_int64(json_reader *r, int64_t *out) {
    number n;
    if (!scan_number(r, skip_space(r->at, r->end), &n)) return false;
    if (!n.is_integer) return fail(r, n.from, "an integer");
    uint64_t limit = (uint64_t)INT64_MAX + n.is_negative;
    if (n.is_long || n.mantissa > limit) return fail(r, n.from, "an integer of 64 bits");
    *out = n.is_negative ? (int64_t)(0 - n.mantissa) : (int64_t)n.mantissa;
    r->at = n.end;
    return true;
}

/* ---- words and the rest ---- */

static bool read_word(json_reader *r, const char *word, size_t bytes) {
    const char *p = skip_space(r->at, r->end);
    if ((size_t)(r->end - p) < bytes || memcmp(p, word, bytes) != 0) return fail(r, p, word);
    r->at = p + bytes;
    return true;
}

bool json_bool(json_reader *r, bool *out) {
    char next = json_peek(r);
    if (next != 't' && next != 'f') return fail(r, r->at, "true or false");
    if (!(next == 't' ? read_word(r, "true", 4) : read_word(r, "false", 5))) return false;
    *out = next == 't';
    return true;
}

bool json_null(json_reader *r) { return read_word(r, "null", 4); }

static bool skip_object(json_reader *r) {
    json_slice key;
    if (!json_enter_object(r)) return false;
    while (json_next_key(r, &key))
        if (!json_skip(r)) return false;
    return !r->error;
}

static bool skip_array(json_reader *r) {
    if (!json_enter_array(r)) return false;
    while (json_next_item(r))
        if (!json_skip(r)) return false;
    return !r->error;
}

static bool skip_number(json_reader *r) {
    number n;
    if (!scan_number(r, r->at, &n)) return false;
    r->at = n.end;
    return true;
}

/* Recursion is bounded: enter refuses more than JSON_MAX_DEPTH levels. */
bool json_skip(json_reader *r) {
    json_slice text;
    bool truth;
    switch (json_peek(r)) {
    case '{': return skip_object(r);
    case '[': return skip_array(r);
    case '"': return json_string(r, &text);
    case '0': return skip_number(r);
    case 't':
    case 'f': return json_bool(r, &truth);
    case 'n': return json_null(r);
    default: return fail(r, r->at, "a value");
    }
}

bool json_finish(json_reader *r) {
    if (r->error) return false;
    r->at = skip_space(r->at, r->end);
    return (r->at == r->end && r->depth == 0) || fail(r, r->at, "the end of the text");
}
