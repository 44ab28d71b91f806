/* Workers that ask for ranges of the same series at any time, and REST that answers late: whoever asked gets the bars of their
 * own range that there are, each once and in order, and the word that it is through; nothing else. */
#include "market/interval.h"
#include "screener/inquiries.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <string.h>
#include <time.h>

enum { ASKERS = 400, WORKERS = 4, SYMBOLS = 2, SPAN = 60, ROUNDS = 200, MINUTE = 60000, FIRST = 1000 };

typedef struct asker {
    inquiry what;
    int32_t n_bars, n_through;
    int64_t last_ms, through_ms; /* open time of the newest bar; to_ms of the word */
} asker;

typedef struct range {
    uint32_t symbol;
    int32_t interval;
    int64_t from_ms, to_ms, next_ms;
} range;

typedef struct scene {
    inquiries *q;
    asker askers[ASKERS];
    int32_t n_askers, n_forgotten;
    range ranges[ASKERS];
    int32_t n_ranges, n_asked, n_wrong;
    bool answers_at_once;
} scene;

static int64_t open_of(int32_t n) { return (int64_t)(FIRST + n) * MINUTE; }
/* Of either symbol a few bars exist nowhere. */
static bool exists(uint32_t symbol, int64_t open_ms) { return (open_ms / MINUTE * 7 + symbol) % 11 != 0; }

static void wrong(scene *s, const char *why, const inquiry *whose) {
    if (s->n_wrong++ < 5) printf("# %s: inquiry %llu\n", why, (unsigned long long)whose->number);
}

static err on_answer(void *context, const inquiry *whose, const market_event *event) {
    scene *s = context;
    asker *a = &s->askers[whose->number - 1];
    if (event->inquiry != a->what.number || event->symbol != a->what.symbol || event->interval != a->what.interval ||
        whose->worker != a->what.worker)
        wrong(s, "the answer to another", whose);
    if (a->n_through) wrong(s, "something after the word that it is through", whose);
    if (event->kind == EVENT_RANGE_DONE) {
        if (event->bar.open_ms != a->what.from_ms) wrong(s, "another beginning", whose);
        a->n_through++;
        a->through_ms = event->to_ms;
        return OK;
    }
    if (event->bar.open_ms <= a->last_ms) wrong(s, "a bar twice, or out of order", whose);
    if (event->bar.open_ms < a->what.from_ms || event->bar.open_ms >= a->what.to_ms) wrong(s, "a bar too many", whose);
    a->last_ms = event->bar.open_ms;
    a->n_bars++;
    return OK;
}

static void say(scene *s, const market_event *event, bool expected) {
    bool is_awaited;
    if (inquiries_answer(s->q, event, &is_awaited) != OK) abort();
    if (is_awaited != expected && s->n_wrong++ < 5) printf("# awaited: %d\n", is_awaited);
}

static market_event history(const range *r, int64_t open_ms) {
    return (market_event){.kind = EVENT_HISTORY,
                          .symbol = r->symbol,
                          .interval = (uint8_t)r->interval,
                          .bar.open_ms = open_ms,
                          .from_ms = r->from_ms};
}

/* The next bar, or the end. True: it is through. */
static bool answer(scene *s, range *r) {
    market_event event = {.kind = EVENT_RANGE_DONE,
                          .symbol = r->symbol,
                          .interval = (uint8_t)r->interval,
                          .bar.open_ms = r->from_ms,
                          .to_ms = r->to_ms};
    while (r->next_ms < r->to_ms && !exists(r->symbol, r->next_ms)) r->next_ms += MINUTE;
    if (r->next_ms < r->to_ms) {
        event = history(r, r->next_ms);
        r->next_ms += MINUTE;
    }
    say(s, &event, true);
    return event.kind == EVENT_RANGE_DONE;
}

static void on_range(void *context, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms) {
    scene *s = context;
    range r = {symbol, interval, from_ms, to_ms, from_ms};
    s->n_asked++;
    for (int32_t i = 0; i < s->n_ranges; i++)
        if (s->ranges[i].symbol == symbol && s->ranges[i].interval == interval && s->n_wrong++ < 5)
            printf("# two ranges of a series at a time\n");
    if (s->answers_at_once) {
        while (!answer(s, &r)) {}
        return;
    }
    s->ranges[s->n_ranges++] = r;
}

static void ask(scene *s) {
    asker *a = &s->askers[s->n_askers++];
    int32_t from = (int32_t)below(SPAN), to = from + 1 + (int32_t)below(20);
    *a = (asker){.what = {.number = (uint64_t)s->n_askers,
                          .worker = (int32_t)below(WORKERS),
                          .symbol = below(SYMBOLS),
                          .interval = below(3) ? INTERVAL_1M : INTERVAL_3M,
                          .from_ms = open_of(from),
                          .to_ms = open_of(to),
                          .is_audit = below(5) == 0}};
    if (inquiries_add(s->q, &a->what) != OK) abort();
}

static void forget(scene *s, uint32_t symbol) {
    inquiries_forget(s->q, symbol);
    for (int32_t i = 0; i < s->n_ranges;)
        if (s->ranges[i].symbol == symbol)
            s->ranges[i] = s->ranges[--s->n_ranges];
        else
            i++;
    for (int32_t i = 0; i < s->n_askers; i++) {
        asker *a = &s->askers[i];
        if (a->what.symbol != symbol || a->n_through) continue;
        a->n_through = -1;
        s->n_forgotten++;
    }
}

static void answer_some(scene *s, int32_t most) {
    for (int32_t n = 0; n < most && s->n_ranges > 0; n++) {
        int32_t i = (int32_t)below((uint32_t)s->n_ranges);
        range r = s->ranges[i]; /* whoever waits may ask for the next one inside */
        s->ranges[i] = s->ranges[--s->n_ranges];
        if (!answer(s, &r)) s->ranges[s->n_ranges++] = r;
    }
}

static void judge(scene *s) {
    for (int32_t i = 0; i < s->n_askers; i++) {
        const asker *a = &s->askers[i];
        int32_t n = 0;
        if (a->n_through < 0) continue;
        for (int64_t ms = a->what.from_ms; ms < a->what.to_ms; ms += MINUTE) n += exists(a->what.symbol, ms);
        if (a->n_through != 1 || a->through_ms != a->what.to_ms) wrong(s, "not through, or not to its end", &a->what);
        if (a->n_bars != n) wrong(s, "bars are missing", &a->what);
    }
}

static void act(scene *s, bool answers_at_once) {
    inquiries_handlers h = {on_range, on_answer, s};
    *s = (scene){.answers_at_once = answers_at_once};
    if (inquiries_new(&h, &s->q) != OK) abort();
    while (s->n_askers < ASKERS) {
        for (uint32_t n = below(6); n > 0 && s->n_askers < ASKERS; n--) ask(s);
        if (below(60) == 0) forget(s, below(SYMBOLS));
        answer_some(s, (int32_t)below(40));
    }
    while (s->n_ranges > 0) answer_some(s, 100);
    for (uint32_t i = 0; i < SYMBOLS; i++) s->n_wrong += inquiries_has(s->q, i);
    judge(s);
    inquiries_free(s->q);
}

static void test_random(void) {
    static scene s;
    int32_t n_wrong = 0, n_asked = 0, n_forgotten = 0;
    for (int i = 0; i < ROUNDS; i++) {
        act(&s, i % 10 == 0);
        n_wrong += s.n_wrong, n_asked += s.n_asked, n_forgotten += s.n_forgotten;
    }
    ok(n_wrong == 0, "%d inquiries by %d ranges, %d of them forgotten: each has what it asked for (%d have not)",
       ROUNDS * ASKERS, n_asked, n_forgotten, n_wrong);
    ok(n_asked < ROUNDS * ASKERS * 3 / 4, "many were answered together");
}

static void add(scene *s, int32_t from, int32_t to) {
    asker *a = &s->askers[s->n_askers++];
    *a = (asker){
        .what = {
            .number = (uint64_t)s->n_askers, .interval = INTERVAL_1M, .from_ms = open_of(from), .to_ms = open_of(to)}};
    if (inquiries_add(s->q, &a->what) != OK) abort();
}

static bool is_under_way(const scene *s, int32_t n, int32_t from, int32_t to) {
    return s->n_asked == n && s->n_ranges == 1 && s->ranges[0].from_ms == open_of(from) &&
           s->ranges[0].to_ms == open_of(to);
}

static void finish(scene *s) {
    range r = s->ranges[--s->n_ranges];
    while (!answer(s, &r)) {}
}

static void test_ranges(void) {
    static scene s;
    market_event event;
    if (inquiries_new(&(inquiries_handlers){on_range, on_answer, &s}, &s.q) != OK) abort();
    add(&s, 10, 20);
    add(&s, 10, 20);
    add(&s, 12, 15);
    ok(is_under_way(&s, 1, 10, 20), "who asks for what is under way waits for it");
    finish(&s);
    ok(s.askers[0].n_through == 1 && s.askers[1].n_through == 1 && s.askers[2].n_through == 1 && s.n_ranges == 0,
       "and has it with the others");
    add(&s, 10, 20);
    (void)answer(&s, &s.ranges[0]);
    add(&s, 10, 15);
    add(&s, 15, 30);
    add(&s, 40, 50);
    finish(&s);
    ok(is_under_way(&s, 3, 10, 30), "once some of it has come it is too late: asked for anew, with what is next to it");
    event = history(&(range){0, INTERVAL_1M, open_of(9), 0, 0}, open_of(12));
    say(&s, &event, false);
    event = (market_event){
        .kind = EVENT_RANGE_DONE, .interval = INTERVAL_1M, .bar.open_ms = open_of(9), .to_ms = open_of(30)};
    say(&s, &event, false);
    ok(is_under_way(&s, 3, 10, 30), "an answer that begins elsewhere is nobody's");
    event.bar.open_ms = open_of(10);
    event.to_ms = open_of(12);
    s.n_ranges = 0;
    say(&s, &event, true);
    ok(s.askers[4].through_ms == open_of(12) && s.askers[5].through_ms == open_of(15),
       "what REST does not have yet nobody is told to know");
    ok(is_under_way(&s, 4, 40, 50), "what lies apart is asked for by itself");
    inquiries_forget(s.q, 0);
    s.n_ranges = 0;
    ok(!inquiries_has(s.q, 0) && s.n_wrong == 0, "a symbol that is forgotten waits for nothing");
    inquiries_free(s.q);
}

int main(void) {
    random_state = tap_seed((uint64_t)time(NULL)) * 2654435769u + 1;
    test_random();
    test_ranges();
    return done();
}
