/* Questions to the tools that a state carries beside its traders (lua/stdlib/tools.lua): what a script may name, what
 * its expression is worth, what it keeps between calls. For the verbs check, eval and explain; the daemon asks nothing.
 * Threads: the state's. */
#pragma once
#include "script/state.h"

/* Calls `question` of the tools with `argument` (NULL: none), under the limits of a load. `answer`: a text of the caller,
 * NULL when there is none. ERR_SCRIPT: the sentence that was raised. ERR_RUNAWAY: the state is dead. */
MUST_CHECK err script_state_ask(script_state *s, const char *question, const char *argument, char **answer, diag *why);
