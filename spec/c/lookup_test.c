/* Bars asked of REST now and then, against a small HTTP server in this process: what is kept, for how long, how much of it, and what
 * fails. */
#include "binance/lookup.h"
#include "market/interval.h"
#include "spec/c/klines_server.h"

enum { DEADLINE_MS = 20000 };

typedef struct fixture {
    uv_loop_t loop;
    uv_timer_t guard;
    int64_t deadline_ms;
    exchange market;
    http_client *http;
    rest *rest;
    lookup *lookup;
    market_clock clock;
    size_t n_told, n_closed;
    err error;
    char why[256];
    kline bars[LOOKUP_WISH_MAX];
    size_t n_bars;
    bool has_forming;
    int64_t forming_ms;
} fixture;

static fixture *f;

static void on_guard(uv_timer_t *timer) {
    (void)timer;
    if (monotonic_ms() > f->deadline_ms) {
        ok(false, "in time");
        exit(done());
    }
}

static void open_fixture(void) {
    char url[64];
    diag why;
    f = calloc(1, sizeof *f);
    uv_loop_init(&f->loop);
    uv_timer_init(&f->loop, &f->guard);
    uv_timer_start(&f->guard, on_guard, 5, 5);
    f->deadline_ms = monotonic_ms() + DEADLINE_MS;
    start_exchange(&f->market, &f->loop);
    market_clock_init(&f->clock);
    f->market.now_ms += 1000; /* a second into a bar */
    market_clock_observe(&f->clock, f->market.now_ms, monotonic_ms());
    snprintf(url, sizeof url, "http://127.0.0.1:%d/base/", f->market.port);
    if (http_client_new(&f->loop, "test", &f->http)) abort();
    const char *urls[] = {url};
    rest_options o = {.loop = &f->loop,
                      .http = f->http,
                      .venue = venue_get(MARKET_SPOT),
                      .urls = urls,
                      .n_urls = 1,
                      .clock = &f->clock,
                      .timeout_ms = 5000};
    if (rest_new(&o, &f->rest, &why) || lookup_new(f->rest, &f->clock, &f->lookup)) abort();
}

static void on_closed(void *context) { ++*(size_t *)context; }

static void close_listed(uv_handle_t *handle, void *context) {
    (void)context;
    if (uv_is_closing(handle)) return;
    if (handle->type == UV_TCP && handle != (uv_handle_t *)&f->market.listener)
        close_peer(handle->data);
    else if (handle == (uv_handle_t *)&f->market.listener || handle == (uv_handle_t *)&f->guard)
        uv_close(handle, NULL);
}

static void close_fixture(void) {
    lookup_close(f->lookup);
    rest_close(f->rest, on_closed, &f->n_closed);
    while (f->n_closed < 1) uv_run(&f->loop, UV_RUN_ONCE);
    http_client_close(f->http, on_closed, &f->n_closed);
    while (f->n_closed < 2) uv_run(&f->loop, UV_RUN_ONCE);
    uv_walk(&f->loop, close_listed, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    ok(uv_loop_close(&f->loop) == 0, "every handle is closed");
    free(f);
}

static void on_told(void *context, const lookup_answer *a) {
    (void)context;
    f->n_told++;
    f->error = a->error;
    snprintf(f->why, sizeof f->why, "%s", a->why ? a->why : "");
    f->n_bars = a->n_bars;
    if (a->n_bars) memcpy(f->bars, a->bars, a->n_bars * sizeof *a->bars);
    f->has_forming = a->forming != NULL;
    f->forming_ms = a->forming ? a->forming->open_ms : 0;
}

static void ask(const char *symbol, int32_t n, int64_t before_ms) {
    lookup_wish wish = {.symbol = symbol, .interval = INTERVAL_1M, .n_bars = n, .before_ms = before_ms};
    if (lookup_ask(f->lookup, &wish, on_told, NULL)) abort();
}

static void ask_and_wait(const char *symbol, int32_t n, int64_t before_ms) {
    size_t n_told = f->n_told;
    ask(symbol, n, before_ms);
    while (f->n_told == n_told) uv_run(&f->loop, UV_RUN_ONCE);
}

/* `n` bars, each a minute after the one before, the last one minute before `end_ms`. */
static bool is_run(size_t n, int64_t end_ms) {
    if (f->error || f->n_bars != n) return false;
    for (size_t i = 0; i < n; i++) {
        int64_t open_ms = end_ms - (int64_t)(n - i) * MINUTE;
        if (f->bars[i].open_ms != open_ms || f->bars[i].close != price(open_ms)) return false;
    }
    return true;
}

static void test_now_and_before(void) {
    open_fixture();
    int64_t now_ms = interval_floor(INTERVAL_1M, f->market.now_ms);
    ask_and_wait("AUSDT", 1500, 0);
    ok(is_run(1500, now_ms) && f->has_forming && f->forming_ms == now_ms,
       "two pages, and the bar in progress behind them");
    ok(f->market.n_requests == 2, "two requests");
    ask_and_wait("AUSDT", 100, 0);
    ok(is_run(100, now_ms) && f->has_forming, "fewer of the same are there already");
    ask_and_wait("AUSDT", 50, now_ms - 30 * MINUTE);
    ok(is_run(50, now_ms - 30 * MINUTE) && !f->has_forming, "older ones of the stretch, too, and none in progress");
    ask_and_wait("AUSDT", 50, now_ms - 30 * MINUTE - 1);
    ok(is_run(50, now_ms - 30 * MINUTE), "a time within a bar: the bar that holds it is the last");
    ok(f->market.n_requests == 2, "nothing more was asked for");
    lookup_wish closed = {.symbol = "AUSDT", .interval = INTERVAL_1M, .n_bars = 100, .closed_only = true};
    if (lookup_ask(f->lookup, &closed, on_told, NULL)) abort();
    ok(is_run(100, now_ms) && !f->has_forming && f->market.n_requests == 2, "closed ones alone, at once");
    ask_and_wait("AUSDT", 10, now_ms - 1495 * MINUTE);
    ok(is_run(10, now_ms - 1495 * MINUTE), "what lies beyond is asked for");
    ask_and_wait("BUSDT", 10, 0);
    ok(is_run(10, now_ms), "another symbol");
    ok(f->market.n_requests == 4, "by one request each");
    close_fixture();
}

/* What was asked for without the bar in progress does not serve whoever wants it. */
static void test_closed_only(void) {
    open_fixture();
    int64_t now_ms = interval_floor(INTERVAL_1M, f->market.now_ms);
    lookup_wish closed = {.symbol = "AUSDT", .interval = INTERVAL_1M, .n_bars = 100, .closed_only = true};
    if (lookup_ask(f->lookup, &closed, on_told, NULL)) abort();
    while (f->n_told == 0) uv_run(&f->loop, UV_RUN_ONCE);
    ok(is_run(100, now_ms) && !f->has_forming, "closed ones alone");
    ask_and_wait("AUSDT", 100, 0);
    ok(is_run(100, now_ms) && f->has_forming && f->market.n_requests == 2,
       "the one in progress is asked for when it is wanted");
    close_fixture();
}

static void test_bound(void) {
    enum { N = LOOKUP_BARS_MAX / 1000 + 5 };
    open_fixture();
    char name[24];
    bool are_all = true;
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "S%dUSDT", i);
        ask_and_wait(name, 1000, T0 + 5000 * MINUTE);
        are_all = are_all && is_run(1000, T0 + 5000 * MINUTE) && lookup_kept_bars(f->lookup) <= LOOKUP_BARS_MAX;
    }
    ok(are_all, "never more is kept than LOOKUP_BARS_MAX");
    ok(lookup_kept_bars(f->lookup) == LOOKUP_BARS_MAX, "and no less");
    size_t n = f->market.n_requests;
    ask_and_wait(name, 1000, T0 + 5000 * MINUTE);
    ok((f->market.n_requests - n) == 0, "the newest is kept");
    ask_and_wait("S0USDT", 1000, T0 + 5000 * MINUTE);
    ok((f->market.n_requests - n) == 1, "the oldest is not");
    close_fixture();
}

static void test_same_at_once(void) {
    open_fixture();
    for (int i = 0; i < 10; i++) ask("AUSDT", 10, T0 + 50 * MINUTE);
    while (f->n_told < 10) uv_run(&f->loop, UV_RUN_ONCE);
    ok(is_run(10, T0 + 50 * MINUTE), "all are told");
    ok(f->market.n_requests <= LOOKUP_CALLS_MAX, "what waited has the answer of those before it");
    ok(f->market.most_open <= LOOKUP_CALLS_MAX, "few calls at a time");
    close_fixture();
}

static void test_failures(void) {
    open_fixture();
    f->market.faults[0] = SERVER_ERROR;
    f->market.faults[1] = BAD_SYMBOL;
    f->market.faults[2] = GARBAGE;
    f->market.n_faults = 3;
    ask_and_wait("AUSDT", 10, 0);
    ok(f->error && f->error != ERR_NOT_FOUND && f->why[0], "an exchange that fails: %s", f->why);
    ask_and_wait("AUSDT", 10, 0);
    ok(f->error == ERR_NOT_FOUND && strstr(f->why, "Invalid symbol"), "one that knows no such symbol: %s", f->why);
    ask_and_wait("AUSDT", 10, 0);
    ok(f->error && f->error != ERR_NOT_FOUND && f->why[0], "one that talks nonsense: %s", f->why);
    ask_and_wait("AUSDT", 10, 0);
    ok(!f->error && f->n_bars == 10, "nothing of that is kept");
    f->market.is_mute = true;
    size_t n_told = f->n_told;
    for (int i = 0; i < LOOKUP_WAITING_MAX; i++) ask("BUSDT", 10 + i, T0 + 50 * MINUTE);
    lookup_wish wish = {.symbol = "BUSDT", .interval = INTERVAL_1M, .n_bars = 9, .before_ms = T0};
    ok(lookup_ask(f->lookup, &wish, on_told, NULL) == ERR_FULL, "so many may wait");
    wish.n_bars = LOOKUP_WISH_MAX + 1;
    ok(lookup_ask(f->lookup, &wish, on_told, NULL) == ERR_INVALID, "and for so much");
    lookup_close(f->lookup);
    f->lookup = NULL;
    ok((f->n_told - n_told) == LOOKUP_WAITING_MAX, "whoever waits at the end is told");
    ok(f->error == ERR_CLOSED, "that it is the end");
    close_fixture();
}

int main(void) {
    test_now_and_before();
    test_closed_only();
    test_bound();
    test_same_at_once();
    test_failures();
    return done();
}
