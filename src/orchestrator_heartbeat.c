#include "orchestrator_heartbeat.h"
#include "base/log.h"
#include <stdlib.h>

enum { TIMEOUT_MS = 10000, ANSWER_BYTES = 4096, FIRST_MS = 1000 };

struct orchestrator_heartbeat {
    orchestrator_heartbeat_config config;
    http_client *client;
    uv_timer_t timer;
    int n_handles;
    bool is_under_way, has_begun;
    log_repeater failures;
};

static void on_answer(void *context, const http_response *r) {
    orchestrator_heartbeat *h = context;
    bool has_come = !r->error || r->error == ERR_TOO_BIG; /* nobody reads what it says */
    h->is_under_way = false;
    if (r->error == ERR_CANCELLED) return;
    if (!has_come)
        log_repeat(&h->failures, LOG_WARN, "heartbeat", "HEARTBEAT_URL was called in vain: %s", r->why);
    else if (r->status < 200 || r->status >= 300)
        log_repeat(&h->failures, LOG_WARN, "heartbeat", "HEARTBEAT_URL answers %d", r->status);
}

static void call(orchestrator_heartbeat *h) {
    http_request request = {.url = h->config.url,
                            .timeout_ms = TIMEOUT_MS,
                            .max_body_bytes = ANSWER_BYTES,
                            .on_done = on_answer,
                            .context = h};
    err e = http_client_send(h->client, &request, NULL);
    h->is_under_way = e == OK;
    if (e != OK) log_repeat(&h->failures, LOG_WARN, "heartbeat", "HEARTBEAT_URL was not called: %s", error_text(e));
}

/* Looked at every second until it is well for the first time, so that a start that succeeds is known at once. */
static void on_beat(uv_timer_t *timer) {
    orchestrator_heartbeat *h = timer->data;
    if (h->is_under_way || !h->config.is_well(h->config.context)) return;
    if (!h->has_begun) uv_timer_set_repeat(timer, (uint64_t)h->config.interval_ms);
    if (!h->has_begun) uv_timer_again(timer);
    h->has_begun = true;
    call(h);
}

err orchestrator_heartbeat_new(const orchestrator_heartbeat_config *config, orchestrator_heartbeat **out) {
    orchestrator_heartbeat *h = calloc(1, sizeof *h);
    if (!h || http_client_new(config->loop, "trademind/" TRADEMIND_VERSION, &h->client) != OK) {
        free(h);
        return ERR_NO_MEMORY;
    }
    h->config = *config;
    h->n_handles = 2;
    uv_timer_init(config->loop, &h->timer);
    h->timer.data = h;
    uv_timer_start(&h->timer, on_beat, FIRST_MS, FIRST_MS);
    *out = h;
    return OK;
}

static void on_closed(void *context) {
    orchestrator_heartbeat *h = context;
    if (--h->n_handles == 0) free(h);
}

static void on_timer_closed(uv_handle_t *handle) { on_closed(handle->data); }

void orchestrator_heartbeat_close(orchestrator_heartbeat *h) {
    if (!h) return;
    uv_close((uv_handle_t *)&h->timer, on_timer_closed);
    http_client_close(h->client, on_closed, h);
}
