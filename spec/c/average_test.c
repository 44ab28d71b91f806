/* Averages: bar by bar, many at a time with two lanes or four, and in pieces of any size they give the same bits; those of
 * a window do not depend on where the series began; and a million bars leave no trace. */
#include "indicator/kernel.h"
#include "indicator/window.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <math.h>
#include <string.h>
#include <time.h>

enum { BARS = 3000, N_KINDS = 6, LONG = 1000000 };

typedef struct average {
    const char *name;
    double param[INDICATOR_PARAMS];
} average;

static const average windowed[] = {
    {"sma", {1}},     {"sma", {2}},        {"sma", {3}},           {"sma", {20}},          {"sma", {64}},
    {"sma", {65}},    {"sma", {257}},      {"sma", {700}},         {"wma", {1}},           {"wma", {2}},
    {"wma", {20}},    {"wma", {201}},      {"wma", {1500}},        {"linreg", {1}},        {"linreg", {2}},
    {"linreg", {14}}, {"linreg", {20, 7}}, {"linreg", {200, -3}},  {"hma", {1}},           {"hma", {2}},
    {"hma", {9}},     {"hma", {20}},       {"hma", {200}},         {"hma", {1000}},        {"vwma", {1}},
    {"vwma", {20}},   {"vwma", {201}},     {"alma", {1, 0.85, 6}}, {"alma", {9, 0.85, 6}}, {"alma", {200, 0.5, 3, 1}}};
static const average recursive[] = {{"ema", {1}},          {"ema", {2}},        {"ema", {20}},    {"ema", {300}},
                                    {"rma", {1}},          {"rma", {14}},       {"dema", {1}},    {"dema", {20}},
                                    {"tema", {1}},         {"tema", {20}},      {"trix", {1}},    {"trix", {18}},
                                    {"kama", {1}},         {"kama", {10}},      {"kama", {200}},  {"macd", {12, 26, 9}},
                                    {"macd", {26, 12, 9}}, {"macd", {1, 2, 3}}, {"ppo", {12, 26}}};
#define COUNT(array) (sizeof array / sizeof *array)

/* ---- series ---- */

typedef struct series {
    double price[BARS], volume[BARS];
    int64_t number[BARS];
} series;

static const char *const kinds[N_KINDS] = {
    "prices",         "prices that stand still", "numbers of any kind", "numbers about zero",
    "holes and gaps", "values of any size"};

/* 0: two decimals. 1: with ties and plateaus of up to 300 bars, without volume now and then. 2: all the bits of a double.
 * 3: the same about 0. 4: NaN, infinite values, prices with more digits, bars that are missing. 5: from 1e-12 to 1e12. */
static void make(series *s, int kind) {
    double price = 100;
    int64_t number = 1000000 + below(5000);
    int32_t still = 0;
    for (int32_t i = 0; i < BARS; i++) {
        if (kind == 1 && still == 0 && uniform() < 0.02) still = 1 + below(300);
        if (still > 0)
            still--;
        else
            price = fmax(1, price * (1 + 0.02 * (uniform() - 0.5)));
        s->price[i] = kind == 2 ? price : round(price * 100) / 100;
        s->volume[i] = kind == 2 ? 1000 * uniform() : kind == 1 && still % 60 > 20 ? 0 : round(1e5 * uniform()) / 1000;
        if (kind == 3) s->price[i] = price - 100;
        if (kind == 4 && uniform() < 0.003) s->price[i] = price;
        if (kind == 4 && uniform() < 0.005) s->price[i] = uniform() < 0.8 ? NAN : INFINITY;
        if (kind == 5) s->price[i] = price * pow(10, 24 * uniform() - 12);
        if (kind == 5) s->volume[i] = pow(10, 12 * uniform() - 6);
        s->number[i] = number;
        number += kind == 4 && uniform() < 0.01 ? 1 + below(2000) : 1;
    }
}

/* ---- runs ---- */

typedef struct outputs {
    double value[INDICATOR_OUTPUTS][BARS];
} outputs;

typedef struct run {
    const kernel *kernel;
    kernel_input in;
    char *state;
    double *out[INDICATOR_OUTPUTS];
} run;

static run run_new(const average *a, const series *s, outputs *to) {
    int32_t kind = kernel_find(a->name, strlen(a->name));
    size_t bytes = kernel_state_bytes(kind, a->param, INTERVAL_1M);
    run r = {.kernel = kernel_get(kind), .state = calloc(1, bytes)};
    if (kernel_check(kind, a->param, NULL) != OK || !r.state) abort();
    r.in = (kernel_input){.source = {s->price},
                          .close = s->price,
                          .volume = s->volume,
                          .number = s->number,
                          .param = a->param,
                          .interval = INTERVAL_1M};
    for (int32_t o = 0; o < r.kernel->n_outputs; o++) r.out[o] = to->value[o];
    return r;
}

/* In pieces of at most `most` bars, of random size unless that is 1. */
static void run_over(run *r, int32_t from, int32_t to, int32_t most) {
    for (int32_t i = from, n; i < to; i += n) {
        n = most == 1 ? 1 : 1 + below(most);
        if (n > to - i) n = to - i;
        r->kernel->run(r->state, &r->in, i, i + n, r->out);
    }
}

static bool is_same(double a, double b) {
    uint64_t x, y;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    return x == y || (isnan(a) && isnan(b));
}

/* The first bar from `from` on where they differ; BARS when there is none. */
static int32_t first_difference(const kernel *k, const outputs *a, const outputs *b, int32_t from) {
    for (int32_t i = from; i < BARS; i++)
        for (int32_t o = 0; o < k->n_outputs; o++)
            if (!is_same(a->value[o][i], b->value[o][i])) {
                printf("# bar %d, output %d: %.17g and %.17g\n", i, o, a->value[o][i], b->value[o][i]);
                return i;
            }
    return BARS;
}

static void test_pieces(const average *a, const series *s, const char *what) {
    static outputs whole, steps, narrow, pieces;
    run r = run_new(a, s, &whole), q = run_new(a, s, &steps), t = run_new(a, s, &narrow), p = run_new(a, s, &pieces);
    r.kernel->run(r.state, &r.in, 0, BARS, r.out);
    run_over(&q, 0, BARS, 1);
    window_two_lanes_only = true;
    t.kernel->run(t.state, &t.in, 0, BARS, t.out);
    window_two_lanes_only = false;
    run_over(&p, 0, BARS, 400);
    ok(first_difference(r.kernel, &whole, &steps, 0) == BARS, "%s(%g) of %s: bar by bar as all at once", a->name,
       a->param[0], what);
    ok(first_difference(r.kernel, &whole, &narrow, 0) == BARS && first_difference(r.kernel, &whole, &pieces, 0) == BARS,
       "%s(%g) of %s: two lanes, and pieces, as all at once", a->name, a->param[0], what);
    for (int32_t i = 0; i < BARS; i++)
        for (int32_t o = 0; o < r.kernel->n_outputs; o++)
            if (isinf(whole.value[o][i])) {
                ok(false, "%s(%g) of %s is never infinite: bar %d", a->name, a->param[0], what, i);
                i = BARS - 1;
            }
    free(r.state), free(q.state), free(t.state), free(p.state);
}

/* Only the forming bar's place is written, and the state that is asked is a copy. */
static void test_peek(const average *a, const series *s) {
    static outputs plain, peeked;
    run r = run_new(a, s, &plain), q = run_new(a, s, &peeked);
    size_t bytes = kernel_state_bytes(kernel_find(a->name, strlen(a->name)), a->param, INTERVAL_1M);
    char *copy = malloc(bytes);
    int32_t n_wrong = 0;
    run_over(&r, 0, BARS, 1);
    for (int32_t i = 0; i < BARS - 1; i++) {
        q.kernel->run(q.state, &q.in, i, i + 1, q.out);
        memcpy(copy, q.state, bytes);
        q.kernel->run(copy, &q.in, i + 1, i + 2, q.out);
        n_wrong += !is_same(peeked.value[0][i + 1], plain.value[0][i + 1]);
    }
    ok(n_wrong == 0, "%s(%g): the forming bar by a copy of the state", a->name, a->param[0]);
    free(copy), free(r.state), free(q.state);
}

static void test_start(const average *a, const series *s, const char *what) {
    static outputs whole, late;
    int32_t from = 1 + below(BARS / 3);
    run r = run_new(a, s, &whole), q = run_new(a, s, &late);
    run_over(&r, 0, BARS, 400);
    run_over(&q, from, BARS, 400);
    ok(first_difference(r.kernel, &whole, &late, from + r.kernel->depth(a->param, INTERVAL_1M) - 1) == BARS,
       "%s(%g) of %s does not depend on the first bar", a->name, a->param[0], what);
    free(r.state), free(q.state);
}

/* ---- a long time ---- */

static double mean_of(const double *x, int32_t length, int32_t weight) {
    long double sum = 0, total = 0;
    for (int32_t k = 0; k < length; k++) {
        long double by = weight ? length - k : 1;
        sum += by * x[-k];
        total += by;
    }
    return (double)(sum / total);
}

static void test_long(bool is_soak) {
    int32_t n = is_soak ? 10 * LONG : LONG;
    double *x = malloc((size_t)n * sizeof *x), *out = malloc((size_t)n * sizeof *out), price = 100, worst = 0;
    int64_t *number = malloc((size_t)n * sizeof *number);
    window w = {0}, v = {0};
    kernel_input in = {.source = {x}, .number = number, .param = (double[4]){20}};
    double state[8] = {0};
    long double ema = 0;
    for (int32_t i = 0; i < n; i++) {
        price = fmax(1, price * (1 + 0.02 * (uniform() - 0.5)));
        x[i] = uniform() < 1e-4 ? price * 1e6 : price;
        number[i] = 29000000 + i;
    }
    window_run(&w, x, number, n, 50, out);
    for (int32_t i = 49; i < n; i += 997) worst = fmax(worst, fabs(out[i] / mean_of(x + i, 50, 0) - 1));
    ok(worst < 1e-15 * 4, "sma of %d bars: off by at most %g", n, worst);
    window_weigh(&v, x, number, n, 50, out);
    worst = 0;
    for (int32_t i = 49; i < n; i += 997) worst = fmax(worst, fabs(out[i] / mean_of(x + i, 50, 1) - 1));
    ok(worst < 1e-14, "wma of %d bars: off by at most %g", n, worst);
    kernel_get(INDICATOR_EMA)->run(state, &in, 0, n, &out);
    worst = 0;
    for (int32_t i = 0; i < n; i++) {
        ema = i < 20 ? ema + x[i] / 20.0L : ema + (x[i] - ema) * 2 / 21;
        if (i > 100) worst = fmax(worst, fabs((double)(out[i] / ema - 1)));
    }
    ok(worst < 1e-9, "ema of %d bars: off by at most %g", n, worst);
    free(x), free(out), free(number);
}

int main(void) {
    static series s;
    random_state = tap_seed((uint64_t)time(NULL)) * 2654435769u + 1;
    for (int kind = 0; kind < N_KINDS; kind++) {
        make(&s, kind);
        for (size_t a = 0; a < COUNT(windowed); a++) {
            test_pieces(&windowed[a], &s, kinds[kind]);
            if (kind < 3) test_start(&windowed[a], &s, kinds[kind]);
            if (kind == 4) test_peek(&windowed[a], &s);
        }
        for (size_t a = 0; a < COUNT(recursive); a++) {
            test_pieces(&recursive[a], &s, kinds[kind]);
            if (kind == 4) test_peek(&recursive[a], &s);
        }
    }
    test_long(getenv("TRADEMIND_SOAK") != NULL);
    return done();
}
