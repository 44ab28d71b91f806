#include "base/histogram.h"
#include <assert.h>
#include <math.h>

void histogram_init(histogram *h, const double *bounds, size_t n_bounds) {
    assert(n_bounds <= HISTOGRAM_MAX_BOUNDS);
    *h = (histogram){.bounds = bounds, .n_bounds = n_bounds};
}

void histogram_add(histogram *h, double value) {
    size_t place = 0;
    if (isnan(value)) return;
    while (place < h->n_bounds && value > h->bounds[place]) place++;
    h->counts[place]++;
    h->n++;
    h->sum += value;
}
