/* Series made of the fields of one bar, and those that come from beside the bars:
 *
 * `align` shows a slower series at each bar as the last value that had closed by then; its source is one of the slower
 * interval. `own` is an author's recursive series: its values are put in by whoever runs the script, and its parameters
 * are a hash of whose it is. A family of kernels; see kernel.h. */
#pragma once

#define BARS_KERNELS(X) \
    X(HL2, hl2) \
    X(HLC3, hlc3) \
    X(OHLC4, ohlc4) \
    X(ALIGN, align) \
    X(OWN, own)

/* x / 3, to the last bit, without the division, which takes longer than all of this. The quotient is off by a unit of its
 * last place at most; what that leaves, x - 3 q, is a difference of numbers within a factor of two of each other in
 * either step, so it is exact; and as a third of a number is never half way between two, a rounded third of it tells
 * which of them is nearest. */
static inline double bars_third(double x) {
    const double by = 1.0 / 3, q = x * by, left = (x - 2 * q) - q;
    return q + left * by;
}
