/* See momentum.h. */
#include "indicator/momentum.h"
#include "indicator/kernel.h"
#include "indicator/smoothing.h"
#include <math.h>

typedef struct close_before {
    double close;
    int64_t n;
} close_before;

typedef struct rsi_state {
    close_before before;
    smoothing up, down;
    double value; /* newest; 0 while there is none */
} rsi_state;

static void run_rsi(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    rsi_state *s = state;
    int32_t length = (int32_t)in->param[0];
    for (int32_t i = from; i < to; i++) {
        double x = in->source[0][i], up, down;
        out[0][i] = NAN;
        if (isnan(x)) continue;
        if (s->before.n) {
            up = smoothing_rma(&s->up, fmax(x - s->before.close, 0), length);
            down = smoothing_rma(&s->down, fmax(s->before.close - x, 0), length);
            /* Without a change both averages shrink by the same factor: rounding must not let the RSI rise or fall. */
            if (x != s->before.close || s->value == 0)
                s->value = up > 0 || down > 0 ? 100 - 100 / (1 + up / down) : 0; /* down = 0: 100; a flat start: none */
            if (up > 0 || down > 0) out[0][i] = s->value;
        }
        s->before.close = x;
        s->before.n = 1;
    }
}

/* ---- the table ---- */

const kernel kernel_rsi = {.name = "rsi",
                           .n_sources = 1,
                           .n_params = 1,
                           .n_outputs = 1,
                           .params = {PARAM_LENGTH("length")},
                           .run = run_rsi,
                           .depth = kernel_depth_wilder,
                           .state_bytes = sizeof(rsi_state)};
