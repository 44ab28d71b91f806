/* The warm start: a snapshot is read while the rest starts, handed to the symbols, and written every few minutes and at
 * the end.
 *
 *   start   pool: read, check ──► on_read ──► orchestrator_snapshot_find, symbol by symbol ──► _forget
 *   run     timer ──► some symbols at a time: workers write them down ──► pool: pack, write ──► the next ... ──► rename
 *   stop    workers have ended ──► the same, without them ──► on_written
 *
 * Nothing of it stops the daemon: what cannot be read or written is said, and the history is fetched.
 * Threads: the loop's; files and compression in libuv's pool. */
#pragma once
#include "screener/screener.h"
#include "sync/snapshot_file.h"
#include <uv.h>

typedef struct orchestrator_snapshot orchestrator_snapshot;

typedef struct orchestrator_snapshot_config {
    uv_loop_t *loop;
    const char *folder;
    snapshot_origin origin;
    int64_t interval_ms; /* monotonic; 0: only at the end */
    void (*on_read)(void *context);
    void *context;
} orchestrator_snapshot_config;

typedef struct orchestrator_snapshot_stats {
    uint64_t n_written, n_failed;
    size_t bytes;    /* of the last one */
    int64_t last_ms; /* monotonic time that the last one took */
} orchestrator_snapshot_stats;

/* Begins to read. Texts are borrowed. ERR_NO_MEMORY. */
MUST_CHECK err orchestrator_snapshot_open(const orchestrator_snapshot_config *config, orchestrator_snapshot **out);
bool orchestrator_snapshot_has_read(const orchestrator_snapshot *s);
/* What was read of a symbol: the caller's; NULL: nothing. */
saved_symbol *orchestrator_snapshot_find(const orchestrator_snapshot *s, const char *name);
/* All symbols have what there was for them. */
void orchestrator_snapshot_forget(orchestrator_snapshot *s);
/* From now on it is written every `interval_ms`. */
void orchestrator_snapshot_start(orchestrator_snapshot *s, screener *symbols);
/* It is written now, unless that is under way; the stats tell when it is through. False: there is nothing to write yet. */
bool orchestrator_snapshot_now(orchestrator_snapshot *s);
/* Takes what a worker has written down (screener_handlers.on_saved). */
void orchestrator_snapshot_saved(orchestrator_snapshot *s, saved_symbol *saved);
orchestrator_snapshot_stats orchestrator_snapshot_get_stats(const orchestrator_snapshot *s);
/* After screener_stop: what was being written is dropped; with `is_last`, and if it was ever started, all symbols are
 * written as they stand. The loop goes on until that is done, and frees it. The screener must outlive the loop. */
void orchestrator_snapshot_close(orchestrator_snapshot *s, bool is_last);
