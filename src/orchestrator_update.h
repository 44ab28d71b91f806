/* What a client says of traders in `config_update`: which are on, and their inputs. Scripts are never taken from it, and nothing
 * runs that would not run otherwise.
 *
 *   without the cloud  begun as a change over HTTP is, where it differs from what runs
 *   in the cloud       the rows decide, and are read at once; while they cannot be read, what was said counts for traders that
 *                      they have allowed, until they are read again
 * Threads: the loop's. */
#pragma once
#include "base/json_writer.h"
#include "script/trader_folder.h"

typedef struct orchestrator orchestrator;
typedef struct orchestrator_update orchestrator_update;

MUST_CHECK err orchestrator_update_new(orchestrator *o, orchestrator_update **out);
void orchestrator_update_free(orchestrator_update *u); /* NULL is ignored */

/* As serve_providers.update_traders; `context`: the orchestrator. */
void orchestrator_update_take(void *context, const char *traders, json_writer *w);
/* In the cloud: the rows were read, or could not be. May be NULL. */
void orchestrator_update_read(orchestrator_update *u);
void orchestrator_update_failed(orchestrator_update *u);
/* Lays what counts for now over a list of the cloud. */
void orchestrator_update_apply(const orchestrator_update *u, trader_folder *f);
