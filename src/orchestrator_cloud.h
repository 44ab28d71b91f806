/* The machine's own rows, and the way of all rows to the cloud where there is one.
 *
 *   metrics (30 s), costs, events ──► storage (their tables, the outbox) ──► synchronizer ──► Supabase
 *                                          machine: lease, heartbeat ────────────┘ knows the machine's row
 *
 * Without a cloud the same rows are written to the local database, and there is no synchronizer.
 * Threads: the loop's. Ownership: everything of the config is borrowed. */
#pragma once
#include "config.h"
#include "orchestrator_metrics.h"
#include "screener/analysis.h"
#include "screener/trader_set.h"
#include "serve/health.h"
#include "sync/postgrest.h"
#include "sync/storage.h"

typedef struct orchestrator_cloud orchestrator_cloud;

typedef struct orchestrator_cloud_config {
    uv_loop_t *loop;
    const config *cfg;
    storage *storage;
    postgrest *client; /* taken over: closed by the finish; NULL without a cloud */
    const char *machine_id;
    const char *lease_owner;
    int32_t cpus;
    void (*read_load)(void *context, orchestrator_load *out);
    /* Another process acts for the user: this one must end. */
    void (*on_refused)(void *context, const char *why);
    void *context;
} orchestrator_cloud_config;

/* After storage_start. ERR_NO_MEMORY; then, too, it is to be finished and closed. */
MUST_CHECK err orchestrator_cloud_open(const orchestrator_cloud_config *config, orchestrator_cloud **out, diag *why);

void orchestrator_cloud_committed(orchestrator_cloud *c, const pass *p, uint32_t n_new);
/* An analysis has ended, and is kept. */
void orchestrator_cloud_analysed(orchestrator_cloud *c, const analysis_row *row);
void orchestrator_cloud_latency(orchestrator_cloud *c, int64_t event_ms);
void orchestrator_cloud_set_status(orchestrator_cloud *c, const char *status);
void orchestrator_cloud_set_cpus(orchestrator_cloud *c, int32_t cpus);
/* The stream is up, or not. */
void orchestrator_cloud_set_live(orchestrator_cloud *c, bool is_live);
/* Says which traders have come, gone or changed since the last call. */
void orchestrator_cloud_note_traders(orchestrator_cloud *c, const trader_set *set);
/* Says which traders have been paused since the last call, and what for. */
void orchestrator_cloud_note_pauses(orchestrator_cloud *c, const trader_set *set);
/* `type` as in cloud_events; `severity` info, warning or error; `details` a JSON object or NULL. */
void orchestrator_cloud_event(orchestrator_cloud *c, const char *type, const char *severity, const char *message,
                              const char *details);
/* Everything that waits is sent now. */
void orchestrator_cloud_force(orchestrator_cloud *c);
/* Something is still on its way, or can go. */
bool orchestrator_cloud_is_sending(const orchestrator_cloud *c);
/* False: some rows wait still; why, borrowed until the next call. */
bool orchestrator_cloud_has_sent_all(const orchestrator_cloud *c, const char **why);
/* Signals within the last hour. */
uint32_t orchestrator_cloud_active_signals(const orchestrator_cloud *c);

health_state orchestrator_cloud_health(const orchestrator_cloud *c);
/* There is little room on the disk: metrics are dropped. */
bool orchestrator_cloud_is_short_of_disk(const orchestrator_cloud *c);
/* The members of an object. */
/* Rows that wait for the cloud; -1: there is none. */
int64_t orchestrator_cloud_waiting(const orchestrator_cloud *c);
void orchestrator_cloud_write(const orchestrator_cloud *c, json_writer *w);

/* When no pass comes any more: the last rows are written and sent, within `timeout_ms`; `error` NULL: nothing went wrong.
 * Calls back, never from inside; after it storage may stop. */
void orchestrator_cloud_finish(orchestrator_cloud *c, const char *error, int64_t timeout_ms,
                               void (*on_done)(void *context), void *context);
/* After storage has stopped. Freed with its last handle. May be NULL. */
void orchestrator_cloud_close(orchestrator_cloud *c);
