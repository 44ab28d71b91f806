/* See vwap.h. */
#include "indicator/vwap.h"
#include "indicator/kernel.h"
#include "indicator/stretch.h"
#include <math.h>

static const int32_t anchor_interval[] = {INTERVAL_1D, INTERVAL_1W, INTERVAL_1MO};

/* Prices are measured from the session's first one, so that a price that stands still is its own average to the last
 * bit, and a small deviation from a large price is not lost. */
typedef struct session {
    double base, sum, volume; /* sum: of volume x (source - base) */
    int64_t end_ms;           /* where it ends, exclusive; 0: there has been no bar since the epoch */
    int64_t is_anchored;      /* its start is known; before that there is no value */
} session;

/* Begins a new session when it is time, and says how many bars from `i` on can be weighed at once; 0 when bar `i` has no
 * value: no start is known yet, it is undefined, or nothing has been traded. */
static inline int32_t session_stretch(session *s, const kernel_input *in, int32_t anchor, int32_t i, int32_t to) {
    double x = in->source[0][i], volume = in->volume[i];
    int32_t n = stretch_to(i, to);
    if (in->open_ms[i] >= s->end_ms) {
        int64_t start_ms = interval_floor(anchor, in->open_ms[i]);
        bool is_anchored = s->end_ms != 0 || start_ms == in->open_ms[i];
        *s = (session){.end_ms = interval_next(anchor, start_ms), .is_anchored = is_anchored};
    }
    if (!s->is_anchored || stretch_undefined(x + volume) || (s->volume == 0 && volume == 0)) return 0;
    if (s->volume == 0) s->base = x;
    while (in->open_ms[i + n - 1] >= s->end_ms) n--;
    return n;
}

/* Weighs n bars; false, and the session is what it was, when one of them is undefined. */
static inline bool vwap_stretch(session *s, const kernel_input *in, int32_t i, int32_t n, double *out) {
    const double *x = in->source[0] + i, *v = in->volume + i;
    double sum[STRETCH], volume[STRETCH], a = s->sum, b = s->volume, base = s->base;
    for (int32_t k = 0; k < n; k++) {
        sum[k] = a += (x[k] - base) * v[k];
        volume[k] = b += v[k];
    }
    if (stretch_undefined(a + b)) return false;
    for (int32_t k = 0; k < n; k++) out[i + k] = kernel_defined(base + sum[k] / volume[k]);
    s->sum = a;
    s->volume = b;
    return true;
}

static void run_vwap(void *state, const kernel_input *in, int32_t from, int32_t to,
                     double *const out[INDICATOR_OUTPUTS]) {
    int32_t anchor = anchor_interval[(int32_t)in->param[0]];
    for (int32_t i = from, n; i < to; i += n) {
        n = session_stretch(state, in, anchor, i, to);
        if (n == 0)
            n = stretch_skip(out[0], i);
        else if (!vwap_stretch(state, in, i, n, out[0]))
            n = vwap_stretch(state, in, i, 1, out[0]) ? 1 : stretch_skip(out[0], i);
    }
}

/* The squares around the mean as West updates them (1979): a bar of volume v adds (x - mean before)^2 * v * V / (v + V),
 * V being the volume before. Each term is positive, so no difference of large numbers is ever taken; and the mean before
 * comes from the sums, so that no bar has to wait for the mean of the one before. */
typedef struct bands_state {
    session session;
    double mean, squares; /* of the session; the mean less the base */
} bands_state;

static inline bool bands_stretch(bands_state *s, double mult, const kernel_input *in, int32_t i, int32_t n,
                                 double *const out[INDICATOR_OUTPUTS]) {
    const double *x = in->source[0], *v = in->volume;
    double base = s->session.base, sum = s->session.sum, volume = s->session.volume;
    double mean = volume > 0 ? s->mean : 0, squares = volume > 0 ? s->squares : 0;
    for (int32_t k = i; k < i + n; k++) {
        double d = x[k] - base, off = d - mean, before = volume, per_volume, vwap, width;
        sum += d * v[k];
        volume += v[k];
        per_volume = 1 / volume;
        mean = sum / volume;
        squares += off * off * (v[k] * (before * per_volume));
        vwap = kernel_defined(base + mean);
        width = mult * sqrt(squares * per_volume);
        out[0][k] = vwap;
        out[1][k] = kernel_defined(vwap + width);
        out[2][k] = kernel_defined(vwap - width);
    }
    if (stretch_undefined(sum + volume)) return false;
    s->session.sum = sum;
    s->session.volume = volume;
    s->mean = mean;
    s->squares = squares;
    return true;
}

static void run_vwap_bands(void *state, const kernel_input *in, int32_t from, int32_t to,
                           double *const out[INDICATOR_OUTPUTS]) {
    bands_state *s = state;
    int32_t anchor = anchor_interval[(int32_t)in->param[1]];
    for (int32_t i = from, n; i < to; i += n) {
        n = session_stretch(&s->session, in, anchor, i, to);
        if (n > 0 && bands_stretch(s, in->param[0], in, i, n, out)) continue;
        if (n > 0 && bands_stretch(s, in->param[0], in, i, 1, out))
            n = 1;
        else
            for (int32_t o = 0; o < 3; o++) n = stretch_skip(out[o], i);
    }
}

/* ---- the table ---- */

static int32_t session_bars(double anchor, int32_t interval) {
    int64_t bars = interval_ms(anchor_interval[(int32_t)anchor]) / interval_ms(interval);
    return bars < 1 ? 1 : (int32_t)bars;
}

static int32_t depth_vwap(const double *param, int32_t interval) { return session_bars(param[0], interval); }
static int32_t depth_bands(const double *param, int32_t interval) { return session_bars(param[1], interval); }

#define PARAM_ANCHOR \
    { "anchor", 0, 2, true }

const kernel kernel_vwap = {.name = "vwap",
                            .n_sources = 1,
                            .n_params = 1,
                            .n_outputs = 1,
                            .params = {PARAM_ANCHOR},
                            .run = run_vwap,
                            .depth = depth_vwap,
                            .state_bytes = sizeof(session)};
const kernel kernel_vwap_bands = {.name = "vwap_bands",
                                  .n_sources = 1,
                                  .n_params = 2,
                                  .n_outputs = 3,
                                  .params = {{"mult", 0, 100, false}, PARAM_ANCHOR},
                                  .run = run_vwap_bands,
                                  .depth = depth_bands,
                                  .state_bytes = sizeof(bands_state)};
