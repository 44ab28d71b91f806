/* The order of questions, against a made-up exchange: whatever has been published and whatever is missing, following the
 * plan ends with everything that can be had, no dump is asked for twice, and REST is asked for what dumps cannot give.
 * time limit: 400 */
#include "binance/dump_name.h"
#include "binance/history_plan.h"
#include "market/interval.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <string.h>
#include <time.h>

#define FROM_MS INT64_C(1738368000000) /* 2025-02-01 */
static const int64_t DAY_MS = 86400000;
enum { PAGE = 1000 };

typedef struct world {
    int64_t now_ms, first_ms; /* no bar before first_ms */
    bool has_month, has_rest;
    uint32_t days, holes; /* bit n: the n-th day has a dump, has no bars */
} world;

static bool has_bar(const world *w, int64_t ms) {
    return ms >= w->first_ms && !(w->holes >> ((ms - FROM_MS) / DAY_MS) & 1);
}

static err add_bars(const world *w, history_part *p, int64_t from_ms, int64_t to_ms, size_t most, int64_t *end_ms) {
    static kline bars[50000];
    history_change change;
    size_t n = 0;
    *end_ms = to_ms;
    for (int64_t ms = history_first_open(p->interval, from_ms); ms < to_ms; ms = interval_next(p->interval, ms)) {
        if (!has_bar(w, ms)) continue;
        if (n == most) break;
        bars[n++] = (kline){ms, 1, 1, 1, 1, 1, 1, 1, 1, 1};
        *end_ms = n == most ? interval_next(p->interval, ms) : to_ms;
    }
    return history_part_add(p, bars, n, &change);
}

typedef struct outcome {
    int n_months, n_days, n_pages, n_steps;
    bool is_whole, has_repeated;
} outcome;

/* Follows the plan to its end. */
static outcome follow(const world *w, history_origin origin, int32_t interval, int64_t from_ms, int64_t to_ms) {
    history_part part;
    history_plan plan = {.origin = origin};
    outcome o = {0};
    uint32_t seen = 0;
    history_part_init(&part, "spot", "TESTUSDT", interval, FROM_MS);
    for (;; o.n_steps++) {
        span_list missing = {0};
        int64_t end_ms;
        err e = history_part_missing(&part, from_ms, to_ms, &missing);
        history_step s = history_plan_next(&plan, &part, &missing, w->now_ms, PAGE);
        size_t n_missing = missing.count;
        span_list_free(&missing);
        if (e != OK || o.n_steps > 200) break;
        if (s.kind == HISTORY_STEP_DONE || s.kind == HISTORY_STEP_LEFT) {
            o.is_whole = n_missing == 0 && s.kind == HISTORY_STEP_DONE;
            break;
        }
        if (s.kind == HISTORY_STEP_REST) {
            e = add_bars(w, &part, s.from_ms, s.to_ms, PAGE, &end_ms);
            if (e == OK) e = history_part_close(&part, s.from_ms, end_ms);
            o.n_pages++;
        } else {
            int day = (int)((s.from_ms - FROM_MS) / DAY_MS);
            bool is_month = s.kind == HISTORY_STEP_MONTH, is_there = is_month ? w->has_month : w->days >> day & 1;
            o.has_repeated |= is_month ? o.n_months > 0 : seen >> day & 1;
            o.has_repeated |= s.to_ms > w->now_ms; /* not over yet */
            if (!is_month) seen |= UINT32_C(1) << day;
            o.n_months += is_month;
            o.n_days += !is_month;
            if (is_there) e = add_bars(w, &part, s.from_ms, s.to_ms, 50000, &end_ms);
            history_plan_note(&plan, &part, &s, is_there);
        }
        if (e != OK) break;
    }
    history_part_deinit(&part);
    return o;
}

static void test_random_worlds(void) {
    static const int32_t intervals[] = {INTERVAL_1M, INTERVAL_5M, INTERVAL_1H, INTERVAL_1D};
    size_t n_wrong = 0, n_months = 0, n_days = 0, n_pages = 0;
    for (int round = 0; round < 3000; round++) {
        int32_t interval = intervals[below(4)];
        world w = {.now_ms = FROM_MS + (int64_t)below(60) * DAY_MS + below(86400) * INT64_C(1000),
                   .first_ms = FROM_MS + (below(3) ? 0 : below(10) * DAY_MS),
                   .has_month = below(2),
                   .days = (uint32_t)below(1 << 28) | (below(2) ? 0xfffffffu : 0),
                   .holes = below(3) ? 0 : UINT32_C(1) << below(28)};
        int64_t from_ms = FROM_MS + below(20) * DAY_MS + below(1440) * INT64_C(60000);
        int64_t to_ms = from_ms + below(15) * DAY_MS + below(1440) * INT64_C(60000);
        int64_t closed_ms = interval_floor(interval, w.now_ms);
        history_origin origin = (history_origin)below(3);
        if (to_ms > closed_ms) to_ms = closed_ms;
        outcome o = follow(&w, origin, interval, from_ms, to_ms);
        bool is_right = o.n_steps <= 200 && !o.has_repeated && (o.is_whole || origin == HISTORY_DUMPS);
        if (origin == HISTORY_REST && (o.n_months || o.n_days)) is_right = false;
        if (origin == HISTORY_DUMPS && o.n_pages) is_right = false;
        if (!is_right) n_wrong++;
        n_months += (size_t)o.n_months;
        n_days += (size_t)o.n_days;
        n_pages += (size_t)o.n_pages;
    }
    ok(n_wrong == 0 && n_months > 100 && n_days > 100 && n_pages > 100,
       "3000 random months: %zu wrong; %zu months, %zu days, %zu pages asked for", n_wrong, n_months, n_days, n_pages);
}

static void is_asked(const char *what, const world *w, history_origin origin, int32_t interval, int n_days_wanted,
                     int months, int days, int pages) {
    outcome o = follow(w, origin, interval, FROM_MS, FROM_MS + n_days_wanted * DAY_MS);
    ok(o.n_months == months && o.n_days == days && o.n_pages == pages, "%s: %d months, %d days, %d pages", what,
       o.n_months, o.n_days, o.n_pages);
}

static void test_choices(void) {
    const world old = {.now_ms = FROM_MS + 300 * DAY_MS, .has_month = true, .days = 0xfffffff};
    const world late = {.now_ms = FROM_MS + 30 * DAY_MS, .days = 0xfffffff};
    const world running = {.now_ms = FROM_MS + 20 * DAY_MS, .days = 0xfffffff};
    const world bare = {.now_ms = FROM_MS + 300 * DAY_MS};
    const world holed = {.now_ms = FROM_MS + 300 * DAY_MS, .has_month = true, .holes = 1 << 9};
    is_asked("a month of minutes", &old, HISTORY_AUTO, INTERVAL_1M, 28, 1, 0, 0);
    is_asked("a month of hours is one page", &old, HISTORY_AUTO, INTERVAL_1H, 28, 0, 0, 1);
    is_asked("a day of minutes of an old month", &old, HISTORY_AUTO, INTERVAL_1M, 1, 0, 1, 0);
    is_asked("a month that has no dump yet", &late, HISTORY_AUTO, INTERVAL_1M, 28, 1, 28, 0);
    is_asked("the running month", &running, HISTORY_AUTO, INTERVAL_1M, 20, 0, 20, 0);
    is_asked("no dumps at all: one question, then REST", &bare, HISTORY_AUTO, INTERVAL_1M, 28, 1, 0, 41);
    is_asked("a hole in a dump: REST has the last word", &holed, HISTORY_AUTO, INTERVAL_1M, 28, 1, 0, 1);
    is_asked("dumps alone, whatever the size", &old, HISTORY_DUMPS, INTERVAL_1H, 28, 1, 0, 0);
    is_asked("dumps alone and none there", &bare, HISTORY_DUMPS, INTERVAL_1M, 2, 1, 2, 0);
    is_asked("REST alone", &old, HISTORY_REST, INTERVAL_1M, 28, 0, 0, 41);
}

static void test_names(void) {
    dump_name n;
    dump_name_make(venue_get(MARKET_SPOT), "BTCUSDT", INTERVAL_1M, true, FROM_MS + 5 * DAY_MS, &n);
    ok(strcmp(n.path, "/data/spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2025-02.zip") == 0 &&
           strcmp(n.file, "BTCUSDT-1m-2025-02.zip") == 0 && n.period.from_ms == FROM_MS &&
           n.period.to_ms == FROM_MS + 28 * DAY_MS,
       "%s", n.path);
    dump_name_make(venue_get(MARKET_USDM), "ETHUSDT", INTERVAL_1D, false, FROM_MS + 5 * DAY_MS + 1, &n);
    ok(strcmp(n.path, "/data/futures/um/daily/klines/ETHUSDT/1d/ETHUSDT-1d-2025-02-06.zip") == 0 &&
           n.period.to_ms - n.period.from_ms == DAY_MS,
       "%s", n.path);
    dump_name_make(venue_get(MARKET_SPOT), "BTCUSDT", INTERVAL_1MO, true, FROM_MS, &n);
    ok(strcmp(n.path, "/data/spot/monthly/klines/BTCUSDT/1mo/BTCUSDT-1mo-2025-02.zip") == 0, "%s", n.path);
    dump_name_make(venue_get(MARKET_SPOT), "\xe5\xb8\x81USDT", INTERVAL_1H, true, FROM_MS, &n);
    ok(strcmp(n.path, "/data/spot/monthly/klines/%E5%B8%81USDT/1h/%E5%B8%81USDT-1h-2025-02.zip") == 0 &&
           strcmp(n.file, "\xe5\xb8\x81USDT-1h-2025-02.zip") == 0,
       "%s", n.path);
    ok(dump_name_has_days(INTERVAL_1D) && !dump_name_has_days(INTERVAL_3D), "days have files up to 1d");
}

int main(void) {
    random_state = tap_seed((uint64_t)time(NULL)) | 1;
    test_random_worlds();
    test_choices();
    test_names();
    return done();
}
