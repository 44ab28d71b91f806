/* The mean of the newest `length` prices, each counted as much as has been traded at it.
 * NaN while there are fewer, and where nothing has been traded. A NaN or an infinite value restarts the window.
 * Threads: pure. Ownership: plain data; all zero has seen no bar. */
#pragma once
#include "indicator/kernel.h"
#include "indicator/ladder.h"

typedef struct volume_mean {
    int64_t n_equal; /* newest prices that are equal; 0 before the first */
    double newest;   /* price */
    ladder sums;     /* price x volume; volume */
} volume_mean;

static inline size_t volume_mean_bytes(int32_t length) { return offsetof(volume_mean, sums) + ladder_bytes(length); }

/* Takes one bar. A price that stands still is its own mean, to the last bit: no rounding may put a silent market's close
 * above it. */
static inline double volume_mean_step(volume_mean *s, double price, double volume, int32_t length) {
    double money = price * volume;
    pair sum = {0, 0};
    s->n_equal = price == s->newest && s->n_equal > 0 ? s->n_equal + 1 : 1;
    s->newest = price;
    if (stretch_undefined(money)) {
        ladder_restart(&s->sums);
        return NAN;
    }
    ladder_step(&s->sums, (pair){money, volume}, length, &length, 1, &sum);
    if (s->sums.n < length) return NAN;
    return s->n_equal >= length && sum[1] > 0 ? price : kernel_defined(sum[0] / sum[1]);
}

/* The same for n bars, at most a stretch. price[-1] may be read, but for the first bar of all. */
void volume_mean_run(volume_mean *s, const double *price, const double *volume, int32_t n, int32_t length,
                     double *mean);
