/* The kernels of volume and events, run as the daemon runs them: one bar at a time and over long ranges, with the same
 * bits; from other epochs, with the same bits where the window says so; over ten million bars, without drift. */
#include "indicator/kernel.h"
#include "spec/c/kernel_run.h"
#include "spec/c/tap.h"
#include <math.h>
#include <string.h>
#include <time.h>

enum { N = 3000, AHEAD = 1, STATE_BYTES = 100000, END = 2000 };

typedef struct subject {
    const char *name;
    double param[4];
    int32_t warm; /* bars after which values do not depend on the epoch, to the last bit; 0: they always do */
} subject;

static const subject subjects[] = {
    {"obv", {0}, 0},         {"ad", {0}, 0},           {"adosc", {3, 10}, 0},
    {"adosc", {40, 7}, 0},   {"pvi", {0}, 0},          {"nvi", {0}, 0},
    {"mfi", {1}, 2},         {"mfi", {14}, 15},        {"mfi", {200}, 201},
    {"mfi", {1000}, 1001},   {"rvwap", {1}, 1},        {"rvwap", {3}, 3},
    {"rvwap", {20}, 20},     {"rvwap", {333}, 333},    {"vwap", {0}, 300},
    {"vwap", {1}, 2100},     {"vwap_bands", {2}, 300}, {"vwap_bands", {1, 1}, 2100},
    {"sell_volume", {0}, 1}, {"delta", {0}, 1},        {"pressure", {0}, 1},
    {"barssince", {0}, 0},   {"valuewhen", {0}, 0},    {"valuewhen", {300}, 0},
};

typedef struct market {
    double open[N + AHEAD], high[N + AHEAD], low[N + AHEAD], close[N + AHEAD], volume[N + AHEAD], taker[N + AHEAD];
    double condition[N + AHEAD];
    int64_t open_ms[N], number[N];
} market;

/* Five-minute bars with holes, still stretches, bars without volume, and some that are undefined. */
static void fill(market *m, bool has_undefined) {
    double price = 100;
    int64_t number = 5666688; /* 2023-11-15T00:00Z */
    for (int32_t i = 1; i < N + AHEAD; i++) {
        bool is_still = i / 60 % 5 == 4;
        m->open[i] = price;
        if (!is_still) price = round(price * (1 + (uniform() - 0.5) * 0.02) * 1000) / 1000;
        m->close[i] = price;
        m->high[i] = fmax(price, m->open[i]) * (is_still ? 1 : 1 + 0.01 * uniform());
        m->low[i] = fmin(price, m->open[i]) * (is_still ? 1 : 1 - 0.01 * uniform());
        m->volume[i] = uniform() < 0.1 ? 0 : 1000 * uniform();
        m->taker[i] = m->volume[i] * uniform();
        m->condition[i] = uniform() < 0.2;
        if (has_undefined && uniform() < 0.004) m->close[i] = uniform() < 0.5 ? NAN : INFINITY;
        if (has_undefined && uniform() < 0.002) m->close[i] = 0;
        if (has_undefined && uniform() < 0.004) m->volume[i] = NAN;
        if (has_undefined && uniform() < 0.01) m->condition[i] = NAN;
        number += uniform() < 0.004 ? 1 + (int64_t)(400 * uniform()) : 1;
        m->number[i - 1] = number;
        m->open_ms[i - 1] = number * 300000;
    }
}

static kernel_input input_of(const market *m, const subject *s) {
    bool is_event = strcmp(s->name, "barssince") == 0 || strcmp(s->name, "valuewhen") == 0;
    return (kernel_input){.source = {is_event ? m->condition + 1 : m->close + 1, m->close + 1},
                          .open = m->open + 1,
                          .high = m->high + 1,
                          .low = m->low + 1,
                          .close = m->close + 1,
                          .volume = m->volume + 1,
                          .taker_base = m->taker + 1,
                          .open_ms = m->open_ms,
                          .number = m->number,
                          .param = s->param,
                          .interval = INTERVAL_5M};
}

typedef struct run_of {
    double out[3][N];
    _Alignas(8) char state[STATE_BYTES];
} run_of;

/* From bar `from` on, in pieces of at most `piece` bars (0: of random lengths). */
static void run(run_of *r, const market *m, const subject *s, int32_t from, int32_t piece) {
    const kernel *k = kernel_get(kernel_find(s->name, strlen(s->name)));
    kernel_input in = input_of(m, s);
    double *const out[INDICATOR_OUTPUTS] = {r->out[0], r->out[1], r->out[2]};
    memset(r, 0, sizeof *r);
    run_in_pieces(k, &in, r->state, out, from, N, piece);
}

static size_t state_bytes(const subject *s) {
    return kernel_state_bytes(kernel_find(s->name, strlen(s->name)), s->param, INTERVAL_5M);
}

/* The first bar from `from` on at which two runs differ in a bit; -1 when there is none. Any NaN equals any other. */
static int32_t difference(const run_of *a, const run_of *b, int32_t from) {
    int32_t first = N;
    for (int32_t o = 0; o < 3; o++) first = first_difference(a->out[o], b->out[o], from, first);
    return first < N ? first : -1;
}

static int32_t count_defined(const run_of *r) { return n_defined(r->out[0], N); }

static void test_pieces(const market *m, const char *what, int32_t least) {
    static run_of whole, steps, pieces;
    for (size_t k = 0; k < sizeof subjects / sizeof *subjects; k++) {
        const subject *s = &subjects[k];
        size_t bytes = state_bytes(s);
        int32_t at;
        run(&whole, m, s, 0, N);
        run(&steps, m, s, 0, 1);
        run(&pieces, m, s, 0, 0);
        at = difference(&whole, &steps, 0);
        ok(at < 0, "%s(%g,%g) over %s: a range gives the bits of single steps (bar %d)", s->name, s->param[0],
           s->param[1], what, at);
        at = difference(&whole, &pieces, 0);
        ok(at < 0, "and so do pieces of any length (bar %d)", at);
        ok(bytes <= STATE_BYTES && memcmp(whole.state, steps.state, bytes) == 0, "%s: and the same %zu bytes of state",
           s->name, bytes);
        ok(count_defined(&whole) >= least, "%s: %d values", s->name, count_defined(&whole));
    }
}

/* Nothing but the values asked for and the state is written, and what comes next is not looked at. */
static void test_bounds(const market *m) {
    enum { UNTOUCHED = 7 };
    static run_of r, whole;
    static market later;
    for (size_t k = 0; k < sizeof subjects / sizeof *subjects; k++) {
        const subject *s = &subjects[k];
        int32_t kind = kernel_find(s->name, strlen(s->name)), n_outputs = kernel_get(kind)->n_outputs;
        kernel_input in = input_of(&later, s);
        double *const out[INDICATOR_OUTPUTS] = {r.out[0], r.out[1], r.out[2]};
        bool is_same = true;
        run(&whole, m, s, 0, N);
        later = *m;
        for (int32_t i = END + 1; i < N; i++) later.close[i] = later.volume[i] = later.high[i] = 1e9;
        memset(&r, 0, sizeof r);
        for (int32_t i = 0; i < N; i++) r.out[0][i] = r.out[1][i] = r.out[2][i] = UNTOUCHED;
        kernel_get(kind)->run(r.state, &in, 0, END / 2, out);
        kernel_get(kind)->run(r.state, &in, END / 2, END, out);
        for (int32_t o = 0; o < 3; o++)
            for (int32_t i = 0; i < N; i++) {
                double got = r.out[o][i], expected = o < n_outputs && i < END ? whole.out[o][i] : UNTOUCHED;
                is_same = is_same && (got == expected || (isnan(got) && isnan(expected)));
            }
        ok(is_same, "%s(%g) writes what it is asked for and looks at nothing later", s->name, s->param[0]);
    }
}

static void test_epochs(const market *m) {
    static run_of whole, part;
    for (size_t k = 0; k < sizeof subjects / sizeof *subjects; k++) {
        const subject *s = &subjects[k];
        int32_t at = -1, from = 1 + (int32_t)(500 * uniform());
        if (!s->warm) continue;
        run(&whole, m, s, 0, N);
        run(&part, m, s, from, 0);
        at = difference(&whole, &part, from + s->warm);
        ok(at < 0, "%s(%g) does not depend on where the series began, to the last bit (bar %d, begun at %d)", s->name,
           s->param[0], at, from);
    }
}

/* ---- ten million bars ---- */

enum { LONG = 10000000, BLOCK = 50000, BACK = 300 };

typedef struct long_market {
    double high[BACK + BLOCK + 1], low[BACK + BLOCK + 1], close[BACK + BLOCK + 1], volume[BACK + BLOCK + 1];
    int64_t open_ms[BACK + BLOCK], number[BACK + BLOCK];
} long_market;

static void slide(long_market *m) {
    double *const fields[] = {m->high, m->low, m->close, m->volume};
    for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
        memmove(fields[f], fields[f] + BLOCK, BACK * sizeof(double));
    memmove(m->number, m->number + BLOCK, BACK * sizeof *m->number);
    memmove(m->open_ms, m->open_ms + BLOCK, BACK * sizeof *m->open_ms);
}

/* What the kernels are compared with: plain sums of long doubles, and windows summed from nothing. */
typedef struct long_sums {
    long double obv, ad, pvi;
} long_sums;

static void add_bar(long_sums *s, const long_market *m, int32_t i, bool is_first) {
    long double high = m->high[i], low = m->low[i], close = m->close[i], volume = m->volume[i];
    if (high > low) s->ad += ((close - low) - (high - close)) / (high - low) * volume;
    if (is_first) return;
    s->obv += close > m->close[i - 1] ? volume : close < m->close[i - 1] ? -volume : 0;
    if (m->volume[i] > m->volume[i - 1]) s->pvi *= close / m->close[i - 1];
}

static long double window_mfi(const long_market *m, int32_t i, int32_t length) {
    long double up = 0, down = 0;
    for (int32_t k = i - length + 1; k <= i; k++) {
        if (m->close[k] > m->close[k - 1]) up += (long double)m->close[k] * m->volume[k];
        if (m->close[k] < m->close[k - 1]) down += (long double)m->close[k] * m->volume[k];
    }
    return 100 * up / (up + down);
}

static long double window_vwap(const long_market *m, int32_t i, int32_t length) {
    long double money = 0, volume = 0;
    for (int32_t k = i - length + 1; k <= i; k++) {
        money += ((long double)m->high[k] + m->low[k] + m->close[k]) / 3 * m->volume[k];
        volume += m->volume[k];
    }
    return money / volume;
}

static void make_bars(long_market *m, int64_t first, double *price) {
    for (int32_t i = BACK; i < BACK + BLOCK; i++) {
        double open = *price;
        /* Drawn back to 100, so that ten million steps go nowhere in particular. */
        *price = round(*price * (1 + (uniform() - 0.5) * 0.01 + (100 - *price) * 1e-6) * 100) / 100;
        m->close[i] = *price;
        m->high[i] = round(fmax(open, *price) * (1 + 0.002 * uniform()) * 100) / 100;
        m->low[i] = round(fmin(open, *price) * (1 - 0.002 * uniform()) * 100) / 100;
        m->volume[i] = round(1e8 * exp(3 * uniform() - 3)) / 1e5;
        m->number[i] = 28333440 + first + i - BACK;
        m->open_ms[i] = m->number[i] * 60000;
    }
}

enum { N_LONG = 5, WINDOW = 200 };
static const subject long_subjects[N_LONG] = {
    {"obv", {0}, 0}, {"ad", {0}, 0}, {"pvi", {0}, 0}, {"mfi", {WINDOW}, 0}, {"rvwap", {WINDOW}, 0}};

static void run_long(long_market *m, int which, char *state, double *values) {
    const subject *s = &long_subjects[which];
    kernel_input in = {.source = {m->close},
                       .high = m->high,
                       .low = m->low,
                       .close = m->close,
                       .volume = m->volume,
                       .open_ms = m->open_ms,
                       .number = m->number,
                       .param = s->param,
                       .interval = INTERVAL_1M};
    double *const out[INDICATOR_OUTPUTS] = {values};
    kernel_get(kernel_find(s->name, strlen(s->name)))->run(state, &in, BACK, BACK + BLOCK, out);
}

static void test_long(void) {
    static long_market m;
    static _Alignas(8) char state[N_LONG][STATE_BYTES];
    static double values[N_LONG][BACK + BLOCK];
    /* pvi multiplies five million quotients, each of them rounded */
    static const double allowed[N_LONG] = {5e-15, 2e-14, 1e-11, 5e-14, 5e-14};
    double price = 100, worst[N_LONG] = {0}, most[N_LONG] = {0};
    long_sums sums = {.pvi = 1};
    for (int64_t first = 0; first < LONG; first += BLOCK) {
        slide(&m);
        make_bars(&m, first, &price);
        for (int k = 0; k < N_LONG; k++) run_long(&m, k, state[k], values[k]);
        for (int32_t i = BACK; i < BACK + BLOCK; i++) {
            add_bar(&sums, &m, i, first == 0 && i == BACK);
            if (i % 1000 != 0 || i < BACK + WINDOW + 1) continue;
            long double expected[N_LONG] = {sums.obv, sums.ad, sums.pvi, window_mfi(&m, i, WINDOW),
                                            window_vwap(&m, i, WINDOW)};
            for (int k = 0; k < N_LONG; k++) {
                most[k] = fmax(most[k], (double)fabsl(expected[k]));
                worst[k] = fmax(worst[k], (double)fabsl(values[k][i] - expected[k]));
            }
        }
    }
    for (int k = 0; k < N_LONG; k++)
        ok(worst[k] < allowed[k] * most[k], "ten million bars of %s: off by %.2g of the largest value",
           long_subjects[k].name, worst[k] / most[k]);
}

int main(void) {
    static market m, broken;
    random_state = tap_seed((uint64_t)time(NULL) * 2654435761u | 1);
    fill(&m, false);
    fill(&broken, true);
    broken.close[END] = 0; /* a price of 0 at the very end of a range, where no later bar gives it away */
    broken.volume[END] = 5000;
    test_pieces(&m, "clean bars", 300);
    test_pieces(&broken, "bars with NaN", 0);
    test_bounds(&m);
    test_bounds(&broken);
    test_epochs(&m);
    test_long();
    return done();
}
