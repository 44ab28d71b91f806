/* See figure.h. */
#include "bench/lib/figure.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void figure_print(const char *name, const char *workload, const char *unit, double *samples, int count) {
    int rank = (int)ceil(0.99 * count);
    qsort(samples, (size_t)count, sizeof *samples, compare);
    printf(
        "{\"name\":\"%s\",\"workload\":\"%s\",\"unit\":\"%s\",\"median\":%.4g,\"p99\":%.4g,\"min\":%.4g,\"runs\":%d}\n",
        name, workload, unit, samples[count / 2], samples[rank > 0 ? rank - 1 : 0], samples[0], count);
    fflush(stdout);
}
