/* Exponential averages seeded with the mean of the first `length` values: EMA with alpha = 2 / (length + 1), Wilder's
 * RMA with alpha = 1 / length. A NaN gives NaN and does not advance.
 * Threads: pure. Ownership: plain data. */
#pragma once
#include <math.h>
#include <stdint.h>

typedef struct smoothing {
    double value; /* sum while seeding */
    int64_t n;
} smoothing;

static inline double smoothing_step(smoothing *a, double x, int32_t length, double alpha) {
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

static inline double smoothing_ema(smoothing *a, double x, int32_t length) {
    return smoothing_step(a, x, length, 2.0 / (length + 1));
}
static inline double smoothing_rma(smoothing *a, double x, int32_t length) {
    return smoothing_step(a, x, length, 1.0 / length);
}
