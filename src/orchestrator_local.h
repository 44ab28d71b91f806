/* Traders that were written on this machine and have no file: rows of the table `traders` of DATA_DIR/trademind.db, of the user
 * "local", as `import` and `export` know them.
 *
 * A row whose cloud_config takes it out of the cloud is archived: it is kept, and does not run.
 * Threads: the loop's. */
#pragma once
#include "script/trader_folder.h"
#include "sync/storage.h"
#include "sync/trader_row.h"

typedef struct orchestrator_local orchestrator_local;

/* Reads them: storage is opened, not started. */
MUST_CHECK err orchestrator_local_new(storage *s, orchestrator_local **out, diag *why);
void orchestrator_local_free(orchestrator_local *l);

/* Those that are not archived, behind what is there; a key that is there already has a file, which counts. */
MUST_CHECK err orchestrator_local_add(const orchestrator_local *l, trader_folder *f, diag *why);
/* By the key of its source; NULL: none. */
const trader_row *orchestrator_local_find(const orchestrator_local *l, const char *key);

typedef void (*orchestrator_local_done)(void *context, err error, const char *why);
/* Keeps the row, which is taken also when it fails; or takes it out. Told when it is on the disk. ERR_FULL, ERR_NO_MEMORY: it is
 * not, and nobody will be told. */
MUST_CHECK err orchestrator_local_put(orchestrator_local *l, trader_row *row, orchestrator_local_done on_done,
                                      void *context);
MUST_CHECK err orchestrator_local_remove(orchestrator_local *l, const char *key, orchestrator_local_done on_done,
                                         void *context);
