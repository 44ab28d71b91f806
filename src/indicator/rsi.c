/* Relative strength index and stochastic RSI (kernels of momentum.h).
 *
 * The index is 100 x up / (up + down), of Wilder's averages of gains and losses. A bar without a change shrinks both by the
 * same factor: the index stays as it is, to the bit, since no rounding may make it rise or fall. It is NaN as long as
 * nothing has moved. */
#include "indicator/rsi.h"
#include "indicator/blocks.h"
#include "indicator/kernel.h"
#include "indicator/place.h"
#include <math.h>
#include <string.h>

enum { CHUNK = 64 };

/* ---- relative strength index ---- */

typedef struct rsi_state {
    double before, up, down, value;
    int64_t n; /* numbers seen */
} rsi_state;

static double rsi_value(double up, double down) { return 100 * (up / (up + down)); } /* 0 / 0: NaN */

/* One of the first length + 1 numbers: the averages begin as plain means. */
static double rsi_seed(rsi_state *s, double x, int32_t length) {
    double change = s->n ? x - s->before : 0;
    s->up += change > 0 ? change : 0;
    s->down += change < 0 ? -change : 0;
    s->before = x;
    if (s->n++ < length) return NAN;
    s->up /= length;
    s->down /= length;
    s->value = rsi_value(s->up, s->down);
    return s->value;
}

/* The index at m values of x. NaN, or what is infinite, gives NaN and is left out. */
__attribute__((noinline)) static void rsi_advance(rsi_state *s, const double *x, int32_t m, int32_t length,
                                                  double *restrict out) {
    double before, up, down, value, alpha = 1.0 / length, keep = 1 - alpha;
    int32_t j = 0;
    for (; j < m && s->n <= length; j++) out[j] = x[j] - x[j] == 0 ? rsi_seed(s, x[j], length) : NAN;
    before = s->before, up = s->up, down = s->down, value = s->value;
    for (; j < m; j++) {
        double change = x[j] - before, gain = change > 0 ? change : 0;
        out[j] = NAN;
        if (x[j] - x[j] != 0) continue;
        up = keep * up + alpha * gain;
        down = keep * down + alpha * (gain - change);
        if (change != 0) value = rsi_value(up, down);
        before = x[j];
        out[j] = value;
    }
    s->before = before, s->up = up, s->down = down, s->value = value;
}

static void run_rsi(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    rsi_advance(state, in->source[0] + from, to - from, (int32_t)in->param[0], out[0] + from);
}

/* ---- values without a column ----
 * What is needed over a window, but is no series of its own, slides through a piece of the state.
 *
 *     value  [ NaN .. or old | new .. | room ]      when there is no room, the newest `length` move to the front
 */

typedef struct slide {
    int64_t end;
    double value[];
} slide;

static int32_t slide_capacity(int32_t length) { return length + (length > CHUNK ? length : CHUNK); }
static size_t slide_bytes(int32_t length) { return sizeof(slide) + (size_t)slide_capacity(length) * sizeof(double); }

/* Where m more values are to be written, after at least `length` older ones. */
static double *slide_more(slide *s, int32_t length, int32_t m) {
    for (; s->end < length; s->end++) s->value[s->end] = NAN;
    if (s->end + m > slide_capacity(length)) {
        memmove(s->value, s->value + s->end - length, (size_t)length * sizeof(double));
        s->end = length;
    }
    s->end += m;
    return s->value + s->end - m;
}

/* ---- stochastic RSI ---- */

/* Up to here a window is gone through at each bar; two bars at a time where there are two. */
enum { SHORT_MEAN = 16 };

static void short_means(const double *x, int32_t m, int32_t length, double *out) {
    double weight = 1.0 / length;
    int32_t j = 0;
    for (; j + 2 <= m; j += 2) {
        pair v = pair_load(x + j), sum = {0, 0};
        for (int32_t k = 1; k < length; k++) sum += pair_load(x + j - k) - v;
        pair_store(out + j, v + sum * weight); /* differences: the mean of equal values is exactly that */
    }
    if (j < m) {
        double sum = 0;
        for (int32_t k = 1; k < length; k++) sum += x[j - k] - x[j];
        out[j] = x[j] + sum * weight;
    }
}

static size_t mean_bytes(int32_t length) { return length <= SHORT_MEAN ? 0 : blocks_bytes(1, length); }

typedef struct mean_target {
    double *out, weight;
} mean_target;

static inline void difference_terms(const kernel_input *in, int32_t i, const double *origin, pair *terms) {
    terms[0] = pair_load(in->source[0] + i) - origin[0];
    terms[1] = (pair){0, 0};
}

static inline void put_mean(void *target, const kernel_input *in, const double *origin, int32_t i, const pair *sums,
                            bool is_couple) {
    const mean_target *t = target;
    (void)in;
    pair_put(t->out + i, origin[0] + sums[0] * t->weight, is_couple);
}

/* x and out: at bar `from`. */
static void find_means(void *state, const double *x, const kernel_input *in, int32_t from, int32_t m, int32_t length,
                       double *out) {
    static const blocks_job job = {1, BLOCKS_SUM, .terms = difference_terms, .put = put_mean};
    if (length <= SHORT_MEAN) {
        short_means(x, m, length, out);
    } else {
        kernel_input of_x = {.source = {x - from}, .number = in->number};
        blocks_run(state, &job, &of_x, from, from + m, length, &(mean_target){out - from, 1.0 / length});
    }
}

typedef struct stochrsi_parts {
    rsi_state *rsi;
    blocks *range;
    slide *index, *place, *mean;
    void *first, *second;
} stochrsi_parts;

static inline stochrsi_parts stochrsi_parts_of(char *state, const double *param) {
    int32_t range = (int32_t)param[1], first = (int32_t)param[2], second = (int32_t)param[3];
    stochrsi_parts p;
    p.rsi = (rsi_state *)state;
    p.range = (blocks *)(p.rsi + 1);
    p.index = (slide *)((char *)p.range + blocks_bytes(1, range));
    p.place = (slide *)((char *)p.index + slide_bytes(range));
    p.mean = (slide *)((char *)p.place + slide_bytes(first));
    p.first = (char *)p.mean + slide_bytes(second);
    p.second = (char *)p.first + mean_bytes(first);
    return p;
}

static void run_stochrsi(void *state, const kernel_input *in, int32_t from, int32_t to,
                         double *const out[INDICATOR_OUTPUTS]) {
    int32_t range = (int32_t)in->param[1], first = (int32_t)in->param[2], second = (int32_t)in->param[3];
    stochrsi_parts p = stochrsi_parts_of(state, in->param);
    kernel_input of_index = {.number = in->number};
    for (int32_t i = from, m; i < to; i += m) {
        double *index, *place, *mean;
        m = to - i < CHUNK ? to - i : CHUNK;
        index = slide_more(p.index, range, m);
        place = slide_more(p.place, first, m);
        mean = slide_more(p.mean, second, m);
        rsi_advance(p.rsi, in->source[0] + i, m, (int32_t)in->param[0], index);
        /* Written again in twos, as it will be read: a read of two does not see two writes of one at once. */
        if (m == 1) pair_store(index - 1, (pair){index[-1], index[0]});
        for (int k = 0; k < 3; k++) of_index.source[k] = index - i;
        find_places(p.range, &of_index, i, i + m, range, &(range_target){index - i, place - i, 0});
        find_means(p.first, place, in, i, m, first, mean);
        find_means(p.second, mean, in, i, m, second, out[1] + i);
        for (int32_t j = 0; j < m; j++) out[0][i + j] = mean[j];
    }
}

/* ---- the table ---- */

static int32_t depth_stochrsi(const double *param, int32_t interval) {
    return kernel_depth_wilder(param, interval) + (int32_t)(param[1] + param[2] + param[3]) - 3;
}
static size_t stochrsi_bytes(const double *param, int32_t interval) {
    int32_t range = (int32_t)param[1], first = (int32_t)param[2], second = (int32_t)param[3];
    (void)interval;
    return sizeof(rsi_state) + blocks_bytes(1, range) + slide_bytes(range) + slide_bytes(first) + slide_bytes(second) +
           mean_bytes(first) + mean_bytes(second);
}

const kernel kernel_rsi = {.name = "rsi",
                           .n_sources = 1,
                           .n_params = 1,
                           .n_outputs = 1,
                           .params = {PARAM_LENGTH("length")},
                           .run = run_rsi,
                           .depth = kernel_depth_wilder,
                           .state_bytes = sizeof(rsi_state)};
const kernel kernel_stochrsi = {
    .name = "stochrsi",
    .n_sources = 1,
    .n_params = 4,
    .n_outputs = 2,
    .params = {PARAM_LENGTH("rsi_length"), PARAM_LENGTH("stoch_length"), PARAM_LENGTH("k"), PARAM_LENGTH("d")},
    .run = run_stochrsi,
    .depth = depth_stochrsi,
    .more_state_bytes = stochrsi_bytes};
