/* A stretch: many bars that a kernel works on at once, where it is asked for a long range. The passes over it that do not
 * depend on the bar before are left to the vectoriser.
 * Threads: pure. */
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { STRETCH = 256, STRETCH_LEAST = 8 /* fewer bars are taken one by one */ };

static inline int32_t stretch_to(int32_t i, int32_t to) { return to - i < STRETCH ? to - i : STRETCH; }

/* A bar without a value is a stretch of one. */
static inline int32_t stretch_skip(double *out, int32_t i) {
    out[i] = NAN;
    return 1;
}

/* Zero bits of a finite number, those of a NaN of any other: the answers for many are joined by "or", which the
 * vectoriser can do. */
static inline uint64_t stretch_undefined(double x) {
    uint64_t bits;
    x -= x;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* No value at the first `count` of n bars; it may be negative, or more. */
static inline void stretch_void(double *out, int64_t count, int32_t n) {
    for (int32_t k = 0; k < n && k < count; k++) out[k] = NAN;
}
