/* Volume: where and on which side it was traded.
 * A family of kernels; see kernel.h. */
#pragma once
#include "indicator/vwap.h"

#define VOLUME_KERNELS(X) \
    X(OBV, obv) \
    X(AD, ad) \
    X(ADOSC, adosc) \
    X(PVI, pvi) \
    X(NVI, nvi) \
    X(MFI, mfi) \
    X(RVWAP, rvwap) \
    VWAP_KERNELS(X) \
    X(SELL_VOLUME, sell_volume) \
    X(DELTA, delta) \
    X(PRESSURE, pressure)
