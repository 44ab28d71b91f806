/* How far a fetch is: a bar on a terminal, now and then a line of the log otherwise. */
#pragma once
#include "binance/history_fetch.h"

enum { FETCH_LINE_BYTES = 256 };

/* `[########--------]  50 %  600,000 of 1,200,000 bars, 41,000 new/s, 0:15 left`. Pure. */
void fetch_progress_describe(const history_progress *p, int64_t now_ms, char out[FETCH_LINE_BYTES]);
