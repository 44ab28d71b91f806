/* See momentum.h; rsi and stochrsi are in rsi.c, cci is in mean_deviation.c. */
#include "indicator/momentum.h"
#include "indicator/blocks.h"
#include "indicator/cut.h"
#include "indicator/kernel.h"
#include "indicator/lanes.h"
#include "indicator/place.h"
#include <assert.h>
#include <math.h>

enum { ROOM = 64 }; /* new sums of the ultimate oscillator before old ones are dropped */

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

static const blocks_job BAR_RANGE = {1, BLOCKS_MAX, .terms = bar_range, .put = put_place};

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

/* Gains and losses. */
static inline void change_terms(const kernel_input *in, int32_t i, const double *origin, pair *terms) {
    pair change = pair_load(in->source[0] + i) - pair_load(in->source[0] + i - 1);
    (void)origin;
    terms[0] = pair_max((pair){0, 0}, change);
    terms[1] = terms[0] - change;
}

static inline void put_cmo(void *target, const kernel_input *in, const double *origin, int32_t i, const pair *sums,
                           bool is_couple) {
    pair all = pair_cut(sums[0] + sums[1], (pair){0, 0} + 1e-10 * fabs(origin[0]));
    (void)in;
    pair_put((double *)target + i, pair_defined(100 * ((sums[0] - sums[1]) / all)), is_couple);
}

typedef struct cmo_state {
    int64_t n;
    blocks changes;
} cmo_state;

static void run_cmo(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    static const blocks_job job = {1, BLOCKS_SUM, .terms = change_terms, .put = put_cmo};
    cmo_state *s = state;
    int32_t first = first_with_past(&s->n, from, to, 1);
    assert(in->source[0]);
    for (int32_t i = from; i < first; i++) out[0][i] = NAN;
    blocks_run(&s->changes, &job, in, first, to, (int32_t)in->param[0], out[0]);
}

/* ---- ultimate oscillator ----
 * Pressure and range are summed up from the first bar on, and a window is the difference of two sums. They are exact
 * (indicator/cut.h), and brought back to small numbers from time to time.
 *
 *     sum  [ .. | bar i - slow | .. | bar i | room ]      four doubles a bar: high parts of both sums, low parts of both
 */

typedef struct uo_state {
    int64_t bars, n, end; /* bars seen; of them with a change, in a row; sums there are, of n + 1 or fewer bars */
    cut cut;
    double sum[];
} uo_state;

static int32_t uo_longest(const double *param) { return (int32_t)fmax(param[0], fmax(param[1], param[2])); }
static int32_t uo_capacity(int32_t longest) { return longest + 1 + (longest > ROOM ? longest : ROOM); }

/* Buying pressure and true range. */
static inline pair pressure(const kernel_input *in, int32_t i) {
    double before = in->close[i - 1], low = in->low[i] < before ? in->low[i] : before;
    return (pair){in->close[i], in->high[i] > before ? in->high[i] : before} - low;
}

static void uo_begin(uo_state *s) {
    for (int k = 0; k < 4; k++) s->sum[k] = 0;
    s->end = 1;
}

/* Gives the place of the new sums. */
static inline double *uo_add(uo_state *s, pair own) {
    double *last = s->sum + 4 * (s->end++ - 1);
    pair high = cut_pair_high(&s->cut, own);
    pair_store(last + 4, pair_load(last) + high);
    pair_store(last + 6, pair_load(last + 2) + (own - high));
    return last + 4;
}

/* The newest `keep` move to the front. */
static void uo_make_room(uo_state *s, int64_t keep) {
    const double *from = s->sum + 4 * (s->end - keep);
    const pair high = pair_load(from), low = pair_load(from + 2);
    for (int64_t k = 0; k < keep; k++) {
        pair_store(s->sum + 4 * k, pair_load(from + 4 * k) - high);
        pair_store(s->sum + 4 * k + 2, pair_load(from + 4 * k + 2) - low);
    }
    s->end = keep;
}

/* The range at bar i is too large for the cut, or there is none as yet. */
static void uo_cut_anew(uo_state *s, const kernel_input *in, int32_t i, int32_t longest) {
    int64_t n = s->n < longest ? s->n : longest;
    s->cut = cut_for(pressure(in, i)[1]);
    uo_begin(s);
    for (int64_t k = n; k > 0; k--) uo_add(s, pressure(in, i - (int32_t)k));
}

static inline pair uo_window(const double *now, int32_t length) {
    const double *then = now - 4 * (ptrdiff_t)length;
    return (pair_load(now) - pair_load(then)) + (pair_load(now + 2) - pair_load(then + 2));
}

/* 100 / 7 x (4 fast + 2 middle + slow), each the share of pressure in range; over a common denominator, since a division
 * takes as long as all the rest. */
static inline double oscillator(pair fast, pair middle, pair slow, double price) {
    double f = fast[1], m = middle[1], s = slow[1], none = 1e-10 * price;
    double sum = 4 * fast[0] * (m * s) + 2 * middle[0] * (f * s) + slow[0] * (f * m);
    return kernel_defined(f < none || m < none || s < none ? NAN : 100.0 / 7 * sum / (f * m * s));
}

static void run_uo(void *state, const kernel_input *in, int32_t from, int32_t to,
                   double *const out[INDICATOR_OUTPUTS]) {
    int32_t fast = (int32_t)in->param[0], middle = (int32_t)in->param[1], slow = (int32_t)in->param[2];
    int32_t longest = uo_longest(in->param);
    uo_state *s = state;
    int32_t first = first_with_past(&s->bars, from, to, 1);
    for (int32_t i = from; i < first; i++) out[0][i] = NAN;
    for (int32_t i = first; i < to; i++) {
        pair own = pressure(in, i);
        const double *now;
        out[0][i] = NAN;
        if (!(own[1] < s->cut.limit)) {
            if (own[1] - own[1] != 0) {
                s->n = 0;
                uo_begin(s);
                continue;
            }
            uo_cut_anew(s, in, i, longest);
        }
        if (s->end == uo_capacity(longest)) uo_make_room(s, longest + 1);
        now = uo_add(s, own);
        if (++s->n >= longest)
            out[0][i] = oscillator(uo_window(now, fast), uo_window(now, middle), uo_window(now, slow), in->close[i]);
    }
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
    return sizeof(int64_t) + blocks_of_window(param, interval);
}
static size_t uo_bytes(const double *param, int32_t interval) {
    return (void)interval, sizeof(uo_state) + 4 * sizeof(double) * (size_t)uo_capacity(uo_longest(param));
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
