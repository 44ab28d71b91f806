/* This machine as the cloud sees it: its row in cloud_machines, the heartbeat in it, and the lease by which one process at
 * a time acts for the user.
 *
 *   lease (trademind_lease) ──ours──► row id known ──every heartbeat──► lease again, then the row: status, cpus, heartbeat
 *        │ another's
 *        └──────► refused: this process must end (that of an earlier run of this machine is waited for)
 *
 * While the cloud does not answer nothing is refused: what is ours stays ours until the cloud says otherwise.
 * Threads: the loop's. Ownership: the client is the caller's and must outlive it. */
#pragma once
#include "sync/postgrest.h"

typedef struct machine machine;

typedef struct machine_handlers {
    /* The lease is ours; `row` is the id of the row. Again after machine_lost. */
    void (*on_held)(void *context, const char *row);
    /* Another process acts for the user. */
    void (*on_refused)(void *context, const char *why);
    /* As of the synchronizer. */
    void (*on_key_refused)(void *context);
    void *context;
} machine_handlers;

typedef struct machine_config {
    uv_loop_t *loop;
    postgrest *client;
    const char *user_id, *machine_id, *region, *version; /* copied */
    const char *owner; /* of the lease: the same in every run on this DATA_DIR, and in no other; copied */
    int32_t cpus, memory_mb;
    int64_t heartbeat_ms; /* 0: 10000 */
    uint64_t seed;
    machine_handlers handlers;
} machine_config;

MUST_CHECK err machine_new(const machine_config *config, machine **out);
/* Written with the next heartbeat, which comes at once. `status` as in cloud_machines; static. */
void machine_set_status(machine *m, const char *status);
void machine_set_cpus(machine *m, int32_t cpus);
/* The row is gone: it is made again. */
void machine_lost(machine *m);

typedef enum machine_state {
    MACHINE_STARTING, /* the cloud has not answered yet */
    MACHINE_HELD,
    MACHINE_FAILING, /* held, but the last heartbeats were not written */
    MACHINE_REFUSED
} machine_state;

typedef struct machine_stats {
    machine_state state;
    const char *why; /* borrowed until the next call; "" */
    int64_t last_ms; /* wall clock of the last heartbeat that was written; 0: none */
} machine_stats;

void machine_get_stats(const machine *m, machine_stats *out);

/* The last word: `status` ("stopped", "error"), why (NULL: nothing went wrong), and the lease back. Calls back when that is
 * written or cannot be, never from inside; the caller closes the client when it has waited long enough. */
void machine_finish(machine *m, const char *status, const char *error, void (*on_done)(void *context), void *context);
/* Asks nothing more: before the client is closed. */
void machine_halt(machine *m);
/* After the client was closed. `on_closed` may be NULL. */
void machine_close(machine *m, void (*on_closed)(void *context), void *context);
