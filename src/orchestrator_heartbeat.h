/* The heartbeat: HEARTBEAT_URL is called from time to time while all is well, so that whoever waits for the calls notices when it is
 * not, whatever the reason.
 * Threads: the loop's. */
#pragma once
#include "base/http.h"
#include <stdbool.h>

typedef struct orchestrator_heartbeat orchestrator_heartbeat;

typedef struct orchestrator_heartbeat_config {
    uv_loop_t *loop;
    const char *url; /* borrowed; a secret */
    int64_t interval_ms;
    bool (*is_well)(void *context);
    void *context;
} orchestrator_heartbeat_config;

/* The first call is at the first beat at which all is well. ERR_NO_MEMORY. */
MUST_CHECK err orchestrator_heartbeat_new(const orchestrator_heartbeat_config *config, orchestrator_heartbeat **out);
/* Freed when its handles are closed. May be NULL. */
void orchestrator_heartbeat_close(orchestrator_heartbeat *h);
