/* Which events may wait for each other: those for which it makes no difference. */
#include "screener/batch.h"
#include "spec/c/tap.h"

static const int64_t NOON_MS = 1700006400000 / 3600000 * 3600000;
enum { N_SYMBOLS = EVALUATIONS_MAX + 1, N_FRAMES = 2 };
static const int32_t INTERVALS[N_FRAMES] = {INTERVAL_1M, INTERVAL_5M};

static void die(const char *what) {
    fprintf(stderr, "batch_test: %s\n", what);
    exit(1);
}

/* Symbols whose traders are up to date: everything is known up to the bar that closes at noon. */
static tracked symbols[N_SYMBOLS];
static standing up_to_date;

static void make_symbols(const registry *r) {
    for (int32_t i = 0; i < N_SYMBOLS; i++) {
        symbols[i] = (tracked){.id = (uint32_t)i + 1, .standings = &up_to_date, .n_standings = 1};
        for (int32_t k = 0; k < N_FRAMES; k++) {
            int32_t interval = INTERVALS[k];
            if (timeframe_new(r, interval, 100, interval_add(interval, NOON_MS, -1), &symbols[i].frames[interval]) !=
                OK)
                die("out of memory");
        }
    }
}

static void free_symbols(void) {
    for (int32_t i = 0; i < N_SYMBOLS; i++)
        for (int32_t k = 0; k < N_FRAMES; k++) timeframe_free(symbols[i].frames[INTERVALS[k]]);
}

/* The bar of `interval` that closes at noon, told of 40 ms later. */
static market_event at_noon(int32_t interval) {
    return (market_event){.kind = EVENT_BAR_CLOSED,
                          .interval = (uint8_t)interval,
                          .bar = {.open_ms = interval_add(interval, NOON_MS, -1), .close = 1},
                          .event_ms = NOON_MS + 40};
}

static bool admits(const batch *b, const tracked *t, market_event event) {
    return batch_admits(b, t, t->frames[event.interval], &event);
}

static void test_what_is_plain(void) {
    batch b = {0};
    tracked *t = &symbols[0];
    market_event event = at_noon(INTERVAL_1M), late = event;
    const market_event refused[] = {
        {.kind = EVENT_HISTORY, .interval = INTERVAL_1M, .bar = event.bar, .event_ms = event.event_ms},
        {.kind = EVENT_BAR_FORMING, .interval = INTERVAL_1M, .bar = event.bar, .event_ms = event.event_ms},
        {.kind = EVENT_RANGE_DONE, .interval = INTERVAL_1M, .to_ms = NOON_MS}};
    ok(admits(&b, t, event), "a bar that has just closed");
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        ok(!admits(&b, t, refused[i]), "not an event of kind %d", refused[i].kind);
    late.event_ms = NOON_MS + GRACE_MS;
    ok(admits(&b, t, late), "at the end of the grace");
    late.event_ms++;
    ok(!admits(&b, t, late), "not after it");
    late.event_ms = 0;
    ok(!admits(&b, t, late), "nor without a time");
}

static void test_what_waits(void) {
    batch b = {0};
    tracked *t = &symbols[0];
    timeframe *f = t->frames[INTERVAL_1M];
    market_event event = at_noon(INTERVAL_1M), next = event, before = event;
    t->is_waiting = true;
    ok(!admits(&b, t, event), "not while a trader is owed something");
    t->is_waiting = false;
    t->is_loading = true;
    ok(!admits(&b, t, event), "not while history is loading");
    t->is_loading = false;
    t->standings = NULL;
    ok(!admits(&b, t, event), "not for the copy of a reference");
    t->standings = &up_to_date;
    next.bar.open_ms = NOON_MS;
    next.event_ms += 60000;
    ok(!admits(&b, t, next), "not behind a gap");
    before.bar.open_ms -= 60000;
    before.event_ms -= 60000;
    ok(!admits(&b, t, before), "not a bar of the past");
    f->n_waiting = 1;
    ok(!admits(&b, t, event), "not while bars wait");
    f->n_waiting = 0;
    ok(admits(&b, t, event), "nothing of that is left");
}

static void test_who_joins(void) {
    batch b = {0};
    tracked *t = &symbols[0];
    market_event minute = at_noon(INTERVAL_1M), five = at_noon(INTERVAL_5M), next = minute;
    five.event_ms += 7;
    batch_add(&b, t, &five, 100, 130);
    ok(b.count == 1 && b.items[0].symbol == t && b.items[0].close_ms == NOON_MS, "one symbol that closes at noon");
    ok(admits(&b, t, minute), "its other bar of that instant");
    batch_add(&b, t, &minute, 200, 205);
    ok(b.count == 1 && b.items[0].as_of_ms == five.event_ms, "of both the newer event");
    ok(b.items[0].received_ns == 200 && b.items[0].spent_ns == 35, "and what both have cost");
    next.bar.open_ms = NOON_MS;
    next.event_ms += 60000;
    if (kline_series_close(t->frames[INTERVAL_1M]->bars, &minute.bar, NULL) != KLINE_APPENDED) die("refused");
    ok(!admits(&b, t, next), "not its next minute");
    b.count = 0;
    ok(admits(&b, t, next), "until it is alone");
}

static void test_room(void) {
    batch b = {0};
    market_event event = at_noon(INTERVAL_1M);
    for (int32_t i = 1; i <= EVALUATIONS_MAX; i++) {
        tracked *t = &symbols[i];
        if (batch_is_full(&b) || !admits(&b, t, event)) break;
        batch_add(&b, t, &event, 1, 2);
    }
    ok(b.count == EVALUATIONS_MAX && batch_is_full(&b), "room for %d symbols", EVALUATIONS_MAX);
    ok(!admits(&b, &symbols[0], at_noon(INTERVAL_5M)), "and no more");
    ok(admits(&b, &symbols[1], at_noon(INTERVAL_5M)), "but for another bar of one of them");
}

int main(void) {
    registry *r;
    if (registry_new(&r) != OK) die("out of memory");
    make_symbols(r);
    test_what_is_plain();
    test_what_waits();
    test_who_joins();
    test_room();
    free_symbols();
    registry_free(r);
    return done();
}
