/* What passes of one topic that two connections deliver. */
#include "binance/topic_order.h"
#include "market/interval.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <string.h>

enum { MINUTE = 60000, N_BARS = 300, N_UPDATES = 4, N_MESSAGES = N_BARS * N_UPDATES };

static market_event message(bool is_closed, int64_t event_ms, int64_t open_ms) {
    return (market_event){
        .kind = is_closed ? EVENT_BAR_CLOSED : EVENT_BAR_FORMING, .event_ms = event_ms, .bar.open_ms = open_ms};
}

static bool forming(topic_order *o, int64_t event_ms, int64_t open_ms) {
    market_event m = message(false, event_ms, open_ms);
    return topic_order_admit(o, &m);
}

static bool closed(topic_order *o, int64_t event_ms, int64_t open_ms) {
    market_event m = message(true, event_ms, open_ms);
    return topic_order_admit(o, &m);
}

static void test_bars(void) {
    topic_order o = {0};
    ok(forming(&o, 10 * MINUTE + 2000, 10 * MINUTE) && !forming(&o, 10 * MINUTE + 2000, 10 * MINUTE),
       "a forming bar passes once");
    ok(forming(&o, 10 * MINUTE + 4000, 10 * MINUTE) && !forming(&o, 10 * MINUTE + 2000, 10 * MINUTE),
       "and not after a newer one");
    ok(closed(&o, 11 * MINUTE, 10 * MINUTE) && !closed(&o, 11 * MINUTE, 10 * MINUTE), "a closed bar passes once");
    ok(!forming(&o, 11 * MINUTE + 1, 10 * MINUTE), "nothing of a bar passes after its close");
    ok(forming(&o, 11 * MINUTE, 11 * MINUTE), "the next bar may begin in the same millisecond");
    ok(closed(&o, 11 * MINUTE + 3000, 10 * MINUTE), "a close that comes again later, changed, passes");
    ok(!closed(&o, 11 * MINUTE + 3000, 10 * MINUTE), "once");
}

static void test_late_close(void) {
    topic_order o = {0};
    forming(&o, MINUTE + 2000, MINUTE);
    ok(forming(&o, 2 * MINUTE + 2000, 2 * MINUTE), "the next bar is heard of first");
    ok(closed(&o, 2 * MINUTE, MINUTE), "the only final frame of a bar is never dropped, however late");
    ok(!forming(&o, 2 * MINUTE + 1000, 2 * MINUTE) && forming(&o, 2 * MINUTE + 3000, 2 * MINUTE),
       "and the newer bar goes on where it was");
    ok(closed(&o, 4 * MINUTE, 3 * MINUTE) && !closed(&o, 3 * MINUTE, 2 * MINUTE),
       "a close after that of a newer bar does not pass: that one is a gap, and is fetched");
}

static void test_times(void) {
    topic_order o = {0};
    ok(topic_order_admit_time(&o, 1000) && !topic_order_admit_time(&o, 1000) && !topic_order_admit_time(&o, 999) &&
           topic_order_admit_time(&o, 1001),
       "tickers pass in the order of their times, once");
}

/* A stream of bars as one connection sends it. */
static void write_stream(market_event *all) {
    for (int64_t i = 0; i < N_MESSAGES; i++) {
        int64_t bar = i / N_UPDATES, step = i % N_UPDATES + 1, open_ms = (1 + bar) * MINUTE;
        all[i] = message(step == N_UPDATES, open_ms + step * MINUTE / N_UPDATES, open_ms);
    }
}

/* Two connections send the same stream from and to different places of it, each in order, mixed at random. */
static void test_two(void) {
    static market_event all[N_MESSAGES];
    random_state = tap_seed(20261201);
    size_t n_wrong = 0, n_twice = 0, n_lost = 0;
    write_stream(all);
    for (int round = 0; round < 500; round++) {
        topic_order o = {0};
        size_t a = 0, b = (size_t)below(N_MESSAGES), first = b, n_passed[N_MESSAGES] = {0};
        size_t a_end = b + (size_t)below((int32_t)(N_MESSAGES - b)) + 1; /* the old one ends after the new one began */
        int64_t last_ms = 0;
        while (a < a_end || b < N_MESSAGES) {
            bool is_a = a < a_end && (b >= N_MESSAGES || a < b ? below(4) > 0 : below(4) == 0);
            if (!is_a && b >= N_MESSAGES) continue;
            size_t i = is_a ? a++ : b++;
            if (!topic_order_admit(&o, &all[i])) continue;
            n_passed[i]++;
            n_wrong += all[i].kind == EVENT_BAR_FORMING && all[i].event_ms <= last_ms;
            if (all[i].event_ms > last_ms) last_ms = all[i].event_ms;
        }
        for (size_t i = 0; i < N_MESSAGES; i++) {
            n_twice += n_passed[i] > 1;
            n_lost += i >= first && all[i].kind == EVENT_BAR_CLOSED && n_passed[i] == 0;
        }
    }
    ok(n_twice == 0 && n_wrong == 0, "two connections: nothing passes twice, no forming bar after a newer one");
    ok(n_lost == 0, "and every close that the second one sends passes");
}

int main(void) {
    test_bars();
    test_late_close();
    test_times();
    test_two();
    return done();
}
