/* Trend: direction, its strength, and lines that follow the price.
 * A family of kernels; see kernel.h. */
#pragma once

#define TREND_KERNELS(X) \
    X(DMI, dmi) \
    X(SUPERTREND, supertrend) \
    X(SAR, sar) \
    X(ICHIMOKU, ichimoku) \
    X(AROON, aroon)
