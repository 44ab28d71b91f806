/* Sums without rounding. Each number is cut at a common bit into a high and a low part; the high parts are multiples of one
 * unit, so they add up exactly while their sum has at most 53 bits, and so do the low parts. What leaves such a sum leaves
 * nothing behind, and the order does not matter.
 * Exact for up to 2^14 numbers below `limit` whose last bit is not below limit x 2^-80, as with numbers of 53 bits down to
 * limit x 2^-28; beyond, what rounding there is is that of the low parts.
 * Threads: pure. Ownership: plain data; all zero has the limit 0. */
#pragma once
#include "indicator/pair.h"
#include <math.h>

typedef struct cut {
    double limit, round; /* adding and subtracting `round`, 1.5 x 2^52 units, rounds to a unit: 2^-39 of the limit */
} cut;

/* For numbers up to about 2^4 times x. */
static inline cut cut_for(double x) {
    int e;
    frexp(x, &e);
    e = (e < -900 ? -900 : e > 990 ? 990 : e) + 4;
    return (cut){ldexp(1, e), ldexp(1.5, e + 13)};
}

static inline double cut_high(const cut *c, double x) { return (x + c->round) - c->round; }
static inline pair cut_pair_high(const cut *c, pair x) { return (x + c->round) - c->round; }
