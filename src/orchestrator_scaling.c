/* See orchestrator_scaling.h. */
#include "orchestrator_scaling.h"
#include "base/clock.h"
#include "base/log.h"
#include <string.h>

enum { MINUTE_MS = 60000, QUIET_FROM_MS = 5000, QUIET_TO_MS = 15000 };

static size_t work_left(const orchestrator *o) {
    return screener_backlog(o->screener) + (o->feed ? feed_ranges_under_way(o->feed) : 0);
}

static void read_load(void *context, scale_load *out) {
    const orchestrator *o = context;
    *out = (scale_load){.queued = (double)screener_backlog(o->screener),
                        .analyses = orchestrator_analysis_depth(o->analysis),
                        .n_replaced = screener_replaced(o->screener),
                        .workers = screener_workers(o->screener)};
    for (int32_t i = 0; i < out->workers; i++) {
        const worker_stats *s = screener_stats(o->screener, i);
        double lag_ms = (double)atomic_load(&s->lag_ns) / 1e6;
        if (lag_ms > out->lag_ms) out->lag_ms = lag_ms;
        out->n_events += atomic_load(&s->n_events);
        out->n_evaluations += atomic_load(&s->n_evaluations);
    }
}

static void set_workers(void *context, int32_t n) {
    const orchestrator *o = context;
    err e = screener_resize(o->screener, n);
    if (e != OK) log_warn("scale", "%d workers: %s", n, error_text(e));
}

/* Bars close at full minutes, and are evaluated in the seconds that follow; a restart takes most of a minute. */
static bool is_quiet(void *context) {
    const orchestrator *o = context;
    int64_t into_ms = market_clock_now(&o->clock, monotonic_ms()) % MINUTE_MS;
    bool is_between = into_ms >= QUIET_FROM_MS && into_ms < QUIET_TO_MS;
    return !o->is_stopping && is_between && strcmp(o->status, "running") == 0 && work_left(o) == 0 &&
           orchestrator_analysis_depth(o->analysis) == 0;
}

static uint64_t n_snapshots(const orchestrator *o) {
    orchestrator_snapshot_stats s = orchestrator_snapshot_get_stats(o->snapshot);
    return s.n_written + s.n_failed;
}

static void make_safe(void *context) {
    orchestrator *o = context;
    o->n_snapshots = n_snapshots(o);
    if (!orchestrator_snapshot_now(o->snapshot)) o->n_snapshots--; /* there is nothing to write */
    if (o->cloud) orchestrator_cloud_force(o->cloud);
}

static bool is_safe(void *context) {
    const orchestrator *o = context;
    storage_stats st;
    storage_read_stats(o->storage, &st);
    return n_snapshots(o) != o->n_snapshots && st.n_queued == 0 && work_left(o) == 0;
}

static void tell(void *context, const char *type, const char *severity, const char *message) {
    const orchestrator *o = context;
    if (o->cloud) orchestrator_cloud_event(o->cloud, type, severity, message, NULL);
}

err orchestrator_scaling_open(orchestrator *o, diag *why) {
    orchestrator_scale_config sc = {.loop = &o->loop,
                                    .cfg = o->cfg,
                                    .read_load = read_load,
                                    .set_workers = set_workers,
                                    .is_quiet = is_quiet,
                                    .make_safe = make_safe,
                                    .is_safe = is_safe,
                                    .tell = tell,
                                    .context = o};
    err e = orchestrator_scale_open(&sc, &o->scale);
    return e == OK ? OK : diag_set(why, e, "out of memory");
}
