/* A signal as one line for people:
 *
 *     2026-02-03 14:05:00 LINKUSDT     5m       9.1234  RSI oversold bounce         RSI(14) below 30; rising  [late]
 *
 * What has a fixed width comes first: a terminal of 80 columns breaks the line in the conditions, never in the price.
 * A signal that is not confirmed is marked [provisional], [withdrawn] or [historical].
 * Time is the open time of the bar, UTC (`time` in JSON). Whatever a trader wrote is made harmless for a terminal.
 * Pure. */
#pragma once
#include "screener/signal.h"

enum { SIGNAL_LINE_BYTES = 1024 };

/* Always terminated, without a newline; what does not fit is cut and ends in "...". */
void signal_line(const signal_row *s, char out[SIGNAL_LINE_BYTES]);
