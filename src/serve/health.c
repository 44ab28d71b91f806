#include "serve/health.h"

static const char *const status_names[] = {"healthy", "degraded", "unhealthy"};
static const char *const state_names[] = {"ok", "degraded", "failed"};

const char *health_state_name(health_state state) { return state_names[state]; }
const char *health_status_name(health_status status) { return status_names[status]; }

health_status health_judge(const health_component *components, size_t count) {
    health_status status = STATUS_HEALTHY;
    for (size_t i = 0; i < count; i++) {
        if (components[i].is_vital && components[i].state == HEALTH_FAILED) return STATUS_UNHEALTHY;
        if (components[i].state != HEALTH_OK) status = STATUS_DEGRADED;
    }
    return status;
}

int health_http_status(health_status status) { return status == STATUS_UNHEALTHY ? 503 : 200; }

void health_write_json(json_writer *w, const health_component *components, size_t count) {
    json_write_object(w);
    json_put_text(w, "status", status_names[health_judge(components, count)]);
    json_write_key(w, "components");
    json_write_object(w);
    for (size_t i = 0; i < count; i++) json_put_text(w, components[i].name, state_names[components[i].state]);
    json_write_object_end(w);
    json_write_object_end(w);
}
