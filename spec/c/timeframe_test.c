/* A series behind a bad line: bars lost, doubled, early, late; an exchange that answers ranges slowly and lacks some
 * bars. Whatever the order, once all is answered the series holds exactly what the exchange has. */
#include "screener/timeframe.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <string.h>
#include <time.h>

enum { KEEP = 4000, BARS = 600, STORMS = 200 };
static const int64_t START_MS = 1700006400000;

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

static void apply(timeframe *t, market_event event) {
    if (timeframe_apply(t, &event, INT64_MAX) != OK) abort();
}

/* The answer to a range, as REST gives it: what there is, then the end. */
static void answer(timeframe *t, const exchange *x, int64_t from_ms, int64_t to_ms) {
    for (int32_t i = 0; i < BARS; i++)
        if (x->exists[i] && x->bars[i].open_ms >= from_ms && x->bars[i].open_ms < to_ms)
            apply(t, (market_event){.kind = EVENT_HISTORY, .bar = x->bars[i], .inquiry = t->inquiry});
    apply(t, (market_event){.kind = EVENT_RANGE_DONE, .to_ms = to_ms, .inquiry = t->inquiry});
}

static bool ask(timeframe *t, int64_t *from_ms, int64_t *to_ms) {
    static uint64_t inquiry;
    return timeframe_take_want(t, ++inquiry, from_ms, to_ms);
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

/* ---- scenes: the states of a bar in any order, finals that never come, REST that looks too early, corrections ---- */

enum { SCENES = 200, SCENE_BARS = 160, STATES = 4, DELAYED = 64 };
static const char *const scene_keys[] = {"1m sma(close,10)", "1m ema(close,12)", "1m rsi(close,14)", "1m atr(14)"};
enum { SCENE_KEYS = 4 };
static const uint64_t AUDIT = UINT64_MAX; /* as an inquiry: what is read again has a number that no range has */

typedef struct scene {
    kline truth[SCENE_BARS];
    timeframe *t;
    market_event delayed[DELAYED];
    int32_t n_delayed;
    int64_t now_ms, from_ms, to_ms, answer_ms;
} scene;

/* How the bar stands after so many of its states; all of them: as it closes. */
static kline state_of(const scene *s, int32_t n, int32_t state) {
    kline bar = s->truth[n];
    bar.trades -= STATES - state;
    bar.volume *= 0.5 + state / (2.0 * STATES);
    if (state < STATES) bar.close += (double)state / 8 - 1;
    return bar;
}

static void say(scene *s, const market_event *event) {
    int64_t count = kline_series_count(s->t->bars);
    double trades = kline_series_has_forming(s->t->bars) ? kline_series_field(s->t->bars, FIELD_TRADES)[count] : 0;
    if (timeframe_apply(s->t, event, INT64_MAX) != OK) abort();
    if (event->kind == EVENT_BAR_FORMING && kline_series_field(s->t->bars, FIELD_TRADES)[count] < trades)
        ok(false, "a forming bar went back");
}

/* Now, twice, later or never. */
static void stream(scene *s, const market_event *event, int lost) {
    int luck = (int)below(10);
    if (luck < lost) return;
    if (luck == 9 && s->n_delayed < DELAYED)
        s->delayed[s->n_delayed++] = *event;
    else
        say(s, event);
    if (luck == 8) say(s, event);
}

static void say_delayed(scene *s, bool all) {
    for (int32_t i = 0; i < s->n_delayed;) {
        market_event event = s->delayed[i];
        if (!all && below(3)) {
            i++;
            continue;
        }
        s->delayed[i] = s->delayed[--s->n_delayed];
        say(s, &event);
    }
}

/* What REST has; a bar that has just closed may not be there with all that it has. */
static void scene_answer(scene *s, uint64_t inquiry, int64_t from_ms, int64_t to_ms) {
    for (int32_t i = 0; i < SCENE_BARS; i++) {
        int64_t open_ms = s->truth[i].open_ms;
        bool is_early = s->now_ms - interval_next(INTERVAL_1M, open_ms) < 10000 && below(3) == 0;
        if (open_ms < from_ms || open_ms >= to_ms) continue;
        say(s, &(market_event){
                   .kind = EVENT_HISTORY, .bar = state_of(s, i, is_early ? STATES - 1 : STATES), .inquiry = inquiry});
    }
    say(s, &(market_event){.kind = EVENT_RANGE_DONE, .bar.open_ms = from_ms, .to_ms = to_ms, .inquiry = inquiry});
}

static void scene_rest(scene *s) {
    if (ask(s->t, &s->from_ms, &s->to_ms)) s->answer_ms = s->now_ms + below(90000);
    if (!s->answer_ms || s->now_ms < s->answer_ms) return;
    s->answer_ms = 0;
    scene_answer(s, s->t->inquiry, s->from_ms, s->to_ms);
}

/* The exchange corrects a bar, and somebody reads it again. */
static void correct(scene *s, int32_t n) {
    int32_t at = n - 2 - (int32_t)below(40);
    if (at < 0 || kline_series_known_to(s->t->bars) < s->truth[at].open_ms) return;
    s->truth[at].close += 1;
    scene_answer(s, AUDIT, s->truth[at].open_ms, interval_next(INTERVAL_1M, s->truth[at].open_ms));
}

static void play(scene *s) {
    int lost = (int)below(6);
    bool is_quiet = below(4) == 0; /* nothing comes of the symbol at all for the rest of the scene */
    for (int32_t n = 0; n < SCENE_BARS; n++) {
        for (int32_t state = 1; state <= STATES; state++) {
            market_event event = {.kind = EVENT_BAR_FORMING, .bar = state_of(s, n, state)};
            s->now_ms = event.event_ms = s->truth[n].open_ms + 14990 * state;
            if (state == STATES) event.kind = EVENT_BAR_CLOSED, event.event_ms = s->now_ms += 60;
            if (s->now_ms > s->t->market_ms) s->t->market_ms = s->now_ms;
            if (!is_quiet || n < SCENE_BARS / 2) stream(s, &event, lost);
            (void)timeframe_watch(s->t, s->now_ms);
            scene_rest(s);
            say_delayed(s, false);
        }
        if (below(6) == 0) correct(s, n);
    }
}

/* It is over: the time goes on, nothing else comes, and all is read again once. */
static void catch_up(scene *s) {
    say_delayed(s, true);
    for (int i = 0; i < 200 && kline_series_known_to(s->t->bars) < open_of(SCENE_BARS); i++) {
        s->now_ms += 1000;
        s->t->market_ms = s->now_ms;
        (void)timeframe_watch(s->t, open_of(SCENE_BARS) + CLOSE_GRACE_MS);
        scene_rest(s);
    }
    s->now_ms += 600000;
    s->t->market_ms = s->now_ms;
    scene_answer(s, AUDIT, START_MS, open_of(SCENE_BARS));
}

static timeframe *scene_frame(const registry *r, registry *names) {
    timeframe *t;
    int32_t id;
    if (timeframe_new(r, INTERVAL_1M, KEEP, START_MS, &t) != OK) abort();
    for (int32_t k = 0; k < SCENE_KEYS; k++)
        if (registry_parse(names, scene_keys[k], &id) != OK || indicator_set_add(t->set, id, 0) != OK) abort();
    return t;
}

/* Against a series that saw each bar once, in order, as it is. */
static int differs(const scene *s, const timeframe *calm) {
    int32_t n = kline_series_count(s->t->bars);
    int n_wrong = n != SCENE_BARS || kline_series_known_to(s->t->bars) != open_of(SCENE_BARS);
    for (int32_t f = 0; f < N_FIELDS && !n_wrong; f++)
        n_wrong += memcmp(kline_series_field(s->t->bars, f), kline_series_field(calm->bars, f),
                          (size_t)n * sizeof(double)) != 0;
    for (int32_t k = 0; k < SCENE_KEYS && !n_wrong; k++) /* the newest ones follow from the whole state */
        n_wrong += memcmp(indicator_set_values(s->t->set, k, 0) + n - 20,
                          indicator_set_values(calm->set, k, 0) + n - 20, 20 * sizeof(double)) != 0;
    return n_wrong;
}

static int act(registry *r, int64_t *n_by_rest, int64_t *n_refused, int64_t *n_corrected) {
    static scene s;
    timeframe *calm = scene_frame(r, r);
    int n_wrong;
    s = (scene){.t = scene_frame(r, r), .now_ms = START_MS};
    s.t->has_loaded = true;
    for (int32_t i = 0; i < SCENE_BARS; i++) {
        double p = 100 + below(1000) / 100.0;
        s.truth[i] = (kline){open_of(i), p, p + 3, p - 3, p + 0.5, 8 + below(1000), 4, 10 + below(100), 2, 1};
    }
    play(&s);
    catch_up(&s);
    for (int32_t i = 0; i < SCENE_BARS; i++)
        if (timeframe_apply(calm, &(market_event){.kind = EVENT_BAR_CLOSED, .bar = s.truth[i]}, INT64_MAX) != OK)
            abort();
    n_wrong = differs(&s, calm);
    *n_by_rest += s.t->n_by_rest, *n_refused += s.t->n_refused, *n_corrected += s.t->n_corrected;
    timeframe_free(s.t);
    timeframe_free(calm);
    return n_wrong;
}

static void test_scenes(registry *r) {
    int64_t n_by_rest = 0, n_refused = 0, n_corrected = 0;
    int n_wrong = 0;
    for (int i = 0; i < SCENES; i++) n_wrong += act(r, &n_by_rest, &n_refused, &n_corrected);
    ok(n_wrong == 0,
       "after %d scenes (%lld bars by REST, %lld older states, %lld corrections) bars and indicators are those of an "
       "undisturbed series (%d are not)",
       SCENES, (long long)n_by_rest, (long long)n_refused, (long long)n_corrected, n_wrong);
    ok(n_by_rest > SCENES && n_refused > SCENES && n_corrected > SCENES, "and each of these did happen");
}

/* ---- bars that do not come ---- */

static void finish(timeframe *t, int64_t from_ms, int64_t to_ms) {
    apply(t, (market_event){.kind = EVENT_RANGE_DONE, .bar.open_ms = from_ms, .to_ms = to_ms, .inquiry = t->inquiry});
}

static void test_watch(registry *r) {
    timeframe *t;
    market_event event = {
        .kind = EVENT_BAR_CLOSED, .event_ms = open_of(1), .bar = {open_of(0), 1, 1, 1, 1, 1, 0, 5, 0, 0}};
    int64_t from_ms = 0, to_ms = 0, spacing_ms = 0;
    if (timeframe_new(r, INTERVAL_1M, 10, START_MS, &t) != OK) abort();
    t->has_loaded = true;
    apply(t, event);
    ok(timeframe_due_ms(t) == open_of(2) + CLOSE_GRACE_MS && !timeframe_watch(t, open_of(2) + CLOSE_GRACE_MS - 1),
       "a bar may come late by its grace");
    t->market_ms = open_of(2) + CLOSE_GRACE_MS;
    ok(timeframe_watch(t, t->market_ms) && ask(t, &from_ms, &to_ms) && from_ms == open_of(1) && to_ms == open_of(2),
       "then it is asked for, without any update of the symbol");
    ok(!timeframe_watch(t, t->market_ms + 600000), "and not a second time while that is under way");
    finish(t, from_ms, to_ms);
    ok(kline_series_holes(t->bars) == 1 && kline_series_known_to(t->bars) == open_of(2),
       "what REST lacks is a hole: the symbol goes on");
    for (int i = 0; i < 3; i++) {
        int64_t wait_ms = timeframe_due_ms(t) - t->market_ms;
        bool is_longer = wait_ms > spacing_ms && wait_ms <= 60000;
        spacing_ms = wait_ms;
        t->market_ms += wait_ms;
        ok(is_longer && timeframe_watch(t, t->market_ms) && ask(t, &from_ms, &to_ms) && from_ms == open_of(1),
           "it is asked for again after %lld ms", (long long)wait_ms);
        finish(t, from_ms, to_ms);
    }
    event.kind = EVENT_HISTORY, event.bar.open_ms = open_of(1);
    ok(timeframe_apply(t, &event, INT64_MAX) == OK && kline_series_count(t->bars) == 2 &&
           kline_series_holes(t->bars) == 0 && t->n_by_rest == 1,
       "and taken when it is there after all");
    event.bar.trades = 4;
    ok(timeframe_apply(t, &event, INT64_MAX) == OK && t->n_corrected == 0 && t->n_refused == 1,
       "with fewer trades, moments after its close, it is an older state");
    t->market_ms += 600000;
    ok(timeframe_apply(t, &event, INT64_MAX) == OK && t->n_corrected == 1 && t->corrected_from_ms == open_of(1),
       "later it is a correction");
    timeframe_free(t);
}

static void test_hold(registry *r) {
    timeframe *t;
    market_event event = {.kind = EVENT_BAR_CLOSED, .bar = {open_of(0), 1, 1, 1, 1, 1, 0, 0, 0, 0}};
    int64_t from_ms = 0, to_ms = 0;
    if (timeframe_new(r, INTERVAL_1M, 10, START_MS, &t) != OK) abort();
    ok(timeframe_apply(t, &event, open_of(1)) == OK && kline_series_count(t->bars) == 1,
       "a bar before the hold is stored");
    event.bar.open_ms = open_of(1);
    ok(timeframe_apply(t, &event, open_of(1)) == OK && kline_series_count(t->bars) == 1, "one at the hold waits");
    ok(timeframe_drain(t, open_of(1)) == OK && kline_series_count(t->bars) == 1, "and goes on waiting");
    timeframe_want(t, open_of(2));
    ok(!t->wanted_to_ms, "but is not asked for: it is here");
    ok(timeframe_drain(t, INT64_MAX) == OK && kline_series_count(t->bars) == 2, "until the hold moves on");
    event.bar.open_ms = open_of(6);
    ok(timeframe_apply(t, &event, open_of(3)) == OK && ask(t, &from_ms, &to_ms) && from_ms == open_of(2) &&
           to_ms == open_of(6),
       "a gap before a bar that must wait is asked for");
    event = (market_event){.kind = EVENT_RANGE_DONE, .bar.open_ms = from_ms, .to_ms = to_ms, .inquiry = t->inquiry};
    ok(timeframe_apply(t, &event, open_of(3)) == OK && timeframe_drain(t, open_of(3)) == OK && !t->wanted_to_ms &&
           kline_series_known_to(t->bars) == open_of(6) && kline_series_count(t->bars) == 2,
       "once, though it is a hole and the bar goes on waiting");
    ok(timeframe_drain(t, INT64_MAX) == OK && kline_series_known_to(t->bars) == open_of(7), "and it goes on, too");
    timeframe_want(t, open_of(20));
    if (!ask(t, &from_ms, &to_ms)) abort();
    event =
        (market_event){.kind = EVENT_HISTORY, .bar = {open_of(8), 1, 1, 1, 1, 1, 0, 0, 0, 0}, .inquiry = t->inquiry};
    for (int i = 8; i < 18; i += 3, event.bar.open_ms = open_of(i))
        if (timeframe_apply(t, &event, open_of(8)) != OK) abort();
    event = (market_event){.kind = EVENT_RANGE_DONE, .bar.open_ms = from_ms, .to_ms = to_ms, .inquiry = t->inquiry};
    if (timeframe_apply(t, &event, open_of(8)) != OK) abort();
    ok(kline_series_count(t->bars) == 3 && timeframe_drain(t, INT64_MAX) == OK && !t->wanted_to_ms &&
           kline_series_count(t->bars) == 7 && kline_series_known_to(t->bars) == open_of(20),
       "of holes between bars that had to wait nobody asks again");
    timeframe_free(t);
}

static void test_gap(registry *r) {
    timeframe *t;
    market_event event = {.kind = EVENT_BAR_CLOSED, .bar = {open_of(3), 1, 1, 1, 1, 1, 0, 0, 0, 0}};
    int64_t from_ms = 0, to_ms = 0;
    if (timeframe_new(r, INTERVAL_1M, 10, START_MS, &t) != OK) abort();
    t->has_loaded = true;
    ok(timeframe_apply(t, &event, INT64_MAX) == OK && kline_series_count(t->bars) == 0 && t->n_gaps == 1,
       "a bar that skips others is a gap");
    ok(t->wanted_to_ms == open_of(3), "and what is missing is wanted");
    ok(ask(t, &from_ms, &to_ms) && from_ms == open_of(0) && to_ms == open_of(3), "asked for");
    event = (market_event){
        .kind = EVENT_HISTORY, .bar = {open_of(2), 1, 1, 1, 1, 1, 0, 0, 0, 0}, .inquiry = t->inquiry + 1};
    apply(t, event);
    event.kind = EVENT_RANGE_DONE, event.to_ms = open_of(3);
    apply(t, event);
    ok(kline_series_count(t->bars) == 0 && t->asked_to_ms == open_of(3),
       "the answer to another inquiry says nothing of what it leaves out");
    finish(t, open_of(0), open_of(2));
    ok(kline_series_count(t->bars) == 2 && kline_series_known_to(t->bars) == open_of(4) && !t->asked_to_ms,
       "what REST lacks too is a hole, and the bar is stored");
    event = (market_event){.kind = EVENT_BAR_FORMING, .bar = {open_of(6), 1, 1, 1, 1, 1, 0, 0, 0, 0}};
    ok(timeframe_apply(t, &event, INT64_MAX) == OK && t->wanted_to_ms == open_of(6),
       "an update ahead of the known bars asks for them");
    timeframe_free(t);
}

/* A late frame takes the place of what REST has said: it is read again, also when that has been done already. One that says the
 * same changes nothing. */
static void test_late_frame(registry *r) {
    static exchange x;
    timeframe *t;
    int64_t from_ms = 0, to_ms = 0;
    make_exchange(&x);
    for (int32_t i = 0; i < BARS; i++) x.exists[i] = true;
    if (timeframe_new(r, INTERVAL_1M, KEEP, START_MS, &t) != OK) abort();
    apply(t, (market_event){.kind = EVENT_BAR_CLOSED, .bar = x.bars[100]});
    ok(ask(t, &from_ms, &to_ms), "the bars before the first are asked for");
    answer(t, &x, from_ms, to_ms);
    t->audited_to_ms = open_of(90);
    apply(t, (market_event){.kind = EVENT_BAR_CLOSED, .bar = x.bars[50]});
    ok(t->audited_to_ms == open_of(90), "the same bar again is no news");
    market_event late = {.kind = EVENT_BAR_CLOSED, .bar = x.bars[50]};
    late.bar.close += 0.25;
    apply(t, late);
    ok(t->audited_to_ms == open_of(50), "what a late frame has changed is read again");
    apply(t, (market_event){.kind = EVENT_HISTORY, .bar = x.bars[50]});
    ok(kline_series_field(t->bars, FIELD_CLOSE)[kline_series_find(t->bars, open_of(50))] == x.bars[50].close &&
           t->audited_to_ms == open_of(50),
       "REST has the last word");
    timeframe_free(t);
}

int main(void) {
    registry *r;
    int n_wrong = 0;
    random_state = tap_seed((uint64_t)time(NULL)) * 2654435769u + 1;
    if (registry_new(&r) != OK) abort();
    for (int i = 0; i < STORMS; i++) n_wrong += storm(r);
    ok(n_wrong == 0, "after %d storms every series equals the exchange's", STORMS);
    test_scenes(r);
    test_watch(r);
    test_hold(r);
    test_gap(r);
    test_late_frame(r);
    registry_free(r);
    return done();
}
