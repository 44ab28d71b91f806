/* The place of a value in the range of a window: 100 x (x - bottom) / (top - bottom), of the highest and the lowest of the
 * newest `length` bars. Where the range is zero, or below 1e-10 of the top, there is no place in it: NaN.
 * Threads: pure. Ownership: plain data. */
#pragma once
#include "indicator/blocks.h"

typedef struct range_target {
    const double *x; /* whose place */
    double *out;
    double least; /* value at the bottom: 0, or -100 */
} range_target;

/* Of one value, which lies in the range, and with `least` 0; turned: the lowest, turned round. */
static inline double place_in(double x, double top, double turned) {
    double range = top + turned, place = 100 * ((x + turned) / range);
    return range < 1e-10 * fabs(top) ? NAN : place;
}

static inline void put_place(void *target, const kernel_input *in, const double *origin, int32_t i, const pair *sums,
                             bool is_couple) {
    const range_target *t = target;
    pair x = is_couple ? pair_load(t->x + i) : (pair){t->x[i], t->x[i]}, range = sums[0] + sums[1];
    (void)in, (void)origin;
    range = pair_cut(range, 1e-10 * pair_size(sums[0]));
    pair_put(t->out + i, pair_defined(100 * ((x + sums[1]) / range) + t->least), is_couple);
}

/* The top, and the bottom turned round. */
static inline void source_range(const kernel_input *in, int32_t i, const double *origin, pair *terms) {
    (void)origin;
    terms[0] = pair_load(in->source[1] + i);
    terms[1] = -pair_load(in->source[2] + i);
}

static const blocks_job SOURCE_RANGE = {1, 0, BLOCKS_MAX, .terms = source_range, .put = put_place};

/* The windows lie between bars where the sources are no numbers. */
static inline void find_places(blocks *s, const kernel_input *in, int32_t from, int32_t to, int32_t length,
                               range_target *target) {
    const double *high = in->source[1], *low = in->source[2];
    for (int32_t i = from; i < to; i++) {
        int32_t begin = i;
        while (i < to && (high[i] - low[i]) - (high[i] - low[i]) == 0) i++;
        blocks_run(s, &SOURCE_RANGE, in, begin, i, length, target);
        if (i == to) break;
        target->out[i] = NAN;
        blocks_reset(s);
    }
}
