/* What indicators are measured with: usual parameters, and what of Tulip does the same work.
 * Threads: constants. */
#pragma once
#include "bench/lib/tulip.h"

typedef struct workload {
    const char *name;
    const char *text;  /* canonical text (indicator/registry.h); all that it is made of is measured */
    const char *given; /* a part of it that is computed beforehand, out of the measure; NULL: none */
    tulip_call peer[TULIP_CALLS];
} workload;

/* Ends with an empty one. A kernel without a row, by its own name, is measured on the close (open, low) with a length of 20
 * and 2 for numbers. */
extern const workload workloads[];

/* Kernels that have no work of their own on plain arrays. */
bool workload_is_passive(const char *kernel_name);
