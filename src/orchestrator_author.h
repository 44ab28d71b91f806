/* Traders that are written over HTTP: told with their scripts, created, edited, deleted.
 *
 *   create, replace   compiled in the lab ──► kept (orchestrator_keep.h) ──► the list is made again ──► told
 *   remove            open signals counted ──► gone, or archived         ──► the list is made again ──► told
 *
 * What does not compile is not kept. An edit names the version that it is of.
 * Threads: the loop's. */
#pragma once
#include "screener/trader_status.h"
#include "script/trader.h"
#include "serve/providers.h"

typedef struct orchestrator orchestrator;
typedef struct orchestrator_author orchestrator_author;

MUST_CHECK err orchestrator_author_new(orchestrator *o, orchestrator_author **out);
/* No list is made any more: whoever waits for one is told. May be NULL. */
void orchestrator_author_stop(orchestrator_author *a);
void orchestrator_author_free(orchestrator_author *a);

/* As orchestrator_traders_config.on_settled and describe; `context`: the orchestrator. */
void orchestrator_author_settled(void *context);
/* As orchestrator_cloud_traders_config.on_same. */
void orchestrator_author_read(void *context);
void orchestrator_author_describe(void *context, const char *key, const trader_source *running, bool has_newer,
                                  trader_status *status);
/* get_trader, create_trader, replace_trader, remove_trader. */
void orchestrator_author_provide(serve_providers *out);
