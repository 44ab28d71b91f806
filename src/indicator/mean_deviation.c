/* Mean absolute deviation from the mean, and the commodity channel index that is made of it (kernels of statistic.h and
 * momentum.h).
 *
 * The mean moves with every bar, so no rolling sum helps. A short window is gone through at each bar, two values at a time.
 * A long one is kept in order: with n values at or below the mean, s their sum, S the sum of all N, the deviations add up
 * to (S - 2 s) - (N - 2 n) x mean, in O(log N).
 * A mean is an origin and a shift from it, and values are taken as differences from the origin: a mean that is rounded to
 * a double has an error that small moves of a large price would see. */
#include "indicator/mean_deviation.h"
#include "indicator/blocks.h"
#include "indicator/kernel.h"
#include "indicator/order.h"
#include <assert.h>
#include <math.h>

/* From here on a window is kept in order: both ways take as long. */
enum { LONG_WINDOW = 640 };

typedef struct deviation {
    double distance,
        mean; /* of the newest value from the mean; mean absolute deviation, 0 if below 1e-10 of the price */
} deviation;

static inline pair difference_term(const kernel_input *in, int32_t i, double origin) {
    return (pair){in->source[0][i] - origin, 0};
}

/* Four sums at a time, since one would be a chain of additions. */
static inline double sum_of_sizes(const double *x, int32_t length, double origin, double shift) {
    pair a = {0, 0}, b = {0, 0};
    double rest = 0;
    int32_t k = 0;
    for (; k + 4 <= length; k += 4) {
        a += pair_size(pair_load(x + k) - origin - shift);
        b += pair_size(pair_load(x + k + 2) - origin - shift);
    }
    for (; k < length; k++) rest += fabs(x[k] - origin - shift);
    a += b;
    return a[0] + a[1] + rest;
}

/* The high parts cancel without rounding, and so do the low ones. */
static double sum_in_order(const order *o, double origin, double shift) {
    order_part below = order_below(o, origin + shift), all = order_all(o);
    double n = (double)(all.n - 2 * below.n), high, low;
    order_split(o, origin, &high, &low);
    high = (all.high - 2 * below.high) - n * high;
    low = (all.low - 2 * below.low) - n * low;
    return (high + low) - n * shift;
}

typedef struct deviation_state {
    blocks_clock clock;
    blocks_bar mean;
    /* of a long window: the order behind the blocks */
} deviation_state;

static inline order *order_of(deviation_state *s, int32_t length) {
    return (order *)((char *)&s->mean + blocks_bar_bytes(length));
}

static inline deviation next_deviation(deviation_state *s, const kernel_input *in, int32_t i, int32_t length,
                                       double weight) {
    const double *x = in->source[0] + i;
    double origin, shift, sum = NAN;
    pair own;
    assert(in->source[0]);
    blocks_tick(&s->clock, in, i);
    blocks_bar_prepare(&s->mean, &s->clock, difference_term, in, i, length);
    origin = s->mean.origin;
    own = difference_term(in, i, origin);
    shift = weight * blocks_bar_next(&s->mean, &s->clock, own, difference_term, in, i, length)[0];
    if (length >= LONG_WINDOW) order_keep(order_of(s, length), x, length);
    if (shift - shift == 0)
        sum = length < LONG_WINDOW ? sum_of_sizes(x - length + 1, length, origin, shift)
                                   : sum_in_order(order_of(s, length), origin, shift);
    sum *= weight;
    return (deviation){own[0] - shift, sum < 1e-10 * fabs(origin) ? 0 : sum};
}

static void run_dev(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    int32_t length = (int32_t)in->param[0];
    double weight = 1.0 / length;
    for (int32_t i = from; i < to; i++) out[0][i] = next_deviation(state, in, i, length, weight).mean;
}

static void run_cci(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    int32_t length = (int32_t)in->param[0];
    double weight = 1.0 / length;
    for (int32_t i = from; i < to; i++) {
        deviation d = next_deviation(state, in, i, length, weight);
        out[0][i] = kernel_defined(d.distance / (0.015 * d.mean));
    }
}

/* ---- the table ---- */

static size_t deviation_bytes(const double *param, int32_t interval) {
    int32_t length = (int32_t)param[0];
    (void)interval;
    return sizeof(blocks_clock) + blocks_bar_bytes(length) + (length < LONG_WINDOW ? 0 : order_bytes(length));
}

const kernel kernel_dev = {.name = "dev",
                           .n_sources = 1,
                           .n_params = 1,
                           .n_outputs = 1,
                           .params = {PARAM_LENGTH("length")},
                           .run = run_dev,
                           .depth = kernel_depth_window,
                           .reach = kernel_reach_window,
                           .more_state_bytes = deviation_bytes};
const kernel kernel_cci = {.name = "cci",
                           .n_sources = 1,
                           .n_params = 1,
                           .n_outputs = 1,
                           .params = {PARAM_LENGTH("length")},
                           .run = run_cci,
                           .depth = kernel_depth_window,
                           .reach = kernel_reach_window,
                           .more_state_bytes = deviation_bytes};
