/* Events: when a condition last held, and what stood there.
 * A family of kernels; see kernel.h. */
#pragma once

#define EVENT_KERNELS(X) \
    X(BARSSINCE, barssince) \
    X(VALUEWHEN, valuewhen)
