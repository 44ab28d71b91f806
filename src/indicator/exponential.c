/* See exponential.h.
 *
 * Each kernel has two forms of the same steps: one bar with all its cases, and a loop over bars of a seeded state without
 * any. A NaN, an infinite value or an overflow makes the state of such a loop NaN or infinite for good, so that looking at
 * it once, at the end, is enough; then the bars are taken again one by one. */
#include "indicator/exponential.h"
#include "indicator/kernel.h"
#include "indicator/smoothing.h"
#include "indicator/window.h"
#include <math.h>

enum { STRETCH = 256, CAREFUL = 4, KAMA_FAST = 2, KAMA_SLOW = 30 };

typedef void (*one_fn)(void *state, const kernel_input *in, int32_t i, double *const out[INDICATOR_OUTPUTS]);
typedef enum many_result {
    DONE,
    SEEDING,   /* one by one */
    NOT_FINITE /* the same; the state is as it was */
} many_result;
typedef many_result (*many_fn)(void *state, const kernel_input *in, int32_t from, int32_t to,
                               double *const out[INDICATOR_OUTPUTS]);

#define ALWAYS_INLINE inline __attribute__((always_inline))

static int32_t first_not_finite(const double *x, int32_t from, int32_t to) {
    while (from < to && x[from] - x[from] == 0) from++;
    return from;
}

static ALWAYS_INLINE void run(void *state, const kernel_input *in, int32_t from, int32_t to,
                              double *const out[INDICATOR_OUTPUTS], one_fn one, many_fn many) {
    while (from < to) {
        int32_t end = to - from < STRETCH ? to : from + STRETCH;
        many_result result = to - from == 1 ? SEEDING : many(state, in, from, end, out);
        if (result == NOT_FINITE) {
            end = first_not_finite(in->source[0], from, end);
            if (end > from) result = many(state, in, from, end, out);
        }
        if (result != DONE) {
            end = to - from < CAREFUL ? to : from + CAREFUL;
            for (int32_t i = from; i < end; i++) one(state, in, i, out);
        }
        from = end;
    }
}

static inline bool is_finite(double x) { return x - x == 0; }
static inline int32_t length_of(const kernel_input *in, int32_t param) { return (int32_t)in->param[param]; }

/* ---- EMA, RMA ---- */

static ALWAYS_INLINE many_result trail(trailing *a, const double *x, int32_t from, int32_t to, int32_t length,
                                       double keep, double *out) {
    double gap = a->gap, last = a->last;
    if (a->n < length) return SEEDING;
    for (int32_t i = from; i < to; i++) {
        gap = keep * (gap + (x[i] - last));
        last = x[i];
        out[i] = last - gap;
    }
    if (!is_finite(gap)) return NOT_FINITE;
    a->gap = gap;
    a->last = last;
    return DONE;
}

static void ema_one(void *state, const kernel_input *in, int32_t i, double *const out[INDICATOR_OUTPUTS]) {
    int32_t length = length_of(in, 0);
    out[0][i] = kernel_defined(trailing_step(state, in->source[0][i], length, trailing_ema(length)));
}
static many_result ema_many(void *state, const kernel_input *in, int32_t from, int32_t to,
                            double *const out[INDICATOR_OUTPUTS]) {
    int32_t length = length_of(in, 0);
    return trail(state, in->source[0], from, to, length, trailing_ema(length), out[0]);
}
static void run_ema(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    run(state, in, from, to, out, ema_one, ema_many);
}

static void rma_one(void *state, const kernel_input *in, int32_t i, double *const out[INDICATOR_OUTPUTS]) {
    int32_t length = length_of(in, 0);
    out[0][i] = kernel_defined(trailing_step(state, in->source[0][i], length, trailing_rma(length)));
}
static many_result rma_many(void *state, const kernel_input *in, int32_t from, int32_t to,
                            double *const out[INDICATOR_OUTPUTS]) {
    int32_t length = length_of(in, 0);
    return trail(state, in->source[0], from, to, length, trailing_rma(length), out[0]);
}
static void run_rma(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    run(state, in, from, to, out, rma_one, rma_many);
}

/* ---- averages of averages ----
 *
 * With e1 = EMA of the source, e2 = EMA of e1 and e3 = EMA of e2, the gaps are x - e1, e1 - e2 and e2 - e3. An average
 * moves by alpha / keep of its gap, so the gap of the next one is keep gap2 + alpha gap1. */

typedef struct nested {
    trailing first, second, third;
    double e3;
    int64_t has_e3;
} nested;

/* The average of an average `x` whose own gap is `inner`. */
static inline double nested_step(trailing *a, double x, double inner, int32_t length) {
    if (a->n < length) return trailing_step(a, x, length, trailing_ema(length));
    a->gap = trailing_ema(length) * a->gap + trailing_alpha(length) * inner;
    return x - a->gap;
}

/* e1, e2, e3 as far as they exist; NaN beyond. */
static inline void nested_steps(nested *s, double x, int32_t length, double e[3]) {
    e[1] = e[2] = NAN;
    e[0] = trailing_step(&s->first, x, length, trailing_ema(length));
    if (!isnan(e[0])) e[1] = nested_step(&s->second, e[0], s->first.gap, length);
    if (!isnan(e[1])) e[2] = nested_step(&s->third, e[1], s->second.gap, length);
}

/* DEMA: 2 e1 - e2; TEMA: 3 e1 - 3 e2 + e3; TRIX: change of e3 in per cent. `n` says which: 2, 3, 4. */
static ALWAYS_INLINE many_result nested_many(nested *s, const double *x, int32_t from, int32_t to, int32_t length,
                                             double *out, const int n) {
    const double keep = trailing_ema(length), alpha = trailing_alpha(length);
    double gap = s->first.gap, gap2 = s->second.gap, gap3 = s->third.gap, last = s->first.last, e3 = s->e3;
    if (s->second.n < length || (n > 2 && s->third.n < length)) return SEEDING;
    for (int32_t i = from; i < to; i++) {
        gap = keep * (gap + (x[i] - last));
        last = x[i];
        gap2 = keep * gap2 + alpha * gap;
        if (n > 2) gap3 = keep * gap3 + alpha * gap2;
        if (n == 2) out[i] = (last - gap) + gap2;
        if (n == 3) out[i] = (last - gap) + (2 * gap2 - gap3);
        if (n == 4) {
            double before = e3;
            e3 = ((last - gap) - gap2) - gap3;
            out[i] = kernel_defined(100 * (e3 - before) / before);
        }
    }
    if (!is_finite(n == 2 ? gap2 : gap3)) return NOT_FINITE;
    s->first.gap = gap, s->second.gap = gap2, s->third.gap = gap3;
    s->first.last = last, s->e3 = e3;
    return DONE;
}

static void dema_one(void *state, const kernel_input *in, int32_t i, double *const out[INDICATOR_OUTPUTS]) {
    nested *s = state;
    double e[3];
    nested_steps(s, in->source[0][i], length_of(in, 0), e);
    out[0][i] = isnan(e[1]) ? NAN : kernel_defined(e[0] + s->second.gap);
}
static many_result dema_many(void *state, const kernel_input *in, int32_t from, int32_t to,
                             double *const out[INDICATOR_OUTPUTS]) {
    return nested_many(state, in->source[0], from, to, length_of(in, 0), out[0], 2);
}
static void run_dema(void *state, const kernel_input *in, int32_t from, int32_t to,
                     double *const out[INDICATOR_OUTPUTS]) {
    run(state, in, from, to, out, dema_one, dema_many);
}

static void tema_one(void *state, const kernel_input *in, int32_t i, double *const out[INDICATOR_OUTPUTS]) {
    nested *s = state;
    double e[3];
    nested_steps(s, in->source[0][i], length_of(in, 0), e);
    out[0][i] = isnan(e[2]) ? NAN : kernel_defined(e[0] + (2 * s->second.gap - s->third.gap));
}
static many_result tema_many(void *state, const kernel_input *in, int32_t from, int32_t to,
                             double *const out[INDICATOR_OUTPUTS]) {
    return nested_many(state, in->source[0], from, to, length_of(in, 0), out[0], 3);
}
static void run_tema(void *state, const kernel_input *in, int32_t from, int32_t to,
                     double *const out[INDICATOR_OUTPUTS]) {
    run(state, in, from, to, out, tema_one, tema_many);
}

static void trix_one(void *state, const kernel_input *in, int32_t i, double *const out[INDICATOR_OUTPUTS]) {
    nested *s = state;
    double e[3];
    nested_steps(s, in->source[0][i], length_of(in, 0), e);
    out[0][i] = s->has_e3 ? kernel_defined(100 * (e[2] - s->e3) / s->e3) : NAN;
    if (isnan(e[2])) return;
    s->e3 = e[2];
    s->has_e3 = 1;
}
static many_result trix_many(void *state, const kernel_input *in, int32_t from, int32_t to,
                             double *const out[INDICATOR_OUTPUTS]) {
    return nested_many(state, in->source[0], from, to, length_of(in, 0), out[0], 4);
}
static void run_trix(void *state, const kernel_input *in, int32_t from, int32_t to,
                     double *const out[INDICATOR_OUTPUTS]) {
    run(state, in, from, to, out, trix_one, trix_many);
}

/* ---- differences of averages ----
 *
 * fast - slow = (x - slow) - (x - fast): the difference of the gaps. */

typedef struct macd_state {
    trailing fast, slow, signal;
} macd_state;

static void macd_one(void *state, const kernel_input *in, int32_t i, double *const out[INDICATOR_OUTPUTS]) {
    macd_state *s = state;
    int32_t fast = length_of(in, 0), slow = length_of(in, 1), signal = length_of(in, 2);
    double x = in->source[0][i], a = trailing_step(&s->fast, x, fast, trailing_ema(fast));
    double b = trailing_step(&s->slow, x, slow, trailing_ema(slow));
    double line = isnan(a) || isnan(b) ? NAN : s->slow.gap - s->fast.gap;
    double smooth = trailing_step(&s->signal, line, signal, trailing_ema(signal));
    out[0][i] = kernel_defined(line);
    out[1][i] = kernel_defined(smooth);
    out[2][i] = isnan(smooth) ? NAN : kernel_defined(s->signal.gap);
}
static many_result macd_many(void *state, const kernel_input *in, int32_t from, int32_t to,
                             double *const out[INDICATOR_OUTPUTS]) {
    macd_state *s = state;
    const double *x = in->source[0], keep_fast = trailing_ema(length_of(in, 0)),
                 keep_slow = trailing_ema(length_of(in, 1));
    const double keep_signal = trailing_ema(length_of(in, 2));
    double fast = s->fast.gap, slow = s->slow.gap, hist = s->signal.gap, last = s->slow.last, line = s->signal.last;
    double *lines = out[0], *signals = out[1], *hists = out[2];
    if (s->signal.n < length_of(in, 2)) return SEEDING;
    for (int32_t i = from; i < to; i++) {
        double change = x[i] - last, before = line;
        last = x[i];
        fast = keep_fast * (fast + change);
        slow = keep_slow * (slow + change);
        line = slow - fast;
        hist = keep_signal * (hist + (line - before));
        lines[i] = line;
        signals[i] = line - hist;
        hists[i] = hist;
    }
    if (!is_finite(hist)) return NOT_FINITE;
    s->fast.gap = fast, s->slow.gap = slow, s->signal.gap = hist;
    s->fast.last = s->slow.last = last, s->signal.last = line;
    return DONE;
}
static void run_macd(void *state, const kernel_input *in, int32_t from, int32_t to,
                     double *const out[INDICATOR_OUTPUTS]) {
    run(state, in, from, to, out, macd_one, macd_many);
}

static void ppo_one(void *state, const kernel_input *in, int32_t i, double *const out[INDICATOR_OUTPUTS]) {
    macd_state *s = state;
    int32_t fast = length_of(in, 0), slow = length_of(in, 1);
    double x = in->source[0][i], a = trailing_step(&s->fast, x, fast, trailing_ema(fast));
    double b = trailing_step(&s->slow, x, slow, trailing_ema(slow));
    out[0][i] = isnan(a) ? NAN : kernel_defined(100 * (s->slow.gap - s->fast.gap) / b);
}
static many_result ppo_many(void *state, const kernel_input *in, int32_t from, int32_t to,
                            double *const out[INDICATOR_OUTPUTS]) {
    macd_state *s = state;
    const double *x = in->source[0], keep_fast = trailing_ema(length_of(in, 0)),
                 keep_slow = trailing_ema(length_of(in, 1));
    double fast = s->fast.gap, slow = s->slow.gap, last = s->slow.last;
    if (s->fast.n < length_of(in, 0) || s->slow.n < length_of(in, 1)) return SEEDING;
    for (int32_t i = from; i < to; i++) {
        double change = x[i] - last;
        last = x[i];
        fast = keep_fast * (fast + change);
        slow = keep_slow * (slow + change);
        out[0][i] = kernel_defined(100 * (slow - fast) / (last - slow));
    }
    if (!is_finite(slow - fast)) return NOT_FINITE;
    s->fast.gap = fast, s->slow.gap = slow;
    s->fast.last = s->slow.last = last;
    return DONE;
}
static void run_ppo(void *state, const kernel_input *in, int32_t from, int32_t to,
                    double *const out[INDICATOR_OUTPUTS]) {
    run(state, in, from, to, out, ppo_one, ppo_many);
}

/* ---- KAMA ----
 *
 * alpha = (e (2/3 - 2/31) + 2/31)^2 with e = how far the source has come in `length` bars, over the way it has gone. The
 * way is a rolling sum, summed up anew where windows choose their units. */

typedef struct kama_state {
    double gap, last, way;
    int64_t n, has_begun; /* n: values in a row, at most length + 1 */
} kama_state;

static inline double kama_keep(double come, double way, double x) {
    const double fast = 2.0 / (KAMA_FAST + 1), slow = 2.0 / (KAMA_SLOW + 1);
    double efficiency = come < way && way >= 1e-10 * fabs(x) ? come / way : 1;
    double root = efficiency * (fast - slow) + slow;
    return 1 - root * root;
}

static double way_to(const double *x, int32_t length) {
    double way = 0;
    for (int32_t k = 1 - length; k <= 0; k++) way += fabs(x[k] - x[k - 1]);
    return way;
}

static void kama_one(void *state, const kernel_input *in, int32_t i, double *const out[INDICATOR_OUTPUTS]) {
    kama_state *s = state;
    int32_t length = length_of(in, 0);
    const double *x = in->source[0] + i;
    double keep = 1;
    out[0][i] = NAN;
    if (!is_finite(*x)) {
        s->n = 0;
        return;
    }
    if (s->n <= length && ++s->n > length)
        s->way = way_to(x, length);
    else if (s->n > length)
        s->way = window_is_resum(in->number[i], length)
                     ? way_to(x, length)
                     : s->way + (fabs(x[0] - x[-1]) - fabs(x[-length] - x[-length - 1]));
    if (!s->has_begun) {
        s->has_begun = s->n == length;
        s->last = *x;
        return;
    }
    if (s->n > length) keep = kama_keep(fabs(x[0] - x[-length]), s->way, *x);
    s->gap = keep * (s->gap + (*x - s->last));
    s->last = *x;
    if (s->n > length) out[0][i] = kernel_defined(*x - s->gap);
}
static many_result kama_many(void *state, const kernel_input *in, int32_t from, int32_t to,
                             double *const out[INDICATOR_OUTPUTS]) {
    kama_state *s = state;
    const int32_t length = length_of(in, 0);
    const double *x = in->source[0];
    double gap = s->gap, way = s->way;
    if (s->n <= length || !s->has_begun) return SEEDING;
    for (int32_t i = from; i < to; i++) {
        double change = x[i] - x[i - 1];
        way += fabs(change) - fabs(x[i - length] - x[i - length - 1]);
        gap = kama_keep(fabs(x[i] - x[i - length]), way, x[i]) * (gap + change);
        out[0][i] = x[i] - gap;
    }
    if (!is_finite(gap)) return NOT_FINITE;
    s->gap = gap, s->last = x[to - 1], s->way = way;
    return DONE;
}
static void run_kama(void *state, const kernel_input *in, int32_t from, int32_t to,
                     double *const out[INDICATOR_OUTPUTS]) {
    for (int32_t n; from < to; from += n) {
        n = window_until_resum(in->number + from, to - from, length_of(in, 0));
        if (n == 0) n = 1;
        run(state, in, from, from + n, out, kama_one, kama_many);
    }
}

/* ---- the table ---- */

static int32_t depth_longest(const double *param, int32_t interval) {
    (void)interval;
    return kernel_depth_at_least(10 * (int32_t)fmax(param[0], param[1]));
}
static int32_t depth_macd(const double *param, int32_t interval) {
    (void)interval;
    return kernel_depth_at_least(10 * (int32_t)fmax(param[0], fmax(param[1], param[2])));
}
static int32_t reach_kama(const double *param) { return (int32_t)param[0] + 1; }

const kernel kernel_ema = {.name = "ema",
                           .n_sources = 1,
                           .n_params = 1,
                           .n_outputs = 1,
                           .params = {PARAM_LENGTH("length")},
                           .run = run_ema,
                           .depth = kernel_depth_recursive,
                           .state_bytes = sizeof(trailing)};
const kernel kernel_rma = {.name = "rma",
                           .n_sources = 1,
                           .n_params = 1,
                           .n_outputs = 1,
                           .params = {PARAM_LENGTH("length")},
                           .run = run_rma,
                           .depth = kernel_depth_wilder,
                           .state_bytes = sizeof(trailing)};
const kernel kernel_dema = {.name = "dema",
                            .n_sources = 1,
                            .n_params = 1,
                            .n_outputs = 1,
                            .params = {PARAM_LENGTH("length")},
                            .run = run_dema,
                            .depth = kernel_depth_recursive,
                            .state_bytes = sizeof(nested)};
const kernel kernel_tema = {.name = "tema",
                            .n_sources = 1,
                            .n_params = 1,
                            .n_outputs = 1,
                            .params = {PARAM_LENGTH("length")},
                            .run = run_tema,
                            .depth = kernel_depth_recursive,
                            .state_bytes = sizeof(nested)};
const kernel kernel_kama = {.name = "kama",
                            .n_sources = 1,
                            .n_params = 1,
                            .n_outputs = 1,
                            .params = {PARAM_LENGTH("length")},
                            .run = run_kama,
                            .depth = kernel_depth_recursive,
                            .reach = reach_kama,
                            .state_bytes = sizeof(kama_state)};
const kernel kernel_macd = {.name = "macd",
                            .n_sources = 1,
                            .n_params = 3,
                            .n_outputs = 3,
                            .params = {PARAM_LENGTH("fast"), PARAM_LENGTH("slow"), PARAM_LENGTH("signal")},
                            .run = run_macd,
                            .depth = depth_macd,
                            .state_bytes = sizeof(macd_state)};
const kernel kernel_ppo = {.name = "ppo",
                           .n_sources = 1,
                           .n_params = 2,
                           .n_outputs = 1,
                           .params = {PARAM_LENGTH("fast"), PARAM_LENGTH("slow")},
                           .run = run_ppo,
                           .depth = depth_longest,
                           .state_bytes = sizeof(macd_state)};
const kernel kernel_trix = {.name = "trix",
                            .n_sources = 1,
                            .n_params = 1,
                            .n_outputs = 1,
                            .params = {PARAM_LENGTH("length")},
                            .run = run_trix,
                            .depth = kernel_depth_recursive,
                            .state_bytes = sizeof(nested)};
