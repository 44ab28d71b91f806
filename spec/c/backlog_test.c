/* What an inbox cannot take: all in order, but for updates of the same forming bar, against a plain list. */
#include "screener/backlog.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <string.h>

enum { LIST_MAX = 20000, ROUNDS = 40, STEPS = 5000 };

static market_event event_of(uint8_t kind, uint32_t symbol, int32_t interval, int64_t open_ms, double close) {
    return (market_event){
        .kind = kind, .symbol = symbol, .interval = (uint8_t)interval, .bar = {.open_ms = open_ms, .close = close}};
}

static void keep(backlog *b, market_event event) {
    if (backlog_keep(b, &event) != OK) abort();
}

static bool takes(backlog *b, uint8_t kind, uint32_t symbol, int64_t open_ms, double close) {
    const market_event *first = backlog_first(b);
    bool is_it = first && first->kind == kind && first->symbol == symbol && first->bar.open_ms == open_ms &&
                 first->bar.close == close;
    if (first) backlog_drop_first(b);
    return is_it;
}

static void test_order(void) {
    backlog b = {0};
    ok(!backlog_first(&b), "an empty one has no first event");
    for (int i = 0; i < 5; i++) keep(&b, event_of(EVENT_BAR_CLOSED, 1, INTERVAL_1M, 60000 * i, i));
    for (int i = 0; i < 5; i++)
        ok(takes(&b, EVENT_BAR_CLOSED, 1, 60000 * i, i), "closed bars are all kept, in order: %d", i);
    ok(!backlog_first(&b) && b.count == 0, "and then it is empty");
    backlog_deinit(&b);
}

static void test_forming(void) {
    backlog b = {0};
    keep(&b, event_of(EVENT_BAR_FORMING, 1, INTERVAL_1M, 0, 1));
    keep(&b, event_of(EVENT_BAR_FORMING, 2, INTERVAL_1M, 0, 2));
    keep(&b, event_of(EVENT_BAR_FORMING, 1, INTERVAL_5M, 0, 3));
    keep(&b, event_of(EVENT_BAR_FORMING, 1, INTERVAL_1M, 0, 4));
    ok(b.count == 3, "an update replaces the one before it of the same bar only");
    ok(takes(&b, EVENT_BAR_FORMING, 1, 0, 4), "in that one's place");
    ok(takes(&b, EVENT_BAR_FORMING, 2, 0, 2) && takes(&b, EVENT_BAR_FORMING, 1, 0, 3), "the others are as they were");
    keep(&b, event_of(EVENT_BAR_FORMING, 1, INTERVAL_1M, 0, 5));
    ok(b.count == 1 && takes(&b, EVENT_BAR_FORMING, 1, 0, 5), "what has gone is not replaced");
    keep(&b, event_of(EVENT_BAR_FORMING, 1, INTERVAL_1M, 0, 6));
    keep(&b, event_of(EVENT_BAR_CLOSED, 1, INTERVAL_1M, 0, 7));
    keep(&b, event_of(EVENT_BAR_FORMING, 1, INTERVAL_1M, 60000, 8));
    keep(&b, event_of(EVENT_BAR_FORMING, 1, INTERVAL_1M, 60000, 9));
    ok(takes(&b, EVENT_BAR_FORMING, 1, 0, 6) && takes(&b, EVENT_BAR_CLOSED, 1, 0, 7) &&
           takes(&b, EVENT_BAR_FORMING, 1, 60000, 9),
       "no update passes a closed bar of its series");
    keep(&b, event_of(EVENT_BAR_FORMING, 1, INTERVAL_1M, 0, 10));
    keep(&b, event_of(EVENT_BAR_FORMING, 1, INTERVAL_1M, 60000, 11));
    ok(b.count == 2, "nor an update of another bar");
    backlog_deinit(&b);
}

static void test_room(void) {
    backlog b = {0};
    for (int round = 0; round < 2; round++) {
        int n_wrong = 0;
        for (int i = 0; i < 5000; i++) keep(&b, event_of(EVENT_BAR_CLOSED, 1, INTERVAL_1M, 60000 * i, i));
        size_t grown = b.capacity;
        for (int i = 0; i < 5000; i++) n_wrong += !takes(&b, EVENT_BAR_CLOSED, 1, 60000 * i, i);
        ok(grown >= 5000 && n_wrong == 0 && b.capacity == 0, "what it has grown to is given back when it is empty");
    }
    backlog_deinit(&b);
}

/* ---- against a list ---- */

static market_event list[LIST_MAX]; /* what should be in it: [first, n) */
static size_t list_first, list_n;

static bool is_bar(const market_event *event) { return event->kind != EVENT_CONTROL; }

static void keep_in_list(const market_event *event) {
    size_t k = list_n;
    while (event->kind == EVENT_BAR_FORMING && k-- > list_first) {
        market_event *other = &list[k];
        if (!is_bar(other) || other->symbol != event->symbol || other->interval != event->interval) continue;
        if (other->kind != EVENT_BAR_FORMING || other->bar.open_ms != event->bar.open_ms) break;
        *other = *event;
        return;
    }
    list[list_n++] = *event;
}

static bool is_equal(const market_event *a, const market_event *b) {
    return a->kind == b->kind && a->symbol == b->symbol && a->interval == b->interval &&
           a->bar.open_ms == b->bar.open_ms && a->bar.close == b->bar.close && a->control == b->control;
}

static market_event random_event(int32_t step) {
    static const uint8_t kinds[] = {EVENT_BAR_FORMING, EVENT_BAR_FORMING, EVENT_BAR_FORMING, EVENT_BAR_CLOSED,
                                    EVENT_HISTORY,     EVENT_RANGE_DONE,  EVENT_CONTROL};
    market_event event = event_of(kinds[below(sizeof kinds)], below(2) ? below(3) : SYMBOL_MAX - 1 - below(200),
                                  (int32_t)below(2) * (N_INTERVALS - 1), 60000 * (int64_t)below(3), step);
    if (event.kind == EVENT_CONTROL) event.control = (void *)(intptr_t)(step + 1);
    return event;
}

/* It fills and empties by turns, so that its ring turns round at every fill and grows where it is turned. */
static void test_random(void) {
    int32_t n_wrong = 0;
    size_t most = 0, capacity = 0;
    backlog b = {0};
    for (int32_t round = 0; round < ROUNDS; round++) {
        uint32_t keeps_pct = 30 + below(60);
        for (int32_t step = 0; step < STEPS && list_n - list_first < LIST_MAX; step++) {
            if (list_n == LIST_MAX) {
                memmove(list, list + list_first, (list_n - list_first) * sizeof *list);
                list_n -= list_first;
                list_first = 0;
            }
            if ((uint32_t)below(100) < keeps_pct && list_n < LIST_MAX) {
                market_event event = random_event(round * STEPS + step);
                keep(&b, event);
                keep_in_list(&event);
            } else if (list_first < list_n) {
                const market_event *first = backlog_first(&b);
                n_wrong += !first || !is_equal(first, &list[list_first]);
                if (first) backlog_drop_first(&b);
                list_first++;
            }
            n_wrong += b.count != list_n - list_first;
            if (b.count > most) most = b.count;
        }
    }
    capacity = b.capacity;
    while (list_first < list_n) {
        const market_event *first = backlog_first(&b);
        n_wrong += !first || !is_equal(first, &list[list_first]);
        list_first++;
        if (first) backlog_drop_first(&b);
    }
    ok(n_wrong == 0, "%d steps as the list has them", ROUNDS * STEPS);
    ok(!backlog_first(&b), "nothing is left behind");
    ok(most > 2048 && capacity >= most, "with up to %zu events, in a ring that has grown twice", most);
    backlog_deinit(&b);
}

int main(void) {
    random_state = tap_seed(5) | 1;
    test_order();
    test_forming();
    test_room();
    test_random();
    return done();
}
