/* See range.h. */
#include "indicator/range.h"
#include "indicator/kernel.h"
#include "indicator/smoothing.h"
#include <math.h>

static inline double true_range(const kernel_input *in, int32_t i, double previous_close) {
    double range = in->high[i] - in->low[i];
    if (isnan(previous_close)) return range;
    return fmax(range, fmax(fabs(in->high[i] - previous_close), fabs(in->low[i] - previous_close)));
}

typedef struct close_before {
    double close;
    int64_t n;
} close_before;

static void run_tr(void *state, const kernel_input *in, int32_t from, int32_t to,
                   double *const out[INDICATOR_OUTPUTS]) {
    close_before *s = state;
    for (int32_t i = from; i < to; i++) {
        out[0][i] = s->n || in->param[0] != 0 ? true_range(in, i, s->n ? s->close : NAN) : NAN;
        s->close = in->close[i];
        s->n = 1;
    }
}

typedef struct atr_state {
    close_before before;
    smoothing range;
} atr_state;

static void run_atr(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    atr_state *s = state;
    int32_t length = (int32_t)in->param[0];
    for (int32_t i = from; i < to; i++) {
        out[0][i] =
            kernel_defined(smoothing_rma(&s->range, true_range(in, i, s->before.n ? s->before.close : NAN), length));
        s->before.close = in->close[i];
        s->before.n = 1;
    }
}

typedef struct extreme_state {
    int64_t n, age; /* defined values in a row; bars since the extreme */
} extreme_state;

static inline void run_extreme(void *state, const kernel_input *in, int32_t from, int32_t to, double *out,
                               double sign) {
    extreme_state *s = state;
    const double *x = in->source[0];
    int32_t length = (int32_t)in->param[0];
    for (int32_t i = from; i < to; i++) {
        out[i] = NAN;
        if (isnan(x[i])) {
            s->n = 0;
            continue;
        }
        s->age++;
        if (s->n++ == 0 || sign * x[i] >= sign * x[i - s->age]) {
            s->age = 0;
        } else if (s->age >= length) { /* the extreme has left the window: the newest of what is left */
            s->age = 0;
            for (int32_t k = 1; k < length; k++)
                if (sign * x[i - k] > sign * x[i - s->age]) s->age = k;
        }
        if (s->n >= length) out[i] = kernel_defined(x[i - s->age]);
    }
}

static void run_highest(void *state, const kernel_input *in, int32_t from, int32_t to,
                        double *const out[INDICATOR_OUTPUTS]) {
    run_extreme(state, in, from, to, out[0], 1);
}

static void run_lowest(void *state, const kernel_input *in, int32_t from, int32_t to,
                       double *const out[INDICATOR_OUTPUTS]) {
    run_extreme(state, in, from, to, out[0], -1);
}

/* ---- the table ---- */

const kernel kernel_tr = {.name = "tr",
                          .n_params = 1,
                          .n_outputs = 1,
                          .params = {PARAM_FLAG("handle_na")},
                          .run = run_tr,
                          .depth = kernel_depth_two,
                          .state_bytes = sizeof(close_before)};
const kernel kernel_atr = {.name = "atr",
                           .n_params = 1,
                           .n_outputs = 1,
                           .params = {PARAM_LENGTH("length")},
                           .run = run_atr,
                           .depth = kernel_depth_wilder,
                           .state_bytes = sizeof(atr_state)};
const kernel kernel_highest = {.name = "highest",
                               .n_sources = 1,
                               .n_params = 1,
                               .n_outputs = 1,
                               .params = {PARAM_LENGTH("length")},
                               .run = run_highest,
                               .depth = kernel_depth_window,
                               .reach = kernel_reach_window,
                               .state_bytes = sizeof(extreme_state)};
const kernel kernel_lowest = {.name = "lowest",
                              .n_sources = 1,
                              .n_params = 1,
                              .n_outputs = 1,
                              .params = {PARAM_LENGTH("length")},
                              .run = run_lowest,
                              .depth = kernel_depth_window,
                              .reach = kernel_reach_window,
                              .state_bytes = sizeof(extreme_state)};
