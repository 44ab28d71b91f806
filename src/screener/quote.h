/* What each symbol costs now, and how that has changed over 24 hours, from the bars that its owner has.
 * Threads: the symbol's owner makes them; plain data, moves with the pointer. */
#pragma once
#include "screener/timeframe.h"

typedef struct quote {
    uint32_t symbol;
    double price, change_pct; /* NaN: not known */
} quote;

typedef struct quote_list {
    uint32_t count;
    quote items[];
} quote_list;

/* Of the close at `close_ms` in percent; NaN when the bars do not reach back so far. */
double quote_change_of_day(const kline_series *bars, int64_t close_ms, double close);
quote quote_of(uint32_t symbol, timeframe *const frames[N_INTERVALS]);
