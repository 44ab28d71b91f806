/* The kernels of momentum and statistics, run as the daemon runs them: over ranges of any length and bar by bar, with the
 * same bits; from other epochs, with the same bits once the window is full; nothing written beyond what was asked for. And
 * the order of a window against a sorted array. */
#include "indicator/kernel.h"
#include "indicator/order.h"
#include "spec/c/kernel_run.h"
#include "spec/c/tap.h"
#include <math.h>
#include <string.h>
#include <time.h>

enum { N = 4000, AHEAD = 2, N_OUT = 3, STATE_BYTES = 200000 };

typedef struct subject {
    const char *name;
    double param[4];
    int32_t warm; /* bars after which values do not depend on the epoch, to the last bit; 0: they always do */
} subject;

static const subject subjects[] = {
    {"rsi", {1}, 0},
    {"rsi", {14}, 0},
    {"stoch", {1}, 1},
    {"stoch", {14}, 14},
    {"stoch", {300}, 300},
    {"stochrsi", {14, 14, 3, 3}, 0},
    {"stochrsi", {5, 100, 16, 17}, 0},
    {"stochrsi", {2, 2, 1, 1}, 0},
    {"cci", {2}, 2},
    {"cci", {20}, 20},
    {"cci", {700}, 700},
    {"cmo", {1}, 2},
    {"cmo", {14}, 15},
    {"cmo", {257}, 258},
    {"roc", {10}, 11},
    {"mom", {300}, 301},
    {"wpr", {2}, 2},
    {"wpr", {14}, 14},
    {"wpr", {1000}, 1000},
    {"uo", {7, 14, 28}, 29},
    {"uo", {300, 1, 64}, 301},
    {"bb", {1, 2}, 1},
    {"bb", {2, 2}, 2},
    {"bb", {20, 2}, 20},
    {"bb", {63, 2}, 63},
    {"bb", {1000, 2}, 1000},
    {"bbw", {20, 2}, 20},
    {"stdev", {20, 1}, 20},
    {"stdev", {333, 0}, 333},
    {"variance", {20, 0}, 20},
    {"correlation", {2}, 2},
    {"correlation", {20}, 20},
    {"correlation", {500}, 500},
    {"dev", {20}, 20},
    {"dev", {639}, 639},
    {"dev", {640}, 640},
    {"dev", {1100}, 1100},
    {"median", {1}, 1},
    {"median", {20}, 20},
    {"median", {65}, 65},
    {"median", {900}, 900},
    {"percentrank", {20}, 21},
    {"percentrank", {800}, 801},
    {"cum", {0}, 0},
    {"count", {20}, 20},
    {"crossover_k", {100}, 0},
    {"crossunder", {0}, 0},
    {"round", {0}, 1},
    {"sign", {0}, 1},
    {"max", {0}, 1},
    {"ge", {0}, 1},
};
enum { N_SUBJECTS = sizeof subjects / sizeof *subjects };

typedef struct market {
    double open[N + AHEAD], high[N + AHEAD], low[N + AHEAD], close[N + AHEAD]; /* [0] is bar -1 */
    int64_t open_ms[N + 1], number[N + 1];
} market;

/* Five-minute bars with still stretches, jumps, holes, and some that are undefined. */
static void fill(market *m, bool has_holes) {
    double price = 100;
    int64_t number = 5666688; /* 2023-11-15T00:00Z */
    m->open[0] = m->high[0] = m->low[0] = m->close[0] = NAN;
    for (int32_t i = 1; i < N + AHEAD; i++) {
        bool is_still = i / 60 % 5 == 4;
        m->open[i] = price;
        if (!is_still) price = round(price * (1 + (uniform() - 0.5) * (uniform() < 0.01 ? 0.5 : 0.02)) * 1000) / 1000;
        m->close[i] = price;
        m->high[i] = fmax(price, m->open[i]) * (is_still ? 1 : 1 + 0.01 * uniform());
        m->low[i] = fmin(price, m->open[i]) * (is_still ? 1 : 1 - 0.01 * uniform());
        if (has_holes && uniform() < 0.0004) m->close[i] = uniform() < 0.5 ? NAN : INFINITY;
        if (has_holes && uniform() < 0.0002) m->high[i] = NAN;
        number += has_holes && uniform() < 0.001 ? 1 + (int64_t)(400 * uniform()) : 1;
        m->number[i - 1] = number;
        m->open_ms[i - 1] = number * 300000;
    }
}

static kernel_input input_of(const market *m, const subject *s) {
    kernel_input in = {.open = m->open + 1,
                       .high = m->high + 1,
                       .low = m->low + 1,
                       .close = m->close + 1,
                       .open_ms = m->open_ms,
                       .number = m->number,
                       .param = s->param,
                       .interval = INTERVAL_5M};
    const double *const source[] = {m->close + 1, m->high + 1, m->low + 1};
    int32_t n = kernel_get(kernel_find(s->name, strlen(s->name)))->n_sources;
    for (int32_t k = 0; k < n; k++) in.source[k] = source[k];
    return in;
}

typedef struct run_of {
    double out[N_OUT][N];
    _Alignas(8) char state[STATE_BYTES];
} run_of;

/* Bars [from, to), in pieces of at most `piece` bars (0: of random lengths). */
static void run(run_of *r, const market *m, const subject *s, int32_t from, int32_t to, int32_t piece) {
    const kernel *k = kernel_get(kernel_find(s->name, strlen(s->name)));
    kernel_input in = input_of(m, s);
    double *const out[INDICATOR_OUTPUTS] = {r->out[0], r->out[1], r->out[2]};
    run_in_pieces(k, &in, r->state, out, from, to, piece);
}

/* The first bar from `from` on at which two runs differ in a bit; -1 when there is none. Any NaN equals any other. */
static int32_t difference(const run_of *a, const run_of *b, int32_t from) {
    int32_t first = N;
    for (int32_t o = 0; o < N_OUT; o++) first = first_difference(a->out[o], b->out[o], from, first);
    return first < N ? first : -1;
}

static int32_t count_defined(const run_of *r) { return n_defined(r->out[0], N); }

static void test_pieces(const market *m, const char *what, int32_t least) {
    static run_of whole, steps, pieces;
    for (size_t k = 0; k < N_SUBJECTS; k++) {
        const subject *s = &subjects[k];
        size_t bytes = kernel_state_bytes(kernel_find(s->name, strlen(s->name)), s->param, INTERVAL_5M);
        int32_t at;
        if (bytes > STATE_BYTES) abort();
        memset(&whole, 0, sizeof whole), memset(&steps, 0, sizeof steps), memset(&pieces, 0, sizeof pieces);
        run(&whole, m, s, 0, N, N);
        run(&steps, m, s, 0, N, 1);
        run(&pieces, m, s, 0, N, 0);
        at = difference(&whole, &steps, 0);
        ok(at < 0, "%s(%g,%g) over %s: a range gives the bits of single steps (bar %d)", s->name, s->param[0],
           s->param[1], what, at);
        at = difference(&whole, &pieces, 0);
        ok(at < 0, "and so do pieces of any length (bar %d)", at);
        at = 0;
        for (size_t b = bytes; b < STATE_BYTES; b++) at += whole.state[b] != 0 || steps.state[b] != 0;
        ok(at == 0 && count_defined(&whole) >= least, "%zu bytes of state, %d values", bytes, count_defined(&whole));
    }
}

static void test_bounds(const market *m) {
    enum { END = 2001, UNTOUCHED = 7 };
    static run_of r, whole;
    static market later;
    for (size_t k = 0; k < N_SUBJECTS; k++) {
        const subject *s = &subjects[k];
        int32_t n_outputs = kernel_get(kernel_find(s->name, strlen(s->name)))->n_outputs;
        bool is_same = true;
        memset(&whole, 0, sizeof whole), memset(&r, 0, sizeof r);
        run(&whole, m, s, 0, N, N);
        later = *m;
        for (int32_t i = END + 1; i < N + AHEAD; i++) later.close[i] = later.high[i] = later.low[i] = 1e9;
        for (int32_t i = 0; i < N; i++) r.out[0][i] = r.out[1][i] = r.out[2][i] = UNTOUCHED;
        run(&r, &later, s, 0, END, END / 2);
        for (int32_t o = 0; o < N_OUT; o++)
            for (int32_t i = 0; i < N; i++) {
                double got = r.out[o][i], expected = o < n_outputs && i < END ? whole.out[o][i] : UNTOUCHED;
                is_same = is_same && (got == expected || (isnan(got) && isnan(expected)));
            }
        ok(is_same, "%s(%g) writes what it is asked for and looks at nothing later", s->name, s->param[0]);
    }
}

static void test_epochs(const market *m) {
    static run_of whole, part;
    for (size_t k = 0; k < N_SUBJECTS; k++) {
        const subject *s = &subjects[k];
        int32_t at, from = 1 + (int32_t)(900 * uniform());
        if (!s->warm) continue;
        memset(&whole, 0, sizeof whole), memset(&part, 0, sizeof part);
        run(&whole, m, s, 0, N, 0);
        run(&part, m, s, from, N, 0);
        at = difference(&whole, &part, from + s->warm - 1);
        ok(at < 0, "%s(%g) does not depend on where the series began, to the last bit (bar %d, begun at %d)", s->name,
           s->param[0], at, from);
    }
}

/* ---- a third ---- */

/* hlc3 is a quotient that is correct to the last bit, without a division. */
static void test_third(void) {
    enum { MANY = 100000 };
    static double high[MANY], low[MANY], close[MANY], out[MANY];
    kernel_input in = {.high = high, .low = low, .close = close};
    double *const to[INDICATOR_OUTPUTS] = {out};
    int32_t n_wrong = 0;
    for (int32_t i = 0; i < MANY; i++) {
        double price = i % 2 ? round(1e6 * uniform()) / 100 : ldexp(uniform(), (int)(40 * uniform()) - 20);
        high[i] = price * (i % 3 ? 1 + uniform() : 1);
        low[i] = i % 5 == 1 ? -price : price;
        close[i] = i % 1000 == 7 ? NAN : price;
    }
    kernel_get(INDICATOR_HLC3)->run(NULL, &in, 0, MANY, to);
    for (int32_t i = 0; i < MANY; i++) {
        double expected = (high[i] + low[i] + close[i]) / 3;
        n_wrong += out[i] != expected && !(isnan(out[i]) && isnan(expected));
    }
    ok(n_wrong == 0, "hlc3 of %d bars to the last bit (%d are not)", MANY, n_wrong);
}

/* ---- the order of a window ---- */

enum { WINDOW = 700, STEPS = 500000 };

static double sorted[WINDOW + 1];
static int32_t n_sorted;

static int32_t place_of(double x) {
    int32_t k = 0;
    while (k < n_sorted && sorted[k] <= x) k++;
    return k;
}

static void sorted_add(double x) {
    int32_t k = place_of(x);
    memmove(sorted + k + 1, sorted + k, (size_t)(n_sorted++ - k) * sizeof *sorted);
    sorted[k] = x;
}

static void sorted_remove(double x) {
    int32_t k = place_of(x);
    memmove(sorted + k - 1, sorted + k, (size_t)(n_sorted-- - k) * sizeof *sorted);
}

/* Random, then rising, falling, in two heaps, all equal, of very different sizes. */
static double next_value(int32_t i) {
    switch (i / 900 % 6) {
    case 0: return floor(uniform() * 2000) / 8;
    case 1: return i * 0.25;
    case 2: return -i * 0.25;
    case 3: return uniform() < 0.5 ? uniform() : 1e6 + uniform();
    case 4: return 7;
    default: return ldexp(uniform() - 0.5, (int)(20 * uniform()));
    }
}

static bool is_as_sorted(const order *o, double x) {
    order_part below = order_below(o, x), all = order_all(o);
    long double sum = 0, total = 0, rounding = 1e-19L * WINDOW * (long double)o->cut.limit; /* of the sums here */
    int32_t n = place_of(x);
    for (int32_t k = 0; k < n_sorted; k++) {
        total += (long double)sorted[k];
        if (k < n) sum += (long double)sorted[k];
    }
    return order_count(o, x) == n && below.n == n && all.n == n_sorted && o->n == n_sorted &&
           fabsl((long double)below.high + (long double)below.low - sum) <= rounding &&
           fabsl((long double)all.high + (long double)all.low - total) <= rounding;
}

static void test_order(void) {
    static double ring[STEPS];
    int32_t n_bad = 0;
    size_t bytes = order_bytes(WINDOW);
    char *memory = malloc(bytes);
    order *o = (order *)memory;
    if (!memory) abort();
    order_reset(o, WINDOW);
    for (int32_t i = 0; i < STEPS; i++) {
        int32_t k = (int32_t)(uniform() * (n_sorted + 1));
        ring[i] = next_value(i);
        if (i >= WINDOW) {
            order_remove(o, ring[i - WINDOW]);
            sorted_remove(ring[i - WINDOW]);
        }
        order_add(o, ring[i]);
        sorted_add(ring[i]);
        if (k >= n_sorted) k = n_sorted - 1;
        n_bad += order_select(o, k) != sorted[k];
        if (i % 16 == 0) n_bad += !is_as_sorted(o, i % 32 ? sorted[k] : next_value(i) + 0.1);
    }
    ok(n_bad == 0, "%d steps of a window of %d are as in a sorted array (%d are not)", STEPS, WINDOW, n_bad);
    free(memory);
}

int main(void) {
    static market plain, bad;
    random_state = tap_seed((uint64_t)time(NULL) * 2654435769u) | 1;
    fill(&plain, false);
    fill(&bad, true);
    test_pieces(&plain, "bars without holes", N - 1200);
    test_pieces(&bad, "bars with holes and undefined ones", 0);
    test_bounds(&bad);
    test_epochs(&plain);
    test_epochs(&bad);
    test_third();
    test_order();
    return done();
}
