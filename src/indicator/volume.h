/* Volume: where and on which side it was traded.
 * A family of kernels; see kernel.h. */
#pragma once

#define VOLUME_KERNELS(X) X(VWAP, vwap)
