/* A signal as one line for people:
 *
 *     2026-02-03 14:05:00  LINKUSDT    5m   RSI oversold bounce                9.1234  RSI(14) below 30; rising  [late]
 *
 * Time is the open time of the bar, UTC (`time` in JSON). Whatever a trader wrote is made harmless for a terminal.
 * Pure. */
#pragma once
#include "screener/signal.h"

enum { SIGNAL_LINE_BYTES = 1024 };

/* Always terminated, without a newline; what does not fit is cut and ends in "...". */
void signal_line(const signal_row *s, char out[SIGNAL_LINE_BYTES]);
