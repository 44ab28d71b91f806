/* Writes what waits in the outbox to the cloud: every so often, at once when much waits, when asked, and at the end.
 *
 *   outbox ──read──► batch ──one insert──► PostgREST ──said yes──► settled in the outbox, next batch
 *                      ▲                      │
 *                      │ halves, then a row    ├─ refuses a row ──► dead letters; the others go on
 *                      └──────────────────────┤
 *                                             └─ fails ──► all stops, backs off, one request at a time until it works
 *
 * Each table has a lane with a batch under way, those with many rows two; lanes go in parallel. A batch whose answer is lost is sent again: ids make
 * that harmless. Nothing is sent before the machine's own row is known, to which most others refer.
 * Threads: the loop's. Ownership: storage and client are the caller's and must outlive it. */
#pragma once
#include "sync/outbox.h"
#include "sync/postgrest.h"
#include "sync/storage.h"

typedef struct synchronizer synchronizer;

typedef struct synchronizer_handlers {
    /* The key was refused: before the next try. It may be another one by now (postgrest_set_key). */
    void (*on_key_refused)(void *context);
    /* The machine's row is gone; synchronizer_set_machine comes again. */
    void (*on_machine_lost)(void *context);
    void *context;
} synchronizer_handlers;

typedef struct synchronizer_config {
    uv_loop_t *loop;
    storage *storage;
    postgrest *client;
    int64_t interval_ms;
    int64_t rows_per_s; /* after an outage; 0: 1000 */
    uint64_t seed;
    synchronizer_handlers handlers;
} synchronizer_config;

MUST_CHECK err synchronizer_new(const synchronizer_config *config, synchronizer **out);
/* The id of this machine's row in cloud_machines; from now on rows are sent. NULL: not any more. */
void synchronizer_set_machine(synchronizer *s, const char *machine_row);
/* `n` more rows wait; sends them at once when there are many. */
void synchronizer_note(synchronizer *s, uint32_t n);
void synchronizer_force(synchronizer *s);
/* What can be sent at the moment is not all there yet. False also while nothing can be: an outage, no machine's row. */
bool synchronizer_is_sending(const synchronizer *s);
/* Nothing waits that was there at the last force. False: `*why`, borrowed until the next call. */
bool synchronizer_has_sent_all(const synchronizer *s, const char **why);

typedef enum synchronizer_state {
    SYNCHRONIZER_WAITING, /* for the machine's row */
    SYNCHRONIZER_OK,
    SYNCHRONIZER_RETRYING,
    SYNCHRONIZER_OUTAGE,
    SYNCHRONIZER_DRAINING, /* after an outage */
    SYNCHRONIZER_KEY,      /* refused */
    SYNCHRONIZER_SCHEMA    /* a table is not as it must be: its rows wait, the others are written */
} synchronizer_state;

typedef struct synchronizer_stats {
    synchronizer_state state;
    const char *why;                                   /* borrowed until the next call; "" */
    uint64_t n_rows, n_requests, n_failures, n_buried; /* since the start; n_rows: said to be there */
    int64_t last_ms;                                   /* wall clock of the last success; 0: none */
    outbox_counts counts;                              /* a few seconds old */
} synchronizer_stats;

const char *synchronizer_state_name(synchronizer_state state);
void synchronizer_get_stats(const synchronizer *s, synchronizer_stats *out);

/* Sends what waits, without waiting for anything that fails, for at most so long; then sends nothing more and calls back,
 * never from inside. */
void synchronizer_finish(synchronizer *s, int64_t timeout_ms, void (*on_done)(void *context), void *context);
/* When the client is closed and storage has stopped; also without having been finished. `on_closed` may be NULL. */
void synchronizer_close(synchronizer *s, void (*on_closed)(void *context), void *context);
