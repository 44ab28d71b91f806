/* See statistic.h; kernel dev is in mean_deviation.c. */
#include "indicator/statistic.h"
#include "indicator/blocks.h"
#include "indicator/kernel.h"
#include "indicator/lanes.h"
#include "indicator/order.h"
#include <assert.h>
#include <math.h>

/* ---- deviations ----
 * Variances are made of the sums a and b of the differences d from the origin and of their squares: length x variance =
 * b - a x a / length. The origin is in the window, so it lies at most sqrt(length) deviations from the mean: that
 * difference keeps its digits and is never negative. A deviation below 1e-10 of the price counts as none. Where a square
 * overflows all is NaN. */

static inline void moment_terms(const kernel_input *in, int32_t i, const double *origin, pair *terms) {
    terms[0] = pair_load(in->source[0] + i) - origin[0];
    terms[1] = terms[0] * terms[0];
}

typedef struct moments {
    double *out[3];
    double weight; /* 1 / length */
    double none;   /* x price^2: the greatest length x variance that counts as none */
    double factor; /* what the variance, or its root, is multiplied by */
} moments;

static inline moments moments_of(double *const out[INDICATOR_OUTPUTS], int32_t length, double factor) {
    return (moments){{out[0], out[1], out[2]}, 1.0 / length, 1e-20 * length, factor};
}

/* length x variance */
static inline pair squares(const moments *t, const double *origin, const pair *sums) {
    pair none = (pair){0, 0} + t->none * (origin[0] * origin[0]);
    return pair_cut(sums[1] - sums[0] * (sums[0] * t->weight), none);
}

/* NaN where the variance is not known. */
static inline pair mean(const moments *t, const double *origin, pair a, pair v) {
    return origin[0] + a * t->weight + 0 * v;
}

static inline void put_bb(void *target, const kernel_input *in, const double *origin, int32_t i, const pair *sums,
                          bool is_couple) {
    const moments *t = target;
    (void)in;
    pair v = squares(t, origin, sums), basis = mean(t, origin, sums[0], v), width = t->factor * pair_root(v);
    pair_put(t->out[0] + i, basis, is_couple);
    pair_put(t->out[1] + i, basis + width, is_couple);
    pair_put(t->out[2] + i, basis - width, is_couple);
}

static inline void put_bbw(void *target, const kernel_input *in, const double *origin, int32_t i, const pair *sums,
                           bool is_couple) {
    const moments *t = target;
    (void)in;
    pair v = squares(t, origin, sums), width = 200 * t->factor * pair_root(v) / mean(t, origin, sums[0], v);
    pair_put(t->out[0] + i, pair_defined(width), is_couple);
}

static inline void put_stdev(void *target, const kernel_input *in, const double *origin, int32_t i, const pair *sums,
                             bool is_couple) {
    const moments *t = target;
    (void)in;
    pair v = squares(t, origin, sums);
    pair_put(t->out[0] + i, pair_defined(pair_root(v) * t->factor), is_couple);
}

static inline void put_variance(void *target, const kernel_input *in, const double *origin, int32_t i, const pair *sums,
                                bool is_couple) {
    const moments *t = target;
    (void)in;
    pair v = squares(t, origin, sums);
    pair_put(t->out[0] + i, pair_defined(v * t->factor), is_couple);
}

KERNEL_INLINE void run_bb_kernel(void *state, const kernel_input *in, int32_t from, int32_t to,
                                 double *const out[INDICATOR_OUTPUTS]) {
    int32_t length = (int32_t)in->param[0];
    moments target = moments_of(out, length, in->param[1] * sqrt(1.0 / length));
    blocks_run(state, &(blocks_job){1, 1, BLOCKS_SUM, .terms = moment_terms, .put = put_bb}, in, from, to, length,
               &target);
}
LANES_KERNEL(run_bb)

KERNEL_INLINE void run_bbw_kernel(void *state, const kernel_input *in, int32_t from, int32_t to,
                                  double *const out[INDICATOR_OUTPUTS]) {
    int32_t length = (int32_t)in->param[0];
    moments target = moments_of(out, length, in->param[1] * sqrt(1.0 / length));
    blocks_run(state, &(blocks_job){1, 1, BLOCKS_SUM, .terms = moment_terms, .put = put_bbw}, in, from, to, length,
               &target);
}
LANES_KERNEL(run_bbw)

/* Of one value the unbiased variance is 0 / 0. */
KERNEL_INLINE void run_stdev_kernel(void *state, const kernel_input *in, int32_t from, int32_t to,
                                    double *const out[INDICATOR_OUTPUTS]) {
    int32_t length = (int32_t)in->param[0];
    moments target = moments_of(out, length, sqrt(1.0 / (in->param[1] != 0 ? length : length - 1)));
    blocks_run(state, &(blocks_job){1, 1, BLOCKS_SUM, .terms = moment_terms, .put = put_stdev}, in, from, to, length,
               &target);
}
LANES_KERNEL(run_stdev)

KERNEL_INLINE void run_variance_kernel(void *state, const kernel_input *in, int32_t from, int32_t to,
                                       double *const out[INDICATOR_OUTPUTS]) {
    int32_t length = (int32_t)in->param[0];
    moments target = moments_of(out, length, 1.0 / (in->param[1] != 0 ? length : length - 1));
    blocks_run(state, &(blocks_job){1, 1, BLOCKS_SUM, .terms = moment_terms, .put = put_variance}, in, from, to, length,
               &target);
}
LANES_KERNEL(run_variance)

/* ---- correlation ---- */

static inline void product_terms(const kernel_input *in, int32_t i, const double *origin, pair *terms) {
    terms[0] = pair_load(in->source[0] + i) - origin[0];
    terms[1] = pair_load(in->source[1] + i) - origin[1];
    terms[2] = terms[0] * terms[0];
    terms[3] = terms[1] * terms[1];
    terms[4] = terms[0] * terms[1];
    terms[5] = (pair){0, 0};
}

static inline void put_correlation(void *target, const kernel_input *in, const double *origin, int32_t i,
                                   const pair *sums, bool is_couple) {
    const moments *t = target;
    (void)in;
    pair a = sums[0] * t->weight, b = sums[1] * t->weight, none = (pair){origin[0], origin[1]};
    pair va = sums[2] - sums[0] * a, vb = sums[3] - sums[1] * b;
    none *= none * t->none;
    va = pair_cut(va, (pair){none[0], none[0]}) * pair_cut(vb, (pair){none[1], none[1]});
    pair_put(t->out[0] + i, pair_defined((sums[4] - sums[0] * b) / pair_root(va)), is_couple);
}

static void run_correlation(void *state, const kernel_input *in, int32_t from, int32_t to,
                            double *const out[INDICATOR_OUTPUTS]) {
    int32_t length = (int32_t)in->param[0];
    moments target = moments_of(out, length, 1);
    assert(in->source[0] && in->source[1]);
    blocks_run(state, &(blocks_job){3, 2, BLOCKS_SUM, .terms = product_terms, .put = put_correlation}, in, from, to,
               length, &target);
}

/* ---- order ---- */

/* Up to here a window is one sorted array, gone through as a whole with each value: no branch to guess wrong. */
enum { SORTED_WINDOW = 64 };

typedef struct sorted_state {
    int64_t n;
    /* Sorted; infinite from n on, with room for two more than the length. Read and written in pairs, each of them within a
     * cache line: a pair that crosses into another page costs as much as the rest of a bar. */
    double value[] __attribute__((aligned(sizeof(pair))));
} sorted_state;

/* Takes `old` (infinite: nothing) out of sorted values and puts x in. */
KERNEL_INLINE void sorted_replace(double *value, int32_t length, double old, double x) {
    pair before = {-INFINITY, -INFINITY}, new = {x, x}, here = pair_load(value);
    for (int32_t k = 0; k < length; k += 2) {
        pair after = pair_load(value + k + 2);
        pair rest = pair_choose((pair_mask)(here < old), here, PAIR_BETWEEN(here, after));
        pair_store(value + k, pair_max(PAIR_BETWEEN(before, rest), pair_min(rest, new)));
        before = rest;
        here = after;
    }
}

KERNEL_INLINE void median_sorted_kernel(void *state, const kernel_input *in, int32_t from, int32_t to,
                                        double *const out[INDICATOR_OUTPUTS]) {
    sorted_state *s = state;
    const double *x = in->source[0];
    int32_t length = (int32_t)in->param[0], low = (length - 1) / 2, high = length / 2;
    for (int32_t i = from; i < to; i++) {
        out[0][i] = NAN;
        if (x[i] - x[i] != 0) {
            s->n = 0;
            continue;
        }
        for (int32_t k = 0; s->n == 0 && k < length + 2; k++) s->value[k] = INFINITY;
        sorted_replace(s->value, length, s->n == length ? x[i - length] : INFINITY, x[i]);
        if (s->n < length) s->n++;
        if (s->n == length) out[0][i] = (s->value[low] + s->value[high]) / 2;
    }
}
LANES_KERNEL(median_sorted)

static void run_median(void *state, const kernel_input *in, int32_t from, int32_t to,
                       double *const out[INDICATOR_OUTPUTS]) {
    int32_t length = (int32_t)in->param[0];
    if (length <= SORTED_WINDOW) {
        median_sorted(state, in, from, to, out);
        return;
    }
    for (int32_t i = from; i < to; i++) {
        order *o = state;
        bool is_whole = order_keep(o, in->source[0] + i, length) && o->n == length;
        out[0][i] = is_whole ? (order_select(o, (length - 1) / 2) + order_select(o, length / 2)) / 2 : NAN;
    }
}

/* Up to here the values are compared one by one. */
enum { COMPARED_WINDOW = 192 };

static void rank_compared(int64_t *n_before, const kernel_input *in, int32_t from, int32_t to, double *out) {
    const double *x = in->source[0];
    int32_t length = (int32_t)in->param[0];
    int64_t n = *n_before;
    for (int32_t i = from; i < to; i++) {
        bool is_number = x[i] - x[i] == 0;
        out[i] = n >= length && is_number ? 100 * (double)pair_count(x + i - length, length, x[i]) / length : NAN;
        n = is_number ? n + 1 : 0;
    }
    *n_before = n;
}

static void run_percentrank(void *state, const kernel_input *in, int32_t from, int32_t to,
                            double *const out[INDICATOR_OUTPUTS]) {
    int32_t length = (int32_t)in->param[0];
    if (length <= COMPARED_WINDOW) {
        rank_compared(state, in, from, to, out[0]);
        return;
    }
    for (int32_t i = from; i < to; i++) {
        order *o = state;
        double x = in->source[0][i];
        out[0][i] = o->n == length && x - x == 0 ? 100 * (double)order_count(o, x) / length : NAN;
        order_keep(o, in->source[0] + i, length);
    }
}

/* ---- sums ---- */

enum { CHUNK = 64 };

typedef struct total {
    double sum, lost; /* what each addition has lost is carried along */
} total;

static void run_cum(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    total *s = state;
    for (int32_t i = from, m; i < to; i += m) {
        const double *x = in->source[0] + i;
        double sum[CHUNK + 1], lost = s->lost;
        m = to - i < CHUNK ? to - i : CHUNK;
        sum[0] = s->sum;
        for (int32_t j = 0; j < m; j++) sum[j + 1] = sum[j] + (x[j] - x[j] == 0 ? x[j] : 0);
        for (int32_t j = 0; j < m; j++) {
            bool is_number = x[j] - x[j] == 0;
            double part = sum[j + 1] - sum[j];
            lost += (sum[j] - (sum[j + 1] - part)) + ((is_number ? x[j] : 0) - part);
            out[0][i + j] = is_number ? kernel_defined(sum[j + 1] + lost) : NAN;
        }
        s->sum = sum[m];
        s->lost = lost;
    }
}

typedef struct tally {
    int64_t n, n_true; /* values in a row; those that are not 0, of the window */
} tally;

static void run_count(void *state, const kernel_input *in, int32_t from, int32_t to,
                      double *const out[INDICATOR_OUTPUTS]) {
    const double *x = in->source[0];
    int32_t length = (int32_t)in->param[0];
    tally s = *(tally *)state;
    for (int32_t i = from; i < to; i++) {
        out[0][i] = NAN;
        if (isnan(x[i])) {
            s = (tally){0};
            continue;
        }
        s.n_true += x[i] != 0;
        if (s.n++ >= length) s.n_true -= x[i - length] != 0;
        if (s.n >= length) out[0][i] = (double)s.n_true;
    }
    *(tally *)state = s;
}

/* ---- the table ---- */

static size_t blocks_state(const double *param, int32_t interval) {
    return (void)interval, blocks_bytes(1, (int32_t)param[0]);
}
static size_t correlation_state(const double *param, int32_t interval) {
    return (void)interval, blocks_bytes(3, (int32_t)param[0]);
}

static size_t median_state(const double *param, int32_t interval) {
    int32_t length = (int32_t)param[0];
    (void)interval;
    return length <= SORTED_WINDOW ? sizeof(sorted_state) + (size_t)(length + 2) * sizeof(double) : order_bytes(length);
}
static size_t percentrank_state(const double *param, int32_t interval) {
    (void)interval;
    return param[0] <= COMPARED_WINDOW ? sizeof(int64_t) : order_bytes((int32_t)param[0]);
}
static int32_t depth_before(const double *param, int32_t interval) { return (void)interval, 1 + (int32_t)param[0]; }
static int32_t depth_total(const double *param, int32_t interval) {
    return (void)param, (void)interval, kernel_depth_at_least(0);
}

const kernel kernel_bb = {.name = "bb",
                          .n_sources = 1,
                          .n_params = 2,
                          .n_outputs = 3,
                          .params = {PARAM_LENGTH("length"), {"deviations", 0, 100, false}},
                          .run = run_bb,
                          .depth = kernel_depth_window,
                          .reach = kernel_reach_window,
                          .more_state_bytes = blocks_state};
const kernel kernel_bbw = {.name = "bbw",
                           .n_sources = 1,
                           .n_params = 2,
                           .n_outputs = 1,
                           .params = {PARAM_LENGTH("length"), {"deviations", 0, 100, false}},
                           .run = run_bbw,
                           .depth = kernel_depth_window,
                           .reach = kernel_reach_window,
                           .more_state_bytes = blocks_state};
const kernel kernel_stdev = {.name = "stdev",
                             .n_sources = 1,
                             .n_params = 2,
                             .n_outputs = 1,
                             .params = {PARAM_LENGTH("length"), PARAM_FLAG("biased")},
                             .run = run_stdev,
                             .depth = kernel_depth_window,
                             .reach = kernel_reach_window,
                             .more_state_bytes = blocks_state};
const kernel kernel_variance = {.name = "variance",
                                .n_sources = 1,
                                .n_params = 2,
                                .n_outputs = 1,
                                .params = {PARAM_LENGTH("length"), PARAM_FLAG("biased")},
                                .run = run_variance,
                                .depth = kernel_depth_window,
                                .reach = kernel_reach_window,
                                .more_state_bytes = blocks_state};
const kernel kernel_correlation = {.name = "correlation",
                                   .n_sources = 2,
                                   .n_params = 1,
                                   .n_outputs = 1,
                                   .params = {PARAM_LENGTH("length")},
                                   .run = run_correlation,
                                   .depth = kernel_depth_window,
                                   .reach = kernel_reach_window,
                                   .more_state_bytes = correlation_state};
const kernel kernel_median = {.name = "median",
                              .n_sources = 1,
                              .n_params = 1,
                              .n_outputs = 1,
                              .params = {PARAM_LENGTH("length")},
                              .run = run_median,
                              .depth = kernel_depth_window,
                              .reach = kernel_reach_window,
                              .more_state_bytes = median_state};
const kernel kernel_percentrank = {.name = "percentrank",
                                   .n_sources = 1,
                                   .n_params = 1,
                                   .n_outputs = 1,
                                   .params = {PARAM_LENGTH("length")},
                                   .run = run_percentrank,
                                   .depth = depth_before,
                                   .reach = kernel_reach_window,
                                   .more_state_bytes = percentrank_state};
const kernel kernel_cum = {
    .name = "cum", .n_sources = 1, .n_outputs = 1, .run = run_cum, .depth = depth_total, .state_bytes = sizeof(total)};
const kernel kernel_count = {.name = "count",
                             .n_sources = 1,
                             .n_params = 1,
                             .n_outputs = 1,
                             .params = {PARAM_LENGTH("length")},
                             .run = run_count,
                             .depth = kernel_depth_window,
                             .reach = kernel_reach_window,
                             .state_bytes = sizeof(tally)};
