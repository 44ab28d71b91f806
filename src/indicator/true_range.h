/* The true range of a bar: what atr, kc, dmi and supertrend are made of.
 * Threads: pure. */
#pragma once

/* In the form of the processor's own instruction: with a NaN it is b. */
static inline double higher_of(double a, double b) { return a > b ? a : b; }
static inline double lower_of(double a, double b) { return a < b ? a : b; }

/* An infinite value counts as NaN; without a comparison, which would keep loops from being made of vectors. */
static inline double only_finite(double x) { return x + (x - x); }

/* The largest of high - low and the distances of both from the close before; without that close (NaN) high - low. NaN
 * where high or low is. */
static inline double true_range(double high, double low, double close_before) {
    return higher_of(close_before, high) - lower_of(close_before, low);
}
