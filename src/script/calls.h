/* The functions of a trader that is loaded, called at one bar of one symbol: filter, rank.by, conditions, plots, prompt. What they
 * use of the symbol is bound before and let go behind.
 * Threads: the state's. */
#pragma once
#include "script/state.h"

/* Run the filter of trader `index`. ERR_SCRIPT: `why` has the message with file and line, script_state_trace the
 * traceback. ERR_RUNAWAY: the state is dead. */
MUST_CHECK err script_state_evaluate(script_state *s, int32_t index, const script_view *view, script_result *result,
                                     diag *why);

/* Run rank.by of trader `index`. SCRIPT_MATCH: the score, NaN when the symbol is not to be ranked; SCRIPT_WARMING (and NaN)
 * while the trader waits for bars, of whatever its filter or rank.by use. Errors as script_state_evaluate. */
MUST_CHECK err script_state_score(script_state *s, int32_t index, const script_view *view, double *score,
                                  script_outcome *outcome, diag *why);

/* After a match that becomes a signal: adds to the result which conditions held, what they have read, and the plots. What
 * fails here costs no signal: it is in `fault`. ERR_RUNAWAY: the state is dead, the result still good. */
MUST_CHECK err script_state_describe(script_state *s, int32_t index, const script_view *view, script_result *result,
                                     diag *why);

/* Whether the trader wants an analysis of this match. */
bool script_state_wants_prompt(const script_state *s, int32_t index, const script_result *result);
/* After script_state_describe of the same match: adds what its analysis is to be made of, when the trader wants one of it.
 * Errors as there. */
MUST_CHECK err script_state_prompt(script_state *s, int32_t index, const script_view *view, script_result *result,
                                   diag *why);

/* Makes a prompt as of a match of the bar of the view, and drops it: whether it can be made. Errors as script_state_evaluate. */
MUST_CHECK err script_state_try_prompt(script_state *s, int32_t index, const script_view *view, diag *why);

/* The trader's conditions at the bar of the view, whatever its filter says: a JSON list of {"text", "held", "values"}, or
 * its plots: a JSON list of {"kind", "title", "pane", "color", "value" or "upper" and "lower"}. "[]" when it has none.
 * Freed by the caller. Errors as script_state_evaluate. */
MUST_CHECK err script_state_conditions(script_state *s, int32_t index, const script_view *view, char **json, diag *why);
MUST_CHECK err script_state_plots(script_state *s, int32_t index, const script_view *view, char **json, diag *why);
