/* Ranges: of a bar, and of a window.
 * A family of kernels; see kernel.h. */
#pragma once

#define RANGE_KERNELS(X) \
    X(TR, tr) \
    X(ATR, atr) \
    X(HIGHEST, highest) \
    X(LOWEST, lowest)
