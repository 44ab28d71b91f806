/* Rolling sums that are exact, hence means that are correct to the last bit.
 *
 * A script compares a mean with multiples of prices and volumes, which are short decimals, and where both are equal on
 * paper no rounding may decide. So the sum is a whole number of units, and adding to it or taking from it loses nothing:
 *
 *   short decimals   unit 10^-d    1.25 = 125 units of 0.01; the mean is the double nearest to the mean on paper
 *   anything else    unit 2^-e     whole units, and what is below one in steps of a second, finer unit
 *
 * The unit is chosen from the window: when it has filled, when a value is too large for the unit or no whole number of
 * it, and at absolute bar numbers (multiples of a power of two of at least 4 x length), so that one huge value does not
 * coarsen the unit for ever and the sum does not depend on where the series began. In between a step costs the same
 * whatever the length, and bars may be taken one by one or many at a time: exact sums have the same bits in any order.
 *
 * A NaN or an infinite value restarts the window. A window of equal values has exactly that mean.
 * Threads: pure. Ownership: plain data. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* All zero: empty. */
typedef struct window {
    int64_t sum, rest;               /* in units, and in finer units */
    int64_t weighted, weighted_rest; /* the same of place x value, the newest in place `length` */
    double units;                    /* decimal units in 1; 1 when they are binary */
    double magic, magic_rest; /* adding it rounds to units, to finer units; magic_rest is 0 when they are decimal */
    double limit;             /* the largest value, times `units` */
    int32_t n, n_equal;       /* values in a row, at most `length`; newest ones that are equal */
} window;

/* What a window is over: x[i], or x[i] * factor[i]. */
typedef struct window_source {
    const double *x, *factor; /* factor: NULL for none */
} window_source;

/* The mean of the newest `length` values of x at bar i; NaN while there are fewer. Reads back to x[i - length]. */
double window_step(window *w, const double *x, const int64_t *number, int32_t i, int32_t length);
/* The same at the bars x[0..n). Reads back to x[-length]. */
void window_run(window *w, const double *x, const int64_t *number, int32_t n, int32_t length, double *mean);
/* The same of any source. Equal values are not looked for. */
void window_mean(window *w, window_source source, const int64_t *number, int32_t n, int32_t length, double *mean);

/* The sum times `sum`, and the linearly weighted sum (the newest value `length` times, the oldest once) times `weighted`;
 * both over `divisor`. */
typedef struct window_line {
    double sum, weighted, divisor;
} window_line;
/* The same for such a mean; equal values must give that value. */
void window_weigh(window *w, const double *x, const int64_t *number, int32_t n, int32_t length, window_line line,
                  double *out);

/* For values x[0..n) and results out[0..n): out[k] = x[k] where the newest `length` values are equal. n_equal: how many
 * are equal up to x[-1], 0 where there is none; on return, up to x[n - 1]. */
void window_level(int32_t *n_equal, const double *x, int32_t n, int32_t length, double *out);

/* Whether sums are made anew at the bar with this number; how many of the bars number[0..n) come before the first of
 * those. For sums that are kept elsewhere. */
bool window_is_resum(int64_t number, int32_t length);
int32_t window_until_resum(const int64_t *number, int32_t n, int32_t length);
