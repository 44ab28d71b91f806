/* When a match becomes a signal. Pure.
 *
 * edge: it matches now and did not at the previous evaluation. every: at each match. {every = N}: at the first match of
 * a run and each N bars after it. A cooldown of N bars follows any signal. Without memory the state counts as matching. */
#pragma once
#include "screener/pass.h"
#include "script/trader.h"

/* Updates the memory with the outcome at the bar `open_ms`; true when a signal is due. */
bool firing_step(edge_row *memory, const trader_spec *spec, int64_t open_ms, bool is_match);
