/* The parser of Binance's messages: genuine recordings, field by field, any key order, a table of bad frames, and damage
 * of every kind. */
#include "binance/parse.h"
#include "spec/c/tap.h"
#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

enum { LINE_BYTES = 4 << 20 };

#define KLINE_START "{\"e\":\"kline\",\"E\":1700000123456,\"s\":\"BTCUSDT\",\"k\":{"
#define KLINE_TIMES "\"t\":1699999800000,\"T\":1700000099999,\"s\":\"BTCUSDT\",\"i\":\"5m\",\"f\":1,\"L\":9,"
#define KLINE_PRICES "\"o\":\"100.5\",\"c\":\"101.25\",\"h\":\"102\",\"l\":\"99.75\","
#define KLINE_REST "\"v\":\"10.5\",\"n\":9,\"x\":true,\"q\":\"1060.5\",\"V\":\"4\",\"Q\":\"404\",\"B\":\"0\"}}"
static const char KLINE[] = KLINE_START KLINE_TIMES KLINE_PRICES KLINE_REST;

static int n_seen;
static parse_ticker last_ticker;

static void on_ticker(void *context, const parse_ticker *ticker) {
    (void)context;
    n_seen++;
    last_ticker = *ticker;
}

static message_kind parse(const char *text, parse_message *m) {
    return parse_frame(text, strlen(text), on_ticker, NULL, m);
}

static bool is_symbol(json_slice s, const char *name) { return json_equals(s, name); }

/* ---- one of each ---- */

static void test_kline(void) {
    parse_message m;
    ok(parse(KLINE, &m) == MESSAGE_KLINE, "a raw kline");
    const parse_kline *k = &m.kline;
    ok(m.event_ms == 1700000123456 && !m.stream.at, "event time, no stream name");
    ok(is_symbol(k->symbol, "BTCUSDT") && k->interval == INTERVAL_5M && k->is_closed, "symbol, interval, closed");
    ok(k->bar.open_ms == 1699999800000 && k->bar.open == 100.5 && k->bar.close == 101.25 && k->bar.high == 102 &&
           k->bar.low == 99.75,
       "open time and prices");
    ok(k->bar.volume == 10.5 && k->bar.trades == 9 && k->bar.quote_volume == 1060.5 && k->bar.taker_base == 4 &&
           k->bar.taker_quote == 404,
       "volumes and trades");
    char text[1024];
    snprintf(text, sizeof text, " { \"stream\" : \"btcusdt@kline_5m\" , \"data\" : %s } \n", KLINE);
    ok(parse(text, &m) == MESSAGE_KLINE && is_symbol(m.stream, "btcusdt@kline_5m") && m.kline.bar.close == 101.25,
       "a combined kline, with white space");
    snprintf(text, sizeof text, "{\"data\":%s,\"extra\":[1,{\"e\":\"x\"}],\"stream\":\"s\"}", KLINE);
    ok(parse(text, &m) == MESSAGE_KLINE && is_symbol(m.stream, "s"), "data before stream, an unknown key between");
}

static void test_others(void) {
    parse_message m;
    ok(parse("{\"result\":null,\"id\":7}", &m) == MESSAGE_REPLY && m.reply.has_id && m.reply.id == 7, "a reply");
    ok(parse("{\"id\":8,\"result\":[\"a@kline_1m\"]}", &m) == MESSAGE_REPLY && m.reply.id == 8,
       "a reply with a list, id first");
    ok(parse("{\"result\":null,\"id\":\"x1\"}", &m) == MESSAGE_REPLY && !m.reply.has_id, "an id that is a text");
    ok(parse("{\"code\":2,\"msg\":\"Invalid request\",\"id\":3}", &m) == MESSAGE_ERROR && m.reply.code == 2 &&
           m.reply.id == 3 && json_equals(m.reply.text, "Invalid request"),
       "a refusal, flat");
    ok(parse("{\"id\":null,\"error\":{\"msg\":\"no\",\"code\":3}}", &m) == MESSAGE_ERROR && m.reply.code == 3 &&
           !m.reply.has_id,
       "a refusal, nested, without id");
    ok(parse("{\"e\":\"serverShutdown\",\"E\":1770123456789}", &m) == MESSAGE_SHUTDOWN && m.event_ms == 1770123456789,
       "serverShutdown, raw");
    ok(parse("{\"stream\":\"!serverShutdown\",\"data\":{\"E\":1770123456789,\"e\":\"serverShutdown\"}}", &m) ==
           MESSAGE_SHUTDOWN,
       "serverShutdown, combined");
    ok(parse("{\"u\":1,\"s\":\"BTCUSDT\",\"b\":\"1\",\"B\":\"2\",\"a\":\"3\",\"A\":\"4\"}", &m) == MESSAGE_OTHER,
       "bookTicker has no event name");
    ok(parse("{\"lastUpdateId\":160,\"bids\":[[\"1\",\"2\"]],\"asks\":[]}", &m) == MESSAGE_OTHER, "partial depth");
    ok(parse("{\"e\":\"aggTrade\",\"E\":1700000000001,\"s\":\"A\"}", &m) == MESSAGE_OTHER &&
           m.event_ms == 1700000000001,
       "a kind that is not used keeps its time");
}

static void test_tickers(void) {
    parse_message m;
    ok(parse("{\"e\":\"24hrMiniTicker\",\"E\":1700000000001,\"s\":\"BNBBTC\",\"c\":\"0.0025\",\"o\":\"0.0010\","
             "\"h\":\"0.0026\",\"l\":\"0.0009\",\"v\":\"10000\",\"q\":\"18\"}",
             &m) == MESSAGE_MINI_TICKER &&
           m.ticker.last == 0.0025 && m.ticker.quote_volume == 18 && isnan(m.ticker.bid) && isnan(m.ticker.trades),
       "a mini ticker; absent fields are NAN");
    ok(parse(
           "{\"e\":\"24hrTicker\",\"E\":1700000000001,\"s\":\"BNBBTC\",\"p\":\"-0.5\",\"P\":\"-2.5\",\"w\":\"20\","
           "\"x\":\"1\",\"c\":\"19.5\",\"Q\":\"1\",\"b\":\"19.4\",\"B\":\"1\",\"a\":\"19.6\",\"A\":\"1\",\"o\":\"20\","
           "\"h\":\"21\",\"l\":\"19\",\"v\":\"5\",\"q\":\"100\",\"O\":1,\"C\":2,\"F\":3,\"L\":4,\"n\":77}",
           &m) == MESSAGE_TICKER &&
           m.ticker.change == -0.5 && m.ticker.change_percent == -2.5 && m.ticker.weighted_average == 20 &&
           m.ticker.bid == 19.4 && m.ticker.ask == 19.6 && m.ticker.trades == 77,
       "a ticker");
#define MINI \
    "{\"e\":\"24hrMiniTicker\",\"E\":170000000000%d,\"s\":\"%s\",\"c\":\"1\",\"o\":\"1\",\"h\":\"1\",\"l\":\"1\"," \
    "\"v\":\"%s\",\"q\":\"1\"}"
    char text[2048];
    snprintf(text, sizeof text, "[" MINI "," MINI "," MINI "]", 1, "A", "1", 2, "B", "-1", 3, "C", "1");
    n_seen = 0;
    ok(parse(text, &m) == MESSAGE_TICKERS && m.tickers.n_items == 3 && m.tickers.n_refused == 1 && n_seen == 2 &&
           m.event_ms == 1700000000003,
       "an array: the element that breaks a rule is refused, its neighbours are not");
    text[strlen(text) - 2] = ' '; /* the last brace */
    n_seen = 0;
    ok(parse(text, &m) == MESSAGE_MALFORMED && n_seen == 0, "nothing is handed out of a malformed array");
    ok(parse("[]", &m) == MESSAGE_TICKERS && m.tickers.n_items == 0, "an empty array");
}

/* ---- any order of keys ---- */

static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void shuffle(const char **items, size_t n, uint64_t *seed) {
    for (size_t i = n; i > 1; i--) {
        size_t j = next_random(seed) % i;
        const char *item = items[i - 1];
        items[i - 1] = items[j];
        items[j] = item;
    }
}

static void join(char *out, const char *const *items, size_t n) {
    strcat(out, "{");
    for (size_t i = 0; i < n; i++) {
        if (i) strcat(out, ",");
        strcat(out, items[i]);
    }
    strcat(out, "}");
}

static void test_orders(uint64_t seed) {
    const char *inner[] = {"\"t\":1699999800000",
                           "\"T\":1700000099999",
                           "\"s\":\"BTCUSDT\"",
                           "\"i\":\"5m\"",
                           "\"f\":1",
                           "\"o\":\"100.5\"",
                           "\"c\":\"101.25\"",
                           "\"h\":\"102\"",
                           "\"l\":\"99.75\"",
                           "\"v\":\"10.5\"",
                           "\"n\":9",
                           "\"x\":true",
                           "\"q\":\"1060.5\"",
                           "\"V\":\"4\"",
                           "\"Q\":\"404\"",
                           "\"new\":{\"t\":[]}"};
    parse_message expected, m;
    int n_equal = 0;
    parse(KLINE, &expected);
    for (int round = 0; round < 500; round++) {
        char k[1024] = "\"k\":", text[2048] = "";
        const char *outer[] = {"\"e\":\"kline\"", "\"E\":1700000123456", "\"s\":\"BTCUSDT\"", k, "\"o\":[1,2]"};
        shuffle(inner, sizeof inner / sizeof *inner, &seed);
        shuffle(outer, sizeof outer / sizeof *outer, &seed);
        join(k, inner, sizeof inner / sizeof *inner);
        join(text, outer, sizeof outer / sizeof *outer);
        n_equal += parse(text, &m) == MESSAGE_KLINE && m.event_ms == expected.event_ms &&
                   memcmp(&m.kline.bar, &expected.kline.bar, sizeof(kline)) == 0 && m.kline.is_closed;
    }
    ok(n_equal == 500, "500 random orders of the keys give the same kline (%d did)", n_equal);
}

/* ---- bad frames ---- */

typedef struct bad_frame {
    const char *text, *what; /* `what` must appear in the complaint */
} bad_frame;

static const bad_frame BAD[] = {
    {"", "object"},
    {"null", "object"},
    {"7", "object"},
    {"{}", "kind"},
    {"{\"x\":1}", "kind"},
    {"{\"stream\":\"a\"}", "data"},
    {"{\"stream\":\"a\",\"data\":3}", "object or an array"},
    {"{\"stream\":1,\"data\":{}}", "string"},
    {"{\"e\":\"kline\",\"E\":1700000123456,\"s\":\"A\"}", "a k"},
    {"{\"e\":\"kline\",\"E\":1700000123456,\"k\":{}}", "all of"},
    {"{\"e\":\"kline\",\"E\":1700000123456,\"k\":[]}", "object"},
    {"{\"result\":null,\"id\":1}}", "end of the text"},
    {"{\"result\":null,\"id\":1.5}", "integer"},
    {"{\"e\":\"24hrTicker\",\"E\":1,\"s\":\"A\"}", "prices"},
    {"\xef\xbb\xbf{\"result\":null}", "object"},
    {"{\"e\":\"aggTrade\",\"E\":1700000000001,}", "key"},
    {KLINE_START KLINE_TIMES "\"o\":\"0\",\"c\":\"1\",\"h\":\"2\",\"l\":\"0\"," KLINE_REST, "above 0"},
    {KLINE_START KLINE_TIMES "\"o\":\"3\",\"c\":\"1\",\"h\":\"2\",\"l\":\"1\"," KLINE_REST, "open between"},
    {KLINE_START KLINE_TIMES "\"o\":\"1\",\"c\":\"0.5\",\"h\":\"2\",\"l\":\"1\"," KLINE_REST, "close between"},
    {KLINE_START KLINE_TIMES "\"o\":\"1\",\"c\":\"1\",\"h\":\"1e999\",\"l\":\"1\"," KLINE_REST, "double"},
    {KLINE_START KLINE_TIMES "\"o\":\"NaN\",\"c\":\"1\",\"h\":\"1\",\"l\":\"1\"," KLINE_REST, "number"},
    {KLINE_START KLINE_TIMES "\"c\":\"1\",\"h\":\"1\",\"l\":\"1\"," KLINE_REST, "all of"},
    {KLINE_START "\"t\":1699999800001,\"T\":1700000099999,\"s\":\"BTCUSDT\",\"i\":\"5m\"," KLINE_PRICES KLINE_REST,
     "grid"},
    {KLINE_START "\"t\":1699999800000,\"T\":1700000100000,\"s\":\"BTCUSDT\",\"i\":\"5m\"," KLINE_PRICES KLINE_REST,
     "ends"},
    {KLINE_START "\"t\":1699999800000,\"T\":1700000099999,\"s\":\"BTCUSDT\",\"i\":\"7m\"," KLINE_PRICES KLINE_REST,
     "interval"},
    {KLINE_START "\"t\":1699999800000,\"T\":1700000099999,\"i\":\"5m\"," KLINE_PRICES KLINE_REST, "all of"},
    {KLINE_START "\"t\":1699999800000,\"T\":1700000099999,\"s\":\"\",\"i\":\"5m\"," KLINE_PRICES KLINE_REST, "symbol"},
    {KLINE_START "\"t\":1699999800000,\"T\":1700000099999,\"s\":\"ETHUSDT\",\"i\":\"5m\"," KLINE_PRICES KLINE_REST,
     "same symbol"},
    {KLINE_START
     "\"t\":1699999800000000,\"T\":1700000099999999,\"s\":\"BTCUSDT\",\"i\":\"5m\"," KLINE_PRICES KLINE_REST,
     "in ms"},
    {"{\"e\":\"kline\",\"E\":1700000123456000,\"s\":\"BTCUSDT\",\"k\":{" KLINE_TIMES KLINE_PRICES KLINE_REST, "in ms"},
    {"{\"e\":\"kline\",\"s\":\"BTCUSDT\",\"k\":{" KLINE_TIMES KLINE_PRICES KLINE_REST, "event time"},
    {KLINE_START KLINE_TIMES KLINE_PRICES
     "\"v\":\"-1\",\"n\":9,\"x\":true,\"q\":\"1060.5\",\"V\":\"4\",\"Q\":\"404\"}}",
     "at least 0"},
    {KLINE_START KLINE_TIMES KLINE_PRICES
     "\"v\":\"1\",\"n\":9,\"x\":true,\"q\":\"1060.5\",\"V\":\"1.1\",\"Q\":\"404\"}}",
     "taker volume"},
    {KLINE_START KLINE_TIMES KLINE_PRICES "\"v\":\"1\",\"n\":9,\"x\":true,\"q\":\"100\",\"V\":\"1\",\"Q\":\"101\"}}",
     "taker quote"},
    {KLINE_START KLINE_TIMES KLINE_PRICES "\"v\":\"1\",\"n\":-9,\"x\":true,\"q\":\"100\",\"V\":\"1\",\"Q\":\"1\"}}",
     "at least 0"},
    {KLINE_START KLINE_TIMES KLINE_PRICES "\"v\":\"1\",\"n\":9,\"x\":\"yes\",\"q\":\"100\",\"V\":\"1\",\"Q\":\"1\"}}",
     "true or false"},
};

static void test_bad(void) {
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        parse_message m;
        message_kind kind = parse(BAD[i].text, &m);
        ok(kind == MESSAGE_MALFORMED && m.what && strstr(m.what, BAD[i].what) && m.where <= strlen(BAD[i].text),
           "refused for \"%s\" (%s at %zu)", BAD[i].what, kind == MESSAGE_MALFORMED ? m.what : "taken", m.where);
    }
}

/* ---- damage ---- */

/* Every buffer is exactly as large as the text, so that the sanitizer sees any read past it. */
static message_kind parse_exactly(const char *text, size_t bytes, parse_message *m) {
    char *copy = malloc(bytes ? bytes : 1);
    memcpy(copy, text, bytes);
    message_kind kind = parse_frame(copy, bytes, NULL, NULL, m);
    free(copy);
    return kind;
}

static bool keeps_rules(const parse_message *m) {
    const kline *b = &m->kline.bar;
    return b->low > 0 && b->low <= b->open && b->open <= b->high && b->low <= b->close && b->close <= b->high &&
           b->volume >= 0 && interval_floor(m->kline.interval, b->open_ms) == b->open_ms;
}

static void test_damage(void) {
    char text[sizeof KLINE];
    parse_message m;
    size_t n_whole = 0, n_flips = 0, n_broken = 0;
    for (size_t n = 0; n < sizeof KLINE - 1; n++) n_whole += parse_exactly(KLINE, n, &m) != MESSAGE_MALFORMED;
    ok(n_whole == 0, "no prefix of a kline is a message");
    for (size_t at = 0; at < sizeof KLINE - 1; at++)
        for (int value = 0; value < 256; value++) {
            memcpy(text, KLINE, sizeof KLINE);
            text[at] = (char)value;
            n_flips++;
            if (parse_exactly(text, sizeof KLINE - 1, &m) == MESSAGE_KLINE && !keeps_rules(&m)) n_broken++;
        }
    ok(n_broken == 0, "%zu single-byte changes: whatever is still a kline keeps the rules", n_flips);
}

/* ---- REST ---- */

/* Rows of 1m bars at the given minutes after 1700000000000 - 20000 (= ...1699999980000). */
static void write_rows(char *out, const int *minutes, size_t n) {
    strcpy(out, "[");
    for (size_t i = 0; i < n; i++) {
        int64_t open_ms = INT64_C(1699999980000) + minutes[i] * INT64_C(60000);
        sprintf(out + strlen(out),
                "%s[%" PRId64 ",\"1\",\"3\",\"0.5\",\"2\",\"10\",%" PRId64 ",\"20\",5,\"4\",\"8\",\"0\"]", i ? "," : "",
                open_ms, open_ms + 59999);
    }
    strcat(out, "]");
}

static void test_rest_klines(void) {
    char text[4096];
    kline bars[8];
    parse_page page;
    diag why;
    const int minutes[] = {0, 1, 3, 2, 3, 4};
    const int64_t first = INT64_C(1699999980000);
    write_rows(text, minutes, 6);
    err error = parse_klines(text, strlen(text), INTERVAL_1M, first + 4 * 60000 + 59999, bars, 8, &page, &why);
    ok(error == OK && page.n_bars == 4 && page.n_refused == 2, "rows out of order or repeated are refused");
    ok(page.n_closed == 3 && bars[3].open_ms == first + 4 * 60000,
       "the bar that ends 1 ms after the server time is open");
    ok(bars[0].open == 1 && bars[0].high == 3 && bars[0].low == 0.5 && bars[0].close == 2 && bars[0].volume == 10 &&
           bars[0].quote_volume == 20 && bars[0].trades == 5 && bars[0].taker_base == 4 && bars[0].taker_quote == 8,
       "the fields of a row");
    error = parse_klines(text, strlen(text), INTERVAL_1M, first + 5 * 60000, bars, 8, &page, &why);
    ok(error == OK && page.n_closed == 4, "and closed at its end");
    ok(parse_klines(text, strlen(text), INTERVAL_1M, 0, bars, 3, &page, &why) == ERR_TOO_BIG, "more rows than room");
    ok(parse_klines("[]", 2, INTERVAL_1M, 0, bars, 8, &page, &why) == OK && page.n_bars == 0, "no rows");
    const char *bad[] = {"",  "{}", "[1]", "[[]]", "[[1,2]]", "[[1699999980000,\"1\",\"3\",\"0.5\",\"2\",\"10\",5]]",
                         "[", "[[]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ok(parse_klines(bad[i], strlen(bad[i]), INTERVAL_1M, 0, bars, 8, &page, &why) == ERR_SYNTAX, "%s: %s", bad[i],
           why.text);
    const char *odd =
        "[[1699999980000,\"9\",\"3\",\"0.5\",\"2\",\"10\",1700000039999,\"20\",5,\"4\",\"8\",\"0\"],"
        "[1700000040000,\"1\",\"3\",\"0.5\",\"2\",\"10\",1700000099999,\"20\",5,\"4\",\"8\",\"0\",\"new\"]]";
    ok(parse_klines(odd, strlen(odd), INTERVAL_1M, 0, bars, 8, &page, &why) == OK && page.n_bars == 1 &&
           page.n_refused == 1,
       "an absurd bar does not hide its neighbour");
}

static symbol_info infos[4];
static size_t n_infos;

static void on_symbol(void *context, const symbol_info *symbol) {
    (void)context;
    if (n_infos < 4) infos[n_infos] = *symbol;
    n_infos++;
}

static void test_rest_others(void) {
    parse_exchange exchange;
    diag why;
    int64_t ms, code;
    char message[PARSE_ERROR_BYTES];
    const char *info =
        "{\"symbols\":[{\"status\":\"TRADING\",\"symbol\":\"BTCUSDT\",\"baseAsset\":\"BTC\",\"quoteAsset\":\"USDT\","
        "\"isSpotTradingAllowed\":true,\"permissions\":[],\"permissionSets\":[[\"MARGIN\",\"SPOT\"]],\"filters\":["
        "{\"filterType\":\"MARKET_LOT_SIZE\",\"stepSize\":\"0.5\"},{\"stepSize\":\"0.00001\",\"filterType\":\"LOT_"
        "SIZE\"},"
        "{\"filterType\":\"PRICE_FILTER\",\"minPrice\":\"1\",\"tickSize\":\"0.01000000\"}]},"
        "{\"symbol\":\"\\u5e01A\",\"status\":\"BREAK\",\"isSpotTradingAllowed\":true,\"filters\":[]},"
        "{\"symbol\":\"LEVUSDT\",\"status\":\"TRADING\",\"permissionSets\":[[\"LEVERAGED\"]]},{\"status\":\"TRADING\"}]"
        ","
        "\"rateLimits\":[{\"rateLimitType\":\"REQUEST_WEIGHT\",\"interval\":\"MINUTE\",\"intervalNum\":1,\"limit\":"
        "6000}],"
        "\"serverTime\":1700000000001}";
    n_infos = 0;
    ok(parse_exchange_info(info, strlen(info), on_symbol, NULL, &exchange, &why) == OK && n_infos == 3 &&
           exchange.n_refused == 1,
       "exchangeInfo: three symbols, one without a name refused");
    ok(strcmp(infos[0].name, "BTCUSDT") == 0 && strcmp(infos[0].base, "BTC") == 0 &&
           strcmp(infos[0].quote, "USDT") == 0 && infos[0].is_trading && infos[0].tick_size == 0.01 &&
           infos[0].step_size == 0.00001,
       "names, filters, trading");
    ok(strcmp(infos[1].name, "\xe5\xb8\x81"
                             "A") == 0 &&
           !infos[1].is_trading,
       "an escaped name is decoded; BREAK is not trading");
    ok(!infos[2].is_trading, "permission sets without SPOT");
    ok(exchange.n_limits == 1 && exchange.limits[0].limit == 6000 && exchange.limits[0].period_ms == 60000 &&
           exchange.server_ms == 1700000000001,
       "limits and server time");
    ok(parse_time("{\"serverTime\":1700000000001}", 28, &ms, &why) == OK && ms == 1700000000001, "time");
    ok(parse_time("{\"serverTime\":1700000000001000}", 31, &ms, &why) == ERR_SYNTAX, "time in microseconds: %s",
       why.text);
    ok(parse_time("{}", 2, &ms, &why) == ERR_SYNTAX, "no time: %s", why.text);
    const char *body = "{\"code\":-1121,\"msg\":\"Invalid \\\"symbol\\\".\"}";
    ok(parse_error_body(body, strlen(body), &code, message) && code == -1121 &&
           strcmp(message, "Invalid \"symbol\".") == 0,
       "an error body");
    ok(!parse_error_body("<html>", 6, &code, message), "HTML is none");
    const char *tickers =
        "[{\"symbol\":\"AUSDT\",\"lastPrice\":\"2\",\"openPrice\":\"1\",\"highPrice\":\"3\",\"lowPrice\":\"1\","
        "\"volume\":\"5\",\"quoteVolume\":\"9\",\"count\":7},{\"symbol\":\"B\"}]";
    parse_tickers count;
    ok(parse_tickers_24h(tickers, strlen(tickers), on_ticker, NULL, &count, &why) == OK && count.n_items == 2 &&
           count.n_refused == 1 && last_ticker.quote_volume == 9 && last_ticker.trades == 7 &&
           is_symbol(last_ticker.symbol, "AUSDT"),
       "24 h tickers");
}

static void test_text(void) {
    json_reader r;
    json_slice slice;
    char out[16];
    const char *text = "\"a\\n\\u00e9\\ud83d\\ude00\\/\"";
    json_reader_init(&r, text, strlen(text));
    ok(json_string(&r, &slice) && parse_text(slice, out, sizeof out) == OK &&
           strcmp(out, "a\n\xc3\xa9\xf0\x9f\x98\x80/") == 0,
       "escapes are decoded to UTF-8");
    ok(parse_text(slice, out, 9) == ERR_TOO_BIG && parse_text(slice, out, 10) == OK, "exactly as long as the room");
    json_reader_init(&r, "\"a\\u0000\"", 9);
    ok(json_string(&r, &slice) && parse_text(slice, out, sizeof out) == ERR_SYNTAX, "a NUL is refused");
}

/* ---- recordings ---- */

static const char *expected_kind(const char *file, const parse_message *m) {
    bool is_array_of_others = strstr(file, "markPrice") != NULL;
    switch (m->kind) {
    case MESSAGE_KLINE: return strstr(file, "ws_kline") ? NULL : "kline";
    case MESSAGE_TICKER:
    case MESSAGE_TICKERS: return strstr(file, "24hrTicker") ? NULL : "ticker";
    case MESSAGE_REPLY:
    case MESSAGE_ERROR: return strstr(file, "ws_control") ? NULL : "reply";
    case MESSAGE_OTHER:
        return is_array_of_others || strstr(file, "aggTrade") || strstr(file, "bookTicker") || strstr(file, "depth")
                   ? NULL
                   : "other";
    case MESSAGE_MALFORMED: return m->what;
    default: return "unexpected kind";
    }
}

static const char *check_rest(const char *file, const char *line, size_t bytes) {
    static kline bars[1000];
    static char text[1200];
    diag why = {{0}};
    parse_page page;
    parse_exchange exchange;
    int64_t code;
    char message[PARSE_ERROR_BYTES];
    err error = OK;
    n_infos = 0;
    if (strstr(file, "rest_klines")) {
        error = parse_klines(line, bytes, INTERVAL_1M, INT64_MAX, bars, 1000, &page, &why);
        if (!error && (page.n_refused > 0 || page.n_bars == 0)) return "rows refused";
    } else if (strstr(file, "rest_exchangeInfo.tr") || strstr(file, "rest_exchangeInfo")) {
        error = parse_exchange_info(line, bytes, on_symbol, NULL, &exchange, &why);
        if (!error && (n_infos == 0 || exchange.n_refused > 0 || exchange.n_limits == 0))
            return "symbols or limits missing";
    } else if (strstr(file, "rest_error")) {
        return parse_error_body(line, bytes, &code, message) && code < 0 ? NULL : "no error body";
    } else {
        json_reader r; /* kinds that are never asked for: well-formed at least */
        json_reader_init(&r, line, bytes);
        return json_skip(&r) && json_finish(&r) ? NULL : r.error;
    }
    snprintf(text, sizeof text, "%s", why.text);
    return error ? text : NULL;
}

static void test_file(const char *folder, const char *file) {
    static char line[LINE_BYTES];
    char path[4096];
    size_t n = 0, n_bad = 0;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    gzFile in = gzopen(path, "rb");
    if (!in) {
        ok(false, "%s can be read", path);
        return;
    }
    while (gzgets(in, line, sizeof line)) {
        size_t bytes = strcspn(line, "\n");
        parse_message m;
        const char *complaint;
        if (bytes == 0) continue;
        n++;
        if (strncmp(file, "rest_", 5) == 0) {
            complaint = check_rest(file, line, bytes);
        } else {
            parse_frame(line, bytes, on_ticker, NULL, &m);
            complaint = expected_kind(file, &m);
        }
        if (complaint && n_bad++ < 3) printf("# %s line %zu: %s\n", file, n, complaint);
    }
    gzclose(in);
    ok(n > 0 && n_bad == 0, "%s: %zu recorded messages", file, n);
}

static void test_recordings(void) {
    const char *data = getenv("TRADEMIND_DATA");
    char folder[2048];
    snprintf(folder, sizeof folder, "%s/messages", data ? data : "../shared/data");
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort);
    if (n < 0) {
        ok(true, "recorded messages # SKIP no %s", folder);
        return;
    }
    for (int i = 0; i < n; i++) {
        if (strstr(entries[i]->d_name, ".jsonl")) test_file(folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

int main(void) {
    uint64_t seed = tap_seed((uint64_t)time(NULL));
    test_kline();
    test_others();
    test_tickers();
    test_orders(seed | 1);
    test_bad();
    test_damage();
    test_rest_klines();
    test_rest_others();
    test_text();
    test_recordings();
    return done();
}
