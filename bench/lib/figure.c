/* See figure.h. */
#include "bench/lib/figure.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double figure_median(double *samples, int count) {
    qsort(samples, (size_t)count, sizeof *samples, compare);
    return samples[count / 2];
}

void figure_print_more(const char *name, const char *workload, const char *unit, double *samples, int count,
                       const char *more) {
    int rank = (int)ceil(0.99 * count);
    double median = figure_median(samples, count);
    printf("{\"name\":\"%s\",\"workload\":\"%s\",\"unit\":\"%s\",\"median\":%.4g,\"p99\":%.4g,\"min\":%.4g,"
           "\"runs\":%d%s%s}\n",
           name, workload, unit, median, samples[rank > 0 ? rank - 1 : 0], samples[0], count, more[0] ? "," : "", more);
    fflush(stdout);
}

void figure_print(const char *name, const char *workload, const char *unit, double *samples, int count) {
    figure_print_more(name, workload, unit, samples, count, "");
}
