/* Candlestick patterns, TA-Lib's meaning: -100, 0 or 100.
 * A family of kernels; see kernel.h. */
#pragma once

#define PATTERN_KERNELS(X)
