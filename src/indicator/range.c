/* See range.h. */
#include "indicator/range.h"
#include "indicator/extreme.h"
#include "indicator/kernel.h"
#include "indicator/smoothing.h"
#include "indicator/true_range.h"
#include <math.h>

static void run_tr(void *state, const kernel_input *in, int32_t from, int32_t to,
                   double *const out[INDICATOR_OUTPUTS]) {
    int64_t *is_begun = state;
    const double *restrict high = in->high, *restrict low = in->low, *restrict close = in->close;
    double *restrict range = out[0];
    bool handle_na = in->param[0] != 0;
    int32_t i = from;
    if (!*is_begun && from < to) {
        range[i] = handle_na ? only_finite(true_range(high[i], low[i], NAN)) : NAN;
        *is_begun = 1;
        i++;
    }
    if (handle_na)
        for (; i < to; i++) range[i] = only_finite(true_range(high[i], low[i], close[i - 1]));
    else
        for (; i < to; i++)
            range[i] = only_finite(true_range(high[i], low[i], close[i - 1]) + (close[i - 1] - close[i - 1]));
}

typedef struct average_state {
    int64_t is_begun;
    trailing range;
} average_state;

KERNEL_INLINE void run_average(average_state *s, const kernel_input *in, int32_t from, int32_t to, double *out,
                               bool is_percent) {
    trailing average = s->range;
    int32_t length = (int32_t)in->param[0];
    double keep = trailing_rma(length), close_before = s->is_begun ? in->close[from - 1] : NAN;
    for (int32_t i = from; i < to; i++) {
        double range = trailing_step(&average, true_range(in->high[i], in->low[i], close_before), length, keep);
        close_before = in->close[i];
        out[i] = is_percent ? only_finite(100 * range / close_before) : range;
    }
    s->range = average;
    s->is_begun = 1;
}

static void run_atr(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    run_average(state, in, from, to, out[0], false);
}

static void run_natr(void *state, const kernel_input *in, int32_t from, int32_t to,
                     double *const out[INDICATOR_OUTPUTS]) {
    run_average(state, in, from, to, out[0], true);
}

/* ---- extremes of a window ---- */

static void run_highest(void *state, const kernel_input *in, int32_t from, int32_t to,
                        double *const out[INDICATOR_OUTPUTS]) {
    extreme_range(state, in->source[0], from, to, (int32_t)in->param[0], EXTREME_HIGH, out[0] + from);
}

static void run_lowest(void *state, const kernel_input *in, int32_t from, int32_t to,
                       double *const out[INDICATOR_OUTPUTS]) {
    extreme_range(state, in->source[0], from, to, (int32_t)in->param[0], EXTREME_LOW, out[0] + from);
}

KERNEL_INLINE void run_bars(extreme *s, const kernel_input *in, int32_t from, int32_t to, double *out,
                            extreme_order order) {
    double shown[EXTREME_RANGE_MAX];
    int32_t length = (int32_t)in->param[0], i = from;
    if (length <= EXTREME_RANGE_MAX && to - from > length) {
        for (int32_t age = 0; age < length; age++) shown[age] = -age;
        extreme_range_ages(s, in->source[0], from, to, length, order, shown, out + from);
        return;
    }
    for (; i < to; i++) {
        int32_t age = extreme_step(s, in->source[0], i, length, order);
        out[i] = age < 0 ? NAN : -age;
    }
}

static void run_highestbars(void *state, const kernel_input *in, int32_t from, int32_t to,
                            double *const out[INDICATOR_OUTPUTS]) {
    run_bars(state, in, from, to, out[0], EXTREME_HIGH);
}

static void run_lowestbars(void *state, const kernel_input *in, int32_t from, int32_t to,
                           double *const out[INDICATOR_OUTPUTS]) {
    run_bars(state, in, from, to, out[0], EXTREME_LOW);
}

static void run_donchian(void *state, const kernel_input *in, int32_t from, int32_t to,
                         double *const out[INDICATOR_OUTPUTS]) {
    int32_t length = (int32_t)in->param[0];
    extreme_range(state, in->high, from, to, length, EXTREME_HIGH, out[1] + from);
    extreme_range(extreme_after(state, length), in->low, from, to, length, EXTREME_LOW, out[2] + from);
    for (int32_t i = from; i < to; i++) out[0][i] = (out[1][i] + out[2][i]) / 2;
}

/* A pivot is at least as far out as the `left` bars before it and further than the `right` ones after it. */
KERNEL_INLINE void run_pivot(extreme *s, const kernel_input *in, int32_t from, int32_t to, double *out,
                             extreme_order order) {
    enum { PART = 256 };
    double before[PART], after[PART];
    const double *x = in->source[0];
    int32_t left = (int32_t)in->param[0], right = (int32_t)in->param[1], length = left + right + 1;
    int32_t begin = from + extreme_n_steps(s, x, from, to, length);
    bool is_high = extreme_is_high(order);
    for (int32_t i = from; i < begin; i++) out[i] = extreme_step(s, x, i, length, order) == right ? x[i - right] : NAN;
    for (int32_t at = begin, n; at < to; at += n) {
        const double *pivot = x + at - right;
        n = to - at < PART ? to - at : PART;
        extreme_windows(pivot - left, n, left, is_high, before);
        extreme_windows(pivot + 1, n, right, is_high, after);
        for (int32_t k = 0; k < n; k++) {
            bool is_out = is_high ? (pivot[k] >= before[k]) & (pivot[k] > after[k])
                                  : (pivot[k] <= before[k]) & (pivot[k] < after[k]);
            out[at + k] = is_out ? pivot[k] : NAN;
        }
    }
    if (begin < to) extreme_skip(s, x, to - 1, length, order);
}

static void run_pivothigh(void *state, const kernel_input *in, int32_t from, int32_t to,
                          double *const out[INDICATOR_OUTPUTS]) {
    run_pivot(state, in, from, to, out[0], EXTREME_HIGH_NEWEST);
}

static void run_pivotlow(void *state, const kernel_input *in, int32_t from, int32_t to,
                         double *const out[INDICATOR_OUTPUTS]) {
    run_pivot(state, in, from, to, out[0], EXTREME_LOW_NEWEST);
}

/* ---- Keltner channels ---- */

typedef struct kc_state {
    int64_t is_begun;
    trailing basis, range;
} kc_state;

KERNEL_INLINE void run_channel(kc_state *s, const kernel_input *in, int32_t from, int32_t to,
                               double *const out[INDICATOR_OUTPUTS], bool is_true) {
    trailing basis = s->basis, average = s->range;
    int32_t length = (int32_t)in->param[0];
    double keep = trailing_ema(length), multiple = in->param[1], close_before = s->is_begun ? in->close[from - 1] : NAN;
    for (int32_t i = from; i < to; i++) {
        double high = in->high[i], low = in->low[i];
        double range = is_true ? true_range(high, low, close_before) + (close_before - close_before) : high - low;
        double middle = trailing_step(&basis, in->source[0][i], length, keep);
        double width = multiple * trailing_step(&average, range, length, keep);
        close_before = in->close[i];
        out[0][i] = middle;
        out[1][i] = middle + width;
        out[2][i] = middle - width;
    }
    s->basis = basis;
    s->range = average;
    s->is_begun = 1;
}

static void run_kc(void *state, const kernel_input *in, int32_t from, int32_t to,
                   double *const out[INDICATOR_OUTPUTS]) {
    if (in->param[2] != 0)
        run_channel(state, in, from, to, out, true);
    else
        run_channel(state, in, from, to, out, false);
}

/* ---- the last 24 hours ----
 * Bars by their time, not by their number: what a hole lacks is not replaced by older bars. */

/* Minutes of a bar where there is such a window; 0: above a day, and of 1s, whose 86,400 bars no history keeps. */
static const int32_t minutes_of[N_INTERVALS] = {
    [INTERVAL_1M] = 1,   [INTERVAL_3M] = 3,   [INTERVAL_5M] = 5,    [INTERVAL_15M] = 15,
    [INTERVAL_30M] = 30, [INTERVAL_1H] = 60,  [INTERVAL_2H] = 120,  [INTERVAL_4H] = 240,
    [INTERVAL_6H] = 360, [INTERVAL_8H] = 480, [INTERVAL_12H] = 720, [INTERVAL_1D] = 1440};
enum { DAY_MINUTES = 1440, MINUTE_MS = 60000, DAY_MS = DAY_MINUTES * MINUTE_MS };

static inline int32_t day_bars(int32_t interval) {
    return minutes_of[interval] ? DAY_MINUTES / minutes_of[interval] : 0;
}

/* A sum of a window of no fixed number of bars, and what its additions have lost: it is as good as exact, and bars that
 * have gone leave nothing behind. */
typedef struct day_sum {
    double sum, lost;
} day_sum;

/* Behind it stand the extremes of the highs and of the lows. */
typedef struct day_state {
    int64_t first_ms; /* open time of the oldest bar seen */
    int64_t n;        /* bars inside; 0: none seen */
    day_sum volume, quote_volume;
} day_state;

static inline void day_add(day_sum *s, double x) {
    double sum = s->sum + x, part = sum - s->sum;
    s->lost += (s->sum - (sum - part)) + (x - part);
    s->sum = sum;
}

/* Takes in bar i and lets go of what opened before `start_ms`. */
KERNEL_INLINE void day_move(day_state *s, const kernel_input *in, int32_t i, int64_t start_ms, int64_t resum_every) {
    const double *volume = in->volume + i + 1, *quote_volume = in->quote_volume + i + 1;
    if (s->n++ == 0) s->first_ms = in->open_ms[i];
    day_add(&s->volume, volume[-1]);
    day_add(&s->quote_volume, quote_volume[-1]);
    for (; in->open_ms[i - s->n + 1] < start_ms; s->n--) {
        day_add(&s->volume, -volume[-s->n]);
        day_add(&s->quote_volume, -quote_volume[-s->n]);
    }
    if (in->number[i] & (resum_every - 1)) return;
    s->volume = s->quote_volume = (day_sum){0};
    for (int64_t k = -s->n; k < 0; k++) {
        day_add(&s->volume, volume[k]);
        day_add(&s->quote_volume, quote_volume[k]);
    }
}

/* Change and volumes, NaN while the day is not covered, and into out[2], for the extremes, how many bars are inside: NaN
 * where one is not whole. */
static void day_sums(day_state *state, const kernel_input *in, int32_t from, int32_t to,
                     double *const out[INDICATOR_OUTPUTS]) {
    day_state s = *state;
    int64_t bar_ms = minutes_of[in->interval] * MINUTE_MS;
    int64_t resum_every = minutes_of[in->interval] < 15 ? 8192 : 512; /* at least four windows: it stays cheap */
    for (int32_t i = from; i < to; i++) {
        double all = in->high[i] + in->low[i] + in->close[i] + in->volume[i] + in->quote_volume[i];
        double n = NAN, change = NAN, volume = NAN, quote_volume = NAN;
        int64_t start_ms = in->open_ms[i] + bar_ms - DAY_MS;
        if (isnan(only_finite(all))) {
            s = (day_state){0};
        } else {
            day_move(&s, in, i, start_ms, resum_every);
            n = (double)s.n;
        }
        if (s.n && s.first_ms <= start_ms) {
            const int64_t *oldest_ms = in->open_ms + i - s.n + 1;
            bool has_before = s.first_ms < *oldest_ms && oldest_ms[-1] + bar_ms == start_ms;
            double before = has_before ? in->close[i - s.n] : in->open[i - s.n + 1];
            change = only_finite(100 * (in->close[i] / before - 1));
            volume = s.volume.sum + s.volume.lost;
            quote_volume = s.quote_volume.sum + s.quote_volume.lost;
        }
        out[0][i] = change;
        out[2][i] = n;
        out[3][i] = volume;
        out[4][i] = quote_volume;
    }
    *state = s;
}

/* `covered`: NaN where the day is not; `n`: bars inside. */
KERNEL_INLINE void day_extreme(extreme *e, const double *x, int32_t from, int32_t to, const double *covered,
                               const double *n, double *out, extreme_order order) {
    for (int32_t i = from; i < to; i++) {
        if (isnan(n[i])) {
            extreme_clear(e);
            out[i] = NAN;
        } else {
            int32_t age = extreme_push(e, x, i, (int32_t)n[i], order);
            out[i] = x[i - age] + (covered[i] - covered[i]);
        }
    }
}

static void run_day(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    day_state *s = state;
    int32_t room = day_bars(in->interval);
    extreme *high = (extreme *)(s + 1), *low = extreme_after(high, room);
    if (room == 0) {
        for (int32_t o = 0; o < kernel_day.n_outputs; o++)
            for (int32_t i = from; i < to; i++) out[o][i] = NAN;
        return;
    }
    day_sums(s, in, from, to, out);
    day_extreme(high, in->high, from, to, out[3], out[2], out[1], EXTREME_HIGH);
    day_extreme(low, in->low, from, to, out[3], out[2], out[2], EXTREME_LOW);
}

/* ---- the table ---- */

static int32_t depth_pivot(const double *param, int32_t interval) {
    return (void)interval, (int32_t)(param[0] + param[1]) + 1;
}
static int32_t reach_pivot(const double *param) { return depth_pivot(param, 0); }
static size_t extreme_state(const double *param, int32_t interval) {
    return (void)interval, extreme_bytes((int32_t)param[0]);
}
static size_t donchian_state(const double *param, int32_t interval) { return 2 * extreme_state(param, interval); }
static size_t pivot_state(const double *param, int32_t interval) { return extreme_bytes(depth_pivot(param, interval)); }
static err check_pivot(const char *name, const double *param, diag *why) {
    if (param[0] + param[1] < LENGTH_MAX) return OK;
    return diag_set(why, ERR_INVALID, "%s: left and right are %g and %g; expected less than %d together", name,
                    param[0], param[1], LENGTH_MAX);
}
static err check_pivothigh(const double *param, diag *why) { return check_pivot("pivothigh", param, why); }
static err check_pivotlow(const double *param, diag *why) { return check_pivot("pivotlow", param, why); }
/* With the bar before the window, whose close the change is measured from. */
static int32_t reach_day(int32_t interval) { return day_bars(interval) + 1; }
static int32_t depth_day(const double *param, int32_t interval) { return (void)param, reach_day(interval); }
static size_t day_state_bytes(const double *param, int32_t interval) {
    return (void)param, 2 * extreme_bytes(day_bars(interval));
}

const kernel kernel_tr = {.name = "tr",
                          .n_params = 1,
                          .n_outputs = 1,
                          .params = {PARAM_FLAG("handle_na")},
                          .run = run_tr,
                          .depth = kernel_depth_two,
                          .reach = kernel_reach_one,
                          .state_bytes = sizeof(int64_t)};

#define AVERAGE_RANGE(label) \
    const kernel kernel_##label = {.name = #label, \
                                   .n_params = 1, \
                                   .n_outputs = 1, \
                                   .params = {PARAM_LENGTH("length")}, \
                                   .run = run_##label, \
                                   .depth = kernel_depth_wilder, \
                                   .reach = kernel_reach_one, \
                                   .state_bytes = sizeof(average_state)};
AVERAGE_RANGE(atr)
AVERAGE_RANGE(natr)

#define EXTREME(label) \
    const kernel kernel_##label = {.name = #label, \
                                   .n_sources = 1, \
                                   .n_params = 1, \
                                   .n_outputs = 1, \
                                   .params = {PARAM_LENGTH("length")}, \
                                   .run = run_##label, \
                                   .depth = kernel_depth_window, \
                                   .reach = kernel_reach_window, \
                                   .more_state_bytes = extreme_state};
EXTREME(highest)
EXTREME(lowest)
EXTREME(highestbars)
EXTREME(lowestbars)

#define PIVOT(label) \
    const kernel kernel_##label = {.name = #label, \
                                   .n_sources = 1, \
                                   .n_params = 2, \
                                   .n_outputs = 1, \
                                   .params = {PARAM_LENGTH("left"), PARAM_LENGTH("right")}, \
                                   .run = run_##label, \
                                   .depth = depth_pivot, \
                                   .reach = reach_pivot, \
                                   .more_state_bytes = pivot_state, \
                                   .check = check_##label};
PIVOT(pivothigh)
PIVOT(pivotlow)

const kernel kernel_donchian = {.name = "donchian",
                                .n_params = 1,
                                .n_outputs = 3,
                                .params = {PARAM_LENGTH("length")},
                                .run = run_donchian,
                                .depth = kernel_depth_window,
                                .reach = kernel_reach_window,
                                .more_state_bytes = donchian_state};
const kernel kernel_kc = {.name = "kc",
                          .n_sources = 1,
                          .n_params = 3,
                          .n_outputs = 3,
                          .params = {PARAM_LENGTH("length"), {"mult", 0, 1000, false}, PARAM_FLAG("use_true_range")},
                          .run = run_kc,
                          .depth = kernel_depth_recursive,
                          .reach = kernel_reach_one,
                          .state_bytes = sizeof(kc_state)};
const kernel kernel_day = {.name = "day",
                           .n_outputs = 5,
                           .run = run_day,
                           .depth = depth_day,
                           .reach_of_interval = reach_day,
                           .state_bytes = sizeof(day_state),
                           .more_state_bytes = day_state_bytes};
