/* The traders of a running daemon: which ones there are to be, what has become of them, and who is told.
 *
 *     files of TRADERS_DIR, or rows of Supabase ──┐
 *     changes over HTTP ──────────────────────────┴──► the list that is wanted ──► screener ──► on_loaded: errors, first looks, settings
 *
 * A file that cannot be used, or does not compile, leaves what ran before running. So does a folder that is gone; an
 * empty folder ends all of them. Changes over HTTP lie on top of the files and are kept in the database once they have
 * worked; one that does not is taken back.
 *
 * Threads: the loop's. Ownership: everything in the config is borrowed and must outlive it. */
#pragma once
#include "screener/screener.h"
#include "screener/trader_status.h"
#include "script/trader_folder.h"
#include "sync/storage.h"

typedef struct orchestrator_traders orchestrator_traders;

typedef struct orchestrator_traders_config {
    uv_loop_t *loop;
    const char *folder; /* NULL: `scan` gives the list, and whoever stands behind it says when there is another one */
    err (*scan)(void *context, trader_folder *out, diag *why); /* as trader_folder_scan */
    /* Further ones beside those of the folder; may be NULL. */
    err (*add)(void *context, trader_folder *f, diag *why);
    void *scan_context;
    /* Fills in where the trader with that source.key is kept. `running` (NULL: nothing): what runs; `has_newer`: something newer
     * is kept, and does not. May be NULL. */
    void (*describe)(void *scan_context, const char *key, const trader_source *running, bool has_newer,
                     trader_status *status);
    /* What was listed last is compiled, or has a problem; may be NULL. */
    void (*on_settled)(void *scan_context);
    const symbol_table *symbols;
    storage *storage; /* opened, not started */
    /* A version that does not run, told once: the id of the trader, and why. May be NULL. */
    void (*on_problem)(void *context, const char *id, const char *why);
    /* Work that the history of a new trader may still be part of: ranges, events. */
    size_t (*work_left)(void *context);
    void *context;
} orchestrator_traders_config;

/* Takes up the changes that earlier runs have kept. */
MUST_CHECK err orchestrator_traders_new(const orchestrator_traders_config *config, orchestrator_traders **out,
                                        diag *why);
/* Storage is started: loads the folder and watches it. Fails when there is no folder, or no trader in it. A list of `scan`
 * may be empty, or not known yet. */
MUST_CHECK err orchestrator_traders_start(orchestrator_traders *t, screener *s, diag *why);
/* Reads the folder again, and tries again what has failed. */
void orchestrator_traders_reload(orchestrator_traders *t);
/* `scan` has another list. */
void orchestrator_traders_list_again(orchestrator_traders *t);
/* Why the newest version of the trader with that source.key does not run, borrowed; NULL: it does. */
const char *orchestrator_traders_problem(const orchestrator_traders *t, const char *key);
/* Some file cannot be used, or some trader does not load. */
bool orchestrator_traders_have_failed(const orchestrator_traders *t);
/* As serve_providers.change_trader. */
MUST_CHECK err orchestrator_traders_change(orchestrator_traders *t, const char *key, const char *json, diag *why);
/* Changes over HTTP of a trader that was called so are forgotten; `json` (may be NULL) are those of the next one, which is not
 * there yet. Counts from the next list on. */
MUST_CHECK err orchestrator_traders_begin_anew(orchestrator_traders *t, const char *key, const char *json, diag *why);

/* From the screener's handlers, and storage's. */
void orchestrator_traders_loaded(orchestrator_traders *t, const trader_set *set);
void orchestrator_traders_passed_barrier(orchestrator_traders *t);
void orchestrator_traders_committed(orchestrator_traders *t, const pass *p, uint32_t n_new);

/* Before storage stops: what it has still to be told. No file is looked at any more. */
void orchestrator_traders_stop(orchestrator_traders *t);
/* Closes its handles; freed with the last one. May be NULL. */
void orchestrator_traders_close(orchestrator_traders *t);
