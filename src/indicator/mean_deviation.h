/* The mean absolute deviation of a window, and the commodity channel index, which is made of it.
 * A family of kernels; see kernel.h. */
#pragma once

#define MEAN_DEVIATION_KERNELS(X) \
    X(DEV, dev) \
    X(CCI, cci)
