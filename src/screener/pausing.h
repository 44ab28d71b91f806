/* A pause of a worker: its symbols stay up to date, but no trader is evaluated. A closed bar is owed to the traders, as one that
 * waits for a slower timeframe is; so the watermark goes on, and a restart knows from where they have to be evaluated.
 * Threads: the worker's. */
#pragma once
#include "screener/worker_body.h"

/* `start_ms`: market time. At the end of a pause traders go on where they were, or are silent up to there when late bars are to be
 * skipped. Answers with NOTE_PAUSED. */
void pausing_set(worker *w, bool is_paused, int64_t start_ms);
