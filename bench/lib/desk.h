/* Series, indicators and one sandboxed state on the caller's own thread: what a worker has inside, without inbox, firing
 * and passes, so that a single step of it can be measured. The market and the traders are those of rig.h.
 * Threads: the caller's alone. Ownership: the desk owns everything that it has made. What goes wrong ends the program
 * with a sentence. */
#pragma once
#include "abi.h"

typedef struct desk desk;

/* `n_bars` of every interval, of which those are there that have closed; no indicator yet. */
desk *desk_new(int32_t n_symbols, int32_t n_bars);
void desk_free(desk *d);

int32_t desk_traders(const desk *d);
const char *desk_trader(const desk *d, int32_t index);
/* Bars of rig_interval[u] that have closed, oldest first; their number. */
int32_t desk_bars(const desk *d, int32_t symbol, int32_t u, const kline **bars);

/* Drops all indicators, and all that was known of where they are. */
void desk_clear(desk *d);
/* Makes the sets of a symbol and evaluates all traders on it: every indicator from its first bar on. After desk_clear.
 * `matches`: one for each trader. */
void desk_begin(desk *d, int32_t symbol, bool *matches);
/* An update of the forming bars of a symbol, the share `part` (0 .. 1) of the way through them: bars, indicators of the
 * forming bars. After desk_begin. */
void desk_update(desk *d, int32_t symbol, double part);
/* All traders on a symbol, as of the last close, or at the 1m bar that is forming. */
void desk_evaluate(desk *d, int32_t symbol, bool *matches);
void desk_evaluate_forming(desk *d, int32_t symbol, bool *matches);
