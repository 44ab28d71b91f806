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

/* The value stands apart: in one store with what the next bar waits for, that would wait for the division. */
typedef struct rsi_state {
    double up, down, before;
    int64_t n; /* numbers seen */
    double value;
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

/* A number after those. Both averages at once, with no branch that the market would decide. */
KERNEL_INLINE double rsi_next(rsi_state *s, double x, double alpha) {
    double change = x - s->before;
    pair moves = pair_max((pair){0, 0}, (pair){change, -change});
    pair both = (1 - alpha) * (pair){s->up, s->down} + alpha * moves;
    s->up = both[0];
    s->down = both[1];
    if (change != 0) s->value = rsi_value(both[0], both[1]);
    s->before = x;
    return s->value;
}

/* The index at m values of x. NaN, or what is infinite, gives NaN and is left out. */
__attribute__((noinline)) static void rsi_advance(rsi_state *s, const double *x, int32_t m, int32_t length,
                                                  double *restrict out) {
    rsi_state now;
    double alpha = 1.0 / length;
    int32_t j = 0;
    for (; j < m && s->n <= length; j++) out[j] = x[j] - x[j] == 0 ? rsi_seed(s, x[j], length) : NAN;
    now = *s;
    for (; j < m; j++) out[j] = x[j] - x[j] == 0 ? rsi_next(&now, x[j], alpha) : NAN;
    *s = now;
}

static void run_rsi(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    rsi_advance(state, in->source[0] + from, to - from, (int32_t)in->param[0], out[0] + from);
}

/* ---- stochastic RSI ---- */

/* Up to here a window is gone through at each bar; two bars at a time where there are two. */
enum { SHORT_MEAN = 16 };

/* Of the values up to x[0]. Differences, so that the mean of equal values is exactly that. Both lanes do the same: of a
 * loop of doubles the vectoriser would make one for far longer windows. */
KERNEL_INLINE double short_mean(const double *x, int32_t length, double weight) {
    pair v = {x[0], x[0]}, sum = (pair){x[-1], x[-1]} - v;
    if (length == 1) return x[0];
    for (int32_t k = 2; k < length; k++) sum += (pair){x[-k], x[-k]} - v;
    return x[0] + sum[0] * weight;
}

static void short_means(const double *x, int32_t m, int32_t length, double *out) {
    double weight = 1.0 / length;
    int32_t j = 0;
    for (; j + 2 <= m; j += 2) {
        pair v = pair_load(x + j), sum = length > 1 ? pair_load(x + j - 1) - v : (pair){0, 0};
        for (int32_t k = 2; k < length; k++) sum += pair_load(x + j - k) - v;
        pair_store(out + j, v + sum * weight);
    }
    if (j < m) out[j] = short_mean(x + j, length, weight);
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
    static const blocks_job job = {1, 1, BLOCKS_SUM, .terms = difference_terms, .put = put_mean};
    if (length <= SHORT_MEAN) {
        short_means(x, m, length, out);
    } else {
        kernel_input of_x = {.source = {x - from}, .number = in->number};
        blocks_run(state, &job, &of_x, from, from + m, length, &(mean_target){out - from, 1.0 / length});
    }
}

/* What is needed over a window, but is no series of its own, has its newest values in the state.
 *
 *     state | range | index [ old, or NaN | new .. | room ] | place [ .. ] | mean [ .. ] | sums of long means
 *
 * All three have the same room. When it is used up, the newest `length` values of each move to its front. */
typedef struct stochrsi_state {
    rsi_state rsi;
    double by_length, by_first, by_second; /* 1 / length */
    int32_t length, range, first, second;  /* 0: this is not set up yet */
    int32_t index_at, place_at, mean_at;   /* where the first new value goes, in doubles from here */
    int32_t room, used, used_by_steps; /* used_by_steps: up to here stochrsi_step may go; 0 if a mean is not short */
    blocks extremes;
} stochrsi_state;

static int32_t room_of(const double *param) {
    int32_t room = CHUNK;
    for (int k = 1; k < 4; k++)
        if (param[k] > room) room = (int32_t)param[k];
    return room;
}

static void stochrsi_begin(stochrsi_state *s, const double *param) {
    double *const value = (double *)s;
    s->length = (int32_t)param[0];
    s->range = (int32_t)param[1];
    s->first = (int32_t)param[2];
    s->second = (int32_t)param[3];
    s->by_length = 1.0 / s->length;
    s->by_first = 1.0 / s->first;
    s->by_second = 1.0 / s->second;
    s->room = room_of(param);
    s->used_by_steps = s->first <= SHORT_MEAN && s->second <= SHORT_MEAN ? s->room : 0;
    s->index_at = (int32_t)((sizeof *s - sizeof(blocks) + blocks_bytes(1, s->range)) / sizeof(double)) + s->range;
    s->place_at = s->index_at + s->room + s->first;
    s->mean_at = s->place_at + s->room + s->second;
    for (int32_t k = s->index_at - s->range; k < s->mean_at; k++) value[k] = NAN;
}

static void move_newest(double *new, int32_t used, int32_t length) {
    memmove(new - length, new + used - length, (size_t)length * sizeof *new);
}

static void make_room(stochrsi_state *s, int32_t m) {
    double *value = (double *)s;
    if (s->used + m <= s->room) return;
    move_newest(value + s->index_at, s->used, s->range);
    move_newest(value + s->place_at, s->used, s->first);
    move_newest(value + s->mean_at, s->used, s->second);
    s->used = 0;
}

/* Bars whose "market" is the index. */
static inline kernel_input of_index(const kernel_input *in, const double *index) {
    return (kernel_input){.source = {index, index, index}, .number = in->number};
}

__attribute__((noinline)) static void begin_range(stochrsi_state *s, const kernel_input *in, int32_t i,
                                                  const double *index) {
    kernel_input of = of_index(in, index - i);
    blocks_begin(&s->extremes, &SOURCE_RANGE, &of, i, s->range);
}

/* Whether the bar comes without a hole, with all windows full and room for it: nearly every step of the daemon. */
KERNEL_INLINE bool is_plain(const stochrsi_state *s, const kernel_input *in, int32_t i) {
    return s->used < s->used_by_steps && blocks_is_plain(&s->extremes, in, i, s->range);
}

/* Such a step, with each value handed on rather than written and read again. False, with nothing done, where one is no
 * number. `begins`: a block of the range does. */
KERNEL_INLINE bool step(stochrsi_state *s, const kernel_input *in, int32_t i, double *const out[INDICATOR_OUTPUTS],
                        bool begins) {
    double x = in->source[0][i], *value = (double *)s + s->used;
    double *index = value + s->index_at, *place = value + s->place_at, *mean = value + s->mean_at;
    rsi_state rsi = s->rsi;
    pair own, range;
    own[0] = rsi_next(&rsi, x, s->by_length);
    if (!(own[0] - own[0] + (x - x) == 0)) return false;
    own[1] = -own[0];
    s->rsi = rsi;
    s->used++;
    *index = own[0];
    if (begins) begin_range(s, in, i, index);
    blocks_step(&s->extremes, &SOURCE_RANGE, &own, in->number[i], s->range, &range);
    *place = place_in(own[0], range[0], range[1]);
    *mean = out[0][i] = short_mean(place, s->first, s->by_first);
    out[1][i] = short_mean(mean, s->second, s->by_second);
    return true;
}

/* Up to CHUNK bars. */
static void stochrsi_some(stochrsi_state *s, const kernel_input *in, int32_t i, int32_t m,
                          double *const out[INDICATOR_OUTPUTS]) {
    double *index, *place, *mean;
    char *sums = (char *)((double *)s + s->mean_at + s->room);
    kernel_input of;
    make_room(s, m);
    index = (double *)s + s->index_at + s->used;
    place = (double *)s + s->place_at + s->used;
    mean = (double *)s + s->mean_at + s->used;
    of = of_index(in, index - i);
    rsi_advance(&s->rsi, in->source[0] + i, m, s->length, index);
    find_places(&s->extremes, &of, i, i + m, s->range, &(range_target){index - i, place - i, 0});
    find_means(sums, place, in, i, m, s->first, mean);
    find_means(sums + mean_bytes(s->first), mean, in, i, m, s->second, out[1] + i);
    memcpy(out[0] + i, mean, (size_t)m * sizeof *mean);
    s->used += m;
}

/* In a function of its own, so that the plain step saves no registers. */
__attribute__((noinline)) static void stochrsi_many(stochrsi_state *s, const kernel_input *in, int32_t from, int32_t to,
                                                    double *const out[INDICATOR_OUTPUTS]) {
    if (s->length == 0) stochrsi_begin(s, in->param);
    if (to - from == 1) {
        make_room(s, 1);
        if (is_plain(s, in, from) && step(s, in, from, out, s->extremes.place == 0)) return;
    }
    for (int32_t i = from, m; i < to; i += m) {
        m = to - i < CHUNK ? to - i : CHUNK;
        stochrsi_some(s, in, i, m, out);
    }
}

static void run_stochrsi(void *state, const kernel_input *in, int32_t from, int32_t to,
                         double *const out[INDICATOR_OUTPUTS]) {
    stochrsi_state *s = state;
    if (to - from == 1 && is_plain(s, in, from) && s->extremes.place > 0 && step(s, in, from, out, false)) return;
    stochrsi_many(s, in, from, to, out);
}

/* ---- the table ---- */

static int32_t depth_stochrsi(const double *param, int32_t interval) {
    return kernel_depth_wilder(param, interval) + (int32_t)(param[1] + param[2] + param[3]) - 3;
}
static size_t stochrsi_bytes(const double *param, int32_t interval) {
    int32_t range = (int32_t)param[1], first = (int32_t)param[2], second = (int32_t)param[3];
    size_t n_values = (size_t)range + (size_t)first + (size_t)second + 3 * (size_t)room_of(param);
    (void)interval;
    return blocks_bytes(1, range) - sizeof(blocks) + n_values * sizeof(double) + mean_bytes(first) + mean_bytes(second);
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
    .state_bytes = sizeof(stochrsi_state),
    .more_state_bytes = stochrsi_bytes};
