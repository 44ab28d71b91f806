/* See bars.h. */
#include "indicator/bars.h"
#include "indicator/kernel.h"
#include "indicator/lanes.h"
#include <math.h>

/* No kernel writes what it reads: hence `restrict`. */
KERNEL_INLINE void hl2_loop(int32_t n, const double *high, const double *low, double *restrict out) {
    for (int32_t k = 0; k < n; k++) out[k] = (high[k] + low[k]) / 2;
}
LANES(hl2, (int32_t n, const double *high, const double *low, double *restrict out), (n, high, low, out))

static void run_hl2(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    (void)state;
    hl2(to - from, in->high + from, in->low + from, out[0] + from);
}

KERNEL_INLINE void hlc3_loop(int32_t n, const double *high, const double *low, const double *close,
                             double *restrict out) {
    for (int32_t k = 0; k < n; k++) out[k] = bars_third(high[k] + low[k] + close[k]);
}
LANES(hlc3, (int32_t n, const double *high, const double *low, const double *close, double *restrict out),
      (n, high, low, close, out))

static void run_hlc3(void *state, const kernel_input *in, int32_t from, int32_t to,
                     double *const out[INDICATOR_OUTPUTS]) {
    (void)state;
    hlc3(to - from, in->high + from, in->low + from, in->close + from, out[0] + from);
}

KERNEL_INLINE void ohlc4_loop(int32_t n, const double *open, const double *high, const double *low, const double *close,
                              double *restrict out) {
    for (int32_t k = 0; k < n; k++) out[k] = (open[k] + high[k] + low[k] + close[k]) / 4;
}
LANES(ohlc4,
      (int32_t n, const double *open, const double *high, const double *low, const double *close, double *restrict out),
      (n, open, high, low, close, out))

static void run_ohlc4(void *state, const kernel_input *in, int32_t from, int32_t to,
                      double *const out[INDICATOR_OUTPUTS]) {
    (void)state;
    ohlc4(to - from, in->open + from, in->high + from, in->low + from, in->close + from, out[0] + from);
}

/* How many bars of the slower interval had closed by `ms`. */
static int32_t closed_by(const kernel_slow *slow, int64_t ms) {
    int32_t low = 0, high = slow->count;
    int64_t floor_ms = interval_floor(slow->interval, ms);
    if (high > 0 && slow->open_ms[high - 1] < floor_ms) return high;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (slow->open_ms[middle] < floor_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void run_align(void *state, const kernel_input *in, int32_t from, int32_t to,
                      double *const out[INDICATOR_OUTPUTS]) {
    (void)state;
    for (int32_t i = from; i < to; i++) {
        int32_t count = closed_by(&in->slow, interval_next(in->interval, in->open_ms[i]));
        out[0][i] = count > 0 ? in->slow.values[count - 1] : NAN;
    }
}

/* Its values are put in from outside. */
static void run_own(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    (void)state, (void)in, (void)from, (void)to, (void)out;
}

static int32_t depth_own(const double *param, int32_t interval) {
    return (void)param, (void)interval, kernel_depth_at_least(0);
}

/* ---- the table ---- */

const kernel kernel_hl2 = {.name = "hl2", .n_outputs = 1, .run = run_hl2, .depth = kernel_depth_one};
const kernel kernel_hlc3 = {.name = "hlc3", .n_outputs = 1, .run = run_hlc3, .depth = kernel_depth_one};
const kernel kernel_ohlc4 = {.name = "ohlc4", .n_outputs = 1, .run = run_ohlc4, .depth = kernel_depth_one};

#define PARAM_HASH(name) \
    { name, 0, 281474976710655.0, true } /* 48 bits */
const kernel kernel_align = {
    .name = "align",
    .n_sources = 1,
    .n_params = 2,
    .n_outputs = 1,
    .params = {{"interval", 0, N_INTERVALS - 1, true}, {"symbol", 0, REGISTRY_SYMBOLS_MAX, true}},
    .run = run_align,
    .depth = kernel_depth_one};
const kernel kernel_own = {.name = "own",
                           .n_params = 4,
                           .n_outputs = 1,
                           .params = {PARAM_HASH("a"), PARAM_HASH("b"), PARAM_HASH("c"), PARAM_HASH("d")},
                           .run = run_own,
                           .depth = depth_own};
