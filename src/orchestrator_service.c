#include "orchestrator_service.h"
#include "base/log.h"
#include <stdio.h>
#include <stdlib.h>

static void tell(const orchestrator_service *s, const char *text) {
    if (!s->is_open || sd_notify_send(&s->systemd, text) == OK) return;
    log_debug("systemd", "NOTIFY_SOCKET did not take \"%s\"", text);
}

/* A stuck loop sends nothing by itself; what else a restart cures is asked for. */
static void on_timer(uv_timer_t *timer) {
    orchestrator_service *s = timer->data;
    bool is_alive = s->is_alive(s->context);
    if (is_alive) tell(s, "WATCHDOG=1");
    if (!is_alive && !s->is_silent)
        log_error("systemd", "the watchdog is told nothing any more, since a restart would help: see /health");
    s->is_silent = !is_alive;
}

void orchestrator_service_open(orchestrator_service *s, uv_loop_t *loop, bool (*is_alive)(void *context),
                               void *context) {
    *s = (orchestrator_service){.is_alive = is_alive, .context = context};
    err e = sd_notify_init(&s->systemd, getenv("NOTIFY_SOCKET"), getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
    if (e != OK) log_warn("systemd", "NOTIFY_SOCKET is no address that can be told anything");
    uv_timer_init(loop, &s->timer);
    s->timer.data = s;
    s->is_open = true;
    if (s->systemd.watchdog_ms > 0) {
        uint64_t half_ms = (uint64_t)(s->systemd.watchdog_ms / 2 > 0 ? s->systemd.watchdog_ms / 2 : 1);
        uv_timer_start(&s->timer, on_timer, 0, half_ms);
    }
}

void orchestrator_service_ready(const orchestrator_service *s) { tell(s, "READY=1"); }

void orchestrator_service_status(const orchestrator_service *s, const char *status) {
    char text[64];
    snprintf(text, sizeof text, "STATUS=%s", status);
    tell(s, text);
}

void orchestrator_service_stopping(orchestrator_service *s) { tell(s, "STOPPING=1"); }

void orchestrator_service_close(orchestrator_service *s) {
    if (!s->is_open) return;
    s->is_open = false;
    uv_close((uv_handle_t *)&s->timer, NULL);
    sd_notify_deinit(&s->systemd);
}
