/* Momentum: how fast and how one-sidedly a source has moved, and where it stands in its range.
 * A family of kernels; see kernel.h. */
#pragma once

#define MOMENTUM_KERNELS(X) \
    X(STOCH, stoch) \
    X(CMO, cmo) \
    X(ROC, roc) \
    X(MOM, mom) \
    X(WPR, wpr) \
    X(UO, uo)
