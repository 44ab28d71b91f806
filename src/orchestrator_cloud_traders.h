/* The traders of a machine of the cloud: what of Supabase's rows is to run, and what the rows are told of it.
 *
 *     trader_poll ─► trader_choice ─► the list ─► orchestrator_traders (scan) ─► compiled, or not
 *                                      │  ▲                                         │
 *                                 database, for starts                 traders.error of own rows
 *                                 without Supabase
 *
 * A failed read changes nothing: the list stays, over restarts too. What cannot run here (other languages, beyond the
 * tier) is said once.
 *
 * Threads: the loop's. Ownership: everything in the config is borrowed and must outlive it. */
#pragma once
#include "orchestrator_traders.h"
#include "sync/trader_poll.h"

typedef struct orchestrator_cloud_traders orchestrator_cloud_traders;

typedef struct orchestrator_cloud_traders_config {
    uv_loop_t *loop;
    postgrest *client; /* closed after this, or with it */
    storage *storage;
    const char *user_id;
    /* There is another list. */
    void (*on_change)(void *context);
    /* They were read, and the list is the same. May be NULL. */
    void (*on_same)(void *context);
    /* They could not be read. May be NULL. */
    void (*on_failed)(void *context);
    void *context;
} orchestrator_cloud_traders_config;

MUST_CHECK err orchestrator_cloud_traders_new(const orchestrator_cloud_traders_config *config,
                                              orchestrator_cloud_traders **out, diag *why);
/* Storage is started: takes up the list of the run before, and reads Supabase from now on. */
MUST_CHECK err orchestrator_cloud_traders_start(orchestrator_cloud_traders *c);
/* As orchestrator_traders_config.scan. ERR_NOT_FOUND: nothing has been read yet, nor by a run before. */
MUST_CHECK err orchestrator_cloud_traders_scan(void *context, trader_folder *out, diag *why);
/* Reads at once. */
void orchestrator_cloud_traders_now(orchestrator_cloud_traders *c);
/* What was scanned last is compiled, or `t` knows why not. */
void orchestrator_cloud_traders_loaded(orchestrator_cloud_traders *c, const orchestrator_traders *t);

/* The row, as it was read last, of one that is to run; NULL: it is none of them. */
const trader_row *orchestrator_cloud_traders_find(const orchestrator_cloud_traders *c, const char *id);

/* A trigger of the project has signals analysed, so that ours would be paid for twice. */
bool orchestrator_cloud_traders_are_analysed_elsewhere(const orchestrator_cloud_traders *c);
bool orchestrator_cloud_traders_is_failing(const orchestrator_cloud_traders *c);
/* Members of a JSON object. */
void orchestrator_cloud_traders_write(const orchestrator_cloud_traders *c, json_writer *w);

/* Before storage stops. Freed from the loop once its calls have come back. May be NULL. */
void orchestrator_cloud_traders_close(orchestrator_cloud_traders *c);
