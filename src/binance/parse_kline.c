/* Text is compared with what must stand between the values, and values are found 16 bytes at a time: one comparison
 * with the digits says how long a number is, and two words of eight digits are its value (read_digits).
 *
 *   {"e":"kline","E":1700000123456,"s":"BTCUSDT","k":{"t":1699999800000,...,"o":"97123.45000000",...
 *   `---- literal ---'`- digits --'`-----'
 *
 * Nothing here may read past the end of the text, which lies in a socket's buffer: a value is only looked at while
 * BLOCK bytes are there, which the end of a kline (`,"B":"0"}}` behind a decimal) grants to the last one.
 * A decimal is a mantissa below 2^53 and a division by a power of ten, both exact, so the quotient is rounded once, as
 * strtod rounds; what has more digits goes through the general reader, value by value. */
#include "binance/parse_kline.h"
#include "binance/parse_rules.h"
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>

#define HOT static inline __attribute__((always_inline))

enum { BLOCK = 16, MOST_DIGITS = 15, MOST_WHOLE = 10 };

typedef struct cursor {
    const char *at, *end;
} cursor;

HOT bool has(const cursor *c, ptrdiff_t bytes) { return c->end - c->at >= bytes; }

/* `text` must be a literal. */
#define TAKE(c, text) take((c), (text), sizeof(text) - 1)

HOT bool take(cursor *c, const char *text, size_t bytes) {
    if (!has(c, (ptrdiff_t)bytes) || memcmp(c->at, text, bytes) != 0) return false;
    c->at += bytes;
    return true;
}

HOT __m128i load(const char *p) { return _mm_loadu_si128((const __m128i *)p); }

/* How many of the 16 bytes at `p` are digits before the first that is none. */
HOT int count_digits(const char *p) {
    __m128i from_zero = _mm_sub_epi8(load(p), _mm_set1_epi8('0'));
    __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(from_zero, _mm_set1_epi8(9)), from_zero);
    return __builtin_ctz(~(unsigned)_mm_movemask_epi8(is_digit));
}

/* The value of the n digits at `p`, 1 to 8; eight bytes must be readable. They move to the end of the word, zeros before
 * them; then neighbours are joined to numbers of two digits, of four, of eight. */
HOT uint64_t read_eight(const char *p, int n) {
    uint64_t word;
    memcpy(&word, p, 8);
    word = (word ^ 0x3030303030303030u) << (64 - 8 * n);
    word = word * 10 + (word >> 8);
    return (((word & 0x000000ff000000ffu) * 0x000f424000000064u) +
            (((word >> 16) & 0x000000ff000000ffu) * 0x0000271000000001u)) >>
           32;
}

/* The same for 1 to 15 digits; sixteen bytes must be readable. */
HOT uint64_t read_digits(const char *p, int n) {
    return n <= 8 ? read_eight(p, n) : read_eight(p, n - 8) * 100000000 + read_eight(p + n - 8, 8);
}

/* A JSON integer, not negative. */
HOT bool take_integer(cursor *c, int64_t *out) {
    if (!has(c, BLOCK)) return false;
    int n = count_digits(c->at);
    if (n == 0 || n > MOST_DIGITS || (*c->at == '0' && n > 1)) return false;
    *out = (int64_t)read_digits(c->at, n);
    c->at += n;
    return true;
}

/* The id of a trade, which nobody needs; -1 in a bar without trades. */
HOT bool skip_id(cursor *c) {
    if (!has(c, BLOCK + 1)) return false;
    const char *p = c->at + (*c->at == '-');
    int n = count_digits(p);
    if (n == 0 || n > MOST_DIGITS || (*p == '0' && n > 1)) return false;
    c->at = p + n;
    return true;
}

/* The general reader, at the quote before the number. */
__attribute__((noinline)) static bool take_long_decimal(cursor *c, double *out) {
    json_reader r;
    json_reader_init(&r, c->at - 1, (size_t)(c->end - c->at) + 1);
    if (!json_decimal(&r, out)) return false;
    c->at = r.at;
    return true;
}

/* A decimal after its opening quote, with the closing one. */
HOT bool take_decimal(cursor *c, double *out) {
    static const double POWERS[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};
    static const uint32_t SCALES[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    const char *p = c->at;
    if (!has(c, BLOCK)) return take_long_decimal(c, out);
    int n_whole = count_digits(p);
    const char *fraction = p + n_whole + 1;
    if (n_whole == 0 || n_whole > MOST_WHOLE || p[n_whole] != '.' || (*p == '0' && n_whole > 1) ||
        c->end - fraction < BLOCK)
        return take_long_decimal(c, out);
    int n = count_digits(fraction);
    if (n == 0 || n > 8 || fraction[n] != '"') return take_long_decimal(c, out);
    c->at = fraction + n + 1;
    uint64_t mantissa = read_digits(p, n_whole) * SCALES[n] + read_eight(fraction, n);
    for (; mantissa > (uint64_t)1 << 53 && n > 0 && mantissa % 10 == 0; n--) mantissa /= 10;
    if (mantissa > (uint64_t)1 << 53) {
        c->at = p;
        return take_long_decimal(c, out);
    }
    *out = (double)(int64_t)mantissa / POWERS[n];
    return true;
}

/* A text of at most 15 plain characters after its opening quote, with the closing one. */
HOT bool take_short_text(cursor *c, json_slice *out) {
    if (!has(c, BLOCK)) return false;
    __m128i text = load(c->at), is_quote = _mm_cmpeq_epi8(text, _mm_set1_epi8('"'));
    /* The comparison is signed: control characters and all bytes outside ASCII are below the space. */
    __m128i is_odd = _mm_or_si128(_mm_cmpeq_epi8(text, _mm_set1_epi8('\\')), _mm_cmplt_epi8(text, _mm_set1_epi8(' ')));
    unsigned quotes = (unsigned)_mm_movemask_epi8(is_quote), odd = (unsigned)_mm_movemask_epi8(is_odd);
    if (quotes == 0 || (odd & (quotes ^ (quotes - 1)))) return false;
    *out = (json_slice){.at = c->at, .bytes = (uint32_t)__builtin_ctz(quotes)};
    c->at += out->bytes + 1;
    return true;
}

/* The same for the name of a stream, which may be longer. */
HOT bool take_text(cursor *c, json_slice *out) {
    json_slice more;
    const char *from = c->at;
    if (take_short_text(c, out)) return true;
    if (!has(c, 2 * BLOCK)) return false;
    for (int i = 0; i < BLOCK; i++)
        if ((signed char)from[i] < ' ' || from[i] == '"' || from[i] == '\\') return false;
    c->at = from + BLOCK;
    if (!take_short_text(c, &more)) return false;
    *out = (json_slice){.at = from, .bytes = BLOCK + more.bytes};
    return true;
}

HOT bool is_same(json_slice a, json_slice b) {
    if (a.bytes != b.bytes) return false;
    /* take_short_text has read 16 bytes at both. */
    unsigned same = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(load(a.at), load(b.at)));
    return (~same & ((1u << a.bytes) - 1)) == 0;
}

HOT bool take_bool(cursor *c, bool *out) {
    *out = TAKE(c, "true");
    return *out || TAKE(c, "false");
}

HOT bool take_head(cursor *c, parse_kline *k, int64_t *close_ms) {
    json_slice symbol, interval;
    bool done = TAKE(c, "\"k\":{\"t\":") && take_integer(c, &k->bar.open_ms) && TAKE(c, ",\"T\":") &&
                take_integer(c, close_ms) && TAKE(c, ",\"s\":\"") && take_short_text(c, &symbol) &&
                TAKE(c, ",\"i\":\"") && take_short_text(c, &interval);
    if (!done || !is_same(symbol, k->symbol) || symbol.bytes == 0) return false;
    k->symbol = symbol; /* the one in k, as the general reader */
    k->interval = interval_parse(interval.at, interval.bytes);
    return k->interval >= 0;
}

HOT bool take_values(cursor *c, parse_kline *k) {
    kline *bar = &k->bar;
    int64_t trades;
    bool done = TAKE(c, ",\"f\":") && skip_id(c) && TAKE(c, ",\"L\":") && skip_id(c) && TAKE(c, ",\"o\":\"") &&
                take_decimal(c, &bar->open) && TAKE(c, ",\"c\":\"") && take_decimal(c, &bar->close) &&
                TAKE(c, ",\"h\":\"") && take_decimal(c, &bar->high) && TAKE(c, ",\"l\":\"") &&
                take_decimal(c, &bar->low) && TAKE(c, ",\"v\":\"") && take_decimal(c, &bar->volume) &&
                TAKE(c, ",\"n\":") && take_integer(c, &trades) && TAKE(c, ",\"x\":") && take_bool(c, &k->is_closed) &&
                TAKE(c, ",\"q\":\"") && take_decimal(c, &bar->quote_volume) && TAKE(c, ",\"V\":\"") &&
                take_decimal(c, &bar->taker_base) && TAKE(c, ",\"Q\":\"") && take_decimal(c, &bar->taker_quote) &&
                TAKE(c, ",\"B\":\"0\"}}");
    if (done) bar->trades = (double)trades;
    return done;
}

bool parse_kline_quickly(const char *text, size_t bytes, parse_message *out) {
    cursor c = {text, text + bytes};
    parse_kline *k = &out->kline;
    int64_t close_ms;
    bool is_combined = TAKE(&c, "{\"stream\":\"");
    out->stream = (json_slice){0};
    if (is_combined && !(take_text(&c, &out->stream) && TAKE(&c, ",\"data\":"))) return false;
    if (!TAKE(&c, "{\"e\":\"kline\",\"E\":") || !take_integer(&c, &out->event_ms)) return false;
    if (!TAKE(&c, ",\"s\":\"") || !take_short_text(&c, &k->symbol) || !TAKE(&c, ",")) return false;
    if (!take_head(&c, k, &close_ms) || !take_values(&c, k)) return false;
    if (is_combined && !TAKE(&c, "}")) return false;
    if (c.at != c.end || !parse_is_time(out->event_ms) || parse_broken_rule(&k->bar, k->interval)) return false;
    if (close_ms != interval_next(k->interval, k->bar.open_ms) - 1) return false;
    out->kind = MESSAGE_KLINE;
    out->what = NULL;
    out->where = 0;
    return true;
}

#else

bool parse_kline_quickly(const char *text, size_t bytes, parse_message *out) {
    (void)text, (void)bytes, (void)out;
    return false;
}

#endif
