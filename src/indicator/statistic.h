/* Statistics of a window: deviations, order, counts.
 * A family of kernels; see kernel.h. */
#pragma once

#define STATISTIC_KERNELS(X) \
    X(BB, bb) \
    X(BBW, bbw) \
    X(STDEV, stdev) \
    X(VARIANCE, variance) \
    X(CORRELATION, correlation) \
    X(MEDIAN, median) \
    X(PERCENTRANK, percentrank) \
    X(CUM, cum) \
    X(COUNT, count)
