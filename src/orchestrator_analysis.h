/* Analyses between the parts of the daemon: signals in, rows to the local database, results to whoever shows them.
 *
 *   committed signal with a prompt ──► analyzer ──► row ──► storage ──(committed)──► on_shown
 *   closed bars of watched symbols ────────^
 *
 * Only what is kept is shown. What a run before has left is read first; signals that come meanwhile wait for it.
 * Threads: the loop's. */
#pragma once
#include "analyzer/analyzer.h"
#include "config.h"
#include "market/event.h"
#include "screener/pass.h"
#include "script/state.h"
#include "sync/storage.h"

typedef struct orchestrator_analysis orchestrator_analysis;

typedef struct orchestrator_analysis_config {
    const config *cfg;
    uv_loop_t *loop;
    const market_clock *clock;
    const symbol_table *symbols;
    storage *storage;                                         /* started */
    void (*on_row)(void *context, const analysis_row *row);   /* to be kept, before it is; borrowed for the call */
    void (*on_shown)(void *context, const analysis_row *row); /* an end; borrowed for the call */
    void (*on_owed)(void *context, const analysis_row *row);  /* left by a run before, and it has no prompt; borrowed */
    void *context;
} orchestrator_analysis_config;

/* NULL when no provider is switched on. ERR_INVALID and a sentence: settings that do not fit together; ERR_NO_MEMORY. */
MUST_CHECK err orchestrator_analysis_new(const orchestrator_analysis_config *options, orchestrator_analysis **out,
                                         diag *why);
/* What scripts are to make prompts for. */
script_analysis orchestrator_analysis_mode(const config *cfg);

/* All of these take NULL and do nothing then. */
void orchestrator_analysis_signal(orchestrator_analysis *a, const signal_row *s); /* committed */
/* What follows a signal that owes its prompt, and has been taken; committed, too. `declined`: why none is to be made here (it is
 * recorded as expired); NULL: one is. */
void orchestrator_analysis_prompt(orchestrator_analysis *a, const pass *p, const prompt_row *made,
                                  const char *declined);
/* What has become of one of those that were owed: queued with its prompt, or ended. */
void orchestrator_analysis_owed(orchestrator_analysis *a, const analysis_row *row);
/* The signal wants an analysis, and none is to be made here: recorded as expired. */
void orchestrator_analysis_decline(orchestrator_analysis *a, const signal_row *s, const char *why);
void orchestrator_analysis_update(orchestrator_analysis *a, const update_row *u);
void orchestrator_analysis_event(orchestrator_analysis *a, const market_event *event);
/* The row is queued by somebody who waits for it: see analyzer_ask. ERR_CLOSED and a sentence, too: not now. */
MUST_CHECK err orchestrator_analysis_ask(orchestrator_analysis *a, const analysis_row *row, diag *why);
/* False: nothing holds up what waits. `why`: a sentence. */
bool orchestrator_analysis_hindrance(const orchestrator_analysis *a, char *why, size_t bytes);
/* From time to time: what storage had no room for is handed over. */
void orchestrator_analysis_flush(orchestrator_analysis *a);
/* True when it is off, too. */
bool orchestrator_analysis_is_serving(const orchestrator_analysis *a);
/* An object; null when it is off. */
void orchestrator_analysis_write(const orchestrator_analysis *a, json_writer *w);
/* Waiting and running; 0 when it is off. */
int32_t orchestrator_analysis_depth(const orchestrator_analysis *a);

/* Before storage stops: nothing is asked any more; what is to be kept is handed over. */
void orchestrator_analysis_stop(orchestrator_analysis *a);
/* After storage has stopped. Frees it once the loop has closed its handles. */
void orchestrator_analysis_close(orchestrator_analysis *a);
