/* Where a script would have fired, on bars that are at hand: one symbol after the other, then told at once.
 * Threads: the study's. */
#pragma once
#include "check/study.h"

enum { STUDY_MATCHES_MAX = 1000, STUDY_ERRORS_MAX = 20 };

/* Over the last `n_bars` bars that there are. A look that has taken 5 s of CPU time goes no further: the rest is skipped. What the script does wrong is part of the look. ERR_RUNAWAY: it was stopped, and
 * nothing more can be looked at; ERR_NO_MEMORY. */
MUST_CHECK err study_look_at(study *s, const study_bars *at, int32_t n_bars, diag *why);
/* Was not looked at: its bars are not there. */
void study_look_skip(study *s);
/* Members of an object that is open: matches, newest first, n_matches, truncated, symbols, skipped, warming, cost_us, errors. */
void study_look_write(study *s, json_writer *w);
