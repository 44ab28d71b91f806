/* A histogram with fixed bounds: how many values were at most each of them, their number and their sum.
 * Pure. Ownership: the caller's struct; the bounds are borrowed and outlive it. Not for several threads at once. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_MAX_BOUNDS = 24 };

typedef struct histogram {
    const double *bounds; /* rising */
    size_t n_bounds;
    uint64_t counts[HISTOGRAM_MAX_BOUNDS + 1]; /* [i]: above bound i - 1, at most bound i; the last: above all */
    uint64_t n;
    double sum;
} histogram;

void histogram_init(histogram *h, const double *bounds, size_t n_bounds);
/* NaN is left out. */
void histogram_add(histogram *h, double value);
