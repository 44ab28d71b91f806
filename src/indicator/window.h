/* Rolling sums that are exact, hence means that are correct to the last bit.
 *
 * A script compares a mean with multiples of prices and volumes, which are short decimals, and where both are equal on
 * paper no rounding may decide. So the sum is a whole number of units, and adding to it or taking from it loses nothing:
 *
 *   short decimals   unit 10^-d    1.25 = 125 units of 0.01; the mean is the double nearest to the mean on paper
 *   anything else    unit 2^-e     whole units, and what is below one in steps of a second, finer unit
 *
 * The unit is chosen from the window: when it has filled, when a value is too large for the unit or no whole number of
 * it, and at absolute bar numbers (multiples of a power of two of at least 4 x length). An exact sum does not depend on
 * where the series began; where values differ by so many powers of ten that even the finer unit rounds them, or decimals
 * have been mixed with other numbers, that is so from the next of these bars on. In between a step costs the same whatever
 * the length, and bars may be taken one by one or many at a time: exact sums have the same bits in any order.
 *
 * A NaN or an infinite value restarts the window. A window of equal values has exactly that mean.
 * Threads: pure. Ownership: plain data. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Whole numbers of units, and of finer ones. */
typedef struct window_sums {
    int64_t sum, rest, weighted, weighted_rest; /* weighted: of place x value, the newest in place `length` */
} window_sums;

/* All zero: empty. */
typedef struct window {
    window_sums sums;
    double units;             /* decimal units in 1; 1 when they are binary */
    double magic, magic_rest; /* adding it rounds to units, to finer units; magic_rest is 0 when they are decimal */
    double limit;             /* the largest value, times `units` */
    int32_t n, n_equal;       /* values in a row, at most `length`; newest ones that are equal */
} window;

/* The mean of the newest `length` values of x at bar i; NaN while there are fewer. Reads back to x[i - length]. */
double window_step(window *w, const double *x, const int64_t *number, int32_t i, int32_t length);
/* The same at the bars x[0..n). Reads back to x[-length]. */
void window_run(window *w, const double *x, const int64_t *number, int32_t n, int32_t length, double *mean);
/* In what follows equal values are not looked for: see window_level. */
/* The linearly weighted mean: the newest value counts `length` times, the oldest once. */
void window_weigh(window *w, const double *x, const int64_t *number, int32_t n, int32_t length, double *mean);
/* sum x by_sum + weighted sum x by_weighted. */
void window_line(window *w, const double *x, const int64_t *number, int32_t n, int32_t length, double by_sum,
                 double by_weighted, double *out);

/* Weighted sum of the newest `half_length` values x by_half + weighted sum of the newest `length` x by_whole. `half` has
 * the sums of the former, in units of the window. */
void window_both(window *w, window_sums *half, const double *x, const int64_t *number, int32_t n, int32_t length,
                 int32_t half_length, double by_half, double by_whole, double *out);

/* out[i] = sum of weight[k] x[i + k] over k < n_weights, for each i < n: for weights that have no rolling form. One by one
 * or many at a time, the bits are the same. */
void window_dots(const double *weight, const double *x, int32_t n_weights, int32_t n, double *out);
/* One of them, for a step. Those before the newest as four partial sums; the newest by itself, since in a step it has only
 * just been stored and a load of more than it would have to wait. */
static inline double window_dot(const double *weight, const double *x, int32_t n_weights) {
    typedef double two __attribute__((vector_size(16), aligned(8)));
    const int32_t n_before = n_weights - 1;
    two a = {0, 0}, b = {0, 0};
    double sum;
    int32_t k = 0;
    for (; k + 4 <= n_before; k += 4) {
        a += *(const two *)(weight + k) * *(const two *)(x + k);
        b += *(const two *)(weight + k + 2) * *(const two *)(x + k + 2);
    }
    if (k + 2 <= n_before) {
        a += *(const two *)(weight + k) * *(const two *)(x + k);
        if (k + 3 <= n_before) b[0] += weight[k + 2] * x[k + 2];
    } else if (k < n_before) {
        a[0] += weight[k] * x[k];
    }
    sum = ((a[0] + a[1]) + (b[0] + b[1])) + weight[n_before] * x[n_before];
    return sum + 0 * sum; /* NaN when it is infinite */
}

/* For values x[0..n) and results out[0..n): out[k] = x[k] where the newest `length` values are equal. n_equal: how many
 * are equal up to x[-1], 0 where there is none; on return, up to x[n - 1]. False when nothing has been set. */
bool window_level(int32_t *n_equal, const double *x, int32_t n, int32_t length, double *out);
/* For one value. */
static inline bool window_level_one(int32_t *n_equal, const double *x, int32_t length, double *out) {
    *n_equal = *n_equal > 0 && x[0] == x[-1] ? *n_equal + 1 : 1;
    if (*n_equal < length) return false;
    *out = *x + (*x - *x);
    return true;
}

/* Whether sums are made anew at the bar with this number; how many of the bars number[0..n) come before the first of
 * those. For sums that are kept elsewhere. */
bool window_is_resum(int64_t number, int32_t length);
int32_t window_until_resum(const int64_t *number, int32_t n, int32_t length);

/* For specs: only two values are taken at a time even where the machine could do four. The results are the same. */
extern bool window_two_lanes_only;
/* Whether functions that are made for four may be called. */
static inline bool window_has_four_lanes(void) {
#ifdef __x86_64__
    return !window_two_lanes_only && __builtin_cpu_supports("avx2");
#else
    return false;
#endif
}
