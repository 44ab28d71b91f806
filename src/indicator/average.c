/* See average.h. */
#include "indicator/average.h"
#include "indicator/kernel.h"
#include "indicator/smoothing.h"
#include "indicator/window.h"

static void run_sma(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    window_run(state, in->source[0] + from, in->number + from, to - from, (int32_t)in->param[0], out[0] + from);
}

static void run_ema(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    smoothing s = *(smoothing *)state;
    int32_t length = (int32_t)in->param[0];
    for (int32_t i = from; i < to; i++) out[0][i] = kernel_defined(smoothing_ema(&s, in->source[0][i], length));
    *(smoothing *)state = s;
}

static void run_rma(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    smoothing s = *(smoothing *)state;
    int32_t length = (int32_t)in->param[0];
    for (int32_t i = from; i < to; i++) out[0][i] = kernel_defined(smoothing_rma(&s, in->source[0][i], length));
    *(smoothing *)state = s;
}

typedef struct macd_state {
    smoothing fast, slow, signal;
} macd_state;

static void run_macd(void *state, const kernel_input *in, int32_t from, int32_t to,
                     double *const out[INDICATOR_OUTPUTS]) {
    macd_state *s = state;
    int32_t fast = (int32_t)in->param[0], slow = (int32_t)in->param[1], signal = (int32_t)in->param[2];
    for (int32_t i = from; i < to; i++) {
        double x = in->source[0][i];
        double line = kernel_defined(smoothing_ema(&s->fast, x, fast) - smoothing_ema(&s->slow, x, slow));
        double smooth = smoothing_ema(&s->signal, line, signal);
        out[0][i] = line;
        out[1][i] = kernel_defined(smooth);
        out[2][i] = kernel_defined(line - smooth);
    }
}

/* ---- the table ---- */

static int32_t depth_macd(const double *param, int32_t interval) {
    (void)interval;
    return kernel_depth_at_least(10 * (int32_t)fmax(param[0], fmax(param[1], param[2])));
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
const kernel kernel_ema = {.name = "ema",
                           .n_sources = 1,
                           .n_params = 1,
                           .n_outputs = 1,
                           .params = {PARAM_LENGTH("length")},
                           .run = run_ema,
                           .depth = kernel_depth_recursive,
                           .state_bytes = sizeof(smoothing)};
const kernel kernel_rma = {.name = "rma",
                           .n_sources = 1,
                           .n_params = 1,
                           .n_outputs = 1,
                           .params = {PARAM_LENGTH("length")},
                           .run = run_rma,
                           .depth = kernel_depth_wilder,
                           .state_bytes = sizeof(smoothing)};
const kernel kernel_macd = {.name = "macd",
                            .n_sources = 1,
                            .n_params = 3,
                            .n_outputs = 3,
                            .params = {PARAM_LENGTH("fast"), PARAM_LENGTH("slow"), PARAM_LENGTH("signal")},
                            .run = run_macd,
                            .depth = depth_macd,
                            .state_bytes = sizeof(macd_state)};
