/* Scaling: the load is measured each minute, workers follow it at once, and the machine follows it where Fly lets it.
 *
 *   sample ─► scaler_decide ─┬─ workers: at once
 *                            └─ size ─► a quiet moment between closes ─► resize: lease, made safe, update ─► we are stopped
 *   start: scale.json ─► was a change under way? ─► verified, lease released ─► what the machine is is known
 *
 * Threads: the loop's. Ownership: everything of the config is borrowed. */
#pragma once
#include "base/json_writer.h"
#include "config.h"
#include <uv.h>

typedef struct orchestrator_scale orchestrator_scale;

typedef struct scale_load {
    double lag_ms, queued, analyses;              /* lag: of the last evaluations there were */
    uint64_t n_events, n_evaluations, n_replaced; /* ever */
    int32_t workers;
} scale_load;

typedef struct orchestrator_scale_config {
    uv_loop_t *loop;
    const config *cfg;
    void (*read_load)(void *context, scale_load *out);
    void (*set_workers)(void *context, int32_t n);
    /* No close is near, and nothing is under way. */
    bool (*is_quiet)(void *context);
    /* All that would be lost with the process is to be made safe: begins it; then is_safe until it says true. */
    void (*make_safe)(void *context);
    bool (*is_safe)(void *context);
    /* For cloud_events: `type`, `severity` as there. */
    void (*tell)(void *context, const char *type, const char *severity, const char *message);
    void *context;
} orchestrator_scale_config;

/* Nothing is scaled unless the settings say so; then, too, it is to be closed. ERR_NO_MEMORY. */
MUST_CHECK err orchestrator_scale_open(const orchestrator_scale_config *config, orchestrator_scale **out);
typedef struct orchestrator_scale_stats {
    int32_t cpus, memory_mb;
    double load, spent_usd; /* load: CPUs, of the last sample */
    uint64_t n_refused;     /* changes of size that did not come about */
} orchestrator_scale_stats;

/* False: nothing is scaled, or what the machine is is not known yet. */
bool orchestrator_scale_get_stats(const orchestrator_scale *s, orchestrator_scale_stats *out);
/* An object: size, workers, what is wanted and why, the money of the month. */
void orchestrator_scale_write(const orchestrator_scale *s, json_writer *w);
/* What is remembered is written down; a lease that is held is left to the next run. Freed with its last handle. May be NULL. */
void orchestrator_scale_close(orchestrator_scale *s);
