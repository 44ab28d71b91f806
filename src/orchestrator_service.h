/* The daemon as a service of systemd (Type=notify): ready once it listens, its status in words, a sign of life for the watchdog as
 * long as a restart would cure nothing, and that it stops. Elsewhere all of it does nothing.
 * Threads: the loop's. */
#pragma once
#include "base/sd_notify.h"
#include <uv.h>

typedef struct orchestrator_service {
    sd_notify systemd;
    uv_timer_t timer;
    /* False: the daemon has hung or failed in a way that a restart cures, so that systemd is not told that it lives. */
    bool (*is_alive)(void *context);
    void *context;
    bool is_open, is_silent;
} orchestrator_service;

/* Looks at the environment; the timer is on `loop`. */
void orchestrator_service_open(orchestrator_service *s, uv_loop_t *loop, bool (*is_alive)(void *context),
                               void *context);
/* It listens. */
void orchestrator_service_ready(const orchestrator_service *s);
void orchestrator_service_status(const orchestrator_service *s, const char *status);
void orchestrator_service_stopping(orchestrator_service *s);
/* Its handle is closed. */
void orchestrator_service_close(orchestrator_service *s);
