/* See expression.h. */
#include "indicator/expression.h"
#include "indicator/kernel.h"
#include <float.h>
#include <math.h>

/* Values of one place: x of the first series, y of the second or the constant. */
static inline double compare(double x, double y, bool holds) { return isnan(x) || isnan(y) ? NAN : holds; }
static inline double larger(double x, double y) { return isnan(x) || isnan(y) ? NAN : x > y ? x : y; }
static inline double smaller(double x, double y) { return isnan(x) || isnan(y) ? NAN : x < y ? x : y; }
static inline double modulo(double x, double y) { return x - floor(x / y) * y; }
static inline double sign_of(double x) { return isnan(x) ? NAN : (x > 0) - (x < 0); }

#define EXPRESSION(label, n_of_sources, n_of_params, second, value) \
    static void run_##label(void *state, const kernel_input *in, int32_t from, int32_t to, \
                            double *const out[INDICATOR_OUTPUTS]) { \
        (void)state; \
        for (int32_t i = from; i < to; i++) { \
            double x = in->source[0][i], y = second; \
            (void)y; \
            out[0][i] = kernel_defined(value); \
        } \
    } \
    const kernel kernel_##label = {.name = #label, \
                                   .n_sources = n_of_sources, \
                                   .n_params = n_of_params, \
                                   .n_outputs = 1, \
                                   .params = {{"constant", -DBL_MAX, DBL_MAX, false}}, \
                                   .run = run_##label, \
                                   .depth = kernel_depth_one};

#define OF_TWO(label, value) EXPRESSION(label, 2, 0, in->source[1][i], value)
#define WITH_CONSTANT(label, value) EXPRESSION(label, 1, 1, in->param[0], value)
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

#define CROSSING(label, sources, params_of, second, sign) \
    static void run_##label(void *state, const kernel_input *in, int32_t from, int32_t to, \
                            double *const out[INDICATOR_OUTPUTS]) { \
        for (int32_t i = from; i < to; i++) out[0][i] = cross_step(state, in->source[0][i], second, sign); \
    } \
    const kernel kernel_##label = {.name = #label, \
                                   .n_sources = sources, \
                                   .n_params = params_of, \
                                   .n_outputs = 1, \
                                   .params = {{"constant", -DBL_MAX, DBL_MAX, false}}, \
                                   .run = run_##label, \
                                   .depth = kernel_depth_two, \
                                   .state_bytes = sizeof(cross_state)};

CROSSING(crossover, 2, 0, in->source[1][i], 1)
CROSSING(crossover_k, 1, 1, in->param[0], 1)
CROSSING(crossunder, 2, 0, in->source[1][i], -1)
CROSSING(crossunder_k, 1, 1, in->param[0], -1)
