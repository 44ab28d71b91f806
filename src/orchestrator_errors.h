/* Errors of traders on their way to storage, in the order in which they were told. Storage takes a limited number at a
 * time; what it does not take waits here, bounded.
 * Threads: the loop's. Ownership: everything is copied; storage is borrowed. */
#pragma once
#include "screener/trader_set.h"
#include "sync/storage.h"

typedef struct orchestrator_errors orchestrator_errors;

MUST_CHECK err orchestrator_errors_new(storage *s, orchestrator_errors **out);
void orchestrator_errors_free(orchestrator_errors *e);
/* What went wrong with the traders of the set since it was last asked. */
void orchestrator_errors_collect(orchestrator_errors *e, const trader_set *set);
/* A script that cannot be loaded. `revision` may be empty. */
void orchestrator_errors_load(orchestrator_errors *e, const char *trader_id, const char *key, const char *revision,
                              const char *message);
/* All that is stored of the trader is past. */
void orchestrator_errors_resolve(orchestrator_errors *e, const char *trader_id);
/* Hands over what storage takes now; after storage_start. The number that waits. */
size_t orchestrator_errors_flush(orchestrator_errors *e);
