#include "orchestrator_metrics.h"
#include "abi.h"
#include "base/memory_limit.h"
#include "screener/signal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

static const int64_t HOUR_MS = 3600000;

/* User and system time of all threads. */
static int64_t cpu_ns(void) {
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) != 0) return 0;
    return ((int64_t)used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000000 +
           ((int64_t)used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000;
}

static int64_t total_mb(int64_t planned_mb) {
    int64_t mb = (int64_t)(memory_limit_bytes() >> 20);
    return mb > 0 ? mb : planned_mb;
}

static int64_t used_mb(void) {
    size_t bytes = 0;
    return uv_resident_set_memory(&bytes) == 0 ? (int64_t)(bytes >> 20) : 0;
}

/* ---- usage ---- */

static double share(double part, double whole) {
    double pct = whole > 0 ? part / whole * 100 : 0;
    return round(fmin(fmax(pct, 0), 100) * 100) / 100;
}

void orchestrator_gauge_init(orchestrator_gauge *g, int64_t now_ns) {
    *g = (orchestrator_gauge){.last_ns = now_ns, .last_cpu_ns = cpu_ns()};
}

/* The number of CPUs that there are: this thread may be kept to some of them. */
orchestrator_usage orchestrator_gauge_read(orchestrator_gauge *g, int64_t now_ns) {
    long n_cpus = sysconf(_SC_NPROCESSORS_ONLN);
    orchestrator_gauge now = {.last_ns = now_ns, .last_cpu_ns = cpu_ns()};
    double span_ns = (double)(now.last_ns - g->last_ns) * (double)(n_cpus > 0 ? n_cpus : 1);
    size_t bytes = 0;
    orchestrator_usage u = {.cpu_pct = share((double)(now.last_cpu_ns - g->last_cpu_ns), span_ns)};
    if (uv_resident_set_memory(&bytes) == 0) u.memory_pct = share((double)bytes, (double)memory_limit_bytes());
    *g = now;
    return u;
}

/* ---- rows ---- */

void orchestrator_metrics_init(orchestrator_metrics *m, int64_t now_ns, int64_t wall_ms) {
    *m = (orchestrator_metrics){.last_ns = now_ns,
                                .last_cpu_ns = cpu_ns(),
                                .minute = wall_ms / 60000,
                                .cost_from_ms = wall_ms,
                                .cost_by_ns = now_ns};
}

/* Empties the minutes that have gone by. */
static void turn(orchestrator_metrics *m, int64_t minute) {
    for (int64_t n = minute - m->minute; n > 0 && m->minute < minute; n--) {
        if (n > ACTIVE_MINUTES) m->minute = minute - ACTIVE_MINUTES - 1;
        m->by_minute[++m->minute % ACTIVE_MINUTES] = 0;
    }
}

void orchestrator_metrics_signal(orchestrator_metrics *m, int64_t wall_ms) {
    turn(m, wall_ms / 60000);
    m->by_minute[m->minute % ACTIVE_MINUTES]++;
    m->n_signals++;
}

void orchestrator_metrics_latency(orchestrator_metrics *m, int64_t wall_ms, int64_t event_ms) {
    if (wall_ms - event_ms > HOUR_MS) return; /* an exchange that replays the past */
    m->latency_ms += wall_ms > event_ms ? wall_ms - event_ms : 0;
    m->n_latencies++;
}

uint32_t orchestrator_metrics_active(const orchestrator_metrics *m, int64_t wall_ms) {
    orchestrator_metrics now = *m;
    uint32_t count = 0;
    turn(&now, wall_ms / 60000);
    for (int i = 0; i < ACTIVE_MINUTES; i++) count += now.by_minute[i];
    return count;
}

static void put_known(json_writer *w, const char *key, int64_t value) {
    if (value < 0)
        json_put_text(w, key, NULL);
    else
        json_put_integer(w, key, value);
}

void orchestrator_metrics_write(orchestrator_metrics *m, const orchestrator_load *load, int64_t memory_mb,
                                int64_t now_ns, int64_t wall_ms, const char *id, json_writer *w) {
    int64_t cpu = cpu_ns(), span_ns = now_ns - m->last_ns;
    double vcpus = span_ns > 0 ? (double)(cpu - m->last_cpu_ns) / (double)span_ns : 0;
    json_write_object(w);
    json_put_text(w, "id", id);
    json_put_number(w, "cpu_usage_vcpus", round(vcpus * 100) / 100);
    json_put_integer(w, "memory_used_mb", used_mb());
    json_put_integer(w, "memory_total_mb", total_mb(memory_mb));
    json_put_integer(w, "active_signals", orchestrator_metrics_active(m, wall_ms));
    json_put_integer(w, "analysis_queue_depth", load->analysis_queue < 0 ? 0 : load->analysis_queue);
    put_known(w, "websocket_latency_ms", m->n_latencies ? m->latency_ms / m->n_latencies : -1);
    put_known(w, "filter_execution_time_ms", load->filter_ns < 0 ? -1 : (load->filter_ns + 500000) / 1000000);
    put_known(w, "ai_analysis_time_ms", load->analysis_ms);
    json_put_integer(w, "signals_created_count", (int64_t)m->n_signals);
    json_put_integer(w, "analyses_completed_count", (int64_t)m->n_analyses);
    json_put_integer(w, "errors_count", (int64_t)(load->n_errors - m->n_errors));
    json_put_integer(w, "recorded_at", wall_ms);
    json_write_object_end(w);
    m->last_ns = now_ns;
    m->last_cpu_ns = cpu;
    m->n_signals = m->n_analyses = 0;
    m->n_errors = load->n_errors;
    m->latency_ms = m->n_latencies = 0;
}

/* ---- costs ---- */

void orchestrator_metrics_spend(orchestrator_metrics *m, int32_t cpus, int64_t now_ns) {
    m->vcpu_ns += (now_ns - m->cost_by_ns) * cpus;
    m->cost_by_ns = now_ns;
}

void orchestrator_metrics_write_cost(orchestrator_metrics *m, const char *user_id, const char *machine_id,
                                     const char *region, double vcpu_hour_usd, int64_t wall_ms, json_writer *w) {
    char name[256], id[ID_BYTES] = "";
    double hours = (double)m->vcpu_ns / 3.6e12;
    snprintf(name, sizeof name, "cost|%s|%s|%lld", user_id, machine_id, (long long)m->cost_from_ms);
    (void)uuid5(SIGNAL_NAMESPACE, name, strlen(name), id);
    json_write_object(w);
    json_put_text(w, "id", id);
    json_put_text(w, "user_id", user_id);
    json_put_number(w, "vcpu_hours", round(hours * 1e4) / 1e4);
    json_put_number(w, "cost_per_vcpu_hour", vcpu_hour_usd);
    json_put_number(w, "total_cost_usd", round(hours * vcpu_hour_usd * 1e6) / 1e6);
    json_put_integer(w, "period_start", m->cost_from_ms);
    json_put_integer(w, "period_end", wall_ms);
    json_put_text(w, "region", region);
    json_put_integer(w, "created_at", m->cost_from_ms);
    json_write_object_end(w);
    if (wall_ms / HOUR_MS == m->cost_from_ms / HOUR_MS) return;
    m->cost_from_ms = wall_ms;
    m->vcpu_ns = 0;
}
