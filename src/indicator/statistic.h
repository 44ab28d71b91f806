/* Statistics of a window: deviations, order, counts.
 * A family of kernels; see kernel.h. */
#pragma once

#define STATISTIC_KERNELS(X) X(BB, bb)
