/* Notifications between the parts of the daemon: notices out of the local database, in words to the services, and what has become of
 * each back into it.
 *
 *   committed ──► notices ──(rules, templates)──► deliveries ──► lane of each service ──► sent, refused, expired
 *
 * All of it lies in the database at each step, so that a kill loses nothing.
 * Threads: the loop's. */
#pragma once
#include "config.h"
#include "notify/lane.h"
#include "notify/rule.h"
#include "serve/health.h"
#include "serve/metrics_text.h"
#include "sync/storage.h"

typedef struct orchestrator_notify orchestrator_notify;

typedef struct orchestrator_notify_config {
    const config *cfg;
    uv_loop_t *loop;
    const market_clock *clock;
    const symbol_table *symbols;
    storage *storage; /* started */
    const char *market;
    /* trader_spec.notify of the trader with that id, borrowed; NULL: it has none, or is not there any more. */
    const char *(*rules_of)(void *context, const char *trader_id);
    /* Puts into the rule what its owner has said elsewhere. */
    void (*silence)(void *context, const char *trader_id, notice_rule *rule);
    void *context;
} orchestrator_notify_config;

/* Whether any service is set up. */
bool orchestrator_notify_is_on(const config *cfg);
/* NULL when none is. ERR_INVALID and a sentence: settings that do not fit together; ERR_NO_MEMORY. */
MUST_CHECK err orchestrator_notify_new(const orchestrator_notify_config *options, orchestrator_notify **out, diag *why);

/* All of these take NULL and do nothing then. */
/* The traders are there, and so are their rules: from now on. */
void orchestrator_notify_start(orchestrator_notify *n);
/* There may be notices. */
void orchestrator_notify_poke(orchestrator_notify *n);
/* From time to time: what storage had no room for is handed over. */
void orchestrator_notify_flush(orchestrator_notify *n);
health_state orchestrator_notify_health(const orchestrator_notify *n);
/* An object; null when it is off. */
void orchestrator_notify_write(const orchestrator_notify *n, json_writer *w);

void orchestrator_notify_write_metrics(const orchestrator_notify *n, metrics_text *m);

/* Before storage stops: nothing is sent any more. */
void orchestrator_notify_stop(orchestrator_notify *n);
/* After storage has stopped. Frees it once the loop has closed its handles. */
void orchestrator_notify_close(orchestrator_notify *n);
