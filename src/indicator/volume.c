/* See volume.h. */
#include "indicator/volume.h"
#include "indicator/kernel.h"
#include <math.h>

static const int32_t anchor_interval[] = {INTERVAL_1D, INTERVAL_1W, INTERVAL_1MO};

typedef struct vwap_state {
    double price_volume, volume;
    int64_t session_ms;
    int64_t is_anchored; /* a session has begun since the epoch; before that there is no value */
} vwap_state;

static void run_vwap(void *state, const kernel_input *in, int32_t from, int32_t to,
                     double *const out[INDICATOR_OUTPUTS]) {
    vwap_state *s = state;
    int32_t anchor = anchor_interval[(int32_t)in->param[0]];
    for (int32_t i = from; i < to; i++) {
        double x = in->source[0][i];
        int64_t session = interval_floor(anchor, in->open_ms[i]);
        out[0][i] = NAN;
        if (isnan(x)) continue;
        if (session != s->session_ms) {
            s->is_anchored = s->is_anchored || s->session_ms != 0 || session == in->open_ms[i];
            *s = (vwap_state){.session_ms = session, .is_anchored = s->is_anchored};
        }
        s->price_volume += x * in->volume[i];
        s->volume += in->volume[i];
        if (s->is_anchored && s->volume > 0) out[0][i] = kernel_defined(s->price_volume / s->volume);
    }
}

/* ---- the table ---- */

static int32_t depth_session(const double *param, int32_t interval) {
    int64_t bars = interval_ms(anchor_interval[(int32_t)param[0]]) / interval_ms(interval);
    return bars < 1 ? 1 : (int32_t)bars;
}

const kernel kernel_vwap = {.name = "vwap",
                            .n_sources = 1,
                            .n_params = 1,
                            .n_outputs = 1,
                            .params = {{"anchor", 0, 2, true}},
                            .run = run_vwap,
                            .depth = depth_session,
                            .state_bytes = sizeof(vwap_state)};
