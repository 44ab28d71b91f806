/* See event.h. A condition holds where its series is neither 0 nor NaN, as a number counts as a condition in Pine. */
#include "indicator/event.h"
#include "indicator/kernel.h"
#include <math.h>

#define NEVER (INT64_MIN / 2) /* counts up and stays below 0 */

static inline bool holds(double condition) { return (condition == condition) & (condition != 0); }

static void run_barssince(void *state, const kernel_input *in, int32_t from, int32_t to,
                          double *const out[INDICATOR_OUTPUTS]) {
    int64_t *since = state; /* bars since it held and the one on which it did; 0: it has not yet */
    int64_t n = *since > 0 ? *since - 1 : NEVER;
    const double *condition = in->source[0];
    for (int32_t i = from; i < to; i++) {
        n = (n + 1) & -(int64_t)!holds(condition[i]); /* without a branch: nobody can predict a condition */
        out[0][i] = n >= 0 ? (double)n : NAN;
    }
    *since = n >= 0 ? n + 1 : 0;
}

/* The newest `occurrence` + 1 values, in a ring. */
typedef struct valuewhen_state {
    int64_t n, at; /* values in the ring; where the next one goes, which is where the oldest is when it is full */
    double value[];
} valuewhen_state;

static void run_valuewhen(void *state, const kernel_input *in, int32_t from, int32_t to,
                          double *const out[INDICATOR_OUTPUTS]) {
    valuewhen_state *s = state;
    int64_t size = (int64_t)in->param[0] + 1;
    double shown = s->n == size ? s->value[s->at] : NAN;
    for (int32_t i = from; i < to; i++) {
        if (holds(in->source[0][i])) {
            s->value[s->at] = kernel_defined(in->source[1][i]);
            s->at = s->at + 1 == size ? 0 : s->at + 1;
            s->n += s->n < size;
            if (s->n == size) shown = s->value[s->at];
        }
        out[0][i] = shown;
    }
}

/* ---- the table ---- */

static int32_t depth_cumulative(const double *param, int32_t interval) {
    return (void)param, (void)interval, kernel_depth_at_least(0);
}

static size_t ring_bytes(const double *param, int32_t interval) {
    return (void)interval, ((size_t)param[0] + 1) * sizeof(double);
}

const kernel kernel_barssince = {.name = "barssince",
                                 .n_sources = 1,
                                 .n_outputs = 1,
                                 .run = run_barssince,
                                 .depth = depth_cumulative,
                                 .state_bytes = sizeof(int64_t)};
const kernel kernel_valuewhen = {.name = "valuewhen",
                                 .n_sources = 2,
                                 .n_params = 1,
                                 .n_outputs = 1,
                                 .params = {{"occurrence", 0, LENGTH_MAX, true}},
                                 .run = run_valuewhen,
                                 .depth = depth_cumulative,
                                 .state_bytes = sizeof(valuewhen_state),
                                 .more_state_bytes = ring_bytes};
