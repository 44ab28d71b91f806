/* What rests on a slower series or on an author's own: computed when it is asked for, whatever the order of arrival, and
 * rebuilt after corrections. Always compared with sets that saw the final bars only, in order. */
#include "indicator/indicator_set.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEEP = 600, FAST_BARS = 1500, PER_HOUR = 12, SLOW_BARS = FAST_BARS / PER_HOUR };

static const char OWN[] = "5m own(1,2,3,4)";
static const char *const keys[] = {"5m align(1h:close)",
                                   "5m align(1h:ema(close,5))",
                                   "5m sma(align(1h:ema(close,5)),10)",
                                   "5m sub(close,align(1h:close))",
                                   "5m ema(own(1,2,3,4),9)",
                                   OWN};
enum { N_KEYS = sizeof keys / sizeof *keys };
static const int64_t START_MS = 1700006400000; /* 2023-11-15T00:00Z */

static kline fast[FAST_BARS], slow[SLOW_BARS];

static void make_bars(void) {
    double price = 100;
    for (int32_t i = 0; i < FAST_BARS; i++) {
        kline *bar = &fast[i];
        *bar = (kline){.open_ms = START_MS + (int64_t)i * 300000, .open = price, .volume = uniform()};
        price *= 1 + (uniform() - 0.5) * 0.02;
        bar->close = price;
        bar->high = fmax(bar->open, bar->close);
        bar->low = fmin(bar->open, bar->close);
    }
    for (int32_t i = 0; i < SLOW_BARS; i++) {
        slow[i] = fast[i * PER_HOUR];
        slow[i].close = fast[i * PER_HOUR + PER_HOUR - 1].close + uniform(); /* not derivable: no check by accident */
    }
}

typedef struct market {
    registry *registry;
    kline_series *bars[N_INTERVALS];
    indicator_set *sets[N_INTERVALS];
} market;

static market *market_new(registry *r) {
    market *m = calloc(1, sizeof *m);
    const int32_t intervals[] = {INTERVAL_5M, INTERVAL_1H};
    if (!m) abort();
    m->registry = r;
    for (int i = 0; i < 2; i++) {
        int32_t k = intervals[i];
        m->bars[k] = kline_series_new(k, KEEP, START_MS);
        if (!m->bars[k] || indicator_set_new(m->bars[k], r, &m->sets[k]) != OK) abort();
        indicator_set_link(m->sets[k], m->sets);
    }
    for (int k = 0; k < N_KEYS; k++) {
        int32_t id;
        if (registry_parse(r, keys[k], &id) != OK || indicator_set_add(m->sets[INTERVAL_5M], id, 0) != OK) abort();
    }
    return m;
}

static void market_free(market *m) {
    for (int32_t i = 0; i < N_INTERVALS; i++) indicator_set_free(m->sets[i]);
    for (int32_t i = 0; i < N_INTERVALS; i++) kline_series_free(m->bars[i]);
    free(m);
}

static void feed(market *m, int32_t interval, const kline *bar) {
    if (kline_series_close(m->bars[interval], bar, NULL) != KLINE_APPENDED) abort();
    indicator_set_advance(m->sets[interval]);
}

/* The author's function: half of the last value, and the close. */
static void run_own(market *m, int32_t count) {
    indicator_set *set = m->sets[INTERVAL_5M];
    int32_t id, instance, at;
    if (registry_parse(m->registry, OWN, &id) != OK) abort();
    instance = indicator_set_find(set, id, 0);
    while ((at = indicator_set_own_next(set, instance)) < count) {
        double before = indicator_set_values(set, instance, 0)[at - 1];
        double close = kline_series_field(m->bars[INTERVAL_5M], FIELD_CLOSE)[at];
        indicator_set_own_put(set, instance, isnan(before) ? close : before / 2 + close);
    }
}

static void evaluate(market *m) {
    int32_t count = kline_series_count(m->bars[INTERVAL_5M]);
    run_own(m, count);
    indicator_set_settle(m->sets[INTERVAL_5M], count);
}

static const double *values(const market *m, const char *key) {
    int32_t id;
    if (registry_parse(m->registry, key, &id) != OK) abort();
    return indicator_set_values(m->sets[INTERVAL_5M], indicator_set_find(m->sets[INTERVAL_5M], id, 0), 0);
}

/* Bars at which a and b differ. */
static int32_t differences(const market *a, const market *b, const char *key) {
    const double *x = values(a, key), *y = values(b, key);
    int32_t n = kline_series_count(a->bars[INTERVAL_5M]), n_different = 0;
    for (int32_t i = 0; i < n; i++) n_different += !(x[i] == y[i] || (isnan(x[i]) && isnan(y[i])));
    return n_different;
}

/* Slow bars come when they close, early or up to two bars late; evaluations wait for them, or do not. */
static void test_order_of_arrival(registry *r) {
    market *straight = market_new(r), *mixed = market_new(r);
    int32_t n_slow = 0, n_slow_mixed = 0;
    for (int32_t i = 0; i < FAST_BARS; i++) {
        int32_t closed = (i + 1) / PER_HOUR, behind = (int32_t)(uniform() * 3);
        for (; n_slow < closed; n_slow++) feed(straight, INTERVAL_1H, &slow[n_slow]);
        feed(straight, INTERVAL_5M, &fast[i]);
        evaluate(straight);
        if (uniform() < 0.5) /* the hour first */
            for (; n_slow_mixed < closed && behind == 0; n_slow_mixed++) feed(mixed, INTERVAL_1H, &slow[n_slow_mixed]);
        feed(mixed, INTERVAL_5M, &fast[i]);
        if (uniform() < 0.7) evaluate(mixed);
        for (; n_slow_mixed < closed && behind < 2; n_slow_mixed++) feed(mixed, INTERVAL_1H, &slow[n_slow_mixed]);
    }
    for (; n_slow_mixed < SLOW_BARS; n_slow_mixed++) feed(mixed, INTERVAL_1H, &slow[n_slow_mixed]);
    evaluate(mixed);
    for (int k = 0; k < N_KEYS; k++)
        ok(differences(straight, mixed, keys[k]) == 0, "whatever comes first: %s", keys[k]);
    market_free(straight);
    market_free(mixed);
}

static void test_align(registry *r) {
    market *m = market_new(r);
    int32_t n, dropped, n_wrong = 0;
    for (int32_t i = 0; i < SLOW_BARS; i++) feed(m, INTERVAL_1H, &slow[i]);
    for (int32_t i = 0; i < FAST_BARS; i++) {
        feed(m, INTERVAL_5M, &fast[i]);
        evaluate(m);
    }
    n = kline_series_count(m->bars[INTERVAL_5M]);
    dropped = FAST_BARS - n;
    for (int32_t i = 0; i < n; i++) {
        int32_t hours = (dropped + i + 1) / PER_HOUR; /* closed at the end of that bar */
        double expected = hours > 0 ? slow[hours - 1].close : NAN, got = values(m, keys[0])[i];
        n_wrong += !(got == expected || (isnan(got) && isnan(expected)));
    }
    ok(n_wrong == 0 && n >= KEEP, "the last hour that had closed by the end of each bar, %d bars", n);
    market_free(m);
}

/* A slow bar that is not known yet stops what rests on it at the bar before its close. */
static void test_waits(registry *r) {
    market *m = market_new(r);
    for (int32_t i = 0; i < PER_HOUR; i++) feed(m, INTERVAL_5M, &fast[i]);
    evaluate(m);
    ok(isnan(values(m, keys[0])[PER_HOUR - 1]), "nothing is said of an hour that has not come");
    feed(m, INTERVAL_1H, &slow[0]);
    evaluate(m);
    ok(values(m, keys[0])[PER_HOUR - 1] == slow[0].close, "it is there once the hour has come");
    ok(isnan(values(m, keys[0])[PER_HOUR - 2]), "the bar before sees no hour");
    market_free(m);
}

static void test_corrections(registry *r) {
    market *m = market_new(r), *fresh;
    int32_t n_slow = 0, index, n_corrected = 0;
    for (int32_t i = 0; i < KEEP; i++) { /* nothing has slid out */
        for (; n_slow < (i + 1) / PER_HOUR; n_slow++) feed(m, INTERVAL_1H, &slow[n_slow]);
        feed(m, INTERVAL_5M, &fast[i]);
        evaluate(m);
        if (i < 100 || uniform() > 0.05) continue;
        bool is_slow = uniform() < 0.5;
        kline *bar = is_slow ? &slow[n_slow - 1 - (int32_t)(uniform() * 4)] : &fast[i - (int32_t)(uniform() * 60)];
        bar->close *= 1 + 0.01 * uniform();
        bar->high = fmax(bar->high, bar->close);
        int32_t interval = is_slow ? INTERVAL_1H : INTERVAL_5M;
        if (kline_series_close(m->bars[interval], bar, &index) != KLINE_REPLACED) abort();
        indicator_set_correct(m->sets[interval], index);
        evaluate(m);
        n_corrected++;
        fresh = market_new(r);
        for (int32_t k = 0; k < n_slow; k++) feed(fresh, INTERVAL_1H, &slow[k]);
        for (int32_t k = 0; k <= i; k++) feed(fresh, INTERVAL_5M, &fast[k]);
        evaluate(fresh);
        for (int k = 0; k < N_KEYS; k++)
            if (differences(m, fresh, keys[k]))
                ok(false, "after a correction of %s: %s", is_slow ? "an hour" : "a bar", keys[k]);
        market_free(fresh);
    }
    ok(n_corrected > 5, "%d corrections, each followed by the right values", n_corrected);
    market_free(m);
}

static void test_epochs(registry *r) {
    market *m = market_new(r);
    int32_t id, instance, n_told = 0;
    indicator_set *set = m->sets[INTERVAL_5M];
    if (registry_parse(r, OWN, &id) != OK) abort();
    instance = indicator_set_find(set, id, 0);
    feed(m, INTERVAL_5M, &fast[0]);
    ok(indicator_set_epoch(set, instance) == 0, "an own series begins with its first value");
    evaluate(m);
    ok(indicator_set_epoch(set, instance) == fast[0].open_ms, "its epoch is that bar");
    while (indicator_set_take_untold(set) >= 0) n_told++;
    ok(n_told >= 2 && indicator_set_take_untold(set) < 0, "every beginning is told once: %d", n_told);
    ok(indicator_set_bytes(set) > 0, "memory is reported: %zu bytes", indicator_set_bytes(set));
    market_free(m);
}

int main(void) {
    registry *r;
    random_state = tap_seed((uint64_t)time(NULL)) * 2654435769u + 1;
    if (registry_new(&r) != OK) abort();
    make_bars();
    test_align(r);
    test_waits(r);
    test_order_of_arrival(r);
    test_epochs(r);
    test_corrections(r);
    registry_free(r);
    return done();
}
