/* Moving averages and what is made of them alone.
 * A family of kernels; see kernel.h. */
#pragma once

#define AVERAGE_KERNELS(X) \
    X(SMA, sma) \
    X(EMA, ema) \
    X(RMA, rma) \
    X(MACD, macd)
