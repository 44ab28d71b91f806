/* The storage thread: the only one that touches the local database while the daemon runs.
 *
 *   worker 0 --queue--+                                        +--> on_committed (I/O thread), in commit order
 *   worker 1 --queue--+--> storage thread: one transaction ----+
 *   I/O thread --queue of requests-^    for all that is queued +--> on_rows (I/O thread)
 *
 * It commits whatever is queued when the previous commit ends and never waits for more, so that a lone pass is not
 * delayed and a burst is few transactions. A pass that nobody is waiting for wakes it no sooner than its producer has run out
 * of work. Only after the commit is anybody told. When a commit fails (disk full, I/O
 * error) the batch is kept and tried again with growing waits; workers then wait in storage_submit once their queue is
 * full. Nothing is dropped while the process lives, and what a process takes with it is evaluated again after the
 * restart, since its watermark was not written either.
 *
 * What is put by the owner (errors of traders, settings) is written between the batches, and kept and tried again likewise.
 *
 * Threads: said at each function. "Owner" is the thread that opened it and runs the loop (I/O).
 * Ownership: a pass moves in with storage_submit and out with on_committed, which calls pass_release. */
#pragma once
#include "sync/error_table.h"
#include "sync/local_db.h"
#include "sync/signal_table.h"
#include <uv.h>

typedef struct storage storage;

typedef struct storage_config {
    const char *folder, *user_id, *machine_id; /* as in local_db_config */
    bool outbox_sync_full;
    bool has_cloud, has_notices; /* as in local_db_config */
    uint32_t n_producers;        /* workers: 1.. */
    uint32_t queue_capacity;     /* passes a producer may be ahead; 0: 1024 */
} storage_config;

/* signals[0 .. n_new) of the pass are new and to be announced; the rest were known before. Its updates say which known
 * ones have another state now. */
typedef void (*storage_committed_fn)(void *context, pass *p, uint32_t n_new);
/* `why` is NULL unless error; `signals` is borrowed for the call. Called exactly once for every accepted query;
 * ERR_CANCELLED when storage stopped first. */
typedef void (*storage_signals_fn)(void *context, err error, const char *why, const signal_list *signals);

typedef void (*storage_errors_fn)(void *context, err error, const char *why, const trader_error_list *errors);

typedef enum storage_state { STORAGE_IDLE, STORAGE_RUNNING, STORAGE_FAILING, STORAGE_STOPPED } storage_state;

typedef struct storage_stats {
    storage_state state; /* FAILING: the last commit failed and is being repeated */
    uint64_t n_passes, n_commits, n_failures, n_new_signals;
    uint64_t n_queued;      /* submitted and not committed yet */
    int64_t last_commit_ms; /* monotonic; 0: none yet */
} storage_stats;

/* Owner. Opens and migrates the database, and holds FOLDER/lock, so that a second daemon on the same folder is refused
 * (ERR_EXISTS). */
MUST_CHECK err storage_open(const storage_config *config, storage **out, diag *why);
/* Owner, before storage_start. */
MUST_CHECK err storage_restore(storage *s, memory *m, diag *why);
/* Owner, before storage_start. "" when it was never put; ERR_TOO_BIG. */
MUST_CHECK err storage_read_setting(storage *s, const char *key, char *value, size_t value_bytes, diag *why);
/* Owner, before storage_start: work on the database, at once. */
MUST_CHECK err storage_run(storage *s, err (*run)(local_db *db, void *job, diag *why), void *job, diag *why);
/* Owner. From here on the callbacks come on the loop's thread, never from inside a call but
 * storage_drain_and_stop. */
MUST_CHECK err storage_start(storage *s, uv_loop_t *loop, storage_committed_fn on_committed, void *context, diag *why);

/* The thread of that producer. Takes the pass. Waits while its queue is full; ERR_CLOSED (the pass stays with the
 * caller) when it is full and storage_stop_waiting has been called. */
MUST_CHECK err storage_submit(storage *s, uint32_t producer, pass *p);
/* The same, but it may be committed with what is submitted later: for a pass of which nobody is told anything, so that one
 * waking and one transaction serve many. At the latest at storage_flush, which the producer calls before it sleeps. */
MUST_CHECK err storage_queue(storage *s, uint32_t producer, pass *p);
void storage_flush(storage *s, uint32_t producer);
/* The thread of that producer: everything that it has submitted is in a batch, so that what another one submits from now on is
 * committed no earlier. */
bool storage_has_taken(const storage *s, uint32_t index);
/* Owner: no producer waits for room any more, from now on: for a stop while the disk fails. */
void storage_stop_waiting(storage *s);

/* Owner, while started. ERR_FULL when too many queries are waiting. */
MUST_CHECK err storage_query_signals(storage *s, const signal_filter *filter, storage_signals_fn on_rows,
                                     void *context);
MUST_CHECK err storage_query_trader_errors(storage *s, const trader_error_filter *filter, storage_errors_fn on_rows,
                                           void *context);

/* Owner, while started. Written in the order of the calls (see error_table.h); `rows` is copied. ERR_FULL when too much is
 * waiting: say it again later, the counts are totals. */
MUST_CHECK err storage_put_trader_errors(storage *s, const trader_error_row *rows, size_t n_rows);
/* All that is stored of the trader is past from now on. */
MUST_CHECK err storage_resolve_trader_errors(storage *s, const char *trader_id);

/* Owner, while started. Written in the order of the calls; texts are copied. ERR_FULL, ERR_NO_MEMORY: say it again later. */
MUST_CHECK err storage_put_setting(storage *s, const char *key, const char *value);

/* Work on the local database for the modules of sync that have tables of their own. `run` is called on the storage thread
 * with `job`, then `on_done` on the loop, exactly once for every job that was taken; `why` is NULL unless error. The job
 * stays its owner's. A read is done at once. A write is done in the order of all writes, between the passes, and tried again
 * while it fails with ERR_DATABASE (`run` then leaves everything as it was); ERR_CANCELLED when storage stopped first.
 * Owner, while started. ERR_FULL, ERR_NO_MEMORY: not taken. */
typedef err (*storage_job_fn)(local_db *db, void *job, diag *why);
typedef void (*storage_job_done_fn)(void *job, err error, const char *why);
MUST_CHECK err storage_read(storage *s, storage_job_fn run, storage_job_done_fn on_done, void *job);
MUST_CHECK err storage_write(storage *s, storage_job_fn run, storage_job_done_fn on_done, void *job);

/* Any thread. */
storage_state storage_health(const storage *s);
void storage_read_stats(const storage *s, storage_stats *out);

/* Owner, when no producer submits any more; also on a storage that was never started. Commits all that was submitted,
 * trying for at most `timeout_ms` when commits fail (then ERR_DATABASE with the number of passes that were not
 * written), joins the thread, delivers the rest, closes the database. `on_closed` (may be NULL) comes from the loop when
 * the last handle is gone, or from inside the call when it was never started; then it is freed. */
err storage_drain_and_stop(storage *s, int64_t timeout_ms, void (*on_closed)(void *context), void *context, diag *why);
