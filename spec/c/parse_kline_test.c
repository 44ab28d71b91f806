/* The short cut for klines against the general reader: the same for every text, genuine, random, cut or damaged, in
 * memory that ends where the text ends; and its decimals against strtod. */
#include "binance/parse_kline.h"
#include "spec/c/random.h"
#include "spec/c/same_bar.h"
#include "spec/c/tap.h"
#include <inttypes.h>
#include <string.h>
#include <time.h>

enum { TEXT_BYTES = 2048, N_FRAMES = 20000, N_DAMAGES = 20 };

typedef struct texts {
    char value[8][64]; /* o c h l v q V Q */
} texts;

static bool is_same_slice(json_slice a, json_slice b) {
    return a.bytes == b.bytes && a.has_escape == b.has_escape && (a.bytes == 0 || a.at == b.at);
}

static bool is_same_text(const char *a, const char *b) { return a == b || (a && b && strcmp(a, b) == 0); }

static bool is_same(const parse_message *a, const parse_message *b) {
    if (a->kind != b->kind || a->event_ms != b->event_ms || !is_same_slice(a->stream, b->stream)) return false;
    if (a->kind == MESSAGE_MALFORMED) return is_same_text(a->what, b->what) && a->where == b->where;
    if (a->kind != MESSAGE_KLINE) return true;
    return is_same_bar(&a->kline.bar, &b->kline.bar) && is_same_slice(a->kline.symbol, b->kline.symbol) &&
           a->kline.interval == b->kline.interval && a->kline.is_closed == b->kline.is_closed;
}

/* A copy without a byte behind it, so that a sanitizer sees what is read too far. */
static bool agrees(const char *text, size_t bytes) {
    char *copy = malloc(bytes ? bytes : 1);
    parse_message quick, any;
    memset(&quick, 0x5a, sizeof quick);
    memset(&any, 0xa5, sizeof any);
    if (bytes) memcpy(copy, text, bytes);
    (void)parse_frame(copy, bytes, NULL, NULL, &quick);
    (void)parse_frame_any(copy, bytes, NULL, NULL, &any);
    bool same = is_same(&quick, &any);
    if (!same)
        printf("# quick %d (%s at %zu), any %d (%s at %zu): %.*s\n", quick.kind, quick.what ? quick.what : "",
               quick.where, any.kind, any.what ? any.what : "", any.where, (int)bytes, text);
    free(copy);
    return same;
}

static bool is_quick(const char *text, size_t bytes) {
    parse_message m;
    return parse_kline_quickly(text, bytes, &m);
}

static size_t frame_of(char *out, bool is_combined, const char *stream, const char *symbol, const char *interval,
                       int64_t open_ms, int64_t close_ms, const texts *t) {
    return (size_t)snprintf(
        out, TEXT_BYTES,
        "%s%s%s{\"e\":\"kline\",\"E\":%" PRId64 ",\"s\":\"%s\",\"k\":{\"t\":%" PRId64 ",\"T\":%" PRId64
        ",\"s\":\"%s\",\"i\":\"%s\",\"f\":%d,\"L\":%d,\"o\":\"%s\",\"c\":\"%s\",\"h\":\"%s\",\"l\":\"%s\","
        "\"v\":\"%s\",\"n\":%d,\"x\":%s,\"q\":\"%s\",\"V\":\"%s\",\"Q\":\"%s\",\"B\":\"0\"}}%s",
        is_combined ? "{\"stream\":\"" : "", is_combined ? stream : "", is_combined ? "\",\"data\":" : "", open_ms + 5,
        symbol, open_ms, close_ms, symbol, interval, below(8) ? below(1 << 30) : -1, below(8) ? below(1 << 30) : -1,
        t->value[0], t->value[1], t->value[2], t->value[3], t->value[4], below(100000), below(2) ? "true" : "false",
        t->value[5], t->value[6], t->value[7], is_combined ? "}" : "");
}

/* As the exchange writes them: low <= open, close <= high; taker volumes within. */
static void make_texts(texts *t) {
    int decimals = below(8) ? 8 : below(12) + 1;
    double open = uniform() * (below(2)   ? 100000
                               : below(2) ? 1
                                          : 1e-4) +
                  1e-6,
           volume = uniform() * (below(2) ? 1e9 : 10);
    double quote = open * volume, share = uniform();
    double values[8] = {open, open * 1.001, open * 1.01, open * 0.99, volume, quote, volume * share, quote * share};
    int whole_cents = below(2);
    for (int i = 0; i < 8; i++)
        snprintf(t->value[i], sizeof t->value[i], whole_cents && decimals == 8 ? "%.*f0" : "%.*f",
                 whole_cents && decimals == 8 ? 7 : decimals, values[i]);
}

static void make_digits(char *out) {
    int n_whole = below(14), n = 0;
    for (int i = 0; i < n_whole; i++) out[n++] = (char)('0' + below(10));
    if (n == 0) out[n++] = '0';
    if (below(10)) {
        int n_fraction = below(3) ? 8 : below(14);
        out[n++] = '.';
        for (int i = 0; i < n_fraction; i++) out[n++] = (char)('0' + (below(3) ? below(10) : 0));
    }
    out[n] = 0;
}

static const struct {
    const char *name;
    int64_t ms;
} INTERVALS[] = {{"1s", 1000}, {"1m", 60000}, {"5m", 300000}, {"15m", 900000}, {"1h", 3600000}, {"4h", 14400000}};
static const char *const SYMBOLS[] = {"BTCUSDT",  "A", "1000SATSUSDT", "FIFTEENLETTERSX", "SIXTEENLETTERSXX",
                                      "币安USDT", ""};
static const char *const STREAMS[] = {"btcusdt@kline_5m",
                                      "s",
                                      "fifteenletters@",
                                      "1000satsusdt@kline_15m",
                                      "a@kline_1m@+08:00",
                                      "averyveryverylongnameofastream@kline_5m",
                                      ""};

static size_t make_frame(char *out, bool *is_plain) {
    texts t;
    int interval = below(6), symbol = below(7), stream = below(7);
    bool is_combined = below(2);
    int64_t length_ms = INTERVALS[interval].ms,
            open_ms = (INT64_C(1600000000000) / length_ms + below(1000000)) * length_ms;
    make_texts(&t);
    if (!below(20)) make_digits(t.value[below(8)]);
    *is_plain = symbol < 3 && stream < 4;
    return frame_of(out, is_combined, STREAMS[stream], SYMBOLS[symbol], INTERVALS[interval].name,
                    open_ms + (below(50) ? 0 : below(1000)), open_ms + length_ms - (below(50) ? 1 : below(3)), &t);
}

static void damage(char *text, size_t *bytes) {
    static const char BYTES[] = "\"\\{}[],:0123456789.-+eE xtf\x01\x7f\x80\xff";
    size_t at = (size_t)below((int32_t)*bytes);
    switch (below(4)) {
    case 0: text[at] = BYTES[below((int32_t)sizeof BYTES - 1)]; break;
    case 1: *bytes = at; break;
    case 2:
        memmove(text + at, text + at + 1, *bytes - at - 1);
        (*bytes)--;
        break;
    default:
        memmove(text + at + 1, text + at, *bytes - at);
        text[at] = BYTES[below((int32_t)sizeof BYTES - 1)];
        (*bytes)++;
    }
}

static void test_random(void) {
    char text[TEXT_BYTES], bad[TEXT_BYTES];
    int n_agreed = 0, n_quick = 0, n_plain = 0, n_damaged = 0;
    for (int i = 0; i < N_FRAMES; i++) {
        bool is_plain;
        size_t bytes = make_frame(text, &is_plain);
        n_agreed += agrees(text, bytes);
        n_plain += is_plain;
        n_quick += is_plain && is_quick(text, bytes);
        for (int k = 0; k < N_DAMAGES; k++) {
            size_t bad_bytes = bytes;
            memcpy(bad, text, bytes);
            for (int n = below(2); n >= 0 && bad_bytes > 1; n--) damage(bad, &bad_bytes);
            n_damaged += agrees(bad, bad_bytes);
        }
    }
    ok(n_agreed == N_FRAMES, "%d of %d random frames: the same as the general reader", n_agreed, N_FRAMES);
    ok(n_damaged == N_FRAMES * N_DAMAGES, "%d of %d damaged frames: the same", n_damaged, N_FRAMES * N_DAMAGES);
    ok(n_quick > n_plain / 2, "%d of %d frames in the exchange's form take the short cut", n_quick, n_plain);
}

/* Every cut, and every byte replaced by each of the bytes that JSON knows. */
static void test_one_frame(void) {
    static const char BYTES[] = "\"\\{}[],:09.-e \x01\x80";
    texts t = {{"97123.45000000", "97123.46000000", "97200.00000000", "97000.01000000", "123.45678000",
                "12345678.12345670", "61.00000000", "6123456.12345678"}};
    char text[TEXT_BYTES], bad[TEXT_BYTES];
    bool all = true;
    size_t bytes = frame_of(text, true, "btcusdt@kline_5m", "BTCUSDT", "5m", 1699999800000, 1700000099999, &t);
    ok(is_quick(text, bytes), "a frame as the exchange writes it takes the short cut");
    for (size_t n = 0; n <= bytes; n++) all = agrees(text, n) && all;
    for (size_t at = 0; at < bytes; at++)
        for (size_t k = 0; k < sizeof BYTES - 1; k++) {
            memcpy(bad, text, bytes);
            bad[at] = BYTES[k];
            all = agrees(bad, bytes) && all;
        }
    ok(all, "every cut of it and every byte replaced: the same as the general reader");
}

/* Any decimal as the close of a bar that holds everything. */
static void test_decimals(void) {
    char text[TEXT_BYTES], wanted[64];
    int n_right = 0, n_quick = 0;
    for (int i = 0; i < 200000; i++) {
        texts t = {{"1.00000000", "", "99999999999999999.0", "0.00000000000001", "1.00000000", "1.00000000",
                    "0.00000000", "0.00000000"}};
        parse_message m;
        make_digits(wanted);
        snprintf(t.value[1], sizeof t.value[1], "%s", wanted);
        size_t bytes = frame_of(text, false, "", "BTCUSDT", "5m", 1699999800000, 1700000099999, &t);
        bool is_kline = parse_frame(text, bytes, NULL, NULL, &m) == MESSAGE_KLINE;
        bool is_number = (wanted[0] != '0' || wanted[1] == '.' || !wanted[1]) && wanted[strlen(wanted) - 1] != '.';
        double value = strtod(wanted, NULL);
        bool expected = is_number && value >= 0.00000000000001;
        n_quick += is_kline && is_quick(text, bytes);
        n_right += is_kline == expected && (!is_kline || m.kline.bar.close == value);
    }
    ok(n_right == 200000 && n_quick > 50000, "%d of 200000 decimals are what strtod makes of them, %d by the short cut",
       n_right, n_quick);
}

int main(void) {
    random_state = tap_seed((uint64_t)time(NULL)) | 1;
    test_one_frame();
    test_random();
    test_decimals();
    return done();
}
