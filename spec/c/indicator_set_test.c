/* Indicators of one series: late comers, sliding, corrections within and beyond the checkpoints, the forming bar; every
 * kernel of the table, always compared with a set that saw the final bars only. */
#include "indicator/indicator_set.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEEP = 450, N_PLAIN = 12, KEYS_MAX = 256, BARS = 1300, SETTLED = 430, REACH_MOST = 64 };

/* Kinds whose values come together again after a new epoch. */
static const char *const plain_keys[N_PLAIN] = {
    "5m sma(close,20)",  "5m ema(close,20)",        "5m rma(close,14)",
    "5m rsi(close,14)",  "5m macd(close,12,26,9)",  "5m bb(close,20,2)",
    "5m atr(14)",        "5m highest(high,30)",     "5m lowest(low,30)",
    "5m vwap(hlc3(),0)", "5m sma(rsi(close,14),9)", "5m ema(sma(volume,5),7)"};
static const char *keys[KEYS_MAX]; /* those, and one of every kernel of the table */
static int N_KEYS;
static const int64_t START_MS = 1700006400000; /* 2023-11-15T00:00Z */

static kline random_bar(int32_t n, double *price) {
    kline bar = {.open_ms = interval_add(INTERVAL_5M, START_MS, n), .open = *price};
    bar.close = bar.open * (1 + (uniform() - 0.5) * 0.02);
    bar.high = fmax(bar.open, bar.close) * (1 + 0.005 * uniform());
    bar.low = fmin(bar.open, bar.close) * (1 - 0.005 * uniform());
    bar.volume = 1000 * uniform();
    *price = bar.close;
    return bar;
}

typedef struct bench {
    registry *registry;
    kline_series *bars;
    indicator_set *set;
} bench;

static bench bench_new(registry *r, int64_t from_ms) {
    bench b = {.registry = r, .bars = kline_series_new(INTERVAL_5M, KEEP, from_ms)};
    if (!b.bars || indicator_set_new(b.bars, r, &b.set) != OK) abort();
    return b;
}

static void bench_free(bench *b) {
    indicator_set_free(b->set);
    kline_series_free(b->bars);
}

static void add(bench *b, const char *key, int64_t epoch_ms) {
    int32_t id;
    if (registry_parse(b->registry, key, &id) != OK || indicator_set_add(b->set, id, epoch_ms) != OK) abort();
}

static void feed(bench *b, const kline *bar) {
    if (kline_series_close(b->bars, bar, NULL) != KLINE_APPENDED) abort();
    indicator_set_advance(b->set);
}

static int32_t find(const bench *b, const char *key) {
    int32_t id;
    if (registry_parse(b->registry, key, &id) != OK) abort();
    return indicator_set_find(b->set, id, 0);
}

static void lengthen(const bench *b, const char *key) {
    if (indicator_set_lengthen(b->set, find(b, key)) != OK) abort();
}

/* Whether a value of bar i may be lost, since its window, or the anchor behind it, has left the bars. */
static bool may_be_lost(const bench *b, int32_t i) {
    return kline_series_dropped(b->bars) > 0 && i < REBUILD_BARS + REACH_MOST;
}

/* Largest relative difference over the bars that both hold, from `from_ms` on; infinite when one is NaN alone. */
static double difference(const bench *a, const bench *b, const char *key, int64_t from_ms) {
    int32_t id, n_a = kline_series_count(a->bars), n_b = kline_series_count(b->bars);
    double worst = 0;
    if (registry_parse(a->registry, key, &id) != OK) abort();
    lengthen(a, key);
    lengthen(b, key);
    for (int32_t o = 0; o < kernel_get(registry_get(a->registry, id)->kind)->n_outputs; o++) {
        const double *x = indicator_set_values(a->set, indicator_set_find(a->set, id, 0), o);
        const double *y = indicator_set_values(b->set, indicator_set_find(b->set, id, 0), o);
        for (int32_t i = 1; i <= n_a && i <= n_b && kline_series_open_ms(a->bars)[n_a - i] >= from_ms; i++) {
            double p = x[n_a - i], q = y[n_b - i];
            if (isnan(p) && isnan(q)) continue;
            if (isnan(p) && may_be_lost(a, n_a - i)) continue;
            if (isnan(q) && may_be_lost(b, n_b - i)) continue;
            if (isnan(p) != isnan(q)) return INFINITY;
            worst = fmax(worst, fabs(p - q) / fmax(1e-9, fabs(q)));
        }
    }
    return worst;
}

static void test_late_comer(void) {
    registry *r;
    double price = 100;
    bench early, late;
    if (registry_new(&r) != OK) abort();
    early = bench_new(r, START_MS);
    late = bench_new(r, START_MS);
    for (int k = 0; k < N_KEYS; k++) add(&early, keys[k], 0);
    for (int32_t i = 0; i < 420; i++) { /* nothing has slid out yet */
        kline bar = random_bar(i, &price);
        feed(&early, &bar);
        feed(&late, &bar);
    }
    for (int k = 0; k < N_KEYS; k++) add(&late, keys[k], 0);
    for (int k = 0; k < N_KEYS; k++)
        ok(difference(&early, &late, keys[k], 0) == 0, "a late comer sees the same bars: %s", keys[k]);
    bench_free(&early);
    bench_free(&late);
    registry_free(r);
}

static void test_epoch(void) {
    registry *r;
    double price = 100;
    int64_t epoch_ms = interval_add(INTERVAL_5M, START_MS, 40);
    bench whole, cut;
    if (registry_new(&r) != OK) abort();
    whole = bench_new(r, START_MS);
    cut = bench_new(r, epoch_ms);
    for (int k = 0; k < N_KEYS; k++) add(&whole, keys[k], epoch_ms), add(&cut, keys[k], 0);
    for (int32_t i = 0; i < BARS; i++) {
        kline bar = random_bar(i, &price);
        feed(&whole, &bar);
        if (bar.open_ms >= epoch_ms) feed(&cut, &bar);
    }
    for (int k = 0; k < N_KEYS; k++)
        ok(difference(&whole, &cut, keys[k], 0) == 0, "equal epochs give equal bits: %s", keys[k]);
    ok(indicator_set_epoch(whole.set, 0) == epoch_ms, "the epoch is the bar that was asked for");
    ok(indicator_set_seen_at(whole.set, 0, kline_series_count(whole.bars)) == BARS - 40, "bars seen since the epoch");
    ok(indicator_set_seen_at(whole.set, 0, kline_series_count(whole.bars) - 10) == BARS - 50,
       "bars seen at an earlier cut");
    bench_free(&whole);
    bench_free(&cut);
    registry_free(r);
}

static void test_corrections(void) {
    static kline bars[BARS];
    registry *r;
    double price = 100;
    int n_within = 0, n_beyond = 0, n_bad = 0;
    bench corrected;
    if (registry_new(&r) != OK) abort();
    corrected = bench_new(r, START_MS);
    for (int k = 0; k < N_KEYS; k++) add(&corrected, keys[k], 0);
    for (int32_t i = 0; i < BARS; i++) {
        int32_t back = 1 + (int32_t)(uniform() * (i > 900 && uniform() < 0.1 ? 350 : 64)), index;
        bars[i] = random_bar(i, &price);
        feed(&corrected, &bars[i]);
        bool is_old = i == 1000 || i == 1150; /* two that are too old for any seed */
        if (is_old) back = 350 + i % 50;
        if (i < SETTLED || (uniform() > 0.04 && !is_old)) continue;
        bars[i - back + 1].close *= 1 + (uniform() - 0.5) * 0.01;
        bars[i - back + 1].high = fmax(bars[i - back + 1].high, bars[i - back + 1].close);
        bars[i - back + 1].low = fmin(bars[i - back + 1].low, bars[i - back + 1].close);
        if (kline_series_close(corrected.bars, &bars[i - back + 1], &index) != KLINE_REPLACED) abort();
        bool is_new_epoch = indicator_set_correct(corrected.set, index);
        if (back <= 64)
            n_within++, n_bad += is_new_epoch;
        else
            n_beyond++;
        if (!is_new_epoch && indicator_set_new_epochs(corrected.set) == 0) {
            bench fresh = bench_new(r, START_MS);
            for (int k = 0; k < N_KEYS; k++) add(&fresh, keys[k], 0);
            for (int32_t j = 0; j <= i; j++) feed(&fresh, &bars[j]);
            for (int k = 0; k < N_KEYS; k++)
                if (difference(&corrected, &fresh, keys[k], bars[i - 20].open_ms) != 0) {
                    n_bad++;
                    printf("# bar %d, %d back: %s\n", i, back, keys[k]);
                }
            bench_free(&fresh);
        }
    }
    ok(n_within > 5 && n_beyond > 0, "%d corrections within 64 bars, %d older", n_within, n_beyond);
    ok(n_bad == 0, "a correction up to 64 bars back is exact and keeps the epoch");
    {
        bench fresh = bench_new(r, START_MS);
        for (int k = 0; k < N_KEYS; k++) add(&fresh, keys[k], 0);
        for (int32_t j = 0; j < BARS; j++) feed(&fresh, &bars[j]);
        for (int k = 0; k < N_PLAIN; k++)
            ok(difference(&corrected, &fresh, keys[k], bars[BARS - 2].open_ms) < 1e-6,
               "after an older correction values come together again: %s", keys[k]);
        ok(indicator_set_new_epochs(corrected.set) > 0, "an older correction is a new epoch, counted");
        bench_free(&fresh);
    }
    bench_free(&corrected);
    registry_free(r);
}

/* Bars at which the values differ, or are NaN in one of them only. */
static int32_t differences(const bench *a, const bench *b, const char *key) {
    int32_t n = kline_series_count(a->bars), n_different = 0;
    for (int32_t o = 0;
         o < kernel_get(registry_get(a->registry, indicator_set_id(a->set, find(a, key)))->kind)->n_outputs; o++) {
        const double *x = indicator_set_values(a->set, find(a, key), o);
        const double *y = indicator_set_values(b->set, find(b, key), o);
        int32_t from = indicator_set_first(a->set, find(a, key)), other = indicator_set_first(b->set, find(b, key));
        if (other > from) from = other;
        if (!isnan(y[other - 1])) n_different++;
        for (int32_t i = from; i < n; i++)
            n_different += memcmp(&x[i], &y[i], sizeof *x) && !(isnan(x[i]) && isnan(y[i]));
    }
    return n_different;
}

/* Two sets that see the same; of one all columns are whole all the time, of the other at times. */
static void test_lengths(void) {
    enum { LATER = 900, N_BARS = 4000 };
    static kline bars[N_BARS];
    registry *r;
    double price = 100;
    int n_wrong = 0, n_short = 0, n_whole = 0, n_old = 0;
    size_t least_bytes = SIZE_MAX;
    bench whole, some;
    if (registry_new(&r) != OK) abort();
    whole = bench_new(r, START_MS);
    some = bench_new(r, START_MS);
    for (int32_t i = 0; i < N_BARS; i++) {
        for (int k = 0; k < N_KEYS; k++) /* every third one late */
            if (i == (k % 3 == 2 ? LATER + k : 0)) add(&whole, keys[k], 0), add(&some, keys[k], 0);
        bars[i] = random_bar(i, &price);
        feed(&whole, &bars[i]);
        feed(&some, &bars[i]);
        bool is_old = i % 800 == 799; /* behind both checkpoints for certain */
        if (i > SETTLED && (is_old || uniform() < 0.03)) {
            int32_t back = is_old ? 200 : (int32_t)(uniform() * (uniform() < 0.1 ? 300 : 64)), index;
            kline *bar = &bars[i - back];
            bar->close = bar->low + (bar->high - bar->low) * uniform();
            if (kline_series_close(whole.bars, bar, &index) != KLINE_REPLACED) abort();
            if (kline_series_close(some.bars, bar, &index) != KLINE_REPLACED) abort();
            bool is_new = indicator_set_correct(whole.set, index), is_new_too = indicator_set_correct(some.set, index);
            n_wrong += is_new != is_new_too;
            n_old += is_new;
        }
        if (i > LATER + N_KEYS && indicator_set_bytes(some.set) < least_bytes)
            least_bytes = indicator_set_bytes(some.set);
        for (int k = 0; k < N_KEYS; k++) {
            int32_t at = find(&some, keys[k]);
            if (at < 0) continue;
            lengthen(&whole, keys[k]);
            bool is_looked_at = uniform() < 0.0005 || i == N_BARS - 1;
            if (is_looked_at) lengthen(&some, keys[k]);
            n_short += indicator_set_first(some.set, at) > 0;
            n_whole += indicator_set_first(some.set, at) == 0;
            if (!is_looked_at && uniform() > 0.01) continue;
            int32_t n = differences(&whole, &some, keys[k]);
            if (n && n_wrong++ < 5) printf("# bar %d: %s differs at %d bars\n", i, keys[k], n);
        }
    }
    ok(n_wrong == 0, "a value does not depend on how long its column is, or was");
    ok(n_short > N_KEYS && n_whole > N_KEYS && n_old > 2, "%d times short, %d times whole; %d old corrections", n_short,
       n_whole, n_old);
    ok(least_bytes < indicator_set_bytes(whole.set) / 10 * 8, "at the least %zu bytes of %zu", least_bytes,
       indicator_set_bytes(whole.set));
    bench_free(&whole);
    bench_free(&some);
    registry_free(r);
}

/* The forming bar is seen like a closed one, and leaves no trace. */
static void test_peek(void) {
    registry *r;
    double price = 100;
    int n_wrong = 0;
    bench peeked, plain;
    if (registry_new(&r) != OK) abort();
    peeked = bench_new(r, START_MS);
    plain = bench_new(r, START_MS);
    for (int k = 0; k < N_KEYS; k++) add(&peeked, keys[k], 0), add(&plain, keys[k], 0);
    for (int32_t i = 0; i < 700; i++) {
        double other = price;
        kline noise = random_bar(i, &other), bar = random_bar(i, &price);
        const kline *forming[] = {&noise, &bar};
        for (int n = 0; n < 2; n++) {
            if (kline_series_update(peeked.bars, forming[n]) != KLINE_FORMING) abort();
            if (indicator_set_peek(peeked.set) != OK) abort();
        }
        feed(&plain, &bar);
        for (int k = 0; k < N_KEYS; k++) {
            int32_t id, n = kline_series_count(plain.bars);
            if (registry_parse(r, keys[k], &id) != OK) abort();
            for (int32_t o = 0; o < kernel_get(registry_get(r, id)->kind)->n_outputs; o++) {
                double p = indicator_set_values(peeked.set, indicator_set_find(peeked.set, id, 0),
                                                o)[kline_series_count(peeked.bars)];
                double q = indicator_set_values(plain.set, indicator_set_find(plain.set, id, 0), o)[n - 1];
                if (p == q || (isnan(p) && isnan(q))) continue;
                if (n_wrong++ < 5) printf("# bar %d: %s gives %.17g while forming, %.17g closed\n", i, keys[k], p, q);
            }
        }
        feed(&peeked, &bar);
    }
    ok(n_wrong == 0, "the forming bar has the values that it has when it closes like that");
    for (int k = 0; k < N_KEYS; k++)
        ok(difference(&peeked, &plain, keys[k], 0) == 0, "looking ahead leaves no trace: %s", keys[k]);
    bench_free(&peeked);
    bench_free(&plain);
    registry_free(r);
}

static void test_registry(void) {
    registry *r;
    int32_t id, again;
    char key[INDICATOR_KEY_BYTES];
    if (registry_new(&r) != OK) abort();
    ok(N_KEYS > N_PLAIN + 40, "%d indicators", N_KEYS);
    for (int k = 0; k < N_KEYS; k++) {
        ok(registry_parse(r, keys[k], &id) == OK, "parses: %s", keys[k]);
        registry_key(r, id, key);
        ok(registry_parse(r, key, &again) == OK && again == id, "its canonical text names it again: %s", key);
    }
    ok(registry_parse(r, "1m sma(close,20)", &again) == OK && registry_parse(r, "5m sma(close,20)", &id) == OK &&
           id != again,
       "another interval is another indicator");
    ok(registry_parse(r, "5m sma(rsi(close,14),9)", &id) == OK && registry_depth(r, id) == 358,
       "depth of a window over a Wilder");
    ok(registry_parse(r, "5m ema(close,50)", &id) == OK && registry_depth(r, id) == 500, "recursive: 10 x length");
    ok(registry_parse(r, "5m ema(close,5)", &id) == OK && registry_depth(r, id) == 250, "recursive: at least 250");
    ok(registry_parse(r, "5m vwap(hlc3(),0)", &id) == OK && registry_depth(r, id) == 288, "session VWAP: the session");
    for (int i = 0; i < REGISTRY_MAX + 10; i++) {
        char text[64];
        snprintf(text, sizeof text, "15m sma(close,%d)", i % 4990 + 1);
        if (registry_parse(r, text, &id) != OK) break;
    }
    ok(registry_parse(r, "15m sma(open,4999)", &id) == ERR_FULL, "a full registry says so");
    ok(registry_parse(r, keys[0], &id) == OK, "and still finds what it has");
    ok(registry_parse(r, "15m sma(close,99999)", &id) == ERR_INVALID, "a length out of range is no indicator");
    registry_free(r);
}

/* A canonical text of a kernel with parameters that its ranges allow. */
static char *text_of(const kernel *k) {
    static const char *const sources[] = {"close", "high", "low"};
    static const double whole[] = {14, 5, 9, 3}, real[] = {2, 0.5, 6, 1};
    char text[256];
    int n = snprintf(text, sizeof text, "5m %s(", k->name);
    for (int32_t s = 0; s < k->n_sources; s++)
        n += snprintf(text + n, sizeof text - n, "%s%s", s ? "," : "", sources[s]);
    for (int32_t p = 0; p < k->n_params; p++) {
        const kernel_param *range = &k->params[p];
        double value = fmin(fmax(range->is_whole ? whole[p] : real[p], range->min), range->max);
        n += snprintf(text + n, sizeof text - n, "%s%.17g", p || k->n_sources ? "," : "", value);
    }
    snprintf(text + n, sizeof text - n, ")");
    return strdup(text);
}

/* Those that live beside other series have a test of their own. */
static void make_keys(void) {
    for (int k = 0; k < N_PLAIN; k++) keys[N_KEYS++] = plain_keys[k];
    for (int32_t kind = 0; kind < N_INDICATOR_KINDS && N_KEYS < KEYS_MAX; kind++)
        if (kind != INDICATOR_ALIGN && kind != INDICATOR_OWN) keys[N_KEYS++] = text_of(kernel_get(kind));
}

int main(void) {
    make_keys();
    random_state = tap_seed((uint64_t)time(NULL)) * 2654435769u + 1;
    test_registry();
    test_late_comer();
    test_epoch();
    test_corrections();
    test_lengths();
    test_peek();
    for (int k = N_PLAIN; k < N_KEYS; k++) free((char *)keys[k]);
    return done();
}
