/* What the server asks the rest of the daemon for. Filled by the orchestrator; called on the loop's thread. */
#pragma once
#include "base/json_writer.h"
#include "serve/health.h"
#include "sync/storage.h"

/* Texts are borrowed until the next call. */
typedef struct serve_status {
    const char *status; /* provisioning, starting, running, paused, stopping, stopped, error */
    uint32_t cpus;
    int64_t uptime_ms;
} serve_status;

typedef struct serve_providers {
    void *context;
    void (*status)(void *context, serve_status *out);
    /* Number of components, at most HEALTH_MAX_COMPONENTS. */
    size_t (*health)(void *context, health_component *out);
    /* True when warm; else `why` says what is missing. */
    bool (*ready)(void *context, diag *why);
    /* More members for /api/v1/status; may be NULL. */
    void (*details)(void *context, json_writer *w);
    /* The items of a list, each by trader_status_write_json. */
    void (*traders)(void *context, json_writer *w);
    /* As storage_query_signals, storage_query_trader_errors. */
    err (*query_signals)(void *context, const signal_filter *filter, storage_signals_fn on_rows, void *rows_context);
    err (*query_trader_errors)(void *context, const trader_error_filter *filter, storage_errors_fn on_rows,
                               void *rows_context);
    /* Begin a change, and say why when they cannot: ERR_NOT_FOUND (no such trader), ERR_INVALID (not with these values),
     * ERR_UNSUPPORTED; anything else is "not now". `json` has `enabled` (a boolean), `inputs` (an object), or both; null: as
     * the file says. */
    err (*set_workers)(void *context, int32_t n, diag *why);
    err (*change_trader)(void *context, const char *key, const char *json, diag *why);
    /* What waits for the cloud goes now; NULL: nothing ever does. */
    void (*force_sync)(void *context);
    /* The text of /metrics, which is the caller's; ERR_NO_MEMORY. May be NULL. */
    err (*metrics)(void *context, char **text, size_t *bytes);
    /* Somebody says that traders have changed where they come from; may be NULL. */
    void (*reload_traders)(void *context);
} serve_providers;
