/* See average.h. */
#include "indicator/average.h"
#include "indicator/kernel.h"
#include "indicator/window.h"
#include <math.h>
#include <string.h>

enum { STRETCH = 256 };

static void run_sma(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    window_run(state, in->source[0] + from, in->number + from, to - from, (int32_t)in->param[0], out[0] + from);
}

/* ---- linear weights ---- */

static window_line line_of_wma(int32_t length) {
    return (window_line){.weighted = 1, .divisor = length * (length + 1.0) / 2};
}

static void run_wma(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    int32_t length = (int32_t)in->param[0];
    window_weigh(state, in->source[0] + from, in->number + from, to - from, length, line_of_wma(length), out[0] + from);
}

/* Least squares over the places 1..n: slope = (12 W - 6 (n + 1) S) / (n (n^2 - 1)) and S / n at the middle, where S is the
 * sum and W the weighted one. At the place n - offset that is a sum of both. */
static void run_linreg(void *state, const kernel_input *in, int32_t from, int32_t to,
                       double *const out[INDICATOR_OUTPUTS]) {
    double n = in->param[0], twice_from_middle = n - 1 - 2 * in->param[1];
    window_line line = {.sum = n * n - 1 - 3 * (n + 1) * twice_from_middle,
                        .weighted = 6 * twice_from_middle,
                        .divisor = n * (n * n - 1)};
    if (in->param[1] == 0) line = (window_line){-2 * (n + 1), 6, n * (n + 1)};
    window_weigh(state, in->source[0] + from, in->number + from, to - from, (int32_t)n, line, out[0] + from);
}

/* ---- HMA ----
 *
 * wma(2 wma(n / 2) - wma(n), sqrt(n)): the newest sqrt(n) values of the inner difference are kept. */

typedef struct hma_state {
    window half, whole, last;
    double inner[]; /* oldest first */
} hma_state;

static int32_t half_of(int32_t length) { return length > 1 ? length / 2 : 1; }
static int32_t root_of(int32_t length) { return (int32_t)sqrt(length); }

static void run_hma(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    hma_state *s = state;
    int32_t length = (int32_t)in->param[0], half = half_of(length), root = root_of(length);
    double shorter[STRETCH], inner[STRETCH + 71]; /* 71 > sqrt(LENGTH_MAX) */
    double *newest = inner + root;
    memcpy(inner, s->inner, (size_t)root * sizeof *inner);
    for (int32_t i = from, n; i < to; i += n) {
        const double *x = in->source[0] + i;
        n = to - i < STRETCH ? to - i : STRETCH;
        window_weigh(&s->half, x, in->number + i, n, half, line_of_wma(half), shorter);
        window_weigh(&s->whole, x, in->number + i, n, length, line_of_wma(length), newest);
        for (int32_t k = 0; k < n; k++) newest[k] = 2 * shorter[k] - newest[k];
        window_weigh(&s->last, newest, in->number + i, n, root, line_of_wma(root), out[0] + i);
        memmove(inner, inner + n, (size_t)root * sizeof *inner);
    }
    memcpy(s->inner, inner, (size_t)root * sizeof *inner);
}

/* ---- VWMA ---- */

typedef struct vwma_state {
    window traded, volume;
} vwma_state;

static void run_vwma(void *state, const kernel_input *in, int32_t from, int32_t to,
                     double *const out[INDICATOR_OUTPUTS]) {
    vwma_state *s = state;
    int32_t length = (int32_t)in->param[0];
    double volume[STRETCH];
    for (int32_t i = from, n; i < to; i += n) {
        const double *x = in->source[0] + i;
        double *mean = out[0] + i;
        n = to - i < STRETCH ? to - i : STRETCH;
        window_mean(&s->traded, (window_source){x, in->volume + i}, in->number + i, n, length, mean);
        window_mean(&s->volume, (window_source){in->volume + i, NULL}, in->number + i, n, length, volume);
        for (int32_t k = 0; k < n; k++) mean[k] = kernel_defined(mean[k] / volume[k]);
        window_level(&s->traded.n_equal, x, n, length, mean);
        for (int32_t k = 0; k < n; k++) mean[k] = volume[k] > 0 ? mean[k] : NAN;
    }
}

/* ---- ALMA ----
 *
 * Gaussian weights have no rolling form: each value is a sum over the window. Four partial sums, in an order that a single
 * bar and a range of them share. */

typedef struct alma_state {
    int32_t n, n_equal; /* bars seen, at most length */
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

static inline double dot(const double *weight, const double *x, int32_t n) {
    double a = 0, b = 0, c = 0, d = 0;
    int32_t k = 0;
    for (; k + 3 < n; k += 4) {
        a += weight[k] * x[k];
        b += weight[k + 1] * x[k + 1];
        c += weight[k + 2] * x[k + 2];
        d += weight[k + 3] * x[k + 3];
    }
    if (k < n) a += weight[k] * x[k];
    if (k + 1 < n) b += weight[k + 1] * x[k + 1];
    if (k + 2 < n) c += weight[k + 2] * x[k + 2];
    return (a + b) + (c + d);
}

static void run_alma(void *state, const kernel_input *in, int32_t from, int32_t to,
                     double *const out[INDICATOR_OUTPUTS]) {
    alma_state *s = state;
    int32_t length = (int32_t)in->param[0];
    const double *x = in->source[0];
    if (s->n == 0) weigh(in->param, s->weight);
    for (int32_t i = from; i < to; i++) {
        if (s->n < length) s->n++;
        out[0][i] = s->n < length ? NAN : kernel_defined(dot(s->weight, x + i - length + 1, length));
    }
    window_level(&s->n_equal, x + from, to - from, length, out[0] + from);
}

/* ---- the table ---- */

static int32_t depth_hma(const double *param, int32_t interval) {
    (void)interval;
    return (int32_t)param[0] + root_of((int32_t)param[0]) - 1;
}
static size_t more_for_hma(const double *param, int32_t interval) {
    return (void)interval, (size_t)root_of((int32_t)param[0]) * sizeof(double);
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
                            .state_bytes = sizeof(vwma_state)};
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
