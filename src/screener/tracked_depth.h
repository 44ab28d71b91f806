/* Whether the history of a symbol, or of the copy of a reference, reaches as far back as its traders need.
 *
 * A series that was made for other traders keeps fewer bars than a new one may have to see: an average of 200 bars counts after
 * 2,000. Then the symbol begins anew, with older bars, and with all that it remembers but what began too late.
 * Threads: the symbol's owner. */
#pragma once
#include "screener/tracked.h"

/* A trader that `before` did not have needs more bars than there are, or than were asked for. */
bool tracked_lacks_depth(const tracked *t, const trader_set *before, const trader_set *set);
/* Bars that the values of a series must have behind them for those traders that look at them; 0: any number will do. */
int32_t tracked_depth(const tracked *t, const trader_set *set, int32_t interval, int32_t id);
