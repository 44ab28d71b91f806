/* A series behind a bad line: bars lost, doubled, early, late; an exchange that answers ranges slowly and lacks some
 * bars. Whatever the order, once all is answered the series holds exactly what the exchange has. */
#include "screener/timeframe.h"
#include "spec/c/tap.h"
#include <string.h>
#include <time.h>

enum { KEEP = 4000, BARS = 600, STORMS = 200 };
static const int64_t START_MS = 1700006400000;

static uint64_t random_state;
static uint32_t below(uint32_t n) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)(((random_state * 2685821657736338717u) >> 33) % n);
}

typedef struct exchange {
    kline bars[BARS];
    bool exists[BARS];
} exchange;

static int64_t open_of(int32_t n) { return interval_add(INTERVAL_1M, START_MS, n); }

static void make_exchange(exchange *x) {
    for (int32_t i = 0; i < BARS; i++) {
        double p = 100 + below(1000) / 100.0;
        x->bars[i] = (kline){open_of(i), p, p + 1, p - 1, p + 0.5, below(1000), 0, 0, 0, 0};
        x->exists[i] = below(50) != 0; /* some bars exist nowhere */
    }
}

/* The answer to a range, as REST gives it: what there is, then the end. */
static void answer(timeframe *t, const exchange *x, int64_t from_ms, int64_t to_ms) {
    for (int32_t i = 0; i < BARS; i++)
        if (x->exists[i] && x->bars[i].open_ms >= from_ms && x->bars[i].open_ms < to_ms)
            if (timeframe_apply(t, &(market_event){.kind = EVENT_HISTORY, .bar = x->bars[i]}, INT64_MAX) != OK) abort();
    if (timeframe_apply(t, &(market_event){.kind = EVENT_RANGE_DONE, .to_ms = to_ms}, INT64_MAX) != OK) abort();
}

static bool ask(timeframe *t, int64_t *from_ms, int64_t *to_ms) {
    if (!t->wanted_to_ms || t->asked_to_ms) return false;
    t->asked_to_ms = t->wanted_to_ms;
    t->wanted_to_ms = 0;
    *from_ms = kline_series_known_to(t->bars);
    *to_ms = t->asked_to_ms;
    return true;
}

static int storm(registry *r) {
    static exchange x;
    timeframe *t;
    int64_t from_ms = 0, to_ms = 0;
    int32_t answer_at = -1, at = 0, n_wrong = 0, id;
    make_exchange(&x);
    if (timeframe_new(r, INTERVAL_1M, KEEP, START_MS, &t) != OK || registry_parse(r, "1m sma(close,10)", &id) != OK ||
        indicator_set_add(t->set, id, 0) != OK)
        abort();
    for (int32_t now = 1; now < BARS + 200; now++) {
        int32_t newest = now < BARS ? now : BARS - 1;
        market_event event = {.kind = EVENT_BAR_CLOSED, .bar = x.bars[newest - 1]};
        uint32_t luck = below(20);
        if (luck == 0) event.bar = x.bars[below((uint32_t)newest)];       /* an old one again */
        if (x.exists[(event.bar.open_ms - START_MS) / 60000] && luck > 3) /* a few are lost */
            for (uint32_t twice = 0; twice <= (luck == 4); twice++)
                if (timeframe_apply(t, &event, INT64_MAX) != OK) abort();
        event = (market_event){.kind = EVENT_BAR_FORMING, .bar = x.bars[newest]};
        if (luck % 3 == 0 && now < BARS && timeframe_apply(t, &event, INT64_MAX) != OK) abort();
        if (now >= BARS) timeframe_want(t, open_of(BARS)); /* in the end everything is asked for */
        if (ask(t, &from_ms, &to_ms)) answer_at = now + (int32_t)below(30);
        if (answer_at >= 0 && now >= answer_at && t->asked_to_ms) {
            answer(t, &x, from_ms, to_ms);
            answer_at = -1;
        }
    }
    for (int32_t i = 0; i < BARS; i++) {
        kline stored;
        int32_t index = kline_series_find(t->bars, open_of(i));
        if ((index >= 0) != x.exists[i]) {
            n_wrong++;
            continue;
        }
        if (index < 0) continue;
        kline_series_get(t->bars, index, &stored);
        n_wrong += memcmp(&stored, &x.bars[i], sizeof stored) != 0;
        at++;
    }
    n_wrong += at != kline_series_count(t->bars) || kline_series_known_to(t->bars) != open_of(BARS);
    n_wrong += t->n_waiting != t->first_waiting;
    timeframe_free(t);
    return n_wrong;
}

static void test_hold(registry *r) {
    timeframe *t;
    market_event event = {.kind = EVENT_BAR_CLOSED, .bar = {open_of(0), 1, 1, 1, 1, 1, 0, 0, 0, 0}};
    if (timeframe_new(r, INTERVAL_1M, 10, START_MS, &t) != OK) abort();
    ok(timeframe_apply(t, &event, open_of(1)) == OK && kline_series_count(t->bars) == 1,
       "a bar before the hold is stored");
    event.bar.open_ms = open_of(1);
    ok(timeframe_apply(t, &event, open_of(1)) == OK && kline_series_count(t->bars) == 1, "one at the hold waits");
    ok(timeframe_drain(t, open_of(1)) == OK && kline_series_count(t->bars) == 1, "and goes on waiting");
    ok(timeframe_drain(t, INT64_MAX) == OK && kline_series_count(t->bars) == 2, "until the hold moves on");
    timeframe_free(t);
}

static void test_gap(registry *r) {
    timeframe *t;
    market_event event = {.kind = EVENT_BAR_CLOSED, .bar = {open_of(3), 1, 1, 1, 1, 1, 0, 0, 0, 0}};
    if (timeframe_new(r, INTERVAL_1M, 10, START_MS, &t) != OK) abort();
    ok(timeframe_apply(t, &event, INT64_MAX) == OK && kline_series_count(t->bars) == 0 && t->n_gaps == 1,
       "a bar that skips others is a gap");
    ok(t->wanted_to_ms == open_of(3), "and what is missing is wanted");
    t->asked_to_ms = t->wanted_to_ms, t->wanted_to_ms = 0;
    event = (market_event){.kind = EVENT_RANGE_DONE, .to_ms = open_of(3)};
    ok(timeframe_apply(t, &event, INT64_MAX) == OK && kline_series_count(t->bars) == 1,
       "what REST lacks too is a hole, and the bar is stored");
    event = (market_event){.kind = EVENT_BAR_FORMING, .bar = {open_of(6), 1, 1, 1, 1, 1, 0, 0, 0, 0}};
    ok(timeframe_apply(t, &event, INT64_MAX) == OK && t->wanted_to_ms == open_of(6),
       "an update ahead of the known bars asks for them");
    timeframe_free(t);
}

int main(void) {
    registry *r;
    int n_wrong = 0;
    random_state = tap_seed((uint64_t)time(NULL)) * 2654435769u + 1;
    if (registry_new(&r) != OK) abort();
    for (int i = 0; i < STORMS; i++) n_wrong += storm(r);
    ok(n_wrong == 0, "after %d storms every series equals the exchange's", STORMS);
    test_hold(r);
    test_gap(r);
    registry_free(r);
    return done();
}
