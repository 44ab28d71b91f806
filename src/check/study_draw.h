/* A script's plots over bars that are at hand.
 * Threads: the study's. */
#pragma once
#include "check/study.h"

/* Members of an object that is open: times, plots, of the last `n_bars` bars. ERR_SCRIPT, ERR_RUNAWAY and a sentence. */
MUST_CHECK err study_draw(study *s, const study_bars *at, int32_t n_bars, json_writer *w, diag *why);
