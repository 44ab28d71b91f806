/* Averages weighted by volume since the start of a session: a day, a week or a month of UTC.
 * Part of the family in volume.h; see kernel.h. */
#pragma once

#define VWAP_KERNELS(X) \
    X(VWAP, vwap) \
    X(VWAP_BANDS, vwap_bands)
