/* Series made of the fields of one bar, and those that come from beside the bars:
 *
 * `align` shows a slower series at each bar as the last value that had closed by then; its source is one of the slower
 * interval. `own` is an author's recursive series: its values are put in by whoever runs the script, and its parameters
 * are a hash of whose it is. A family of kernels; see kernel.h. */
#pragma once

#define BARS_KERNELS(X) \
    X(HL2, hl2) \
    X(HLC3, hlc3) \
    X(OHLC4, ohlc4) \
    X(ALIGN, align) \
    X(OWN, own)
