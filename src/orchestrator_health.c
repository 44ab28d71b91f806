#include "orchestrator_health.h"
#include "base/clock.h"
#include <math.h>

enum { SECOND_MS = 1000 };

static const int64_t SECOND_NS = 1000000000;

/* ---- measured ---- */

static uint64_t count_errors(const orchestrator *o) {
    storage_stats st = {0};
    uint64_t n = 0;
    for (int32_t i = 0; o->screener && i < screener_workers(o->screener); i++)
        n += atomic_load(&screener_stats(o->screener, i)->n_errors);
    if (o->storage) storage_read_stats(o->storage, &st);
    return n + st.n_failures;
}

/* The timer repeats itself by libuv's own clock; what it is late by is the loop's delay. */
static void on_second(uv_timer_t *timer) {
    orchestrator *o = timer->data;
    orchestrator_measure *m = &o->measure;
    int64_t now_ns = monotonic_ns(), late_ns = now_ns - m->due_ns;
    m->due_ns = now_ns + SECOND_NS;
    orchestrator_measure_second(m, late_ns > 0 ? (double)late_ns / 1e9 : 0, count_errors(o));
    orchestrator_measure_system(m, o->cfg->data_dir);
    if (o->storage) {
        storage_stats st;
        storage_read_stats(o->storage, &st);
        orchestrator_measure_storage(m, st.n_commits, st.n_queued, now_ns / 1000000);
    }
    for (int32_t i = 0; o->screener && i < screener_workers(o->screener); i++)
        orchestrator_measure_worker(&m->workers[i], screener_stats(o->screener, i),
                                    screener_worker_backlog(o->screener, i), now_ns / 1000000);
    uv_timer_start(timer, on_second, SECOND_MS, 0);
}

void orchestrator_health_open(orchestrator *o) {
    orchestrator_measure_init(&o->measure);
    uv_timer_init(&o->loop, &o->measure.timer);
    o->measure.timer.data = o;
    o->measure.due_ns = monotonic_ns();
    uv_timer_start(&o->measure.timer, on_second, 0, 0);
}

/* ---- facts ---- */

static double count_stopped(const orchestrator *o) {
    const trader_set *set = screener_traders(o->screener);
    int64_t now_ms = market_clock_now(&o->clock, monotonic_ms());
    double n = 0;
    for (int32_t i = 0; set && i < set->count; i++) n += set->traders[i] && trader_is_stopped(set->traders[i], now_ms);
    return n;
}

static void tell_storage(const orchestrator *o, health_facts *f) {
    storage_stats st;
    const orchestrator_measure *m = &o->measure;
    storage_read_stats(o->storage, &st);
    f->storage_failing = st.state == STORAGE_FAILING;
    f->storage_wait_s = m->commit_ms ? (double)(monotonic_ms() - m->commit_ms) / 1e3 : 0;
    f->disk_free_mb = m->disk_free_mb;
    f->disk_reserve_mb = (double)o->cfg->outbox_reserve_mb;
    f->disk_short_mb = f->disk_reserve_mb - f->disk_free_mb;
}

/* Of bars that closed a while ago nothing is late any more. */
static void tell_workers(const orchestrator *o, health_facts *f) {
    int64_t now_ms = monotonic_ms();
    f->workers_failed = o->has_failed;
    f->worker_stuck_s = f->lag_s = 0;
    for (int32_t i = 0; i < screener_workers(o->screener); i++) {
        const worker_sign *sign = &o->measure.workers[i];
        if (!sign->event_ms) continue;
        f->worker_stuck_s = fmax(f->worker_stuck_s, (double)(now_ms - sign->event_ms) / 1e3);
        if (now_ms - sign->bar_ms > MEASURE_SECONDS * SECOND_MS) continue;
        f->lag_s = fmax(f->lag_s, (double)atomic_load(&screener_stats(o->screener, i)->lag_ns) / 1e9);
    }
}

static void tell_stream(const orchestrator *o, health_facts *f) {
    int64_t silent_ms[STREAM_POOL_MAX];
    size_t n = o->feed ? feed_stream_silence(o->feed, silent_ms) : 0;
    f->stream_down = !(o->feed && feed_is_live(o->feed));
    f->stream_age_s = 0;
    for (size_t i = 0; i < n; i++) f->stream_age_s = fmax(f->stream_age_s, (double)silent_ms[i] / 1e3);
    f->history_failing = o->feed && feed_is_failing(o->feed);
}

static void tell_services(const orchestrator *o, health_facts *f) {
    if (o->analysis) f->analysis_down = !orchestrator_analysis_is_serving(o->analysis);
    if (o->notify) f->notify_down = orchestrator_notify_health(o->notify) != HEALTH_OK;
    if (o->cfg->is_cloud) f->cloud_down = !o->cloud || orchestrator_cloud_health(o->cloud) != HEALTH_OK;
    if (o->cloud_traders) f->supabase_down = orchestrator_cloud_traders_is_failing(o->cloud_traders);
}

void orchestrator_health_facts(const orchestrator *o, health_facts *out) {
    health_facts_init(out);
    if (o->storage) tell_storage(o, out);
    if (o->screener) tell_workers(o, out);
    if (o->screener) out->traders_stopped = count_stopped(o);
    tell_stream(o, out);
    tell_services(o, out);
    out->loop_lag_s = orchestrator_measure_lag_s(&o->measure);
    out->memory_percent = o->measure.memory_percent;
    out->errors_per_minute = orchestrator_measure_errors(&o->measure);
}

bool orchestrator_health_is_alive(void *context) {
    health_facts facts;
    health_component components[HEALTH_MAX_COMPONENTS];
    orchestrator_health_facts(context, &facts);
    return health_judge(components, health_rules_judge(&facts, components)) != STATUS_UNHEALTHY;
}
