/* Momentum: how fast and how one-sidedly a source has moved.
 * A family of kernels; see kernel.h. */
#pragma once

#define MOMENTUM_KERNELS(X) X(RSI, rsi)
