/* Ranges: of a bar, of a window of bars, of the last 24 hours, and what stands out of them.
 * A family of kernels; see kernel.h. */
#pragma once

#define RANGE_KERNELS(X) \
    X(TR, tr) \
    X(ATR, atr) \
    X(NATR, natr) \
    X(HIGHEST, highest) \
    X(LOWEST, lowest) \
    X(HIGHESTBARS, highestbars) \
    X(LOWESTBARS, lowestbars) \
    X(DONCHIAN, donchian) \
    X(KC, kc) \
    X(PIVOTHIGH, pivothigh) \
    X(PIVOTLOW, pivotlow) \
    X(DAY, day)
