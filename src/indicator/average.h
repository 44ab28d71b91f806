/* Moving averages of a window.
 * A family of kernels; see kernel.h. */
#pragma once

#define AVERAGE_KERNELS(X) \
    X(SMA, sma) \
    X(WMA, wma) \
    X(HMA, hma) \
    X(VWMA, vwma) \
    X(ALMA, alma) \
    X(LINREG, linreg)
