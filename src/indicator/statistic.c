/* See statistic.h. */
#include "indicator/statistic.h"
#include "indicator/kernel.h"
#include "indicator/window.h"
#include <math.h>

/* Two passes over the window: exact on a plateau, where rolling squares leave a residue. A range below 1e-10 of the
 * price counts as zero. */
static double deviation(const double *x, int32_t length, double mean) {
    double sum = 0;
    for (int32_t k = 0; k < length; k++) sum += (x[k] - mean) * (x[k] - mean);
    sum = sqrt(sum / length);
    return sum < 1e-10 * fabs(mean) ? 0 : sum;
}

static void run_bb(void *state, const kernel_input *in, int32_t from, int32_t to,
                   double *const out[INDICATOR_OUTPUTS]) {
    window *s = state;
    int32_t length = (int32_t)in->param[0];
    for (int32_t i = from; i < to; i++) {
        double basis = kernel_defined(window_step(s, in->source[0], in->number, i, length)), width = NAN;
        if (!isnan(basis)) width = in->param[1] * deviation(in->source[0] + i - length + 1, length, basis);
        out[0][i] = basis;
        out[1][i] = kernel_defined(basis + width);
        out[2][i] = kernel_defined(basis - width);
    }
}

/* ---- the table ---- */

const kernel kernel_bb = {.name = "bb",
                          .n_sources = 1,
                          .n_params = 2,
                          .n_outputs = 3,
                          .params = {PARAM_LENGTH("length"), {"deviations", 0, 100, false}},
                          .run = run_bb,
                          .depth = kernel_depth_window,
                          .reach = kernel_reach_window,
                          .state_bytes = sizeof(window)};
