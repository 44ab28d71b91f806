/* What a model would be asked about one bar of a symbol, on bars that are at hand.
 * Threads: the study's. */
#pragma once
#include "check/study.h"

/* The limits of a study that is asked for prompts have ANALYSIS_MANUAL. `open_ms`: the bar; what closed after it is not seen. `out`
 * is to be freed: JSON, see script_result.prompt. ERR_NOT_FOUND: no such bar; ERR_INVALID: the trader ranks all symbols, is still
 * warming up there, or wants no analysis of that bar; ERR_SCRIPT, ERR_RUNAWAY: its script fails. */
MUST_CHECK err study_prompt(study *s, const study_bars *at, int64_t open_ms, char **out, diag *why);
