/* A pool of streams against the server of stream_server.h: how topics are spread, and who takes over from whom. */
#include "binance/stream_pool.h"
#include "spec/c/messages.h"
#include "spec/c/stream_server.h"
#include "spec/c/tap.h"
#include <signal.h>

enum { N_SYMBOLS = 64, MAX_EVENTS = 64, PER_CONNECTION = 8 };

typedef struct fixture {
    uv_loop_t loop;
    guard guard;
    server server, second; /* the second is there when it has a port */
    stream_pool *pool;
    market_clock clock;
    symbol_table *symbols;
    int64_t event_ms[MAX_EVENTS];
    size_t n_events, n_tickers, n_ups[STREAM_POOL_MAX], n_downs[STREAM_POOL_MAX], n_closed;
    char url[2][64];
    char why[256];
} fixture;

static fixture *f;

static void on_event(void *context, const market_event *event) {
    (void)context;
    if (f->n_events == MAX_EVENTS) abort();
    f->event_ms[f->n_events++] = event->event_ms;
}

static void on_ticker(void *context, uint32_t symbol, const parse_ticker *ticker) {
    (void)context;
    (void)ticker;
    f->n_tickers += symbol == 0;
}

static void on_state(void *context, size_t connection, bool is_connected, const char *why) {
    (void)context;
    (is_connected ? f->n_ups : f->n_downs)[connection]++;
    if (!is_connected) snprintf(f->why, sizeof f->why, "%s", why);
}

static stream_options quick(void) {
    return (stream_options){.retry_base_ms = 10,
                            .retry_cap_ms = 40,
                            .connect_ms = 500,
                            .answer_ms = 400,
                            .spacing_ms = 10,
                            .silence_ms = 60000,
                            .stable_ms = 60000,
                            .refused_ms = 20};
}

static stream_pool_options usual(void) {
    return (stream_pool_options){
        .topics_per_connection = PER_CONNECTION, .life_ms = 3600000, .overlap_ms = 30, .quiet_ms = 200};
}

/* The pool on the first server, and behind it the second when `n_servers` is 2. */
static void open_fixture(int n_servers, stream_pool_options o) {
    diag why;
    const char *urls[3] = {0};
    stream_options each = quick();
    f = calloc(1, sizeof *f);
    uv_loop_init(&f->loop);
    guard_start(&f->guard, &f->loop);
    market_clock_init(&f->clock);
    f->symbols = numbered_symbols(N_SYMBOLS);
    server *servers[] = {&f->server, &f->second};
    for (int i = 0; i < n_servers; i++) {
        servers[i]->loop = &f->loop;
        start_server(servers[i], 0);
        snprintf(f->url[i], sizeof f->url[i], "ws://%s:%d", i ? "localhost" : "127.0.0.1", servers[i]->port);
        urls[i] = f->url[i];
    }
    o.loop = &f->loop;
    o.urls = urls;
    o.clock = &f->clock;
    o.symbols = f->symbols;
    o.handlers = (stream_pool_handlers){on_event, on_ticker, on_state, NULL};
    o.seed = 5;
    o.each = &each;
    if (stream_pool_open(&o, &f->pool, &why)) {
        printf("Bail out! %s\n", why.text);
        exit(1);
    }
}

static stream_pool_stats stats(void) { return stream_pool_get_stats(f->pool); }

#define RUN_UNTIL(condition) \
    while (!(condition)) uv_run(&f->loop, UV_RUN_ONCE)

static void on_closed(void *context) { ++*(size_t *)context; }

static void close_fixture(void) {
    stream_pool_close(f->pool, on_closed, &f->n_closed);
    RUN_UNTIL(f->n_closed == 1);
    close_loop(&f->loop, &f->server, &f->second);
    symbol_table_free(f->symbols);
    free(f);
}

/* The 1m klines of the symbols from `first` on. */
static err want(uint32_t first, size_t n) {
    topic wanted[N_SYMBOLS];
    for (size_t i = 0; i < n; i++) wanted[i] = (topic){first + (uint32_t)i, INTERVAL_1M};
    return stream_pool_want(f->pool, wanted, n);
}

static bool is_complete(size_t n) {
    stream_pool_stats s = stats();
    return s.is_complete && s.n_carried == n && s.n_wanted == n;
}

static size_t n_standing(const server *s) {
    size_t n = 0;
    for (size_t i = 0; i < s->n_peers; i++) n += s->peers[i] != NULL;
    return n;
}

/* ---- tests ---- */

static void test_spreading(void) {
    open_fixture(1, usual());
    server *s = &f->server;
    ok(stats().n_connections == 0 && s->n_connections == 0, "without topics there is no connection");
    if (want(0, 20)) abort();
    RUN_UNTIL(is_complete(20));
    ok(s->n_upgrades == 3 && stats().is_live, "20 topics of at most 8: three connections");
    size_t n_even = 0;
    for (size_t i = 0; i < 3; i++) n_even += s->peers[i]->n_carried == 6 || s->peers[i]->n_carried == 7;
    ok(n_even == 3, "evenly");
    if (want(0, 24)) abort();
    RUN_UNTIL(is_complete(24));
    ok(s->n_upgrades == 3 && s->peers[0]->n_carried == 8 && s->peers[1]->n_carried == 8, "more go to the emptiest");
    if (want(4, 24)) abort();
    RUN_UNTIL(is_complete(24));
    ok(s->n_upgrades == 3 && n_standing(s) == 3, "others in the place of some: the same connections");
    if (want(0, 0)) abort();
    RUN_UNTIL(n_standing(s) == 0);
    ok(stats().n_connections == 0 && is_complete(0), "nothing is wanted any more: nothing stands");
    topic none = {N_SYMBOLS, INTERVAL_1M}, what = {0, N_TOPIC_KINDS};
    ok(stream_pool_want(f->pool, &none, 1) == ERR_INVALID && stream_pool_want(f->pool, &what, 1) == ERR_INVALID,
       "an unknown symbol or kind is refused");
    topic twice[] = {{0, INTERVAL_1M}, {0, INTERVAL_1M}};
    if (stream_pool_want(f->pool, twice, 2)) abort();
    RUN_UNTIL(is_complete(1));
    ok(stats().n_connections == 1, "one that is named twice counts once");
    close_fixture();
}

static void test_too_many(void) {
    stream_pool_options o = usual();
    static topic all[N_SYMBOLS * N_INTERVALS];
    size_t n = 0;
    o.topics_per_connection = 1;
    open_fixture(1, o);
    for (uint32_t s = 0; s < N_SYMBOLS; s++)
        for (uint8_t i = 0; i < N_INTERVALS; i++) all[n++] = (topic){s, i};
    ok(stream_pool_want(f->pool, all, STREAM_POOL_MAX + 1) == ERR_TOO_BIG && stats().n_connections == 0,
       "more than %d connections would be needed: nothing changes", STREAM_POOL_MAX);
    close_fixture();
}

/* A message of both connections, from each in turn. */
static void both_say(peer *a, peer *b, int64_t event_ms, bool is_closed) {
    const char *text = kline_text("SYM0USDT", "1m", event_ms, is_closed);
    say_to(a, text);
    say_to(b, text);
}

/* Runs until the newest connection has been asked for all `n` topics, while the one before it still stands. */
static void run_until_overlap(server *s, size_t old, size_t n) {
    RUN_UNTIL(s->n_peers > old + 1 && s->peers[old + 1]->n_carried == n);
}

static void test_replacement(void) {
    stream_pool_options o = usual();
    o.life_ms = 300;
    open_fixture(1, o);
    server *s = &f->server;
    if (want(0, 2)) abort();
    RUN_UNTIL(is_complete(2));
    say_to(s->peers[0], kline_text("SYM0USDT", "1m", 1700000010000, false));
    run_until_overlap(s, 0, 2);
    ok(s->peers[0] && stats().n_replacements == 0 && stats().is_live,
       "at its age a second connection is made beside it");
    both_say(s->peers[0], s->peers[1], 1700000012000, false);
    RUN_UNTIL(f->n_events == 2);
    say_to(s->peers[0], kline_text("SYM0USDT", "1m", 1700000040001, true));
    RUN_UNTIL(!s->peers[0]);
    ok(stats().n_replacements == 1 && s->peers[1] && stats().is_complete, "it takes over and the old one is closed");
    say_to(s->peers[1], kline_text("SYM0USDT", "1m", 1700000040001, true));
    say_to(s->peers[1], kline_text("SYM0USDT", "1m", 1700000010000, false));
    say_to(s->peers[1], kline_text("SYM0USDT", "1m", 1700000040002, true));
    RUN_UNTIL(f->n_events == 4);
    ok(f->event_ms[1] == 1700000012000 && f->event_ms[2] == 1700000040001 && f->event_ms[3] == 1700000040002 &&
           stats().n_outdated == 3,
       "what both deliver passes once, also when the old one is gone");
    ok(f->n_ups[0] == 1 && f->n_downs[0] == 0, "nothing was lost meanwhile, nothing is told");
    RUN_UNTIL(s->n_peers == 3 && !s->peers[1]);
    ok(stats().n_replacements == 2 && stats().sum.n_connects == 3 && stats().sum.n_losses == 0,
       "and so on; one that has nothing to deliver takes over as well");
    close_fixture();
}

static void test_farewell(void) {
    stream_pool_options o = usual();
    o.overlap_ms = 2000;
    open_fixture(1, o);
    server *s = &f->server;
    if (want(0, 3)) abort();
    RUN_UNTIL(is_complete(3));
    say(s, "{\"stream\":\"!serverShutdown\",\"data\":{\"e\":\"serverShutdown\",\"E\":1700000041000}}");
    run_until_overlap(s, 0, 3);
    ok(s->peers[0] && stats().is_live, "serverShutdown: another connection, and the old one stands");
    say_to(s->peers[1], kline_text("SYM1USDT", "1m", 1700000042001, true));
    RUN_UNTIL(f->n_events == 1);
    say_to(s->peers[0], kline_text("SYM0USDT", "1m", 1700000042000, true));
    RUN_UNTIL(f->n_events == 2);
    ok(stats().n_replacements == 0, "the new one has delivered, the old one still does");
    RUN_UNTIL(!s->peers[0]);
    ok(stats().n_replacements == 1 && f->n_downs[0] == 0, "then the old one goes");
    close_fixture();
}

/* The server closes the old one in the middle of the replacement. */
static void test_lost_meanwhile(void) {
    stream_pool_options o = usual();
    o.life_ms = 200;
    o.quiet_ms = o.overlap_ms = 60000;
    open_fixture(1, o);
    server *s = &f->server;
    if (want(0, 3)) abort();
    run_until_overlap(s, 0, 3);
    cut(s->peers[0]);
    RUN_UNTIL(f->n_ups[0] == 2);
    ok(f->n_downs[0] == 1 && stats().is_live && stats().n_replacements == 0 && s->n_peers == 2,
       "the one that is being made takes over at once, and both are told");
    close_fixture();
}

static void test_losses(void) {
    open_fixture(1, usual());
    server *s = &f->server;
    if (want(0, 16)) abort();
    RUN_UNTIL(is_complete(16));
    cut(s->peers[0]);
    RUN_UNTIL(!stats().is_live);
    ok(stats().n_live == 1 && stats().n_connections == 2, "one of two is lost");
    RUN_UNTIL(is_complete(16));
    ok(f->n_ups[0] + f->n_ups[1] == 3 && f->n_downs[0] + f->n_downs[1] == 1 && s->n_peers == 3,
       "it is made and filled again, the other stands");
    close_fixture();
}

static void test_connect_limit(void) {
    stream_pool_options o = usual();
    o.connects = 3;
    o.connects_ms = 600;
    open_fixture(1, o);
    server *s = &f->server;
    s->greeting = REJECT;
    s->status = 500;
    if (want(0, 16)) abort();
    int64_t began_ms = monotonic_ms();
    RUN_UNTIL(s->n_connections >= 7);
    ok(monotonic_ms() - began_ms >= 2 * 600 - 20, "seven tries of two connections, three within 600 ms: %d ms",
       (int)(monotonic_ms() - began_ms));
    close_fixture();
}

static void test_hosts(void) {
    open_fixture(2, usual());
    f->server.greeting = REJECT;
    f->server.status = 451;
    if (want(0, 16)) abort();
    RUN_UNTIL(is_complete(16));
    ok(f->second.n_upgrades == 2 && strcmp(stats().host, "localhost") == 0, "451: the other host");
    size_t n = f->server.n_connections;
    ok(n <= 2, "asked once by each connection at most (%zu)", n);
    cut(f->second.peers[0]);
    cut(f->second.peers[1]);
    RUN_UNTIL(f->second.n_upgrades == 4 && is_complete(16));
    ok(f->server.n_connections == n, "and not again when the other one is lost");
    close_fixture();

    open_fixture(2, usual());
    f->server.greeting = REJECT;
    f->server.status = 502;
    if (want(0, 1)) abort();
    RUN_UNTIL(is_complete(1));
    ok(f->second.n_upgrades == 1 && f->server.n_connections == 1, "a host that fails: the next one");
    f->second.greeting = REJECT;
    f->second.status = 502;
    f->server.greeting = UPGRADE;
    cut(f->second.peers[0]);
    RUN_UNTIL(f->server.n_upgrades == 1 && is_complete(1));
    ok(f->second.n_upgrades == 1, "and round again");
    close_fixture();
}

static void test_tickers(void) {
    static const char MINI_TICKER[] =
        "{\"stream\":\"x\",\"data\":{\"e\":\"24hrMiniTicker\",\"E\":1700000012345,\"s\":"
        "\"SYM0USDT\",\"c\":\"1\",\"o\":\"1\",\"h\":\"1\",\"l\":\"1\",\"v\":\"1\",\"q\":\"1\"}}";
    stream_pool_options o = usual();
    o.life_ms = 300;
    open_fixture(1, o);
    server *s = &f->server;
    topic wanted = {0, TOPIC_MINI_TICKER};
    if (stream_pool_want(f->pool, &wanted, 1)) abort();
    run_until_overlap(s, 0, 1);
    say_to(s->peers[0], MINI_TICKER);
    say_to(s->peers[1], MINI_TICKER);
    RUN_UNTIL(stats().n_outdated == 1);
    ok(f->n_tickers == 1, "a ticker of both passes once");
    close_fixture();
}

/* Topics that change while a replacement is under way go to both. */
static void test_want_meanwhile(void) {
    stream_pool_options o = usual();
    o.life_ms = 300;
    open_fixture(1, o);
    server *s = &f->server;
    if (want(0, 2)) abort();
    run_until_overlap(s, 0, 2);
    if (want(1, 4)) abort();
    RUN_UNTIL(!s->peers[0]);
    RUN_UNTIL(is_complete(4));
    ok(s->peers[1]->n_carried == 4 && stats().n_replacements == 1, "the new one carries what is wanted by then");
    close_fixture();
}

static void test_closing(void) {
    diag why;
    stream_pool_options o = usual();
    stream_pool *none = NULL;
    o.urls = (const char *const[]){"ws://a b", NULL};
    ok(stream_pool_open(&o, &none, &why) == ERR_INVALID && !none, "%s", why.text);
    open_fixture(1, usual());
    close_fixture(); /* without a connection */
    open_fixture(1, usual());
    if (want(0, 16)) abort();
    close_fixture(); /* at once */
    o = usual();
    o.life_ms = 200;
    o.quiet_ms = o.overlap_ms = 60000;
    open_fixture(1, o);
    if (want(0, 3)) abort();
    run_until_overlap(&f->server, 0, 3);
    close_fixture(); /* in the middle of a replacement */
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    test_spreading();
    test_too_many();
    test_replacement();
    test_farewell();
    test_lost_meanwhile();
    test_losses();
    test_connect_limit();
    test_hosts();
    test_tickers();
    test_want_meanwhile();
    test_closing();
    return done();
}
