/* States that run for years: after hundreds of thousands of bars (ten million in soak) a value is within 1e-9 of one that
 * was computed from the newest bars alone, for every kernel of the table; sums over all bars against long double ones.
 * time limit: 1800 */
#include "indicator/indicator_set.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEEP = 1000, FRESH_BARS = 40000, COMPARED = 200, KINDS_MAX = 256 };

static const int64_t START_MS = 1500000000000 / 60000 * 60000;

/* A price of five digits in ticks of 0.01, pulled back to its middle so that it lives for ever; jumps, still stretches. */
static kline next_bar(int64_t n, double *price, double *tick_price) {
    kline bar = {.open_ms = START_MS + n * 60000, .open = *tick_price};
    bool is_still = n / 500 % 20 == 7;
    double step =
        (uniform() - 0.5) * 0.004 + (10000 - *price) * 1e-6 + (uniform() < 1e-4 ? (uniform() - 0.5) * 0.3 : 0);
    if (!is_still) *price *= 1 + step;
    *tick_price = is_still ? *tick_price : floor(*price * 100 + 0.5) / 100;
    bar.close = *tick_price;
    bar.high = fmax(bar.open, bar.close) + (is_still ? 0 : floor(uniform() * 500) / 100);
    bar.low = fmin(bar.open, bar.close) - (is_still ? 0 : floor(uniform() * 500) / 100);
    bar.volume = is_still && n % 2 ? 0 : floor(uniform() * 1e6) / 1000;
    bar.quote_volume = bar.volume * bar.close;
    bar.taker_base = floor(bar.volume * uniform() * 1000) / 1000;
    return bar;
}

/* Kinds that never forget, or may stay on another path for ever. */
static bool is_endless(const char *name) {
    static const char *const names[] = {"cum", "obv", "ad", "pvi", "nvi", "sar", "supertrend"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

static indicator_spec typical(int32_t kind) {
    static const double whole[] = {20, 9, 14, 3}, real[] = {2, 0.5, 6, 1};
    const kernel *k = kernel_get(kind);
    indicator_spec spec = {.kind = kind, .interval = INTERVAL_1M, .source = {FIELD_CLOSE, FIELD_HIGH, FIELD_LOW}};
    for (int32_t p = 0; p < k->n_params; p++)
        spec.param[p] = fmin(fmax(k->params[p].is_whole ? whole[p] : real[p], k->params[p].min), k->params[p].max);
    for (int32_t s = k->n_sources; s < INDICATOR_SOURCES; s++) spec.source[s] = SERIES_NONE;
    return spec;
}

typedef struct run {
    kline_series *bars;
    indicator_set *set;
} run;

static run run_new(registry *r, int64_t from_ms) {
    run it = {.bars = kline_series_new(INTERVAL_1M, 5000 + KEEP, from_ms)};
    if (!it.bars || indicator_set_new(it.bars, r, &it.set) != OK) abort();
    for (int32_t kind = 0; kind < N_INDICATOR_KINDS; kind++) {
        indicator_spec spec = typical(kind);
        int32_t id;
        if (kind == INDICATOR_ALIGN || kind == INDICATOR_OWN) continue;
        id = registry_claim(r, &spec);
        if (id < 0 || indicator_set_add(it.set, id, 0) != OK) abort();
    }
    return it;
}

static void run_free(run *it) {
    indicator_set_free(it->set);
    kline_series_free(it->bars);
}

static void feed(run *it, const kline *bar) {
    if (kline_series_close(it->bars, bar, NULL) != KLINE_APPENDED) abort();
    indicator_set_advance(it->set);
}

/* Scale of a difference: the value itself, or the price where a value is a difference of prices. */
static double difference(double a, double b) {
    if (isnan(a) && isnan(b)) return 0;
    if (isnan(a) || isnan(b)) return INFINITY;
    return fabs(a - b) / fmax(1, fmax(fabs(a), fabs(b)));
}

static void compare(registry *r, const run *old, const run *fresh) {
    int32_t n_old = kline_series_count(old->bars), n_fresh = kline_series_count(fresh->bars);
    for (int32_t kind = 0; kind < N_INDICATOR_KINDS; kind++) {
        const kernel *k = kernel_get(kind);
        indicator_spec spec = typical(kind);
        int32_t id;
        double worst = 0;
        if (kind == INDICATOR_ALIGN || kind == INDICATOR_OWN || is_endless(k->name)) continue;
        id = registry_claim(r, &spec);
        if (indicator_set_lengthen(old->set, indicator_set_find(old->set, id, 0)) != OK) abort();
        if (indicator_set_lengthen(fresh->set, indicator_set_find(fresh->set, id, 0)) != OK) abort();
        for (int32_t o = 0; o < k->n_outputs; o++) {
            const double *x = indicator_set_values(old->set, indicator_set_find(old->set, id, 0), o);
            const double *y = indicator_set_values(fresh->set, indicator_set_find(fresh->set, id, 0), o);
            for (int32_t i = 1; i <= COMPARED; i++) worst = fmax(worst, difference(x[n_old - i], y[n_fresh - i]));
        }
        ok(worst <= 1e-9, "%s: %.2g", k->name, worst);
    }
}

/* The sums that go on for ever, in long double. */
typedef struct sums {
    long double cum, obv, ad;
    double close;
    bool is_begun;
} sums;

static void add_up(sums *s, const kline *bar) {
    double range = bar->high - bar->low;
    s->cum += bar->close;
    if (s->is_begun) s->obv += bar->close > s->close ? bar->volume : bar->close < s->close ? -bar->volume : 0;
    if (range > 0)
        s->ad += ((long double)(bar->close - bar->low) - (bar->high - bar->close)) / range * (long double)bar->volume;
    s->close = bar->close;
    s->is_begun = true;
}

static void compare_sum(registry *r, const run *old, const char *name, long double expected, double scale) {
    int32_t kind = kernel_find(name, strlen(name)), id;
    indicator_spec spec;
    if (kind < 0) return;
    spec = typical(kind);
    id = registry_claim(r, &spec);
    double got =
        indicator_set_values(old->set, indicator_set_find(old->set, id, 0), 0)[kline_series_count(old->bars) - 1];
    double error = (double)fabsl((long double)got - expected) / fmax(scale, fabs((double)expected));
    ok(error <= 1e-9, "%s over all bars: %.2g", name, error);
}

int main(void) {
    int64_t n_bars = getenv("TRADEMIND_SOAK") ? 10000000 : 150000;
    double price = 10000, tick_price = 10000;
    registry *r;
    run old, fresh;
    sums all = {0};
    random_state = tap_seed((uint64_t)time(NULL)) * 2654435769u + 1;
    if (registry_new(&r) != OK) abort();
    old = run_new(r, START_MS);
    fresh = run_new(r, START_MS + (n_bars - FRESH_BARS) * 60000);
    for (int64_t n = 0; n < n_bars; n++) {
        kline bar = next_bar(n, &price, &tick_price);
        feed(&old, &bar);
        add_up(&all, &bar);
        if (n >= n_bars - FRESH_BARS) feed(&fresh, &bar);
    }
    printf("# %lld bars\n", (long long)n_bars);
    compare(r, &old, &fresh);
    compare_sum(r, &old, "cum", all.cum, 1);
    compare_sum(r, &old, "obv", all.obv, 1000);
    compare_sum(r, &old, "ad", all.ad, 1000);
    run_free(&old);
    run_free(&fresh);
    registry_free(r);
    return done();
}
