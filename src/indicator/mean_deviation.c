/* Mean absolute deviation from the mean, and the commodity channel index that is made of it (kernels of statistic.h and
 * momentum.h).
 *
 * The mean moves with every bar, so no rolling sum helps. A short window is gone through at each bar, many values at a time.
 * A long one is kept in order: with n values at or below the mean, s their sum, S the sum of all N, the deviations add up
 * to (S - 2 s) - (N - 2 n) x mean, in O(log N).
 * A mean is an origin and a shift from it, and values are taken as differences from the origin: a mean that is rounded to
 * a double has an error that small moves of a large price would see. */
#include "indicator/mean_deviation.h"
#include "indicator/blocks.h"
#include "indicator/kernel.h"
#include "indicator/order.h"
#include "indicator/window.h"
#include <assert.h>
#include <math.h>

/* From here on a window is kept in order: both ways take as long. */
enum { LONG_WINDOW = 640 };

typedef struct deviation {
    double distance; /* of the newest value from the mean */
    double sum;      /* of all distances */
} deviation;

typedef double four __attribute__((vector_size(32)));
typedef double loose_four __attribute__((vector_size(32), aligned(8)));
typedef int64_t four_words __attribute__((vector_size(32)));

#define SIZES_2(at) pair_size(pair_load(x + (at)) - origin - shift)
#define SIZES_4(at) (four)((four_words)(*(const loose_four *)(x + (at)) - origin - shift) & INT64_MAX)

/* Of n values, a multiple of four. Eight sums, since one would be a chain of additions; they begin with the first values,
 * which is one addition less to wait for. */
KERNEL_INLINE pair sum_of_many(const double *x, int32_t n, double origin, double shift, bool is_by_fours) {
    if (n == 0) return (pair){0, 0};
    if (is_by_fours) {
        four a = SIZES_4(0), b = {0};
        int32_t k = 8;
        if (n >= 8) b = SIZES_4(4);
        for (; k + 8 <= n; k += 8) a += SIZES_4(k), b += SIZES_4(k + 4);
        if (k + 4 <= n) a += SIZES_4(k);
        a += b;
        return (pair){a[0], a[1]} + (pair){a[2], a[3]};
    }
    pair a = SIZES_2(0), b = SIZES_2(2), c = {0, 0}, d = c;
    int32_t k = 8;
    if (n >= 8) c = SIZES_2(4), d = SIZES_2(6);
    for (; k + 8 <= n; k += 8) a += SIZES_2(k), b += SIZES_2(k + 2), c += SIZES_2(k + 4), d += SIZES_2(k + 6);
    if (k + 4 <= n) a += SIZES_2(k), b += SIZES_2(k + 2);
    return (a + c) + (b + d);
}

/* Of n values before the newest, and of that, whose difference from the mean is known. What fours leave is taken one by
 * one: in a step these have only just been stored, and a load of several would have to wait for that. */
KERNEL_INLINE double sum_of_sizes(const double *x, int32_t n, double newest, double origin, double shift,
                                  bool is_by_fours) {
    int32_t k = n & ~3;
    double last = fabs(newest), before = 0;
    pair sum = sum_of_many(x, k, origin, shift, is_by_fours);
    if (n & 1) last += fabs(x[n - 1] - origin - shift);
    if (n & 2) before = fabs(x[k] - origin - shift);
    if (n & 2) last += fabs(x[k + 1] - origin - shift);
    sum += (pair){last, before};
    return sum[0] + sum[1];
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
    /* What a step would wait for divisions for: 1 / length, and what a distance over the sum of all is multiplied by in the
     * index. 0 before the first bar. */
    double weight, scale;
    double none; /* a sum below counts as none: a mean below 1e-10 of the price */
    blocks_bar mean;
    /* of a long window: the order behind the blocks */
} deviation_state;

static inline order *order_of(deviation_state *s, int32_t length) {
    return (order *)((char *)&s->mean + blocks_bar_bytes(length));
}

KERNEL_INLINE deviation next_deviation(deviation_state *s, const kernel_input *in, int32_t i, int32_t length,
                                       bool is_by_fours) {
    const double *x = in->source[0] + i;
    double weight = s->weight, origin, shift, distance, sum = NAN;
    assert(in->source[0]);
    blocks_tick(&s->clock, in, i);
    blocks_bar_prepare(&s->mean, &s->clock, x, in->number[i], length);
    origin = s->mean.origin;
    shift = weight * blocks_bar_next(&s->mean, &s->clock, x, length);
    distance = x[0] - origin - shift;
    if (length >= LONG_WINDOW) order_keep(order_of(s, length), x, length);
    if (shift - shift == 0)
        sum = length < LONG_WINDOW ? sum_of_sizes(x - length + 1, length - 1, distance, origin, shift, is_by_fours)
                                   : sum_in_order(order_of(s, length), origin, shift);
    s->none = 1e-10 * length * fabs(origin);
    return (deviation){distance, sum};
}

/* The distance is one of the sum, so their quotient is never infinite. */
static inline double shown(const deviation_state *s, const deviation *d, bool is_cci) {
    bool is_none = d->sum < s->none;
    if (is_cci) return is_none ? NAN : d->distance / d->sum * s->scale;
    return is_none ? 0 : s->weight * d->sum;
}

/* A bar inside a block when the window is short, full and without a hole: nearly every step of the daemon. The same as
 * next_deviation does, but for counting bars that are many enough already; false, with nothing done, where it is not so
 * plain. The index needs no look at the mean: of one that is not finite its quotient is NaN. */
KERNEL_INLINE bool step(deviation_state *s, const kernel_input *in, int32_t i, double *out, bool is_cci,
                        bool is_by_fours) {
    int32_t length = (int32_t)in->param[0];
    const double *x = in->source[0] + i;
    double origin = s->mean.origin, own = x[0] - origin, shift, sum;
    int64_t place = s->mean.place;
    if (in->number[i] != s->clock.next || s->clock.whole < length || place == 0 || length >= LONG_WINDOW) return false;
    shift = s->weight * ((s->mean.head + s->mean.tail[place]) + own);
    if (!is_cci && shift - shift != 0) return false;
    s->clock.next++;
    s->mean.head += own;
    s->mean.place = place + 1 == length ? 0 : place + 1;
    sum = sum_of_sizes(x - length + 1, length - 1, own - shift, origin, shift, is_by_fours);
    out[i] = shown(s, &(deviation){own - shift, sum}, is_cci);
    return true;
}

KERNEL_INLINE void run(deviation_state *s, const kernel_input *in, int32_t from, int32_t to, double *out, bool is_cci,
                       bool is_by_fours) {
    int32_t length = (int32_t)in->param[0];
    s->weight = 1.0 / length;
    s->scale = length / 0.015;
    for (int32_t i = from; i < to; i++) {
        deviation d = next_deviation(s, in, i, length, is_by_fours);
        out[i] = shown(s, &d, is_cci);
    }
}

/* Each kernel twice, with the same bits. The loop is a function of its own, so that a step saves no registers. */
#define RUN(name, target, is_cci, is_by_fours) \
    __attribute__((noinline)) target static void name##_many(void *state, const kernel_input *in, int32_t from, \
                                                             int32_t to, double *const out[INDICATOR_OUTPUTS]) { \
        run(state, in, from, to, out[0], is_cci, is_by_fours); \
    } \
    __attribute__((noinline)) target static void name(void *state, const kernel_input *in, int32_t from, int32_t to, \
                                                      double *const out[INDICATOR_OUTPUTS]) { \
        if (to - from == 1 && step(state, in, from, out[0], is_cci, is_by_fours)) return; \
        name##_many(state, in, from, to, out); \
    }
RUN(dev_by_twos, , false, false)
RUN(cci_by_twos, , true, false)
#ifdef __x86_64__
#define AVX2 __attribute__((target("avx2")))
RUN(dev_by_fours, AVX2, false, true)
RUN(cci_by_fours, AVX2, true, true)
#else
#define dev_by_fours dev_by_twos
#define cci_by_fours cci_by_twos
#endif

static void run_dev(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    if (window_has_four_lanes())
        dev_by_fours(state, in, from, to, out);
    else
        dev_by_twos(state, in, from, to, out);
}

static void run_cci(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    if (window_has_four_lanes())
        cci_by_fours(state, in, from, to, out);
    else
        cci_by_twos(state, in, from, to, out);
}

/* ---- the table ---- */

static size_t deviation_bytes(const double *param, int32_t interval) {
    int32_t length = (int32_t)param[0];
    (void)interval;
    return offsetof(deviation_state, mean) + blocks_bar_bytes(length) +
           (length < LONG_WINDOW ? 0 : order_bytes(length));
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
