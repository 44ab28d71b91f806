/* The kernels: see kernel.h. Each runs over a range of bars, so the loop, not the call, is the hot part when a series
 * is computed from nothing, and a single step is a range of one. Formulas: Pine Script reference manual, "Equivalent
 * code" of each function. */
#include "indicator/kernel.h"
#include <math.h>
#include <string.h>

enum { RESUM_EVERY = 64, LENGTH_MAX = 5000, RECURSIVE_LEAST = 250 };

/* An infinite value counts as NaN. */
static inline double defined(double x) { return isfinite(x) ? x : NAN; }

/* ---- building blocks ---- */

/* Mean-seeded exponential average: EMA with alpha = 2 / (n + 1), RMA with alpha = 1 / n. */
typedef struct average {
    double value; /* sum while seeding */
    int64_t n;
} average;

static inline double average_step(average *a, double x, int32_t length, double alpha) {
    if (isnan(x)) return NAN;
    if (a->n < length) {
        a->value += x;
        if (++a->n < length) return NAN;
        a->value /= length;
    } else {
        a->value += alpha * (x - a->value);
    }
    return a->value;
}

static inline double ema_step(average *a, double x, int32_t length) {
    return average_step(a, x, length, 2.0 / (length + 1));
}
static inline double rma_step(average *a, double x, int32_t length) { return average_step(a, x, length, 1.0 / length); }

/* Mean of a full window of values that are all defined, correct to the last bit: a script compares it with multiples of
 * prices and volumes, which are short decimals, and where both are equal on paper no rounding may decide. Hence the sum
 * carries along what each addition has lost (Knuth's TwoSum). */
typedef struct window {
    double sum, lost;
    int64_t n, n_equal; /* values in a row; newest ones that are equal */
} window;

static inline void window_add(window *w, double x) {
    double sum = w->sum + x, part = sum - w->sum;
    w->lost += (w->sum - (sum - part)) + (x - part);
    w->sum = sum;
}

/* NaN while the window is not full. A window of equal values has exactly that mean: the last crumb of what has gone must
 * not put a silent market's volume above its average. */
static inline double window_step(window *w, const double *x, const int64_t *number, int32_t i, int32_t length) {
    if (isnan(x[i])) {
        *w = (window){0};
        return NAN;
    }
    w->n_equal = w->n && x[i] == x[i - 1] ? w->n_equal + 1 : 1;
    if (w->n == length) window_add(w, -x[i - length]);
    window_add(w, x[i]);
    if (w->n < length && ++w->n < length) return NAN;
    if (number[i] % RESUM_EVERY == 0) {
        w->sum = w->lost = 0;
        for (int32_t k = i - length + 1; k <= i; k++) window_add(w, x[k]);
    }
    return w->n_equal >= length ? x[i] : (w->sum + w->lost) / length;
}

static inline double true_range(const kernel_input *in, int32_t i, double previous_close) {
    double range = in->high[i] - in->low[i];
    if (isnan(previous_close)) return range;
    return fmax(range, fmax(fabs(in->high[i] - previous_close), fabs(in->low[i] - previous_close)));
}

/* ---- kinds ---- */

static void run_hl2(kernel_state *state, const kernel_input *in, int32_t from, int32_t to, double *const *out) {
    (void)state;
    for (int32_t i = from; i < to; i++) out[0][i] = (in->high[i] + in->low[i]) / 2;
}

static void run_hlc3(kernel_state *state, const kernel_input *in, int32_t from, int32_t to, double *const *out) {
    (void)state;
    for (int32_t i = from; i < to; i++) out[0][i] = (in->high[i] + in->low[i] + in->close[i]) / 3;
}

static void run_ohlc4(kernel_state *state, const kernel_input *in, int32_t from, int32_t to, double *const *out) {
    (void)state;
    for (int32_t i = from; i < to; i++) out[0][i] = (in->open[i] + in->high[i] + in->low[i] + in->close[i]) / 4;
}

typedef struct close_before {
    double close;
    int64_t n;
} close_before;

static void run_tr(kernel_state *state, const kernel_input *in, int32_t from, int32_t to, double *const *out) {
    close_before *s = (close_before *)state;
    for (int32_t i = from; i < to; i++) {
        out[0][i] = s->n || in->param[0] != 0 ? true_range(in, i, s->n ? s->close : NAN) : NAN;
        s->close = in->close[i];
        s->n = 1;
    }
}

static void run_sma(kernel_state *state, const kernel_input *in, int32_t from, int32_t to, double *const *out) {
    window *s = (window *)state;
    int32_t length = (int32_t)in->param[0];
    for (int32_t i = from; i < to; i++) out[0][i] = defined(window_step(s, in->source[0], in->number, i, length));
}

static void run_ema(kernel_state *state, const kernel_input *in, int32_t from, int32_t to, double *const *out) {
    average s = *(average *)state;
    int32_t length = (int32_t)in->param[0];
    for (int32_t i = from; i < to; i++) out[0][i] = defined(ema_step(&s, in->source[0][i], length));
    *(average *)state = s;
}

static void run_rma(kernel_state *state, const kernel_input *in, int32_t from, int32_t to, double *const *out) {
    average s = *(average *)state;
    int32_t length = (int32_t)in->param[0];
    for (int32_t i = from; i < to; i++) out[0][i] = defined(rma_step(&s, in->source[0][i], length));
    *(average *)state = s;
}

typedef struct rsi_state {
    close_before before;
    average up, down;
    double value; /* newest; 0 while there is none */
} rsi_state;

static void run_rsi(kernel_state *state, const kernel_input *in, int32_t from, int32_t to, double *const *out) {
    rsi_state *s = (rsi_state *)state;
    int32_t length = (int32_t)in->param[0];
    for (int32_t i = from; i < to; i++) {
        double x = in->source[0][i], up, down;
        out[0][i] = NAN;
        if (isnan(x)) continue;
        if (s->before.n) {
            up = rma_step(&s->up, fmax(x - s->before.close, 0), length);
            down = rma_step(&s->down, fmax(s->before.close - x, 0), length);
            /* Without a change both averages shrink by the same factor: rounding must not let the RSI rise or fall. */
            if (x != s->before.close || s->value == 0)
                s->value = up > 0 || down > 0 ? 100 - 100 / (1 + up / down) : 0; /* down = 0: 100; a flat start: none */
            if (up > 0 || down > 0) out[0][i] = s->value;
        }
        s->before.close = x;
        s->before.n = 1;
    }
}

typedef struct macd_state {
    average fast, slow, signal;
} macd_state;

static void run_macd(kernel_state *state, const kernel_input *in, int32_t from, int32_t to, double *const *out) {
    macd_state *s = (macd_state *)state;
    int32_t fast = (int32_t)in->param[0], slow = (int32_t)in->param[1], signal = (int32_t)in->param[2];
    for (int32_t i = from; i < to; i++) {
        double x = in->source[0][i];
        double line = defined(ema_step(&s->fast, x, fast) - ema_step(&s->slow, x, slow));
        double smooth = ema_step(&s->signal, line, signal);
        out[0][i] = line;
        out[1][i] = defined(smooth);
        out[2][i] = defined(line - smooth);
    }
}

/* Two passes over the window: exact on a plateau, where rolling squares leave a residue. A range below 1e-10 of the
 * price counts as zero. */
static double deviation(const double *x, int32_t length, double mean) {
    double sum = 0;
    for (int32_t k = 0; k < length; k++) sum += (x[k] - mean) * (x[k] - mean);
    sum = sqrt(sum / length);
    return sum < 1e-10 * fabs(mean) ? 0 : sum;
}

static void run_bb(kernel_state *state, const kernel_input *in, int32_t from, int32_t to, double *const *out) {
    window *s = (window *)state;
    int32_t length = (int32_t)in->param[0];
    for (int32_t i = from; i < to; i++) {
        double basis = defined(window_step(s, in->source[0], in->number, i, length)), width = NAN;
        if (!isnan(basis)) width = in->param[1] * deviation(in->source[0] + i - length + 1, length, basis);
        out[0][i] = basis;
        out[1][i] = defined(basis + width);
        out[2][i] = defined(basis - width);
    }
}

typedef struct atr_state {
    close_before before;
    average range;
} atr_state;

static void run_atr(kernel_state *state, const kernel_input *in, int32_t from, int32_t to, double *const *out) {
    atr_state *s = (atr_state *)state;
    int32_t length = (int32_t)in->param[0];
    for (int32_t i = from; i < to; i++) {
        out[0][i] = defined(rma_step(&s->range, true_range(in, i, s->before.n ? s->before.close : NAN), length));
        s->before.close = in->close[i];
        s->before.n = 1;
    }
}

typedef struct extreme_state {
    int64_t n, age; /* defined values in a row; bars since the extreme */
} extreme_state;

static inline void run_extreme(kernel_state *state, const kernel_input *in, int32_t from, int32_t to, double *out,
                               double sign) {
    extreme_state *s = (extreme_state *)state;
    const double *x = in->source[0];
    int32_t length = (int32_t)in->param[0];
    for (int32_t i = from; i < to; i++) {
        out[i] = NAN;
        if (isnan(x[i])) {
            s->n = 0;
            continue;
        }
        s->age++;
        if (s->n++ == 0 || sign * x[i] >= sign * x[i - s->age]) {
            s->age = 0;
        } else if (s->age >= length) { /* the extreme has left the window: the newest of what is left */
            s->age = 0;
            for (int32_t k = 1; k < length; k++)
                if (sign * x[i - k] > sign * x[i - s->age]) s->age = k;
        }
        if (s->n >= length) out[i] = defined(x[i - s->age]);
    }
}

static void run_highest(kernel_state *state, const kernel_input *in, int32_t from, int32_t to, double *const *out) {
    run_extreme(state, in, from, to, out[0], 1);
}

static void run_lowest(kernel_state *state, const kernel_input *in, int32_t from, int32_t to, double *const *out) {
    run_extreme(state, in, from, to, out[0], -1);
}

static const int32_t anchor_interval[] = {INTERVAL_1D, INTERVAL_1W, INTERVAL_1MO};

typedef struct vwap_state {
    double price_volume, volume;
    int64_t session_ms;
    int64_t is_anchored; /* a session has begun since the epoch; before that there is no value */
} vwap_state;

static void run_vwap(kernel_state *state, const kernel_input *in, int32_t from, int32_t to, double *const *out) {
    vwap_state *s = (vwap_state *)state;
    int32_t anchor = anchor_interval[(int32_t)in->param[0]];
    for (int32_t i = from; i < to; i++) {
        double x = in->source[0][i];
        int64_t session = interval_floor(anchor, in->open_ms[i]);
        out[0][i] = NAN;
        if (isnan(x)) continue;
        if (session != s->session_ms) {
            s->is_anchored = s->is_anchored || s->session_ms != 0 || session == in->open_ms[i];
            *s = (vwap_state){.session_ms = session, .is_anchored = s->is_anchored};
        }
        s->price_volume += x * in->volume[i];
        s->volume += in->volume[i];
        if (s->is_anchored && s->volume > 0) out[0][i] = defined(s->price_volume / s->volume);
    }
}

/* ---- depths and checks ---- */

static int32_t at_least(int32_t bars) { return bars < RECURSIVE_LEAST ? RECURSIVE_LEAST : bars; }

static int32_t depth_one(const double *param, int32_t interval) { return (void)param, (void)interval, 1; }
static int32_t depth_two(const double *param, int32_t interval) { return (void)param, (void)interval, 2; }
static int32_t depth_window(const double *param, int32_t interval) { return (void)interval, (int32_t)param[0]; }
static int32_t depth_recursive(const double *param, int32_t interval) {
    return (void)interval, at_least(10 * (int32_t)param[0]);
}
static int32_t depth_wilder(const double *param, int32_t interval) {
    return (void)interval, at_least(25 * (int32_t)param[0]);
}
static int32_t depth_macd(const double *param, int32_t interval) {
    (void)interval;
    return at_least(10 * (int32_t)fmax(param[0], fmax(param[1], param[2])));
}
static int32_t depth_session(const double *param, int32_t interval) {
    int64_t bars = interval_ms(anchor_interval[(int32_t)param[0]]) / interval_ms(interval);
    return bars < 1 ? 1 : (int32_t)bars;
}

#define KERNEL_ROW(name, text, sources, params, outputs, depth) \
    {#text, sources, params, outputs, run_##text, depth_##depth},
static const kernel kernels[] = {INDICATOR_LIST(KERNEL_ROW)};

const kernel *kernel_get(int32_t kind) { return kind >= 0 && kind < N_INDICATOR_KINDS ? &kernels[kind] : NULL; }

int32_t kernel_find(const char *name, size_t bytes) {
    for (int32_t k = 0; k < N_INDICATOR_KINDS; k++)
        if (strlen(kernels[k].name) == bytes && memcmp(kernels[k].name, name, bytes) == 0) return k;
    return -1;
}

int32_t kernel_reach(int32_t kind, const double *param) {
    return kernels[kind].depth == depth_window ? (int32_t)param[0] : 0;
}

static err check_length(const kernel *k, double length, diag *why) {
    if (length >= 1 && length <= LENGTH_MAX && length == floor(length)) return OK;
    return diag_set(why, ERR_INVALID, "%s: length is %g; expected a whole number from 1 to %d", k->name, length,
                    LENGTH_MAX);
}

err kernel_check(int32_t kind, const double *param, diag *why) {
    const kernel *k = kernel_get(kind);
    err e = OK;
    if (!k) return diag_set(why, ERR_INVALID, "no such indicator");
    switch (kind) {
    case INDICATOR_HL2:
    case INDICATOR_HLC3:
    case INDICATOR_OHLC4: return OK;
    case INDICATOR_TR:
        if (param[0] != 0 && param[0] != 1) return diag_set(why, ERR_INVALID, "tr: expected true or false");
        return OK;
    case INDICATOR_VWAP:
        if (param[0] != 0 && param[0] != 1 && param[0] != 2)
            return diag_set(why, ERR_INVALID, "vwap: expected the anchor \"day\", \"week\" or \"month\"");
        return OK;
    case INDICATOR_BB:
        if (!(param[1] > 0 && param[1] <= 100))
            return diag_set(why, ERR_INVALID, "bb: deviations is %g; expected more than 0, at most 100", param[1]);
        return check_length(k, param[0], why);
    default:
        for (int32_t p = 0; p < k->n_params && e == OK; p++) e = check_length(k, param[p], why);
        return e;
    }
}
