/* Prompts of signals: owed with the signal, made later as of the bar of its match, and handed over to storage.
 * Threads: the worker's. */
#pragma once
#include "screener/evaluation.h"

/* The prompt of a signal of a close will be made. False: the trader wants no analysis of it, or there is no memory to owe one. */
bool late_prompt_owe(evaluation *e, const tracked *t, int32_t index, const script_view *view, const script_result *r,
                     const signal_row *s);
/* Makes the prompt of a signal and hands it over, or why there is none. `t`: its symbol; NULL: under watch no more. Errors as
 * evaluation_run; after ERR_RUNAWAY `*is_made` false: another trader is to blame, and it is to be made again. */
MUST_CHECK err late_prompt_make(evaluation *e, tracked *t, const owed_prompt *one, bool *is_made);
