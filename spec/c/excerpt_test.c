/* A copy of bars: the newest ones, those before a time, and of an interval without a series what the smaller one gives, compared with
 * a slow model that adds up the minutes. */
#include "screener/excerpt.h"
#include "spec/c/random.h"
#include "spec/c/same_bar.h"
#include "spec/c/tap.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BARS = 300 };
static const int64_t START_MS = 1700006400000; /* an hour begins */

static kline minutes[BARS + 1];

static void make_minutes(void) {
    for (int32_t i = 0; i <= BARS; i++) {
        double p = 100 + below(1000) / 100.0;
        minutes[i] =
            (kline){interval_add(INTERVAL_1M, START_MS, i), p, p + 1, p - 1, p + 0.25, 1 + below(1000), 0, 0, 0, 0};
    }
}

/* The first `n` minutes closed, the next one forming. */
static timeframe *make_frame(registry *r, int32_t n) {
    timeframe *t;
    if (timeframe_new(r, INTERVAL_1M, 1000, START_MS, &t) != OK) abort();
    for (int32_t i = 0; i < n; i++)
        if (kline_series_close(t->bars, &minutes[i], NULL) != KLINE_APPENDED) abort();
    if (kline_series_update(t->bars, &minutes[n]) < 0) abort();
    return t;
}

static excerpt *take(timeframe *t, int32_t interval, int32_t most, int64_t before_ms) {
    timeframe *frames[N_INTERVALS] = {[INTERVAL_1M] = t};
    excerpt *e;
    if (excerpt_new(7, &e) != OK) abort();
    ok(e->failure == ERR_NOT_FOUND, "until it is filled nobody has the symbol");
    e->most[interval] = most;
    e->before_ms = before_ms;
    excerpt_fill(e, frames);
    return e;
}

static void plain(timeframe *t, int32_t n) {
    excerpt *e = take(t, INTERVAL_1M, 10, 0);
    const kline_list *list = &e->lists[INTERVAL_1M];
    ok(e->failure == OK && e->loaded == 1u << INTERVAL_1M && list->count == 10, "ten closed bars");
    ok(list->count == 10 && is_same_bar(&list->bars[9], &minutes[n - 1]) &&
           is_same_bar(&list->bars[0], &minutes[n - 10]),
       "the newest ones, oldest first");
    ok(e->has_forming == 1u << INTERVAL_1M && is_same_bar(&e->forming[INTERVAL_1M], &minutes[n]),
       "and the forming one");
    excerpt_free(e);
    e = take(t, INTERVAL_1M, 10, minutes[n - 20].open_ms);
    list = &e->lists[INTERVAL_1M];
    ok(e->has_forming == 0 && list->count == 10 && is_same_bar(&list->bars[9], &minutes[n - 21]),
       "those before a time");
    excerpt_free(e);
    e = take(t, INTERVAL_1M, 10, START_MS);
    ok(e->failure == OK && e->lists[INTERVAL_1M].count == 0, "there may be none");
    excerpt_free(e);
}

/* Minutes [from, to) as one bar. */
static kline model(int32_t from, int32_t to) {
    kline k = minutes[from];
    k.open_ms = interval_floor(INTERVAL_15M, k.open_ms);
    for (int32_t i = from + 1; i < to; i++) {
        if (minutes[i].high > k.high) k.high = minutes[i].high;
        if (minutes[i].low < k.low) k.low = minutes[i].low;
        k.close = minutes[i].close;
        k.volume += minutes[i].volume;
    }
    return k;
}

static void made(timeframe *t, int32_t n) {
    excerpt *e = take(t, INTERVAL_15M, INT32_MAX, 0);
    int32_t whole = n / 15;
    ok(e->source[INTERVAL_15M] == INTERVAL_1M && excerpt_make(e, INTERVAL_15M) == OK, "%d minutes: quarters are made",
       n);
    const kline_list *list = &e->lists[INTERVAL_15M];
    bool agrees = list->count == (size_t)whole;
    for (int32_t i = 0; agrees && i < whole; i++) {
        kline k = model(15 * i, 15 * i + 15);
        agrees = is_same_bar(&list->bars[i], &k);
    }
    ok(agrees, "%d minutes: each whole one is the sum of its minutes", n);
    kline last = model(15 * whole, n + 1);
    ok((e->has_forming >> INTERVAL_15M & 1) && is_same_bar(&e->forming[INTERVAL_15M], &last),
       "%d minutes: the forming one is that of those since", n);
    excerpt_free(e);
    e = take(t, INTERVAL_15M, 2, 0);
    ok(excerpt_make(e, INTERVAL_15M) == OK && e->lists[INTERVAL_15M].count == 2 &&
           e->lists[INTERVAL_15M].bars[1].open_ms == minutes[15 * (whole - 1)].open_ms,
       "no more than were asked for");
    ok(excerpt_make(e, INTERVAL_15M) == OK && e->lists[INTERVAL_15M].count == 2, "twice is once");
    excerpt_free(e);
}

static void none(timeframe *t) {
    excerpt *e = take(t, INTERVAL_1S, 5, 0);
    ok(e->source[INTERVAL_1S] == -1 && excerpt_make(e, INTERVAL_1S) == ERR_NOT_FOUND,
       "seconds cannot be made of minutes");
    excerpt_free(e);
}

int main(void) {
    registry *r;
    random_state = tap_seed((uint64_t)time(NULL)) * 2654435769u + 1;
    make_minutes();
    if (registry_new(&r) != OK) abort();
    for (int32_t n = 60; n < BARS; n += 1 + below(40)) {
        timeframe *t = make_frame(r, n);
        plain(t, n);
        made(t, n);
        none(t);
        timeframe_free(t);
    }
    registry_free(r);
    return done();
}
