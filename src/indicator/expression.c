/* See expression.h. */
#include "indicator/expression.h"
#include "indicator/kernel.h"
#include "indicator/lanes.h"
#include "indicator/stretch.h"
#include <float.h>
#include <math.h>

/* Values of one place: x of the first series, y of the second or the constant. All are chosen without a branch. */
static inline bool are_both(double x, double y) { return (x == x) & (y == y); }
static inline double compare(double x, double y, bool holds) {
    double value = holds ? 1 : 0;
    return are_both(x, y) ? value : NAN;
}
static inline double larger(double x, double y) {
    double value = x > y ? x : y;
    return are_both(x, y) ? value : NAN;
}
static inline double smaller(double x, double y) {
    double value = x < y ? x : y;
    return are_both(x, y) ? value : NAN;
}
static inline double modulo(double x, double y) { return x - floor(x / y) * y; }
static inline double sign_of(double x) {
    double up = x > 0 ? 1 : 0, down = x < 0 ? 1 : 0;
    return x == x ? up - down : NAN;
}

/* `second`: what y is, the other series or the constant. */
#define EXPRESSION(label, n_of_sources, n_of_params, second, value) \
    KERNEL_INLINE void each_##label##_loop(int32_t n, const double *first, const double *other, double constant, \
                                           double *restrict out) { \
        (void)other, (void)constant; \
        for (int32_t i = 0; i < n; i++) { \
            double x = first[i], y = second; \
            (void)y; \
            out[i] = kernel_defined(value); \
        } \
    } \
    LANES(each_##label, (int32_t n, const double *first, const double *other, double constant, double *restrict out), \
          (n, first, other, constant, out)) \
    static void run_##label(void *state, const kernel_input *in, int32_t from, int32_t to, \
                            double *const out[INDICATOR_OUTPUTS]) { \
        (void)state; \
        each_##label(to - from, in->source[0] + from, (n_of_sources) > 1 ? in->source[1] + from : NULL, \
                     (n_of_params) > 0 ? in->param[0] : 0, out[0] + from); \
    } \
    const kernel kernel_##label = {.name = #label, \
                                   .n_sources = n_of_sources, \
                                   .n_params = n_of_params, \
                                   .n_outputs = 1, \
                                   .params = {{"constant", -DBL_MAX, DBL_MAX, false}}, \
                                   .run = run_##label, \
                                   .depth = kernel_depth_one};

#define OF_TWO(label, value) EXPRESSION(label, 2, 0, other[i], value)
#define WITH_CONSTANT(label, value) EXPRESSION(label, 1, 1, constant, value)
#define OF_ONE(label, value) EXPRESSION(label, 1, 0, 0, value)

OF_TWO(add, x + y)
OF_TWO(sub, x - y)
OF_TWO(mul, x *y)
OF_TWO(div, x / y)
OF_TWO(mod, modulo(x, y))
OF_TWO(pow, pow(x, y))
OF_TWO(max, larger(x, y))
OF_TWO(min, smaller(x, y))
OF_TWO(gt, compare(x, y, x > y))
OF_TWO(ge, compare(x, y, x >= y))
OF_TWO(eq, compare(x, y, x == y))
WITH_CONSTANT(add_k, x + y)
WITH_CONSTANT(sub_k, x - y)
WITH_CONSTANT(k_sub, y - x)
WITH_CONSTANT(mul_k, x *y)
WITH_CONSTANT(div_k, x / y)
WITH_CONSTANT(k_div, y / x)
WITH_CONSTANT(mod_k, modulo(x, y))
WITH_CONSTANT(k_mod, modulo(y, x))
WITH_CONSTANT(pow_k, pow(x, y))
WITH_CONSTANT(k_pow, pow(y, x))
WITH_CONSTANT(max_k, larger(x, y))
WITH_CONSTANT(min_k, smaller(x, y))
WITH_CONSTANT(gt_k, compare(x, y, x > y))
WITH_CONSTANT(ge_k, compare(x, y, x >= y))
WITH_CONSTANT(lt_k, compare(x, y, x < y))
WITH_CONSTANT(le_k, compare(x, y, x <= y))
WITH_CONSTANT(eq_k, compare(x, y, x == y))
OF_ONE(neg, -x)
OF_ONE(abs, fabs(x))
OF_ONE(log, log(x))
OF_ONE(exp, exp(x))
OF_ONE(sqrt, sqrt(x))
OF_ONE(sign, sign_of(x))
OF_ONE(round, floor(x + 0.5))

static void run_otherwise(void *state, const kernel_input *in, int32_t from, int32_t to,
                          double *const out[INDICATOR_OUTPUTS]) {
    (void)state;
    for (int32_t i = from; i < to; i++) {
        double x = in->source[0][i];
        out[0][i] = isnan(x) && !isnan(in->source[1][i]) ? in->param[0] : x;
    }
}

const kernel kernel_otherwise = {.name = "otherwise",
                                 .n_sources = 2,
                                 .n_params = 1,
                                 .n_outputs = 1,
                                 .params = {{"constant", -DBL_MAX, DBL_MAX, false}},
                                 .run = run_otherwise,
                                 .depth = kernel_depth_one};

/* ---- crossings ---- */

typedef struct cross_state {
    int64_t is_known, side; /* side: 1 above, -1 below, 0 equal, on the last bar where both were defined */
} cross_state;

/* `sign`: 1 for a crossing to above, -1 to below. */
static inline double cross_step(cross_state *s, double x, double y, int64_t sign) {
    int64_t side = (x > y) - (x < y);
    bool crosses = s->is_known && side == sign && s->side != sign;
    if (isnan(x) || isnan(y)) return NAN;
    s->side = side;
    s->is_known = 1;
    return crosses;
}

/* Bars that have one before them, all defined: then the side before is that of the bar before. */
KERNEL_INLINE void cross_each(int32_t n, const double *x, const double *y, double constant, int64_t sign,
                              double *restrict out) {
    for (int32_t i = 0; i < n; i++) {
        double a = sign > 0 ? x[i] : y ? y[i] : constant, b = sign > 0 ? y ? y[i] : constant : x[i];
        double c = sign > 0 ? x[i - 1] : y ? y[i - 1] : constant, d = sign > 0 ? y ? y[i - 1] : constant : x[i - 1];
        out[i] = ((a > b) & (c <= d)) ? 1 : 0;
    }
}

KERNEL_INLINE void are_undefined_loop(int32_t n, const double *x, const double *y, uint64_t *any) {
    uint64_t bad = 0;
    for (int32_t i = 0; i < n; i++) bad |= stretch_undefined(x[i]) | (y ? stretch_undefined(y[i]) : 0);
    *any = bad;
}
LANES(are_undefined, (int32_t n, const double *x, const double *y, uint64_t *any), (n, x, y, any))

typedef void (*cross_fn)(int32_t n, const double *x, const double *y, double constant, double *restrict out);

/* y: NULL where the other side is the constant. A stretch with a gap is gone through step by step; so is one bar, which is
 * what most calls ask for. */
static inline void cross_run(cross_state *s, const double *x, const double *y, double constant, int64_t sign, int32_t n,
                             cross_fn each, double *out) {
    if (n == 1) {
        *out = cross_step(s, *x, y ? *y : constant, sign);
        return;
    }
    for (int32_t i = 0, m; i < n; i += m) {
        uint64_t bad;
        int32_t k = 0;
        m = stretch_to(i, n);
        are_undefined(m, x + i, y ? y + i : NULL, &bad);
        do out[i + k] = cross_step(s, x[i + k], y ? y[i + k] : constant, sign);
        while (++k < m && bad);
        if (k == m) continue;
        each(m - k, x + i + k, y ? y + i + k : NULL, constant, out + i + k);
        cross_step(s, x[i + m - 1], y ? y[i + m - 1] : constant, sign);
    }
}

#define CROSSING(label, sources, params_of, second, k, sign) \
    KERNEL_INLINE void each_##label##_loop(int32_t n, const double *x, const double *y, double constant, \
                                           double *restrict out) { \
        cross_each(n, x, second, constant, sign, out); \
        (void)y; \
    } \
    LANES(each_##label, (int32_t n, const double *x, const double *y, double constant, double *restrict out), \
          (n, x, y, constant, out)) \
    static void run_##label(void *state, const kernel_input *in, int32_t from, int32_t to, \
                            double *const out[INDICATOR_OUTPUTS]) { \
        const double *x = in->source[0] + from, *y = (sources) > 1 ? in->source[1] + from : NULL; \
        cross_run(state, x, y, k, sign, to - from, each_##label, out[0] + from); \
    } \
    const kernel kernel_##label = {.name = #label, \
                                   .n_sources = sources, \
                                   .n_params = params_of, \
                                   .n_outputs = 1, \
                                   .params = {{"constant", -DBL_MAX, DBL_MAX, false}}, \
                                   .run = run_##label, \
                                   .depth = kernel_depth_two, \
                                   .state_bytes = sizeof(cross_state)};

CROSSING(crossover, 2, 0, y, 0, 1)
CROSSING(crossover_k, 1, 1, NULL, in->param[0], 1)
CROSSING(crossunder, 2, 0, y, 0, -1)
CROSSING(crossunder_k, 1, 1, NULL, in->param[0], -1)
