/* See volume.h.
 *
 * A long range is worked on in stretches of many bars: first what each bar contributes, then the sums, then what is made
 * of them. The passes that do not depend on the bar before are left to the vectoriser. A stretch with a bar that is
 * undefined is given up for a single bar. */
#include "indicator/volume.h"
#include "indicator/kernel.h"
#include "indicator/ladder.h"
#include "indicator/lanes.h"
#include "indicator/stretch.h"
#include "indicator/total.h"
#include "indicator/volume_mean.h"
#include <math.h>

/* ---- cumulative ---- */

typedef struct bar_before {
    double close, volume;
    int64_t is_there;
} bar_before;

/* What the bars i .. i + n - 1 contribute; not zero when one of them is undefined. A bar that is undefined is not there:
 * the next one is compared with the one before it. */
typedef uint64_t (*flow_fn)(const bar_before *before, const kernel_input *in, int32_t i, int32_t n, double *x);

/* The next stretch of bars that are all defined, into x; 0 when bar `i` is not. */
static inline int32_t next_stretch(flow_fn flow, const bar_before *before, const kernel_input *in, int32_t i,
                                   int32_t to, double *x) {
    int32_t n = stretch_to(i, to);
    if (!flow(before, in, i, n, x)) return n;
    return !flow(before, in, i, 1, x);
}

static inline bar_before bar_at(const kernel_input *in, int32_t i) {
    return (bar_before){.close = in->close[i], .volume = in->volume[i], .is_there = 1};
}

/* The volume with the sign of the price's change. */
static inline double signed_volume(double change, double volume) {
    double x = copysign(volume, change);
    return change != 0 ? x : 0;
}

KERNEL_INLINE void signed_volumes_loop(int32_t n, const double *close, const double *volume, double *restrict x,
                                       uint64_t *restrict undefined) {
    uint64_t bad = 0;
    for (int32_t k = 0; k < n; k++) {
        double change = close[k] - close[k - 1];
        x[k] = signed_volume(change, volume[k]);
        bad |= stretch_undefined(change + volume[k]);
    }
    *undefined = bad;
}
LANES(signed_volumes,
      (int32_t n, const double *close, const double *volume, double *restrict x, uint64_t *restrict undefined),
      (n, close, volume, x, undefined))

static inline uint64_t obv_flow(const bar_before *before, const kernel_input *in, int32_t i, int32_t n, double *x) {
    const double *close = in->close + i, *volume = in->volume + i;
    double first = before->is_there ? close[0] - before->close : 0;
    uint64_t bad = 0;
    x[0] = signed_volume(first, volume[0]);
    if (n > 1) signed_volumes(n - 1, close + 1, volume + 1, x + 1, &bad);
    return bad | stretch_undefined(close[0] + volume[0]);
}

typedef struct obv_state {
    bar_before before;
    total total;
} obv_state;

static void run_obv(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    obv_state *s = state;
    double x[STRETCH];
    for (int32_t i = from, n; i < to; i += n) {
        bool is_first = !s->before.is_there;
        n = next_stretch(obv_flow, &s->before, in, i, to, x);
        if (n > 0) {
            s->before = bar_at(in, i + n - 1);
            total_run(&s->total, x, n, out[0] + i);
        }
        if (is_first && n > 0) out[0][i] = NAN; /* nothing to compare it with */
        if (n == 0) n = stretch_skip(out[0], i);
    }
}

/* By what an index changes: by the price's change where the volume is above the one before (not `is_positive`: below it).
 * A price of 0 has no change, and none can be measured from it: the first bar is asked with care, for the others the
 * quotient tells. */
KERNEL_INLINE void factors_loop(int32_t n, const double *close, const double *volume, double *restrict x,
                                uint64_t *restrict undefined, bool is_positive) {
    uint64_t bad = 0;
    for (int32_t k = 0; k < n; k++) {
        double factor = close[k] / close[k - 1], newer = is_positive ? volume[k] : volume[k - 1];
        double older = is_positive ? volume[k - 1] : volume[k];
        x[k] = ((newer > older) & (close[k] != 0)) ? factor : 1;
        bad |= stretch_undefined(factor + volume[k]);
    }
    *undefined = bad;
}
LANES(factors,
      (int32_t n, const double *close, const double *volume, double *restrict x, uint64_t *restrict undefined,
       bool is_positive),
      (n, close, volume, x, undefined, is_positive))

static inline uint64_t index_flow(const bar_before *before, const kernel_input *in, int32_t i, int32_t n, double *x,
                                  bool is_positive) {
    double close = in->close[i], volume = in->volume[i];
    uint64_t bad = 0;
    bool counts = before->is_there && close != 0 && before->close != 0 &&
                  (is_positive ? volume > before->volume : volume < before->volume);
    x[0] = counts ? close / before->close : 1;
    if (n > 1) factors(n - 1, in->close + i + 1, in->volume + i + 1, x + 1, &bad, is_positive);
    return bad | stretch_undefined(close + volume);
}

static uint64_t pvi_flow(const bar_before *before, const kernel_input *in, int32_t i, int32_t n, double *x) {
    return index_flow(before, in, i, n, x, true);
}

static uint64_t nvi_flow(const bar_before *before, const kernel_input *in, int32_t i, int32_t n, double *x) {
    return index_flow(before, in, i, n, x, false);
}

typedef struct index_state {
    bar_before before;
    product product;
} index_state;

static inline void run_index(index_state *s, const kernel_input *in, int32_t from, int32_t to, double *out,
                             flow_fn flow) {
    double x[STRETCH];
    for (int32_t i = from, n; i < to; i += n) {
        n = next_stretch(flow, &s->before, in, i, to, x);
        if (n > 0) {
            s->before = bar_at(in, i + n - 1);
            product_run(&s->product, x, n, out + i);
        } else {
            n = stretch_skip(out, i);
        }
    }
}

static void run_pvi(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    run_index(state, in, from, to, out[0], pvi_flow);
}

static void run_nvi(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    run_index(state, in, from, to, out[0], nvi_flow);
}

/* Volume times where in its range the bar has closed, -1 to 1. A range below 1e-10 of the price counts as none. */
KERNEL_INLINE void placed_volumes_loop(int32_t n, const double *high, const double *low, const double *close,
                                       const double *volume, double *restrict x, uint64_t *restrict undefined) {
    uint64_t bad = 0;
    for (int32_t k = 0; k < n; k++) {
        double range = high[k] - low[k], part = ((close[k] - low[k]) - (high[k] - close[k])) * volume[k];
        bool has_range = range > 1e-10 * high[k];
        bad |= stretch_undefined(range + part);
        part = has_range ? part : 0;
        x[k] = part / (has_range ? range : 1);
    }
    *undefined = bad;
}
LANES(placed_volumes,
      (int32_t n, const double *high, const double *low, const double *close, const double *volume, double *restrict x,
       uint64_t *restrict undefined),
      (n, high, low, close, volume, x, undefined))

static inline uint64_t ad_flow(const bar_before *before, const kernel_input *in, int32_t i, int32_t n, double *x) {
    uint64_t bad;
    (void)before;
    placed_volumes(n, in->high + i, in->low + i, in->close + i, in->volume + i, x, &bad);
    return bad;
}

static void run_ad(void *state, const kernel_input *in, int32_t from, int32_t to,
                   double *const out[INDICATOR_OUTPUTS]) {
    double x[STRETCH];
    for (int32_t i = from, n; i < to; i += n) {
        n = next_stretch(ad_flow, NULL, in, i, to, x);
        total_run(state, x, n, out[0] + i);
        if (n == 0) n = stretch_skip(out[0], i);
    }
}

/* How far an EMA lags behind the line: line - average. It shrinks with each bar and grows by what the bar has added, so
 * the line itself is not needed once there is a first average, and its size costs no digits. */
typedef struct lag {
    double sum, value; /* sum: of the line's first values */
} lag;

static inline double lag_step(lag *a, double added, double line, int64_t n, int32_t length, double keep) {
    if (n > length) return a->value = keep * (a->value + added);
    a->sum += line;
    if (n == length) a->value = line - a->sum / length;
    return n < length ? NAN : a->value;
}

typedef struct adosc_state {
    double line; /* until both averages are there */
    int64_t n;
    lag fast, slow;
} adosc_state;

static void run_adosc(void *state, const kernel_input *in, int32_t from, int32_t to,
                      double *const out[INDICATOR_OUTPUTS]) {
    adosc_state s = *(adosc_state *)state;
    int32_t fast = (int32_t)in->param[0], slow = (int32_t)in->param[1];
    enum { FEW = 32 }; /* so that the processor is at the next flows while the averages wait for each other */
    double x[STRETCH], keep_fast = (fast - 1.0) / (fast + 1.0), keep_slow = (slow - 1.0) / (slow + 1.0);
    for (int32_t i = from, n; i < to; i += n) {
        n = next_stretch(ad_flow, NULL, in, i, to < i + FEW ? to : i + FEW, x);
        for (int32_t k = 0; k < n; k++) {
            s.n++;
            if (s.n <= slow || s.n <= fast) s.line += x[k];
            double a = lag_step(&s.fast, x[k], s.line, s.n, fast, keep_fast);
            double b = lag_step(&s.slow, x[k], s.line, s.n, slow, keep_slow);
            out[0][i + k] = kernel_defined(b - a);
        }
        if (n == 0) n = stretch_skip(out[0], i);
    }
    *(adosc_state *)state = s;
}

/* ---- MFI ---- */

/* 100 where nothing has fallen. */
static inline double mfi_of(double up, double down) {
    double fill = down == 0 ? 1 : 0;
    return kernel_defined(100 * ((up + fill) / (up + down + fill)));
}

/* Money that came with a higher price, and with a lower one; without a price before, it counts as both (Pine's). */
static inline double mfi_step(ladder *s, const double *price, double volume, int32_t length) {
    double money = *price * volume;
    pair own = {money, money}, sum = own;
    if (stretch_undefined(*price + volume)) {
        ladder_restart(s);
        return NAN;
    }
    if (s->n > 0) own = (pair){price[0] > price[-1] ? money : 0, price[0] < price[-1] ? money : 0};
    ladder_step(s, own, length, &length, 1, &sum);
    return s->n < length ? NAN : mfi_of(sum[0], sum[1]);
}

KERNEL_INLINE void money_flow_loop(int32_t n, const double *price, const double *volume, double *restrict flow,
                                   uint64_t *restrict undefined) {
    uint64_t bad = 0;
    for (int32_t k = 0; k < n; k++) {
        double money = price[k] * volume[k];
        flow[2 * k] = price[k] > price[k - 1] ? money : 0;
        flow[2 * k + 1] = price[k] < price[k - 1] ? money : 0;
        bad |= stretch_undefined(price[k] + volume[k]);
    }
    *undefined = bad;
}
LANES(money_flow,
      (int32_t n, const double *price, const double *volume, double *restrict flow, uint64_t *restrict undefined),
      (n, price, volume, flow, undefined))

KERNEL_INLINE void mfi_loop(int32_t n, const double *sum, double *restrict out) {
    for (int32_t k = 0; k < n; k++) out[k] = mfi_of(sum[2 * k], sum[2 * k + 1]);
}
LANES(mfi, (int32_t n, const double *sum, double *restrict out), (n, sum, out))

/* False, and nothing is changed, when one of the bars is undefined. There is one before them. */
__attribute__((noinline)) static bool mfi_stretch(ladder *s, const double *price, const double *volume, int32_t n,
                                                  int32_t length, double *out) {
    _Alignas(64) double flow[2 * STRETCH], sum[2 * STRETCH];
    uint64_t undefined;
    money_flow(n, price, volume, flow, &undefined);
    if (undefined) return false;
    ladder_run(s, flow, n, length, &length, 1, (double *[]){sum});
    mfi(n, sum, out);
    stretch_void(out, length - 1 - (s->n - n), n);
    return true;
}

static void run_mfi(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    ladder *s = state;
    const double *price = in->source[0], *volume = in->volume;
    int32_t length = (int32_t)in->param[0];
    for (int32_t i = from, n; i < to; i += n) {
        n = s->n > 0 ? stretch_to(i, to) : 1;
        if (n >= STRETCH_LEAST && mfi_stretch(s, price + i, volume + i, n, length, out[0] + i)) continue;
        for (int32_t k = i; k < i + n; k++) out[0][k] = mfi_step(s, price + k, volume[k], length);
    }
}

/* ---- rolling VWAP ---- */

KERNEL_INLINE void typical_prices_loop(int32_t n, const double *high, const double *low, const double *close,
                                       double *restrict price) {
    for (int32_t k = 0; k < n; k++) price[k] = bars_third(high[k] + low[k] + close[k]);
}
LANES(typical_prices, (int32_t n, const double *high, const double *low, const double *close, double *restrict price),
      (n, high, low, close, price))

static void run_rvwap(void *state, const kernel_input *in, int32_t from, int32_t to,
                      double *const out[INDICATOR_OUTPUTS]) {
    volume_mean *s = state;
    double price[1 + STRETCH];
    int32_t length = (int32_t)in->param[0];
    if (to - from == 1) {
        double typical = bars_third(in->high[from] + in->low[from] + in->close[from]);
        out[0][from] = volume_mean_step(s, typical, in->volume[from], length);
        return;
    }
    for (int32_t i = from, n; i < to; i += n) {
        n = stretch_to(i, to);
        price[0] = s->newest;
        typical_prices(n, in->high + i, in->low + i, in->close + i, price + 1);
        volume_mean_run(s, price + 1, in->volume + i, n, length, out[0] + i);
    }
}

/* ---- who bought ---- */

static void run_sell_volume(void *state, const kernel_input *in, int32_t from, int32_t to,
                            double *const out[INDICATOR_OUTPUTS]) {
    (void)state;
    for (int32_t i = from; i < to; i++) out[0][i] = kernel_defined(in->volume[i] - in->taker_base[i]);
}

static void run_delta(void *state, const kernel_input *in, int32_t from, int32_t to,
                      double *const out[INDICATOR_OUTPUTS]) {
    (void)state;
    for (int32_t i = from; i < to; i++)
        out[0][i] = kernel_defined(in->taker_base[i] - (in->volume[i] - in->taker_base[i]));
}

static void run_pressure(void *state, const kernel_input *in, int32_t from, int32_t to,
                         double *const out[INDICATOR_OUTPUTS]) {
    (void)state;
    for (int32_t i = from; i < to; i++) out[0][i] = kernel_defined(in->taker_base[i] / in->volume[i]);
}

/* ---- the table ---- */

static int32_t depth_cumulative(const double *param, int32_t interval) {
    return (void)param, (void)interval, kernel_depth_at_least(0);
}

static int32_t depth_adosc(const double *param, int32_t interval) {
    (void)interval;
    return kernel_depth_at_least(10 * (int32_t)fmax(param[0], param[1]));
}

static size_t ladder_of_window(const double *param, int32_t interval) {
    return (void)interval, ladder_bytes((int32_t)param[0]);
}

static size_t rvwap_bytes(const double *param, int32_t interval) {
    return (void)interval, volume_mean_bytes((int32_t)param[0]);
}

/* The first bar of all counts on both sides: it must have left the window. */
static int32_t depth_mfi(const double *param, int32_t interval) { return (void)interval, (int32_t)param[0] + 1; }

const kernel kernel_obv = {
    .name = "obv", .n_outputs = 1, .run = run_obv, .depth = depth_cumulative, .state_bytes = sizeof(obv_state)};
const kernel kernel_ad = {
    .name = "ad", .n_outputs = 1, .run = run_ad, .depth = depth_cumulative, .state_bytes = sizeof(total)};
const kernel kernel_adosc = {.name = "adosc",
                             .n_params = 2,
                             .n_outputs = 1,
                             .params = {PARAM_LENGTH("fast"), PARAM_LENGTH("slow")},
                             .run = run_adosc,
                             .depth = depth_adosc,
                             .state_bytes = sizeof(adosc_state)};
const kernel kernel_pvi = {
    .name = "pvi", .n_outputs = 1, .run = run_pvi, .depth = depth_cumulative, .state_bytes = sizeof(index_state)};
const kernel kernel_nvi = {
    .name = "nvi", .n_outputs = 1, .run = run_nvi, .depth = depth_cumulative, .state_bytes = sizeof(index_state)};
const kernel kernel_mfi = {.name = "mfi",
                           .n_sources = 1,
                           .n_params = 1,
                           .n_outputs = 1,
                           .params = {PARAM_LENGTH("length")},
                           .run = run_mfi,
                           .depth = depth_mfi,
                           .reach = kernel_reach_window,
                           .more_state_bytes = ladder_of_window};
const kernel kernel_rvwap = {.name = "rvwap",
                             .n_params = 1,
                             .n_outputs = 1,
                             .params = {PARAM_LENGTH("length")},
                             .run = run_rvwap,
                             .depth = kernel_depth_window,
                             .reach = kernel_reach_window,
                             .more_state_bytes = rvwap_bytes};
const kernel kernel_sell_volume = {
    .name = "sell_volume", .n_outputs = 1, .run = run_sell_volume, .depth = kernel_depth_one};
const kernel kernel_delta = {.name = "delta", .n_outputs = 1, .run = run_delta, .depth = kernel_depth_one};
const kernel kernel_pressure = {.name = "pressure", .n_outputs = 1, .run = run_pressure, .depth = kernel_depth_one};
