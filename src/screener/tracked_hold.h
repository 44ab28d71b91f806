/* How far the traders of a symbol are behind, and which bars a series must therefore still keep for them.
 * Threads: the symbol's owner. */
#pragma once
#include "screener/tracked.h"

/* Index of the first bar that opens at or after `ms`; -1 when there is none. */
int32_t tracked_bar_from(const kline_series *bars, int64_t ms);
/* Bars of `interval` that open at or after this would push bars out that some trader must still see. */
int64_t tracked_hold_ms(const tracked *t, const trader_set *set, int32_t interval);
/* The same for live bars, which wait for those only that wait themselves: for something at their next bar, or for the
 * history before their first. */
int64_t tracked_hold_live_ms(const tracked *t, const trader_set *set, int32_t interval);

/* The same for the copy of a reference, as far as the traders of `t` go. */
int64_t tracked_hold_copy_ms(const tracked *t, const trader_set *set, const tracked *copy, int32_t interval,
                             bool is_live);

/* Trader `index` looks at bars of `interval` of the copy beside those of `t`. */
bool tracked_refers(const tracked *t, const trader_set *set, int32_t index, const tracked *copy, int32_t interval);

/* Something that it needs, or bars of its own, are on their way. */
bool tracked_is_behind(const tracked *t);
bool tracked_is_loading(const tracked *t, const trader_set *set, int32_t index);
