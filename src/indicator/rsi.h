/* Wilder's relative strength index, and the stochastic of it.
 * A family of kernels; see kernel.h. */
#pragma once

#define RSI_KERNELS(X) \
    X(RSI, rsi) \
    X(STOCHRSI, stochrsi)
