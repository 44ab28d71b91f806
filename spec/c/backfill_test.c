/* REST and backfill against a small HTTP server in this process, on the same loop: pages, order, holes, faults,
 * a receiver that is full. */
#include "binance/backfill.h"
#include "market/interval.h"
#include "spec/c/klines_server.h"
#include <time.h>

enum { DEADLINE_MS = 20000, MAX_EVENTS = 8192, N_SYMBOLS = 20, PAGE_BARS = 100 };

/* ---- the fixture ---- */

typedef struct fixture {
    uv_loop_t loop;
    uv_timer_t guard;
    int64_t deadline_ms;
    exchange market;
    http_client *http;
    rest *rest;
    backfill *backfill;
    market_clock clock;
    symbol_table *symbols;
    market_event events[MAX_EVENTS];
    size_t n_events, n_done, n_refused, n_told, n_closed;
    int refuse_every; /* the receiver says full at every n-th event */
    bool is_told_failing;
    bool asks_again; /* requests the range once more from inside its RANGE_DONE */
    char why[256];
} fixture;

static fixture *f;
static market_kind given_market = MARKET_SPOT; /* of the next fixture */
static int64_t given_slow_ms = 60;
static bool has_spare; /* a second host */

static void free_handle(uv_handle_t *handle) { free(handle); }

static void on_resume(uv_timer_t *timer) {
    backfill_resume(f->backfill);
    uv_close((uv_handle_t *)timer, free_handle);
}

static bool on_event(void *context, const market_event *event) {
    (void)context;
    if (f->refuse_every && rand() % f->refuse_every == 0) {
        uv_timer_t *timer = malloc(sizeof *timer);
        f->n_refused++;
        uv_timer_init(&f->loop, timer);
        uv_timer_start(timer, on_resume, 0, 0);
        return false;
    }
    if (f->n_events < MAX_EVENTS) f->events[f->n_events++] = *event;
    if (event->kind != EVENT_RANGE_DONE) return true;
    f->n_done++;
    if (f->asks_again) {
        f->asks_again = false;
        if (backfill_request(f->backfill, event->symbol, event->interval, event->bar.open_ms, event->to_ms)) abort();
    }
    return true;
}

static void on_state(void *context, bool is_failing, const char *why) {
    (void)context;
    f->is_told_failing = is_failing;
    f->n_told += is_failing;
    if (is_failing) snprintf(f->why, sizeof f->why, "%s", why);
}

/* Also keeps UV_RUN_ONCE from waiting for something that has happened within the same round. */
static void on_guard(uv_timer_t *timer) {
    (void)timer;
    if (monotonic_ms() < f->deadline_ms) return;
    printf("Bail out! nothing happened for %d s\n", DEADLINE_MS / 1000);
    exit(1);
}

static void open_fixture(void) {
    char url[64], spare[64];
    diag why;
    f = calloc(1, sizeof *f);
    uv_loop_init(&f->loop);
    uv_timer_init(&f->loop, &f->guard);
    uv_timer_start(&f->guard, on_guard, 5, 5);
    f->deadline_ms = monotonic_ms() + DEADLINE_MS;
    start_exchange(&f->market, &f->loop);
    market_clock_init(&f->clock);
    market_clock_observe(&f->clock, f->market.now_ms, monotonic_ms());
    if (symbol_table_new(&f->symbols)) abort();
    for (int i = 0; i < N_SYMBOLS; i++) {
        symbol_info info = {0};
        uint32_t id;
        snprintf(info.name, sizeof info.name, "SYM%dUSDT", i);
        if (symbol_table_add(f->symbols, &info, &id)) abort();
    }
    snprintf(url, sizeof url, "http://127.0.0.1:%d/base/", f->market.port);
    if (http_client_new(&f->loop, "test", &f->http)) abort();
    snprintf(spare, sizeof spare, "http://127.0.0.1:%d/spare", f->market.port);
    const char *urls[] = {url, spare};
    rest_options rest_given = {.loop = &f->loop,
                               .http = f->http,
                               .venue = venue_get(given_market),
                               .urls = urls,
                               .n_urls = has_spare ? 2 : 1,
                               .clock = &f->clock,
                               .timeout_ms = 5000};
    if (rest_new(&rest_given, &f->rest, &why)) abort();
    backfill_options options = {.loop = &f->loop,
                                .rest = f->rest,
                                .clock = &f->clock,
                                .symbols = f->symbols,
                                .handlers = {on_event, on_state, NULL},
                                .seed = 7,
                                .retry_base_ms = 10,
                                .retry_cap_ms = 40,
                                .slow_base_ms = given_slow_ms,
                                .slow_cap_ms = given_slow_ms + 40,
                                .page_bars = given_market == MARKET_SPOT ? PAGE_BARS : 0};
    if (backfill_new(&options, &f->backfill)) abort();
}

static void on_closed(void *context) { ++*(size_t *)context; }

static void run_until(const size_t *value, size_t least) {
    while (*value < least) uv_run(&f->loop, UV_RUN_ONCE);
}

static void close_listed(uv_handle_t *handle, void *context) {
    (void)context;
    if (!uv_is_closing(handle)) {
        if (handle->type == UV_TCP && handle != (uv_handle_t *)&f->market.listener)
            close_peer(handle->data);
        else if (handle == (uv_handle_t *)&f->market.listener || handle == (uv_handle_t *)&f->guard)
            uv_close(handle, NULL);
    }
}

static void close_fixture(void) {
    backfill_close(f->backfill, on_closed, &f->n_closed);
    rest_close(f->rest, on_closed, &f->n_closed);
    run_until(&f->n_closed, 2);
    http_client_close(f->http, on_closed, &f->n_closed);
    run_until(&f->n_closed, 3);
    uv_walk(&f->loop, close_listed, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    ok(uv_loop_close(&f->loop) == 0, "every handle is closed");
    symbol_table_free(f->symbols);
    free(f);
}

static void ask(uint32_t symbol, int from, int to) {
    if (backfill_request(f->backfill, symbol, INTERVAL_1M, T0 + from * MINUTE, T0 + to * MINUTE)) abort();
}

/* The events of `symbol` are the bars of minutes [from, to) but those of the hole, then RANGE_DONE of (from, end). */
static bool is_whole(uint32_t symbol, int from, int to) {
    const exchange *m = &f->market;
    int64_t expected = T0 + from * MINUTE, end = T0 + to * MINUTE;
    bool is_done = false;
    for (size_t i = 0; i < f->n_events; i++) {
        const market_event *e = &f->events[i];
        if (e->symbol != symbol) continue;
        if (is_done || e->interval != INTERVAL_1M || e->event_ms != 0) return false;
        while (expected < end && ((expected >= m->hole_from_ms && expected < m->hole_to_ms) || expected == m->odd_ms))
            expected += MINUTE;
        if (e->kind == EVENT_RANGE_DONE) {
            is_done = e->bar.open_ms == T0 + from * MINUTE && e->to_ms == end && expected == end;
            if (!is_done) return false;
            continue;
        }
        if (e->kind != EVENT_HISTORY || e->bar.open_ms != expected || e->bar.close != price(expected)) return false;
        expected += MINUTE;
    }
    return is_done;
}

/* ---- tests ---- */

static void test_pages(void) {
    open_fixture();
    ask(3, 0, 350);
    run_until(&f->n_done, 1);
    ok(is_whole(3, 0, 350), "350 bars in order, then the end of the range");
    const request *q = f->market.requests;
    ok(f->market.n_requests == 4 && q[0].limit == 100 && q[3].limit == 50 && q[3].from_ms == T0 + 300 * MINUTE &&
           q[3].to_ms == T0 + 350 * MINUTE - 1 && strcmp(q[0].symbol, "SYM3USDT") == 0,
       "in four pages of at most 100");
    ok(rest_get_stats(f->rest)->used_weight == 42 && backfill_get_stats(f->backfill)->n_bars == 350 &&
           backfill_get_stats(f->backfill)->n_under_way == 0,
       "weight and bars are counted");
    ok(backfill_request(f->backfill, 0, INTERVAL_1M, T0 + 1, T0 + MINUTE) == ERR_INVALID &&
           backfill_request(f->backfill, N_SYMBOLS, INTERVAL_1M, T0, T0 + MINUTE) == ERR_INVALID &&
           backfill_request(f->backfill, 0, N_INTERVALS, T0, T0 + MINUTE) == ERR_INVALID &&
           backfill_request(f->backfill, 0, INTERVAL_1M, T0 + MINUTE, T0) == ERR_INVALID,
       "requests that make no sense are refused");
    close_fixture();
}

static void test_many(void) {
    open_fixture();
    bool all_whole = true;
    for (uint32_t i = 0; i < N_SYMBOLS; i++) ask(i, 0, 120 + (int)i);
    run_until(&f->n_done, N_SYMBOLS);
    for (uint32_t i = 0; i < N_SYMBOLS; i++) all_whole &= is_whole(i, 0, 120 + (int)i);
    ok(all_whole, "20 ranges at once, each whole and in order");
    ok(f->market.most_open > 1 && f->market.most_open <= BACKFILL_MAX_CALLS, "at most 6 requests at a time (%d were)",
       f->market.most_open);
    close_fixture();
}

static void test_full_receiver(void) {
    open_fixture();
    bool all_whole = true;
    f->refuse_every = 9;
    for (uint32_t i = 0; i < 8; i++) ask(i, 0, 230);
    run_until(&f->n_done, 8);
    for (uint32_t i = 0; i < 8; i++) all_whole &= is_whole(i, 0, 230);
    ok(all_whole && f->n_refused > 50, "a receiver that was full %zu times gets every bar once, in order",
       f->n_refused);
    close_fixture();
}

static void test_holes(void) {
    open_fixture();
    f->market.hole_from_ms = T0 + 150 * MINUTE;
    f->market.hole_to_ms = T0 + 420 * MINUTE;
    ask(1, 0, 500);
    ask(2, 0, 400);
    run_until(&f->n_done, 2);
    ok(is_whole(1, 0, 500), "a hole of more than a page");
    ok(is_whole(2, 0, 400), "a hole up to the end");
    close_fixture();
    open_fixture();
    f->market.odd_ms = T0 + 9 * MINUTE;
    ask(1, 0, 10);
    ask(2, 9, 10);
    ask(3, 5, 20);
    run_until(&f->n_done, 3);
    ok(is_whole(1, 0, 10) && is_whole(2, 9, 10) && is_whole(3, 5, 20),
       "an absurd bar counts as absent, at the end, alone, or in the middle");
    ok(backfill_get_stats(f->backfill)->n_refused_rows >= 3, "and is counted");
    close_fixture();
}

static void set_faults(const enum fault *faults, size_t n) {
    memcpy(f->market.faults, faults, n * sizeof *faults);
    f->market.n_faults = n;
}

static void test_faults(void) {
    open_fixture();
    const enum fault faults[] = {SERVER_ERROR, SERVER_ERROR, CUT_SHORT, GARBAGE,
                                 WRONG_ROWS,   NONE,         GARBAGE,   SHORT_PAGES};
    set_faults(faults, 8);
    ask(5, 0, 250);
    run_until(&f->n_done, 1);
    ok(is_whole(5, 0, 250), "500, a cut body, garbage, rows nobody asked for, short pages: every bar once, in order");
    ok(backfill_get_stats(f->backfill)->n_retries == 6, "six retries (%" PRIu64 ")",
       backfill_get_stats(f->backfill)->n_retries);
    ok(f->n_told > 0 && !f->is_told_failing && strstr(f->why, "SYM5USDT 1m"), "told, and told that it is over: %s",
       f->why);
    close_fixture();
}

static void test_limits(void) {
    open_fixture();
    const enum fault faults[] = {LIMITED};
    set_faults(faults, 1);
    ask(1, 0, 10);
    ask(2, 0, 10);
    run_until(&f->n_done, 1);
    const request *q = f->market.requests;
    size_t n_early = 0;
    for (size_t i = 0; i < f->market.n_requests; i++) n_early += q[i].at_ms < q[0].at_ms + 990;
    run_until(&f->n_done, 2);
    ok(is_whole(1, 0, 10) && is_whole(2, 0, 10), "after 429 both ranges end whole");
    ok(n_early <= 2, "nothing but what was on its way is sent within Retry-After (%zu were)", n_early);
    ok(strstr(f->why, "429") && strstr(f->why, "Too much."), "told: %s", f->why);
    ok(rest_get_stats(f->rest)->n_pauses == 1 && rest_paused_until(f->rest) == 0, "one pause, which is over");
    close_fixture();
    open_fixture();
    const enum fault refusals[] = {RESTRICTED, RESTRICTED, NONE, BAD_SYMBOL};
    set_faults(refusals, 4);
    ask(1, 0, 10);
    run_until(&f->n_done, 1);
    ok(is_whole(1, 0, 10) && f->n_told == 1 && strstr(f->why, "451") && !f->is_told_failing, "451 is told once: %s",
       f->why);
    ok(f->market.requests[1].at_ms - f->market.requests[0].at_ms >= 30 - 1, "and retried slowly");
    ask(2, 0, 10);
    run_until(&f->n_done, 2);
    ok(is_whole(2, 0, 10) && f->n_told == 1, "an invalid symbol is no fault of the exchange");
    close_fixture();
}

static void test_open_bars(void) {
    open_fixture();
    int64_t now_ms = T0 + 57 * MINUTE + 30000;
    f->market.now_ms = now_ms;
    market_clock_init(&f->clock); /* nobody has said the time */
    ask(1, 0, 60);
    run_until(&f->n_done, 1);
    ok(f->market.requests[0].is_time && f->market.n_requests == 2, "the time is asked for first");
    ok(is_whole(1, 0, 57), "57 bars have closed; the range ends there though 60 were asked for");
    ask(2, 57, 60);
    ask(3, 20, 20);
    run_until(&f->n_done, 3);
    ok(f->market.n_requests == 2 && is_whole(2, 57, 57) && is_whole(3, 20, 20),
       "ranges with no closed bar end at once");
    close_fixture();
    open_fixture();
    const enum fault faults[] = {SERVER_ERROR, GARBAGE};
    set_faults(faults, 2);
    market_clock_init(&f->clock);
    ask(1, 0, 10);
    run_until(&f->n_done, 1);
    ok(is_whole(1, 0, 10) && f->market.requests[2].is_time, "the time is asked for until it is known");
    close_fixture();
}

static void test_merging(void) {
    open_fixture();
    ask(1, 0, 150);
    ask(1, 20, 90);
    ask(1, 150, 260);
    run_until(&f->n_done, 1);
    ok(is_whole(1, 0, 260) && backfill_get_stats(f->backfill)->n_merged == 2, "a part and a continuation are merged");
    f->n_events = f->n_done = 0;
    ask(2, 100, 200);
    ask(2, 50, 120); /* starts before: a range of its own */
    run_until(&f->n_done, 2);
    ok(f->n_events == 170 + 2, "an earlier start is a range of its own");
    f->n_events = f->n_done = 0;
    size_t n = f->market.n_requests;
    ask(4, 0, 50);
    run_until(&f->market.n_requests, n + 1);
    ask(4, 50, 80);
    run_until(&f->n_done, 1);
    ok(is_whole(4, 0, 80), "a continuation that comes while the last page is on its way");
    f->n_events = f->n_done = 0;
    f->asks_again = true;
    ask(3, 0, 10);
    run_until(&f->n_done, 2);
    ok(f->n_events == 22, "a request from inside RANGE_DONE is not lost in the range that ends");
    close_fixture();
}

static void test_cancelling(void) {
    open_fixture();
    f->market.is_mute = true;
    ask(1, 0, 10);
    ask(2, 0, 10);
    run_until(&f->market.n_requests, 2);
    f->market.is_mute = false;
    backfill_cancel(f->backfill, 1);
    backfill_cancel(f->backfill, 2);
    ok(backfill_get_stats(f->backfill)->n_under_way == 0 && backfill_get_stats(f->backfill)->n_cancelled == 2,
       "cancelled while the answers were out");
    ask(2, 0, 10);
    ask(3, 0, 10);
    backfill_cancel(f->backfill, 3);
    run_until(&f->n_done, 1);
    ok(is_whole(2, 0, 10) && f->n_events == 11, "no event of what was cancelled; a new range is whole");
    f->market.is_mute = true;
    size_t n = f->market.n_requests;
    for (uint32_t i = 0; i < 10; i++) ask(i, 0, 10);
    run_until(&f->market.n_requests, n + BACKFILL_MAX_CALLS);
    close_fixture(); /* with six calls out */
}

/* With all answers held back six calls are out; those that follow show the order. */
static void test_order(void) {
    open_fixture();
    ask(2, 0, 10);
    run_until(&f->n_done, 1); /* symbol 2 is live from here on */
    f->n_done = f->n_events = 0;
    size_t first = f->market.n_requests;
    f->market.is_mute = true;
    for (uint32_t i = 10; i < 16; i++) ask(i, 0, 10);
    run_until(&f->market.n_requests, first + BACKFILL_MAX_CALLS);
    ask(9, 0, 90);
    if (backfill_request(f->backfill, 9, INTERVAL_5M, T0 + MINUTE, T0 + 11 * MINUTE))
        abort(); /* shorter than the other of 9 */
    ask(8, 0, 90);
    ask(2, 30, 40);
    ok(backfill_get_stats(f->backfill)->n_live == 1, "what continues a range that is done is live");
    run_until(&f->market.n_requests, first + BACKFILL_MAX_CALLS + 1);
    const request *q = &f->market.requests[first + BACKFILL_MAX_CALLS];
    ok(strcmp(q[0].symbol, "SYM2USDT") == 0 && q[0].from_ms == T0 + 30 * MINUTE,
       "a live range does not wait for one of the six calls");
    f->market.is_mute = false;
    for (uint32_t i = 10; i < 16; i++) backfill_cancel(f->backfill, i);
    run_until(&f->market.n_requests, first + BACKFILL_MAX_CALLS + 4);
    ok(strcmp(q[1].symbol, "SYM8USDT") == 0 && strcmp(q[2].symbol, "SYM9USDT") == 0 && q[2].limit == 2 &&
           strcmp(q[3].symbol, "SYM9USDT") == 0 && q[3].limit == 90,
       "then history: symbols by id, and of one symbol the shorter range first");
    const backfill_progress *p = backfill_get_progress(f->backfill);
    ok(p->n_ranges == 10 && p->n_bars == 6 * 10 + 90 + 2 + 90 + 10, "progress knows what was asked for");
    close_fixture();
}

static void test_hosts(void) {
    const enum fault restricted[] = {RESTRICTED}, down[] = {NONE, SERVER_ERROR, SERVER_ERROR}, walled[] = {FORBIDDEN};
    has_spare = true;
    given_slow_ms = 3600000; /* longer than the test may last */
    open_fixture();
    set_faults(restricted, 1);
    ask(1, 0, 10);
    run_until(&f->n_done, 1);
    const request *q = f->market.requests;
    ok(is_whole(1, 0, 10) && f->market.n_requests == 2 && strcmp(q[0].host, "base") == 0 &&
           strcmp(q[1].host, "spare") == 0,
       "451: the next host serves, without the long wait of a refusal");
    ok(strstr(rest_host(f->rest), "/spare") && rest_get_stats(f->rest)->n_moves == 1, "%s", rest_host(f->rest));
    close_fixture();
    open_fixture();
    set_faults(down, 3);
    ask(1, 0, 250);
    run_until(&f->n_done, 1);
    q = f->market.requests;
    ok(is_whole(1, 0, 250) && strcmp(q[2].host, "base") == 0 && strcmp(q[3].host, "spare") == 0 &&
           f->market.n_requests == 5,
       "5xx twice in a row: the range goes on at the next host");
    close_fixture();
    given_slow_ms = 60;
    open_fixture();
    set_faults(walled, 1);
    ask(1, 0, 10);
    run_until(&f->n_done, 1);
    q = f->market.requests;
    ok(is_whole(1, 0, 10) && strcmp(q[1].host, "spare") == 0 && q[1].at_ms - q[0].at_ms >= 30 - 1,
       "403 with HTML: the next host, after the long wait");
    close_fixture();
    has_spare = false;
}

static void test_usdm(void) {
    given_market = MARKET_USDM;
    open_fixture();
    ask(1, 0, 1600);
    run_until(&f->n_done, 1);
    const request *q = f->market.requests;
    ok(is_whole(1, 0, 1600) && f->market.n_requests == 2 && q[0].limit == 1500 && q[1].limit == 100,
       "futures: pages of 1500");
    ok(strcmp(q[0].api, "fapi") == 0, "by their own paths");
    ok(rest_get_stats(f->rest)->limit == 2400 && rest_get_stats(f->rest)->allowed == 2160, "with their own limit");
    rest_set_limit(f->rest, 1200);
    rest_end_first_start(f->rest);
    ok(rest_get_stats(f->rest)->allowed == 600, "until the exchange says another, of which half is used later on");
    close_fixture();
    given_market = MARKET_SPOT;
}

int main(void) {
    srand((unsigned)tap_seed((uint64_t)time(NULL)));
    test_pages();
    test_many();
    test_full_receiver();
    test_holes();
    test_faults();
    test_limits();
    test_open_bars();
    test_merging();
    test_cancelling();
    test_order();
    test_hosts();
    test_usdm();
    return done();
}
