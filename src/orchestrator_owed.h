/* Analyses that an earlier run has left before their prompt was made: it is made in the lab once the bars are there, one after the
 * other, and then they are asked like any other.
 * Threads: the loop's. */
#pragma once
#include "screener/analysis.h"

typedef struct orchestrator orchestrator;

/* A queued row without a prompt; copied. `context`: the orchestrator. */
void orchestrator_owed_add(void *context, const analysis_row *row);
/* From time to time. */
void orchestrator_owed_go_on(orchestrator *o);
/* When nothing is in the lab any more: what is left waits for the next start. */
void orchestrator_owed_free(orchestrator *o);
