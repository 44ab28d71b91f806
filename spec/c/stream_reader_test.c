/* Pieces of messages into handler calls, without a socket. */
#include "binance/stream_reader.h"
#include "spec/c/messages.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <stdlib.h>
#include <string.h>

enum { FRAME_LIMIT = 1024, MAX_EVENTS = 4096 };

typedef struct fixture {
    market_clock clock;
    symbol_table *symbols;
    topics *topics;
    stream_options options;
    stream_stats stats;
    stream_reader reader;
    int64_t event_ms[MAX_EVENTS];
    size_t n_events, n_tickers, n_replies, n_shutdowns;
    int64_t reply_id;
} fixture;

static fixture f;

static void on_event(void *context, const market_event *event) {
    (void)context;
    f.event_ms[f.n_events++] = event->event_ms;
}

static void on_ticker(void *context, uint32_t symbol, const parse_ticker *ticker) {
    (void)context;
    (void)ticker;
    f.n_tickers += symbol == 0;
}

static void on_reply(void *context, const parse_message *m) {
    (void)context;
    f.n_replies++;
    f.reply_id = m->reply.id;
}

static void on_shutdown(void *context) {
    (void)context;
    f.n_shutdowns++;
}

static void open_fixture(void) {
    topic wanted[] = {{0, INTERVAL_1M}, {0, TOPIC_MINI_TICKER}};
    f = (fixture){0};
    market_clock_init(&f.clock);
    if (symbol_table_new(&f.symbols)) abort();
    for (int i = 0; i < 2; i++) {
        symbol_info info = {0};
        uint32_t id;
        snprintf(info.name, sizeof info.name, "SYM%dUSDT", i);
        if (symbol_table_add(f.symbols, &info, &id)) abort();
    }
    if (topics_new(f.symbols, &f.topics) || topics_want(f.topics, wanted, 2)) abort();
    f.options = (stream_options){.clock = &f.clock,
                                 .symbols = f.symbols,
                                 .max_frame_bytes = FRAME_LIMIT,
                                 .handlers = {.on_event = on_event, .on_ticker = on_ticker}};
    f.reader = (stream_reader){
        .options = &f.options, .topics = f.topics, .stats = &f.stats, .on_reply = on_reply, .on_shutdown = on_shutdown};
}

static void close_fixture(void) {
    stream_reader_deinit(&f.reader);
    topics_free(f.topics);
    symbol_table_free(f.symbols);
}

static void take(const char *text) { stream_reader_take(&f.reader, text, strlen(text), true); }

static void test_kinds(void) {
    open_fixture();
    take(kline_text("SYM0USDT", "1m", 1700000012345, false));
    ok(f.n_events == 1 && f.stats.n_klines == 1 && market_clock_now(&f.clock, monotonic_ms()) >= 1700000012345,
       "a kline, and the time it tells");
    take(kline_text("SYM1USDT", "1m", 1700000012345, false));
    take(kline_text("NONE", "1m", 1700000012345, false));
    ok(f.n_events == 1 && f.stats.n_unwanted == 1 && f.stats.n_unknown_symbols == 1 && f.stats.n_klines == 3,
       "others are counted");
    take("{\"e\":\"24hrMiniTicker\",\"E\":1700000012345,\"s\":\"SYM0USDT\",\"c\":\"1\",\"o\":\"1\",\"h\":\"1\","
         "\"l\":\"1\",\"v\":\"1\",\"q\":\"1\"}");
    ok(f.n_tickers == 1 && f.stats.n_tickers == 1, "a ticker");
    take("{\"result\":null,\"id\":7}");
    take("{\"code\":2,\"msg\":\"No.\",\"id\":8}");
    ok(f.n_replies == 2 && f.reply_id == 8, "replies and errors");
    take("{\"stream\":\"!serverShutdown\",\"data\":{\"e\":\"serverShutdown\",\"E\":1700000041000}}");
    take("{\"e\":\"serverShutdown\",\"E\":1700000041000}");
    ok(f.n_shutdowns == 2, "the farewell, combined and raw");
    take("{\"e\":\"trade\",\"E\":1700000012345,\"s\":\"SYM0USDT\"}");
    take("{\"e\":\"kline\"");
    ok(f.stats.n_others == 1 && f.stats.n_malformed == 1 && f.stats.n_frames == 10 && f.n_events == 1,
       "what nobody asked for, and what is broken");
    close_fixture();
}

/* `text` in pieces of random sizes, some of them empty. */
static void take_in_pieces(const char *text, size_t bytes) {
    size_t at = 0;
    while (at < bytes) {
        size_t n = (size_t)below((int32_t)(bytes - at) + 1);
        if (at + n == bytes) break;
        stream_reader_take(&f.reader, text + at, n, false);
        at += n;
        if (below(3) == 0) break;
    }
    stream_reader_take(&f.reader, text + at, bytes - at, true);
}

static void test_pieces(void) {
    enum { N = 3000 };
    static char padded[3 * FRAME_LIMIT];
    size_t n_wrong = 0, n_large = 0, n_good = 0;
    random_state = tap_seed(20261202);
    open_fixture();
    for (int64_t i = 0; i < N; i++) {
        const char *text = kline_text("SYM0USDT", "1m", 1700000000000 + i, false);
        size_t bytes = strlen(text), room = below(2) ? FRAME_LIMIT - bytes : sizeof padded - bytes;
        size_t spaces = (size_t)below((int32_t)room + 1);
        memset(padded, ' ', spaces);
        memcpy(padded + spaces, text, bytes);
        take_in_pieces(padded, spaces + bytes);
        bool is_large = spaces + bytes > FRAME_LIMIT;
        n_large += is_large;
        n_good += !is_large;
        n_wrong += f.n_events != n_good || (!is_large && f.event_ms[n_good - 1] != 1700000000000 + i);
    }
    ok(n_wrong == 0 && n_large > 0 && n_good > 0, "in pieces of any size, each message comes once and whole");
    ok(f.stats.n_oversized == n_large && f.stats.n_malformed == 0,
       "the %zu over the limit are left out, the next one is read", n_large);
    close_fixture();
}

static void test_reset(void) {
    open_fixture();
    const char *text = kline_text("SYM0USDT", "1m", 1700000012345, false);
    stream_reader_take(&f.reader, "{\"half", 6, false);
    stream_reader_reset(&f.reader);
    take(text);
    static char large[2 * FRAME_LIMIT];
    memset(large, ' ', sizeof large);
    stream_reader_take(&f.reader, large, sizeof large, false);
    stream_reader_reset(&f.reader);
    take(text);
    ok(f.n_events == 2 && f.stats.n_malformed == 0 && f.stats.n_oversized == 1,
       "a new connection knows nothing of what the old one had begun");
    close_fixture();
}

int main(void) {
    test_kinds();
    test_pieces();
    test_reset();
    return done();
}
