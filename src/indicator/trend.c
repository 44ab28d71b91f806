/* See trend.h. */
#include "indicator/trend.h"
#include "indicator/extreme.h"
#include "indicator/kernel.h"
#include "indicator/pair.h"
#include "indicator/smoothing.h"
#include "indicator/true_range.h"
#include <math.h>

/* ---- directional movement ---- */

/* Pine's comparison of two prices: a difference up to this is none. */
#define PRICE_TOLERANCE 1e-10
/* A range below this part of the price counts as zero. */
#define RANGE_TOLERANCE 1e-10

/* A sum of movements that is 0 divides as this: 0 comes out. */
#define LEAST_SUM 1e-300

typedef struct dmi_state {
    int64_t is_begun, n; /* n: bars in the averages, counted up to their length */
    double plus, minus, range;
    smoothing strength;
} dmi_state;

/* Wilder's average in the form (1 - alpha) * value + alpha * x: four of them fit into the registers. */
KERNEL_INLINE double wilder_step(double value, double x, double alpha) { return (1 - alpha) * value + alpha * x; }

/* While it is being seeded: `n` values with this one; it is the sum of them, in the end their mean. */
static inline double wilder_seed(double value, double x, int64_t n, int32_t length) {
    return n < length ? value + x : (value + x) / length;
}

/* Some bars on their way: what is parallel goes through vectors, between two chains. So few that the end of one loop
 * overlaps with the beginning of the next. */
enum { DMI_PART = 16 };
typedef struct dmi_part {
    double plus[DMI_PART], minus[DMI_PART], range[DMI_PART], least[DMI_PART];
} dmi_part;

static inline double movement(double this, double other) {
    return lower_of(this - other, this) > PRICE_TOLERANCE ? this : 0;
}

/* Movements and true ranges. The range is NaN where anything of the bar or of the one before is missing. */
KERNEL_INLINE void dmi_begin(dmi_part *p, const kernel_input *in, int32_t from, int32_t n) {
    const double *restrict high = in->high + from, *restrict low = in->low + from, *restrict close = in->close + from;
    for (int32_t k = 0; k < n; k++) {
        double up = high[k] - high[k - 1], down = low[k - 1] - low[k], all = up + down + close[k] + close[k - 1];
        p->plus[k] = movement(up, down);
        p->minus[k] = movement(down, up);
        p->range[k] = true_range(high[k], low[k], close[k - 1]) + (all - all);
        p->least[k] = RANGE_TOLERANCE * close[k];
    }
}

/* Their averages; in place of the range what a movement is multiplied with, 100 / range: NaN where the range counts as
 * zero, and while there are fewer than `length`. */
KERNEL_INLINE void dmi_average(dmi_state *s, dmi_part *p, int32_t n, int32_t length) {
    const double alpha = 1.0 / length;
    for (int32_t k = 0; k < n; k++) {
        if (isnan(p->range[k])) continue;
        if (s->n < length) {
            s->n++;
            s->plus = wilder_seed(s->plus, p->plus[k], s->n, length);
            s->minus = wilder_seed(s->minus, p->minus[k], s->n, length);
            s->range = wilder_seed(s->range, p->range[k], s->n, length);
        } else {
            s->plus = wilder_step(s->plus, p->plus[k], alpha);
            s->minus = wilder_step(s->minus, p->minus[k], alpha);
            s->range = wilder_step(s->range, p->range[k], alpha);
        }
        p->plus[k] = s->plus;
        p->minus[k] = s->minus;
        p->range[k] = s->n == length && s->range >= p->least[k] ? 100 / s->range : NAN;
    }
}

/* Of the strengths, NaN among them. */
KERNEL_INLINE void dmi_adx(dmi_state *s, const double *strength, int32_t n, int32_t smooth, double *adx) {
    const double alpha = 1.0 / smooth;
    for (int32_t k = 0; k < n; k++) {
        double line = NAN;
        if (!isnan(strength[k])) {
            smoothing *a = &s->strength;
            a->value = a->n < smooth ? wilder_seed(a->value, strength[k], a->n + 1, smooth)
                                     : wilder_step(a->value, strength[k], alpha);
            if (a->n < smooth) a->n++;
            if (a->n == smooth) line = 100 * a->value;
        }
        adx[k] = line;
    }
}

/* Both for a whole part, the strengths being those of the part before, once all averages are there: four chains side by
 * side take no longer than one. */
KERNEL_INLINE void dmi_average_both(dmi_state *s, dmi_part *p, int32_t length, const double *restrict strength,
                                    int32_t smooth, double *restrict adx) {
    const double alpha = 1.0 / length, alpha_adx = 1.0 / smooth;
    double plus = s->plus, minus = s->minus, range = s->range, average = s->strength.value;
    for (int32_t k = 0; k < DMI_PART; k++) {
        double line = NAN;
        if (!isnan(p->range[k])) {
            p->plus[k] = plus = wilder_step(plus, p->plus[k], alpha);
            p->minus[k] = minus = wilder_step(minus, p->minus[k], alpha);
            range = wilder_step(range, p->range[k], alpha);
            p->range[k] = 100 / range;
            if (!(range >= p->least[k])) p->range[k] = NAN;
        }
        if (!isnan(strength[k])) {
            average = wilder_step(average, strength[k], alpha_adx);
            line = 100 * average;
        }
        adx[k] = line;
    }
    s->plus = plus;
    s->minus = minus;
    s->range = range;
    s->strength.value = average;
}

KERNEL_INLINE void dmi_lines(const dmi_part *p, int32_t n, double *restrict plus, double *restrict minus,
                             double *restrict strength) {
    for (int32_t k = 0; k < n; k++) {
        double sum = p->plus[k] + p->minus[k], part = p->range[k];
        plus[k] = p->plus[k] * part;
        minus[k] = p->minus[k] * part;
        strength[k] = fabs(p->plus[k] - p->minus[k]) / higher_of(sum, LEAST_SUM) + (part - part);
    }
}

/* Up to DMI_PART bars. */
KERNEL_INLINE void dmi_few(dmi_state *s, const kernel_input *in, int32_t at, int32_t n,
                           double *const out[INDICATOR_OUTPUTS]) {
    dmi_part p;
    double strength[DMI_PART];
    dmi_begin(&p, in, at, n);
    dmi_average(s, &p, n, (int32_t)in->param[0]);
    dmi_lines(&p, n, out[0] + at, out[1] + at, strength);
    dmi_adx(s, strength, n, (int32_t)in->param[1], out[2] + at);
}

/* Whole parts, once all averages are there; gives the first bar that is left. */
static int32_t dmi_many(dmi_state *s, const kernel_input *in, int32_t at, int32_t to,
                        double *const out[INDICATOR_OUTPUTS]) {
    dmi_part p;
    double strength[DMI_PART];
    int32_t length = (int32_t)in->param[0], smooth = (int32_t)in->param[1];
    dmi_begin(&p, in, at, DMI_PART);
    dmi_average(s, &p, DMI_PART, length);
    dmi_lines(&p, DMI_PART, out[0] + at, out[1] + at, strength);
    for (at += DMI_PART; to - at >= DMI_PART; at += DMI_PART) {
        dmi_begin(&p, in, at, DMI_PART);
        dmi_average_both(s, &p, length, strength, smooth, out[2] + at - DMI_PART);
        dmi_lines(&p, DMI_PART, out[0] + at, out[1] + at, strength);
    }
    dmi_adx(s, strength, DMI_PART, smooth, out[2] + at - DMI_PART);
    return at;
}

static void run_dmi(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    dmi_state s = *(dmi_state *)state;
    int32_t at = from;
    if (!s.is_begun) { /* no movement yet */
        out[0][at] = out[1][at] = out[2][at] = NAN;
        s.is_begun = 1;
        at++;
    }
    if (to - at == 1) dmi_few(&s, in, at++, 1, out);
    while (at < to) {
        int32_t n = to - at < DMI_PART ? to - at : DMI_PART;
        if (n == DMI_PART && s.n >= (int32_t)in->param[0] && s.strength.n >= (int32_t)in->param[1]) {
            at = dmi_many(&s, in, at, to, out);
        } else {
            dmi_few(&s, in, at, n, out);
            at += n;
        }
    }
    *(dmi_state *)state = s;
}

/* ---- Supertrend ---- */

typedef struct supertrend_state {
    int64_t is_begun;
    trailing range;
    double lower, upper, line, close; /* of the bar before */
    int64_t is_known;
} supertrend_state;

/* A band moves towards the price only, and starts anew once the price has closed beyond it. */
KERNEL_INLINE double supertrend_step(supertrend_state *s, double lower, double upper, double close, double *direction) {
    bool is_up = false;
    if (s->is_known) {
        if (!(s->close < s->lower)) lower = higher_of(lower, s->lower);
        if (!(s->close > s->upper)) upper = lower_of(upper, s->upper);
        is_up = s->line == s->upper ? close > upper : !(close < lower);
    }
    *direction = is_up ? -1 : 1;
    s->lower = lower;
    s->upper = upper;
    s->line = is_up ? lower : upper;
    s->close = close;
    s->is_known = 1;
    return s->line;
}

static void run_supertrend(void *state, const kernel_input *in, int32_t from, int32_t to,
                           double *const out[INDICATOR_OUTPUTS]) {
    supertrend_state s = *(supertrend_state *)state;
    int32_t length = (int32_t)in->param[1];
    double factor = in->param[0], close_before = s.is_begun ? in->close[from - 1] : NAN;
    const double keep = trailing_rma(length);
    for (int32_t i = from; i < to; i++) {
        double high = in->high[i], low = in->low[i], close = in->close[i], line = NAN;
        double range = true_range(high, low, close_before) + (close - close), middle = (high + low) / 2;
        double direction = 1 + (range - range); /* Pine's before there is a line; of a bar without a price: NaN */
        double width = factor * trailing_step(&s.range, range, length, keep);
        if (!isnan(width)) line = supertrend_step(&s, middle - width, middle + width, close, &direction);
        close_before = close;
        out[0][i] = line;
        out[1][i] = direction;
    }
    s.is_begun = 1;
    *(supertrend_state *)state = s;
}

/* ---- parabolic stop and reverse ---- */

typedef struct sar_state {
    double stop, extreme, pace;
    double high[2], low[2]; /* of the two bars before, the newer one first */
    int64_t n;              /* bars seen, counted to 2 */
    int64_t is_long;
} sar_state;

/* The second bar chooses the side. */
KERNEL_INLINE double sar_begin(sar_state *s, double high, double low, double start) {
    s->is_long = !(s->high[0] > high);
    s->stop = s->is_long ? s->low[0] : s->high[0];
    s->extreme = s->is_long ? high : low;
    s->pace = start;
    return s->stop;
}

/* The reversal is tested with the stop as it comes, before it is held beyond the last two bars. */
KERNEL_INLINE double sar_step(sar_state *s, double high, double low, const double *param) {
    double stop = s->stop + s->pace * (s->extreme - s->stop);
    double highest = higher_of(s->high[0], s->high[1]), lowest = lower_of(s->low[0], s->low[1]);
    if (isnan(only_finite(high) + only_finite(low))) return NAN;
    if (s->n < 2) {
        stop = s->n++ ? sar_begin(s, high, low, param[0]) : NAN;
    } else if (s->is_long ? low <= stop : high >= stop) {
        stop =
            s->is_long ? higher_of(s->extreme, higher_of(high, highest)) : lower_of(s->extreme, lower_of(low, lowest));
        s->extreme = s->is_long ? low : high;
        s->is_long = !s->is_long;
        s->pace = param[0];
    } else {
        stop = s->is_long ? lower_of(stop, lowest) : higher_of(stop, highest);
        if (s->is_long ? high > s->extreme : low < s->extreme) {
            s->extreme = s->is_long ? high : low;
            s->pace = lower_of(s->pace + param[1], param[2]);
        }
    }
    s->high[1] = s->high[0];
    s->high[0] = high;
    s->low[1] = s->low[0];
    s->low[0] = low;
    return s->stop = stop;
}

/* The same for bars on which the stop neither reverses nor is held: most of them, and a loop that waits for nothing but the
 * stop itself. Gives the first other bar. */
KERNEL_INLINE int32_t sar_glide(sar_state *state, const kernel_input *in, int32_t i, int32_t to, double *out,
                                bool is_long) {
    sar_state s = *state;
    double step = in->param[1], max = in->param[2];
    for (; i < to; i++) {
        double high = in->high[i], low = in->low[i], stop = s.stop + s.pace * (s.extreme - s.stop);
        if (is_long ? !(low > stop && high - high == 0) : !(high < stop && low - low == 0)) break;
        if (is_long ? stop > lower_of(s.low[0], s.low[1]) : stop < higher_of(s.high[0], s.high[1])) break;
        if (is_long ? high > s.extreme : low < s.extreme) {
            s.extreme = is_long ? high : low;
            s.pace = lower_of(s.pace + step, max);
        }
        s.high[1] = s.high[0];
        s.high[0] = high;
        s.low[1] = s.low[0];
        s.low[0] = low;
        out[i] = s.stop = stop;
    }
    *state = s;
    return i;
}

static void run_sar(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    sar_state s = *(sar_state *)state;
    for (int32_t i = from; i < to; i++) {
        if (s.n == 2) i = s.is_long ? sar_glide(&s, in, i, to, out[0], true) : sar_glide(&s, in, i, to, out[0], false);
        if (i < to) out[0][i] = sar_step(&s, in->high[i], in->low[i], in->param);
    }
    *(sar_state *)state = s;
}

/* ---- windows ---- */

/* The highest high and the lowest low of a window, as in an extreme (extreme.h) but as values, and both at once: {highest,
 * lowest turned round}. All zero: nothing seen. */
typedef struct spread {
    int32_t n, old; /* finite bars in a row, counted up to `length`; bars of the old part that are in the window */
    double fresh[2];
    double of_old[]; /* [2 x length]: of the newest one of the old part, of the newest two .. */
} spread;

static size_t spread_bytes(int32_t length) { return sizeof(spread) + 2 * sizeof(double) * (size_t)length; }

/* The window that ends with bar i is full, and all of it old. */
__attribute__((noinline)) static void spread_renew(spread *s, const double *high, const double *low, int32_t length) {
    pair best = {-INFINITY, -INFINITY};
    pair_store(s->fresh, best);
    for (int32_t k = 0; k < length; k++) {
        best = pair_max((pair){high[-k], -low[-k]}, best);
        pair_store(s->of_old + 2 * k, best);
    }
    s->n = s->old = length;
}

/* Which of 0 and -0 was found does not show. */
static inline double middle_of(double high, double low) { return (high + 0.0 + low) / 2; }

/* Takes in the bar of *high and *low. The middle of the window that ends there; NaN while it is not full. */
KERNEL_INLINE double spread_step(spread *s, const double *high, const double *low, int32_t length) {
    pair own = {*high, -*low}, best;
    bool is_finite = (*high - *high) + (*low - *low) == 0;
    if (!is_finite || s->n < length) {
        s->n = is_finite ? s->n + 1 : 0;
        if (s->n < length) return NAN;
        s->old = 1;
    }
    if (--s->old == 0) {
        spread_renew(s, high, low, length);
        best = pair_load(s->of_old + 2 * (length - 1));
    } else {
        best = pair_max(pair_load(s->fresh), own);
        pair_store(s->fresh, best);
        best = pair_max(best, pair_load(s->of_old + 2 * (s->old - 1)));
    }
    return middle_of(best[0], -best[1]);
}

/* `high` and `low`: at the first of n bars. */
__attribute__((noinline)) static void spread_run(spread *s, const double *high, const double *low, int32_t n,
                                                 int32_t length, double *restrict out, double *restrict room) {
    const extreme seen = {.n = s->n};
    int32_t n_steps = extreme_n_steps(&seen, high, 0, n, length);
    if (extreme_n_steps(&seen, low, 0, n, length) > n_steps) n_steps = n;
    for (int32_t k = 0; k < n_steps; k++) out[k] = spread_step(s, high + k, low + k, length);
    if (n_steps == n) return;
    extreme_windows(high + n_steps - length + 1, n - n_steps, length, true, out + n_steps);
    extreme_windows(low + n_steps - length + 1, n - n_steps, length, false, room + n_steps);
    for (int32_t k = n_steps; k < n; k++) out[k] = middle_of(out[k], room[k]);
    spread_renew(s, high + n - 1, low + n - 1, length);
}

/* The middle of the highest high and the lowest low of `length` bars, as seen `back` bars earlier, into out[0] ..; `room`
 * is overwritten. Gives what follows the window in the state. */
KERNEL_INLINE void *middle(void *state, const kernel_input *in, int32_t from, int32_t to, int32_t back, int32_t length,
                           double *restrict out, double *restrict room) {
    const double *high = in->high + from - back, *low = in->low + from - back;
    if (to - from == 1)
        *out = spread_step(state, high, low, length);
    else
        spread_run(state, high, low, to - from, length, out, room);
    return (char *)state + spread_bytes(length);
}

__attribute__((noinline)) static void ichimoku_many(void *state, const kernel_input *in, int32_t from, int32_t to,
                                                    double *const out[INDICATOR_OUTPUTS]) {
    int32_t conversion = (int32_t)in->param[0], base = (int32_t)in->param[1], span = (int32_t)in->param[2];
    int32_t back = in->param[3] != 0 ? base - 1 : 0, at = from;
    int64_t *n_seen = state;
    void *s = middle(n_seen + 1, in, from, to, 0, conversion, out[0] + from, out[2] + from);
    s = middle(s, in, from, to, 0, base, out[1] + from, out[2] + from);
    /* What lies before the first bar seen is not there. */
    for (; at < to && *n_seen < back; at++, ++*n_seen) out[2][at] = out[3][at] = NAN;
    double *const of[] = {back ? out[2] : out[0], back ? out[3] : out[1]};
    if (back) {
        s = middle(s, in, at, to, back, conversion, out[2] + at, out[4] + at);
        s = middle(s, in, at, to, back, base, out[3] + at, out[4] + at);
    }
    for (int32_t i = at; i < to; i++) out[2][i] = (of[0][i] + of[1][i]) / 2;
    middle(s, in, at, to, back, span, out[3] + at, out[4] + at);
    for (int32_t i = from; i < to; i++) out[4][i] = kernel_defined(in->close[i]);
}

static void run_ichimoku(void *state, const kernel_input *in, int32_t from, int32_t to,
                         double *const out[INDICATOR_OUTPUTS]) {
    int32_t conversion = (int32_t)in->param[0], base = (int32_t)in->param[1];
    const double *high = in->high + from, *low = in->low + from;
    spread *of_conversion = (spread *)((int64_t *)state + 1);
    spread *of_base = (spread *)((char *)of_conversion + spread_bytes(conversion));
    spread *of_span = (spread *)((char *)of_base + spread_bytes(base));
    double first, second;
    if (to - from != 1 || in->param[3] != 0) {
        ichimoku_many(state, in, from, to, out);
        return;
    }
    first = spread_step(of_conversion, high, low, conversion);
    second = spread_step(of_base, high, low, base);
    out[0][from] = first;
    out[1][from] = second;
    out[2][from] = (first + second) / 2;
    out[3][from] = spread_step(of_span, high, low, (int32_t)in->param[2]);
    out[4][from] = kernel_defined(in->close[from]);
}

KERNEL_INLINE void aroon_line(extreme *s, const double *x, int32_t from, int32_t to, int32_t length, double *out,
                              extreme_order order) {
    double shown[EXTREME_RANGE_MAX];
    if (length < EXTREME_RANGE_MAX && to - from > length) {
        for (int32_t age = 0; age <= length; age++) shown[age] = 100.0 * (length - age) / length;
        extreme_range_ages(s, x, from, to, length + 1, order, shown, out + from);
        return;
    }
    for (int32_t i = from; i < to; i++) {
        int32_t age = extreme_step(s, x, i, length + 1, order);
        out[i] = age < 0 ? NAN : 100.0 * (length - age) / length;
    }
}

static void run_aroon(void *state, const kernel_input *in, int32_t from, int32_t to,
                      double *const out[INDICATOR_OUTPUTS]) {
    int32_t length = (int32_t)in->param[0];
    aroon_line(state, in->high, from, to, length, out[0], EXTREME_HIGH);
    aroon_line(extreme_after(state, length + 1), in->low, from, to, length, out[1], EXTREME_LOW);
}

/* ---- the table ---- */

static int32_t depth_dmi(const double *param, int32_t interval) {
    return (void)interval, kernel_depth_at_least(25 * (int32_t)higher_of(param[0], param[1]));
}
static int32_t depth_supertrend(const double *param, int32_t interval) {
    return (void)interval, kernel_depth_at_least(25 * (int32_t)param[1]);
}
static int32_t depth_sar(const double *param, int32_t interval) {
    return (void)param, (void)interval, kernel_depth_at_least(0);
}
static err check_sar(const double *param, diag *why) {
    if (param[0] <= param[2]) return OK;
    return diag_set(why, ERR_INVALID, "sar: start is %g and max %g; expected a start that is not above max", param[0],
                    param[2]);
}
static int32_t reach_ichimoku(const double *param) {
    int32_t longest = (int32_t)higher_of(param[0], higher_of(param[1], param[2]));
    return longest + (param[3] != 0 ? (int32_t)param[1] - 1 : 0);
}
static int32_t depth_ichimoku(const double *param, int32_t interval) { return (void)interval, reach_ichimoku(param); }
static size_t ichimoku_state(const double *param, int32_t interval) {
    size_t first = spread_bytes((int32_t)param[0]) + spread_bytes((int32_t)param[1]);
    return (void)interval, first * (param[3] != 0 ? 2 : 1) + spread_bytes((int32_t)param[2]);
}
static int32_t depth_aroon(const double *param, int32_t interval) { return (void)interval, (int32_t)param[0] + 1; }
static size_t aroon_state(const double *param, int32_t interval) {
    return (void)interval, 2 * extreme_bytes((int32_t)param[0] + 1);
}

const kernel kernel_dmi = {.name = "dmi",
                           .n_params = 2,
                           .n_outputs = 3,
                           .params = {PARAM_LENGTH("di_length"), PARAM_LENGTH("adx_smoothing")},
                           .run = run_dmi,
                           .depth = depth_dmi,
                           .reach = kernel_reach_one,
                           .state_bytes = sizeof(dmi_state)};
const kernel kernel_supertrend = {.name = "supertrend",
                                  .n_params = 2,
                                  .n_outputs = 2,
                                  .params = {{"factor", 0, 1000, false}, PARAM_LENGTH("length")},
                                  .run = run_supertrend,
                                  .depth = depth_supertrend,
                                  .reach = kernel_reach_one,
                                  .state_bytes = sizeof(supertrend_state)};
const kernel kernel_sar = {.name = "sar",
                           .n_params = 3,
                           .n_outputs = 1,
                           .params = {{"start", 0, 1, false}, {"step", 0, 1, false}, {"max", 0, 1, false}},
                           .run = run_sar,
                           .depth = depth_sar,
                           .state_bytes = sizeof(sar_state),
                           .check = check_sar};
const kernel kernel_ichimoku = {
    .name = "ichimoku",
    .n_params = 4,
    .n_outputs = 5,
    .params = {PARAM_LENGTH("conversion"), PARAM_LENGTH("base"), PARAM_LENGTH("span_b"), PARAM_FLAG("displaced")},
    .run = run_ichimoku,
    .depth = depth_ichimoku,
    .reach = reach_ichimoku,
    .state_bytes = sizeof(int64_t),
    .more_state_bytes = ichimoku_state};
const kernel kernel_aroon = {.name = "aroon",
                             .n_params = 1,
                             .n_outputs = 2,
                             .params = {PARAM_LENGTH("length")},
                             .run = run_aroon,
                             .depth = depth_aroon,
                             .reach = kernel_reach_window,
                             .more_state_bytes = aroon_state};
