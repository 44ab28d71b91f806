/* Binance's kline intervals, 1s to 1M, and calendar arithmetic on them. All times are Unix ms, UTC.
 * A bar is the half-open span [open_ms, interval_next(open_ms)); Binance's own "close time" is one ms before its end.
 * 1w starts on Monday 00:00, 1M on the first of the calendar month, 3d on multiples of three days since 1970-01-01.
 * Pure. The enum and the functions are declared in abi.h. */
#pragma once
#include "abi.h"
