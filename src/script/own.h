/* The recursive series of a trader's author: `series = {stop = function(m, prev) ... return number end}`.
 *
 * A value is made once per closed bar, oldest first from the series' epoch, each seen as of its own bar; it lives in C
 * beside the bars, so a killed state loses nothing. A call that fails stores NaN.
 * Threads: the state's. Only state.c calls it. */
#pragma once
#include "script/state_body.h"

/* Brings all own series of a trader up to the bar of the view. ERR_SCRIPT: a call failed, `why` has the first sentence; all
 * values are there all the same. ERR_RUNAWAY: over the limits of a load, the state is dead. */
MUST_CHECK err own_advance(script_state *s, int32_t index, const script_view *view, diag *why);
