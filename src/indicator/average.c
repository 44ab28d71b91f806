/* See average.h. */
#include "indicator/average.h"
#include "indicator/kernel.h"
#include "indicator/volume_mean.h"
#include "indicator/window.h"
#include <math.h>
#include <string.h>

static void run_sma(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    window_run(state, in->source[0] + from, in->number + from, to - from, (int32_t)in->param[0], out[0] + from);
}

/* ---- linear weights ---- */

static void run_wma(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    window *s = state;
    int32_t length = (int32_t)in->param[0];
    const double *x = in->source[0] + from;
    window_weigh(s, x, in->number + from, to - from, length, out[0] + from);
    window_level(&s->n_equal, x, to - from, length, out[0] + from);
}

/* Least squares over the places 1..n: slope = (12 W - 6 (n + 1) S) / (n (n^2 - 1)) and S / n at the middle, where S is the
 * sum and W the weighted one. At the place n - offset that is a sum of both. */
static void run_linreg(void *state, const kernel_input *in, int32_t from, int32_t to,
                       double *const out[INDICATOR_OUTPUTS]) {
    window *s = state;
    const double *x = in->source[0] + from;
    double n = in->param[0], twice = n - 1 - 2 * in->param[1]; /* the distance from the middle */
    double by_weighted = 6 * twice / (n * (n * n - 1)), by_sum = 1 / n - by_weighted * (n + 1) / 2;
    window_line(s, x, in->number + from, to - from, (int32_t)n, by_sum, by_weighted, out[0] + from);
    window_level(&s->n_equal, x, to - from, (int32_t)n, out[0] + from);
}

/* ---- HMA ----
 *
 * wma(2 wma(n / 2) - wma(n), sqrt(n)). The outer average has at most 70 terms and is added up anew for each bar: that is no
 * more work than a rolling sum of values that are no decimals. */

enum { ROOT_MAX = 70 }; /* of LENGTH_MAX */

static const double places[ROOT_MAX] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18,
                                        19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36,
                                        37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54,
                                        55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70};

typedef struct hma_state {
    window whole;
    window_sums half;
    int32_t root, end;        /* sqrt(length), 0 at first; end of the inner values kept */
    double by_half, by_whole; /* what the inner sums count, over the sum of the outer weights */
    double inner[];           /* oldest first; room for more than are needed, so that they move but now and then */
} hma_state;

static int32_t half_of(int32_t length) { return length > 1 ? length / 2 : 1; }
static double total_of(int32_t length) { return length * (length + 1.0) / 2; } /* sum of linear weights */
static int32_t root_of(int32_t length) { return (int32_t)sqrt(length); }

static int32_t inner_capacity(int32_t root) { return root + ROOT_MAX; }

/* Where the first of `n` more inner values goes, with those before it in place. */
static double *inner_place(hma_state *s, int32_t n, double *room) {
    double *to = n > s->root ? room : s->inner;
    if (n <= s->root && s->end + n <= inner_capacity(s->root)) return s->inner + s->end;
    memmove(to, s->inner + s->end - s->root, (size_t)s->root * sizeof *to);
    s->end = s->root;
    return to + s->root;
}

__attribute__((noinline)) static void hma_many(void *state, const kernel_input *in, int32_t from, int32_t to,
                                               double *const out[INDICATOR_OUTPUTS]) {
    hma_state *s = state;
    int32_t length = (int32_t)in->param[0], half = half_of(length);
    double room[ROOT_MAX + STRETCH];
    if (s->root == 0) {
        s->root = s->end = root_of(length);
        s->by_half = 2 / total_of(half) / total_of(s->root);
        s->by_whole = -1 / total_of(length) / total_of(s->root);
    }
    for (int32_t i = from, n; i < to; i += n) {
        const double *x = in->source[0] + i;
        double *inner, *outer = out[0] + i;
        n = to - i < STRETCH ? to - i : STRETCH;
        inner = inner_place(s, n, room);
        window_both(&s->whole, &s->half, x, in->number + i, n, length, half, s->by_half, s->by_whole, inner);
        window_dots(places, inner - s->root + 1, s->root, n, outer);
        window_level(&s->whole.n_equal, x, n, length + s->root - 1, outer);
        s->end += n;
        if (n > s->root) {
            memcpy(s->inner, inner + n - s->root, (size_t)s->root * sizeof *inner);
            s->end = s->root;
        }
    }
}

/* A single bar with room for its inner value has its way written out. */
static void run_hma(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    hma_state *s = state;
    int32_t length = (int32_t)in->param[0], root = s->root;
    const double *x = in->source[0] + from;
    double *inner = s->inner + s->end;
    if (to - from != 1 || root == 0 || s->end == inner_capacity(root)) {
        hma_many(state, in, from, to, out);
        return;
    }
    s->end++;
    window_both(&s->whole, &s->half, x, in->number + from, 1, length, half_of(length), s->by_half, s->by_whole, inner);
    out[0][from] = window_dot(places, inner - root + 1, root);
    window_level_one(&s->whole.n_equal, x, length + root - 1, out[0] + from);
}

/* ---- VWMA ---- */

static void run_vwma(void *state, const kernel_input *in, int32_t from, int32_t to,
                     double *const out[INDICATOR_OUTPUTS]) {
    const double *x = in->source[0];
    int32_t length = (int32_t)in->param[0];
    if (to - from == 1) {
        out[0][from] = volume_mean_step(state, x[from], in->volume[from], length);
        return;
    }
    for (int32_t i = from, n; i < to; i += n) {
        n = stretch_to(i, to);
        volume_mean_run(state, x + i, in->volume + i, n, length, out[0] + i);
    }
}

/* ---- ALMA ----
 *
 * Gaussian weights have no rolling form: each value is a sum over the window. Four partial sums, in an order that a single
 * bar and a range of them share. */

typedef struct alma_state {
    int32_t n, n_equal; /* bars seen, at most length - 1 */
    double weight[];    /* oldest first; their sum is 1 */
} alma_state;

static void weigh(const double *param, double *weight) {
    int32_t length = (int32_t)param[0];
    double middle = param[1] * (length - 1), width = length / param[2], sum = 0;
    if (param[3] != 0) middle = floor(middle);
    for (int32_t k = 0; k < length; k++) {
        weight[k] = exp(-(k - middle) * (k - middle) / (2 * width * width));
        sum += weight[k];
    }
    for (int32_t k = 0; k < length; k++) weight[k] /= sum;
}

static void run_alma(void *state, const kernel_input *in, int32_t from, int32_t to,
                     double *const out[INDICATOR_OUTPUTS]) {
    alma_state *s = state;
    int32_t length = (int32_t)in->param[0];
    const double *x = in->source[0];
    if (s->n_equal == 0) weigh(in->param, s->weight);
    int32_t i = from;
    for (; i < to && s->n < length - 1; i++, s->n++) out[0][i] = NAN;
    window_dots(s->weight, x + i - length + 1, length, to - i, out[0] + i);
    window_level(&s->n_equal, x + from, to - from, length, out[0] + from);
}

/* ---- the table ---- */

static int32_t depth_hma(const double *param, int32_t interval) {
    (void)interval;
    return (int32_t)param[0] + root_of((int32_t)param[0]) - 1;
}
static size_t more_for_hma(const double *param, int32_t interval) {
    return (void)interval, (size_t)inner_capacity(root_of((int32_t)param[0])) * sizeof(double);
}
static size_t more_for_vwma(const double *param, int32_t interval) {
    return (void)interval, volume_mean_bytes((int32_t)param[0]);
}
static size_t more_for_alma(const double *param, int32_t interval) {
    return (void)interval, (size_t)param[0] * sizeof(double);
}

const kernel kernel_sma = {.name = "sma",
                           .n_sources = 1,
                           .n_params = 1,
                           .n_outputs = 1,
                           .params = {PARAM_LENGTH("length")},
                           .run = run_sma,
                           .depth = kernel_depth_window,
                           .reach = kernel_reach_window,
                           .state_bytes = sizeof(window)};
const kernel kernel_wma = {.name = "wma",
                           .n_sources = 1,
                           .n_params = 1,
                           .n_outputs = 1,
                           .params = {PARAM_LENGTH("length")},
                           .run = run_wma,
                           .depth = kernel_depth_window,
                           .reach = kernel_reach_window,
                           .state_bytes = sizeof(window)};
const kernel kernel_hma = {.name = "hma",
                           .n_sources = 1,
                           .n_params = 1,
                           .n_outputs = 1,
                           .params = {PARAM_LENGTH("length")},
                           .run = run_hma,
                           .depth = depth_hma,
                           .reach = kernel_reach_window,
                           .state_bytes = sizeof(hma_state),
                           .more_state_bytes = more_for_hma};
const kernel kernel_vwma = {.name = "vwma",
                            .n_sources = 1,
                            .n_params = 1,
                            .n_outputs = 1,
                            .params = {PARAM_LENGTH("length")},
                            .run = run_vwma,
                            .depth = kernel_depth_window,
                            .reach = kernel_reach_window,
                            .more_state_bytes = more_for_vwma};
const kernel kernel_alma = {
    .name = "alma",
    .n_sources = 1,
    .n_params = 4,
    .n_outputs = 1,
    .params = {PARAM_LENGTH("length"), {"offset", 0, 1, false}, {"sigma", 0.01, 1000, false}, PARAM_FLAG("floor")},
    .run = run_alma,
    .depth = kernel_depth_window,
    .reach = kernel_reach_window,
    .state_bytes = sizeof(alma_state),
    .more_state_bytes = more_for_alma};
const kernel kernel_linreg = {.name = "linreg",
                              .n_sources = 1,
                              .n_params = 2,
                              .n_outputs = 1,
                              .params = {PARAM_LENGTH("length"), {"offset", -LENGTH_MAX, LENGTH_MAX, true}},
                              .run = run_linreg,
                              .depth = kernel_depth_window,
                              .reach = kernel_reach_window,
                              .state_bytes = sizeof(window)};
