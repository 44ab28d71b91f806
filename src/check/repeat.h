/* The same bars once more, with less known: later bars, or older ones, must change no answer.
 * Threads: those of the trial. */
#pragma once
#include "check/trial_body.h"

/* Some bars, each in a fresh state that knows no later one, against what `forward` said (from s->from on) and against a
 * state that has seen all. */
void repeat_prefixes(trial *t, const sample *s, uint32_t id, probe_market *m, const answer *forward);
/* All bars, with and without the oldest part of the history. */
void repeat_later_start(trial *t, const sample *s, uint32_t id, probe_market *m);
