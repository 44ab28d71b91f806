/* A match as a signal: its id, what the trader said of it, the market at that bar and the candles up to it.
 * Threads: the worker's. */
#pragma once
#include "screener/evaluation.h"

/* Into the pass. `tick`: number of a provisional signal on its bar; 0: of a close. `may_owe`: its trader may be called again, for
 * the prompt. ERR_NO_MEMORY. */
MUST_CHECK err signal_making_add(evaluation *e, pass *p, const tracked *t, int32_t index, const script_view *view,
                                 const script_result *r, signal_state state, int32_t tick, bool may_owe);
