/* An analysis that somebody asks for over HTTP: of one signal, now, whatever `analysis.when` says.
 *
 *   signal, its analyses (storage) ──► may it be asked? ──► prompt of its bar (lab) ──► the bars since ──► analyzer ──► 202
 *
 * The prompt is made by the trader's script as at the match; when bars have closed since, they stand behind it as at any later look.
 * Threads: the loop's. */
#pragma once
#include "screener/analysis.h"
#include "serve/providers.h"

/* analyze_signal. */
void orchestrator_ask_provide(serve_providers *out);

/* `context`: the orchestrator. A look at some signal has begun or ended: one that is asked for meanwhile comes after it. */
void orchestrator_ask_note(void *context, const analysis_row *row);
