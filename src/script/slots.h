/* What traders see of the market: slots, pointed at one symbol before each evaluation.
 * Threads: the state's. Only state.c and loader.c call these; script_series (abi.h) is what scripts reach. */
#pragma once
#include "script/state_body.h"

/* Points the slots of a trader at a symbol. OK, or ERR_NOT_FOUND while something is warming up (`result` says what);
 * ERR_SCRIPT and a sentence when a series cannot be had at all. */
MUST_CHECK err slots_bind(script_state *s, program *p, const script_view *view, script_result *result, diag *why);
/* Points the slots where they pointed the last time on this symbol; false when that is not known, or was not the end of
 * it. */
bool slots_bind_again(script_state *s, const program *p, const script_view *view);
/* Shows the series as of an earlier bar, or of the forming one (`count` of a tick): of the trader's own interval `count`
 * bars, of an own series one bar less, since it is only being made. After slots_bind. ERR_NOT_FOUND: there are no values
 * that far back; they are after the next slots_bind. ERR_NO_MEMORY. */
MUST_CHECK err slots_cut(script_state *s, const program *p, const script_view *view, int64_t open_ms, int32_t count);
/* After a call: true when it has looked further back than the values of some series go. It does not count; they are there
 * after the next slots_bind. */
bool slots_note_missed(script_state *s, const program *p);
/* No series has values any more. */
void slots_hide(script_state *s, const program *p);

/* Late series: those that the dry evaluation has not seen. Before a call; after it (true: one that was asked for has no
 * values of this symbol yet); at the end (true, with the bars in `result`: one that was asked for lacks bars). */
void slots_forget_asked(script_state *s, const program *p);
bool slots_note_asked(script_state *s, const program *p);
bool slots_wait_for_late(const script_state *s, const program *p, script_result *result);

/* From now on series of that place may be asked for. */
void slots_add_place(program *p, int32_t place);

/* What has been asked for so far becomes what the trader needs. */
MUST_CHECK err slots_note_needs(script_state *s, program *p, trader_spec *spec);
