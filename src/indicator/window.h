/* A rolling mean that is correct to the last bit.
 *
 * A script compares it with multiples of prices and volumes, which are short decimals, and where both are equal on paper
 * no rounding may decide. Hence the sum carries along what each addition has lost (Knuth's TwoSum).
 * Threads: pure. Ownership: plain data. */
#pragma once
#include "indicator/kernel.h"
#include <math.h>

typedef struct window {
    double sum, lost;
    int64_t n, n_equal; /* values in a row; newest ones that are equal */
} window;

static inline void window_add(window *w, double x) {
    double sum = w->sum + x, part = sum - w->sum;
    w->lost += (w->sum - (sum - part)) + (x - part);
    w->sum = sum;
}

/* The mean of the newest `length` values; NaN while there are fewer. A window of equal values has exactly that mean: the
 * last crumb of what has gone must not put a silent market's volume above its average. */
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
