/* From the states of the components to the one answer of /health. Pure.
 * Unhealthy (503) is only what a restart could cure: a vital component (loop, workers, disk) that has failed. Anything
 * else that is not well, an exchange that does not answer for example, is degraded (200). */
#pragma once
#include "base/json_writer.h"

typedef enum health_state { HEALTH_OK, HEALTH_DEGRADED, HEALTH_FAILED } health_state;
typedef enum health_status { STATUS_HEALTHY, STATUS_DEGRADED, STATUS_UNHEALTHY } health_status;

typedef struct health_component {
    const char *name;
    health_state state;
    bool is_vital;
} health_component;

enum { HEALTH_MAX_COMPONENTS = 32 };

/* "ok", "degraded", "failed". */
const char *health_state_name(health_state state);
/* "healthy", "degraded", "unhealthy". */
const char *health_status_name(health_status status);
health_status health_judge(const health_component *components, size_t count);
int health_http_status(health_status status); /* 200 or 503 */
/* {"status":"degraded","components":{"storage":"ok","binance":"failed"}} */
void health_write_json(json_writer *w, const health_component *components, size_t count);
