/* See momentum.h; rsi and stochrsi are in rsi.c, cci is in mean_deviation.c. */
#include "indicator/momentum.h"
#include "indicator/blocks.h"
#include "indicator/kernel.h"
#include "indicator/ladder.h"
#include "indicator/lanes.h"
#include "indicator/place.h"
#include <math.h>

/* ---- place in the range ---- */

static void run_stoch(void *state, const kernel_input *in, int32_t from, int32_t to,
                      double *const out[INDICATOR_OUTPUTS]) {
    find_places(state, in, from, to, (int32_t)in->param[0], &(range_target){in->source[0], out[0], 0});
}

static inline void bar_range(const kernel_input *in, int32_t i, const double *origin, pair *terms) {
    (void)origin;
    terms[0] = pair_load(in->high + i);
    terms[1] = -pair_load(in->low + i);
}

static const blocks_job BAR_RANGE = {1, 0, BLOCKS_MAX, .terms = bar_range, .put = put_place};

static void run_wpr(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    range_target target = {in->close, out[0], -100};
    blocks_run(state, &BAR_RANGE, in, from, to, (int32_t)in->param[0], &target);
}

/* ---- changes ---- */

/* Counts bars, so that none before the epoch is read. Gives the first bar that has one `length` bars before it. */
static int32_t first_with_past(int64_t *n, int32_t from, int32_t to, int32_t length) {
    int64_t first = *n < length ? from + (length - *n) : from;
    *n += to - from;
    return first < to ? (int32_t)first : to;
}

KERNEL_INLINE void mom_loop(int32_t n, const double *x, const double *then, double *restrict out) {
    for (int32_t k = 0; k < n; k++) out[k] = kernel_defined(x[k] - then[k]);
}
LANES(mom, (int32_t n, const double *x, const double *then, double *restrict out), (n, x, then, out))

static void run_mom(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    int32_t length = (int32_t)in->param[0], first = first_with_past(state, from, to, length);
    const double *x = in->source[0] + first;
    for (int32_t i = from; i < first; i++) out[0][i] = NAN;
    mom(to - first, x, x - length, out[0] + first);
}

KERNEL_INLINE void roc_loop(int32_t n, const double *x, const double *then, double *restrict out) {
    for (int32_t k = 0; k < n; k++) out[k] = kernel_defined(100 * ((x[k] - then[k]) / then[k]));
}
LANES(roc, (int32_t n, const double *x, const double *then, double *restrict out), (n, x, then, out))

static void run_roc(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    int32_t length = (int32_t)in->param[0], first = first_with_past(state, from, to, length);
    const double *x = in->source[0] + first;
    for (int32_t i = from; i < first; i++) out[0][i] = NAN;
    roc(to - first, x, x - length, out[0] + first);
}

/* ---- CMO ---- */

/* Nothing when the window has hardly moved. */
static inline double cmo_of(double gains, double losses, double price) {
    double all = gains + losses, none = 1e-10 * fabs(price);
    return kernel_defined(all < none ? NAN : 100 * ((gains - losses) / all));
}

static inline double cmo_step(ladder *s, const double *x, int32_t length) {
    double change = x[0] - x[-1];
    pair sum = {0, 0}, gain = pair_max((pair){change, 0}, (pair){0, 0}); /* no branch: nobody can predict its sign */
    if (stretch_undefined(change)) {
        ladder_restart(s);
        return NAN;
    }
    ladder_step(s, (pair){gain[0], gain[0] - change}, length, &length, 1, &sum);
    return s->n < length ? NAN : cmo_of(sum[0], sum[1], *x);
}

KERNEL_INLINE void changes_loop(int32_t n, const double *x, double *restrict flow, uint64_t *restrict undefined) {
    uint64_t bad = 0;
    for (int32_t k = 0; k < n; k++) {
        double change = x[k] - x[k - 1], gain = change > 0 ? change : 0;
        flow[2 * k] = gain;
        flow[2 * k + 1] = gain - change;
        bad |= stretch_undefined(change);
    }
    *undefined = bad;
}
LANES(changes, (int32_t n, const double *x, double *restrict flow, uint64_t *restrict undefined),
      (n, x, flow, undefined))

KERNEL_INLINE void cmo_loop(int32_t n, const double *sum, const double *x, double *restrict out) {
    for (int32_t k = 0; k < n; k++) out[k] = cmo_of(sum[2 * k], sum[2 * k + 1], x[k]);
}
LANES(cmo, (int32_t n, const double *sum, const double *x, double *restrict out), (n, sum, x, out))

/* False, and nothing is changed, when one of the bars is undefined. */
__attribute__((noinline)) static bool cmo_stretch(ladder *s, const double *x, int32_t n, int32_t length, double *out) {
    _Alignas(64) double flow[2 * STRETCH], sum[2 * STRETCH];
    uint64_t undefined;
    changes(n, x, flow, &undefined);
    if (undefined) return false;
    ladder_run(s, flow, n, length, &length, 1, (double *[]){sum});
    cmo(n, sum, x, out);
    stretch_void(out, length - 1 - (s->n - n), n);
    return true;
}

typedef struct cmo_state {
    int64_t n;
    ladder changes;
} cmo_state;

static void run_cmo(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    cmo_state *s = state;
    int32_t length = (int32_t)in->param[0], first = first_with_past(&s->n, from, to, 1);
    const double *x = in->source[0];
    for (int32_t i = from; i < first; i++) out[0][i] = NAN;
    for (int32_t i = first, n; i < to; i += n) {
        n = to - i < STRETCH_LEAST ? 1 : stretch_to(i, to);
        if (n > 1 && cmo_stretch(&s->changes, x + i, n, length, out[0] + i)) continue;
        for (int32_t k = i; k < i + n; k++) out[0][k] = cmo_step(&s->changes, x + k, length);
    }
}

/* ---- ultimate oscillator ---- */

typedef struct uo_state {
    int64_t n;
    ladder ranges;
} uo_state;

enum { UO_LENGTHS = 3 };
typedef struct uo_lengths {
    int32_t of[UO_LENGTHS], longest; /* fast, middle, slow */
} uo_lengths;

KERNEL_INLINE uo_lengths uo_lengths_of(const double *param) {
    int32_t fast = (int32_t)param[0], middle = (int32_t)param[1], slow = (int32_t)param[2];
    int32_t longer = fast > middle ? fast : middle;
    return (uo_lengths){{fast, middle, slow}, longer > slow ? longer : slow};
}
static int32_t uo_longest(const double *param) { return uo_lengths_of(param).longest; }

/* Buying pressure and true range. */
static inline double pressure(double close, double low, double before) { return close - (low < before ? low : before); }
static inline double true_range(double high, double low, double before) {
    return (high > before ? high : before) - (low < before ? low : before);
}

/* 100 / 7 x (4 fast + 2 middle + slow), each the share of pressure in range; over a common denominator, since a division
 * takes as long as all the rest. */
static inline double oscillator(const double *fast, const double *middle, const double *slow, double price) {
    double f = fast[1], m = middle[1], s = slow[1], none = 1e-10 * price;
    double sum = 4 * fast[0] * (m * s) + 2 * middle[0] * (f * s) + slow[0] * (f * m);
    double value = 100.0 / 7 * sum / (f * m * s);
    return kernel_defined(((f < none) | (m < none) | (s < none)) ? NAN : value);
}

KERNEL_INLINE double uo_step(ladder *s, const kernel_input *in, int32_t i, const uo_lengths *l) {
    double before = in->close[i - 1];
    pair range = pair_max((pair){in->high[i], -in->low[i]}, (pair){before, -before}); /* without a branch */
    pair own = (pair){in->close[i], range[0]} + (pair){range[1], range[1]}, sum[UO_LENGTHS] = {{0}};
    if (stretch_undefined(own[0] + own[1])) {
        ladder_restart(s);
        return NAN;
    }
    ladder_step(s, own, l->longest, l->of, UO_LENGTHS, sum);
    if (s->n < l->longest) return NAN;
    return oscillator((double[]){sum[0][0], sum[0][1]}, (double[]){sum[1][0], sum[1][1]},
                      (double[]){sum[2][0], sum[2][1]}, in->close[i]);
}

KERNEL_INLINE void pressures_loop(int32_t n, const double *high, const double *low, const double *close,
                                  double *restrict flow, uint64_t *restrict undefined) {
    uint64_t bad = 0;
    for (int32_t k = 0; k < n; k++) {
        flow[2 * k] = pressure(close[k], low[k], close[k - 1]);
        flow[2 * k + 1] = true_range(high[k], low[k], close[k - 1]);
        bad |= stretch_undefined(flow[2 * k] + flow[2 * k + 1]);
    }
    *undefined = bad;
}
LANES(pressures,
      (int32_t n, const double *high, const double *low, const double *close, double *restrict flow,
       uint64_t *restrict undefined),
      (n, high, low, close, flow, undefined))

KERNEL_INLINE void uo_loop(int32_t n, const double *fast, const double *middle, const double *slow, const double *price,
                           double *restrict out) {
    for (int32_t k = 0; k < n; k++) out[k] = oscillator(fast + 2 * k, middle + 2 * k, slow + 2 * k, price[k]);
}
LANES(uo,
      (int32_t n, const double *fast, const double *middle, const double *slow, const double *price,
       double *restrict out),
      (n, fast, middle, slow, price, out))

/* False, and nothing is changed, when one of the bars is undefined. */
__attribute__((noinline)) static bool uo_stretch(ladder *s, const kernel_input *in, int32_t i, int32_t n,
                                                 const uo_lengths *l, double *out) {
    _Alignas(64) double flow[2 * STRETCH], sum[UO_LENGTHS][2 * STRETCH];
    uint64_t undefined;
    pressures(n, in->high + i, in->low + i, in->close + i, flow, &undefined);
    if (undefined) return false;
    ladder_run(s, flow, n, l->longest, l->of, UO_LENGTHS, (double *[]){sum[0], sum[1], sum[2]});
    uo(n, sum[0], sum[1], sum[2], in->close + i, out);
    stretch_void(out, l->longest - 1 - (s->n - n), n);
    return true;
}

__attribute__((noinline)) static void uo_many(uo_state *s, const kernel_input *in, int32_t from, int32_t to,
                                              double *out) {
    const uo_lengths l = uo_lengths_of(in->param);
    int32_t first = first_with_past(&s->n, from, to, 1);
    for (int32_t i = from; i < first; i++) out[i] = NAN;
    for (int32_t i = first, n; i < to; i += n) {
        n = to - i < STRETCH_LEAST ? 1 : stretch_to(i, to);
        if (n > 1 && uo_stretch(&s->ranges, in, i, n, &l, out + i)) continue;
        for (int32_t k = i; k < i + n; k++) out[k] = uo_step(&s->ranges, in, k, &l);
    }
}

/* A single bar after the first has its way written out. */
static void run_uo(void *state, const kernel_input *in, int32_t from, int32_t to,
                   double *const out[INDICATOR_OUTPUTS]) {
    uo_state *s = state;
    const uo_lengths l = uo_lengths_of(in->param);
    if (to - from != 1 || s->n == 0) {
        uo_many(s, in, from, to, out[0]);
        return;
    }
    s->n++;
    out[0][from] = uo_step(&s->ranges, in, from, &l);
}

/* ---- the table ---- */

static int32_t depth_before(const double *param, int32_t interval) { return 1 + kernel_depth_window(param, interval); }
static int32_t depth_uo(const double *param, int32_t interval) { return (void)interval, 1 + uo_longest(param); }
static int32_t reach_before(const double *param) { return 1 + (int32_t)param[0]; }
static int32_t reach_uo(const double *param) { return 1 + uo_longest(param); }

static size_t blocks_of_window(const double *param, int32_t interval) {
    return (void)interval, blocks_bytes(1, (int32_t)param[0]);
}
static size_t cmo_bytes(const double *param, int32_t interval) {
    return (void)interval, offsetof(cmo_state, changes) + ladder_bytes((int32_t)param[0]);
}
static size_t uo_bytes(const double *param, int32_t interval) {
    return (void)interval, offsetof(uo_state, ranges) + ladder_bytes(uo_longest(param));
}

const kernel kernel_stoch = {.name = "stoch",
                             .n_sources = 3,
                             .n_params = 1,
                             .n_outputs = 1,
                             .params = {PARAM_LENGTH("length")},
                             .run = run_stoch,
                             .depth = kernel_depth_window,
                             .reach = kernel_reach_window,
                             .more_state_bytes = blocks_of_window};
const kernel kernel_cmo = {.name = "cmo",
                           .n_sources = 1,
                           .n_params = 1,
                           .n_outputs = 1,
                           .params = {PARAM_LENGTH("length")},
                           .run = run_cmo,
                           .depth = depth_before,
                           .reach = reach_before,
                           .more_state_bytes = cmo_bytes};
const kernel kernel_roc = {.name = "roc",
                           .n_sources = 1,
                           .n_params = 1,
                           .n_outputs = 1,
                           .params = {PARAM_LENGTH("length")},
                           .run = run_roc,
                           .depth = depth_before,
                           .reach = kernel_reach_window,
                           .state_bytes = sizeof(int64_t)};
const kernel kernel_mom = {.name = "mom",
                           .n_sources = 1,
                           .n_params = 1,
                           .n_outputs = 1,
                           .params = {PARAM_LENGTH("length")},
                           .run = run_mom,
                           .depth = depth_before,
                           .reach = kernel_reach_window,
                           .state_bytes = sizeof(int64_t)};
const kernel kernel_wpr = {.name = "wpr",
                           .n_params = 1,
                           .n_outputs = 1,
                           .params = {PARAM_LENGTH("length")},
                           .run = run_wpr,
                           .depth = kernel_depth_window,
                           .reach = kernel_reach_window,
                           .more_state_bytes = blocks_of_window};
const kernel kernel_uo = {.name = "uo",
                          .n_params = 3,
                          .n_outputs = 1,
                          .params = {PARAM_LENGTH("fast"), PARAM_LENGTH("middle"), PARAM_LENGTH("slow")},
                          .run = run_uo,
                          .depth = depth_uo,
                          .reach = reach_uo,
                          .more_state_bytes = uo_bytes};
