#include "orchestrator_prometheus.h"
#include "base/clock.h"
#include "orchestrator_health.h"
#include "orchestrator_status.h"
#include "serve/metrics_text.h"
#include <stdio.h>

/* ---- the process ---- */

static void write_process(const orchestrator *o, metrics_text *m) {
    const orchestrator_measure *s = &o->measure;
    metrics_text_family(m, "trademind_build_info", METRICS_GAUGE, "The version that runs; always 1.");
    metrics_text_sample(m, &(metrics_label){"version", TRADEMIND_VERSION}, 1, 1);
    metrics_text_put(m, "trademind_uptime_seconds", METRICS_GAUGE, "Time since the start.",
                     (double)(monotonic_ms() - o->started_ms) / 1e3);
    metrics_text_put(m, "process_cpu_seconds_total", METRICS_COUNTER, "CPU time of all threads, user and system.",
                     s->cpu_s);
    metrics_text_put(m, "process_resident_memory_bytes", METRICS_GAUGE, "Memory in use.", s->memory_bytes);
    metrics_text_put(m, "trademind_memory_used_ratio", METRICS_GAUGE,
                     "Memory in use, of the limit of the cgroup or the machine.", s->memory_percent / 100);
    metrics_text_put(m, "trademind_disk_free_bytes", METRICS_GAUGE, "Room on the disk of DATA_DIR.",
                     s->disk_free_mb * 1048576);
    metrics_text_histogram(m, "trademind_loop_delay_seconds", "How late the I/O thread is, once a second.", &s->loop_s);
}

static void write_health(orchestrator *o, metrics_text *m) {
    health_facts facts;
    health_component components[HEALTH_MAX_COMPONENTS];
    orchestrator_health_facts(o, &facts);
    size_t n = health_rules_judge(&facts, components);
    metrics_text_family(m, "trademind_health_state", METRICS_GAUGE, "Of each component: 0 ok, 1 degraded, 2 failed.");
    for (size_t i = 0; i < n; i++)
        metrics_text_sample(m, &(metrics_label){"component", components[i].name}, 1, components[i].state);
    metrics_text_put(m, "trademind_ready", METRICS_GAUGE, "1 when the history is there and traders run.",
                     orchestrator_status_is_ready(o, NULL));
    metrics_text_put(m, "trademind_errors_last_minute", METRICS_GAUGE, "Errors of traders and of the database.",
                     facts.errors_per_minute);
    metrics_text_put(m, "trademind_stopped_traders", METRICS_GAUGE, "Traders that are quarantined.",
                     facts.traders_stopped);
    metrics_text_put(m, "trademind_script_kills_total", METRICS_COUNTER, "Scripts that were stopped.",
                     (double)o->n_kills);
}

/* ---- the market ---- */

static void write_stream(const orchestrator *o, metrics_text *m) {
    stream_pool_stats p = o->feed ? feed_stream_stats(o->feed) : (stream_pool_stats){0};
    int64_t silent_ms[STREAM_POOL_MAX];
    size_t n = o->feed ? feed_stream_silence(o->feed, silent_ms) : 0;
    const struct {
        const char *name, *help;
        uint64_t value;
    } counters[] = {
        {"trademind_stream_frames_total", "Messages of the exchange.", p.sum.n_frames},
        {"trademind_stream_received_bytes_total", "Their bytes.", p.sum.frame_bytes},
        {"trademind_stream_klines_total", "Candles among them.", p.sum.n_klines},
        {"trademind_stream_malformed_total", "Messages that could not be read.", p.sum.n_malformed + p.sum.n_oversized},
        {"trademind_stream_losses_total", "Connections that were lost.", p.sum.n_losses},
        {"trademind_stream_outdated_total", "Messages that had come already.", p.n_outdated},
        {"trademind_stream_holds_total", "Times that no more was read, because too much waited for the workers.",
         p.n_holds},
    };
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        metrics_text_put(m, counters[i].name, METRICS_COUNTER, counters[i].help, (double)counters[i].value);
    metrics_text_put(m, "trademind_stream_connections", METRICS_GAUGE, "Connections that there are to be.",
                     (double)p.n_connections);
    metrics_text_put(m, "trademind_stream_live_connections", METRICS_GAUGE, "Connections that stand.",
                     (double)p.n_live);
    metrics_text_put(m, "trademind_stream_topics", METRICS_GAUGE, "Streams that are wanted.", (double)p.n_wanted);
    metrics_text_family(m, "trademind_stream_silence_seconds", METRICS_GAUGE,
                        "Of each connection that stands: time since its last byte.");
    for (size_t i = 0; i < n; i++) {
        char number[24];
        snprintf(number, sizeof number, "%zu", i);
        if (silent_ms[i] >= 0)
            metrics_text_sample(m, &(metrics_label){"connection", number}, 1, (double)silent_ms[i] / 1e3);
    }
    metrics_text_put(m, "trademind_symbols", METRICS_GAUGE, "Symbols under watch.",
                     orchestrator_universe_count(o->universe));
}

/* ---- the workers ---- */

static double read_count(const worker_stats *s, size_t offset) {
    return (double)atomic_load((const _Atomic uint64_t *)(const void *)((const char *)s + offset));
}

static void each_worker(const orchestrator *o, metrics_text *m, double (*read)(const orchestrator *o, int32_t i)) {
    for (int32_t i = 0; i < screener_workers(o->screener); i++) {
        char number[24];
        snprintf(number, sizeof number, "%d", i);
        metrics_text_sample(m, &(metrics_label){"worker", number}, 1, read(o, i));
    }
}

static double read_lag(const orchestrator *o, int32_t i) {
    return (double)atomic_load(&screener_stats(o->screener, i)->lag_ns) / 1e9;
}
static double read_busy(const orchestrator *o, int32_t i) {
    return (double)atomic_load(&screener_stats(o->screener, i)->busy_ns) / 1e9;
}
static double read_memory(const orchestrator *o, int32_t i) {
    return (double)atomic_load(&screener_stats(o->screener, i)->memory_bytes);
}
static double read_market_memory(const orchestrator *o, int32_t i) {
    return (double)atomic_load(&screener_stats(o->screener, i)->market_bytes);
}
static double read_owed(const orchestrator *o, int32_t i) {
    return atomic_load_explicit(&screener_stats(o->screener, i)->n_owed_prompts, memory_order_relaxed);
}

static double read_backlog(const orchestrator *o, int32_t i) { return (double)screener_worker_backlog(o->screener, i); }

static void write_worker_counts(const orchestrator *o, metrics_text *m) {
    static const struct {
        const char *name, *help;
        size_t offset;
    } counters[] = {
        {"trademind_worker_events_total", "Events taken.", offsetof(worker_stats, n_events)},
        {"trademind_worker_bars_total", "Bars that closed.", offsetof(worker_stats, n_bars)},
        {"trademind_worker_evaluations_total", "Filters that ran.", offsetof(worker_stats, n_evaluations)},
        {"trademind_worker_signals_total", "Signals.", offsetof(worker_stats, n_signals)},
        {"trademind_worker_late_signals_total", "Signals of bars that came late.", offsetof(worker_stats, n_late)},
        {"trademind_worker_errors_total", "Evaluations that failed.", offsetof(worker_stats, n_errors)},
        {"trademind_worker_gaps_total", "Bars that were missing and fetched.", offsetof(worker_stats, n_gaps)},
        {"trademind_worker_corrected_total", "Bars that were corrected.", offsetof(worker_stats, n_corrected)},
    };
    for (size_t k = 0; k < sizeof counters / sizeof *counters; k++) {
        metrics_text_family(m, counters[k].name, METRICS_COUNTER, counters[k].help);
        for (int32_t i = 0; i < screener_workers(o->screener); i++) {
            char number[24];
            snprintf(number, sizeof number, "%d", i);
            metrics_text_sample(m, &(metrics_label){"worker", number}, 1,
                                read_count(screener_stats(o->screener, i), counters[k].offset));
        }
    }
}

static void write_workers(const orchestrator *o, metrics_text *m) {
    if (!o->screener) return;
    metrics_text_put(m, "trademind_workers", METRICS_GAUGE, "Threads that screen.", screener_workers(o->screener));
    write_worker_counts(o, m);
    metrics_text_family(m, "trademind_worker_busy_seconds_total", METRICS_COUNTER, "Time spent on events.");
    each_worker(o, m, read_busy);
    metrics_text_family(m, "trademind_worker_lag_seconds", METRICS_GAUGE,
                        "Of the last pass: closing event in the inbox to pass handed over.");
    each_worker(o, m, read_lag);
    metrics_text_family(m, "trademind_worker_backlog", METRICS_GAUGE, "Events that wait.");
    each_worker(o, m, read_backlog);
    metrics_text_family(m, "trademind_worker_prompts_owed", METRICS_GAUGE,
                        "Signals that are told, and whose prompt is still to be made.");
    each_worker(o, m, read_owed);
    metrics_text_family(m, "trademind_worker_script_memory_bytes", METRICS_GAUGE, "Memory of the script state.");
    each_worker(o, m, read_memory);
    metrics_text_family(m, "trademind_worker_market_memory_bytes", METRICS_GAUGE, "Memory of bars and indicators.");
    each_worker(o, m, read_market_memory);
}

/* ---- what is kept, and told ---- */

static void write_storage(const orchestrator *o, metrics_text *m) {
    storage_stats st;
    if (!o->storage) return;
    storage_read_stats(o->storage, &st);
    metrics_text_put(m, "trademind_storage_commits_total", METRICS_COUNTER, "Transactions.", (double)st.n_commits);
    metrics_text_put(m, "trademind_storage_failures_total", METRICS_COUNTER, "Transactions that failed.",
                     (double)st.n_failures);
    metrics_text_put(m, "trademind_storage_signals_total", METRICS_COUNTER, "New signals that were kept.",
                     (double)st.n_new_signals);
    metrics_text_put(m, "trademind_storage_queued_passes", METRICS_GAUGE, "Passes that wait for their commit.",
                     (double)st.n_queued);
    if (st.last_commit_ms)
        metrics_text_put(m, "trademind_storage_last_commit_age_seconds", METRICS_GAUGE, "Time since the last commit.",
                         (double)(monotonic_ms() - st.last_commit_ms) / 1e3);
    metrics_text_histogram(m, "trademind_bar_commit_seconds",
                           "From the closing event of a bar in the inbox, to its pass committed.",
                           &o->measure.commit_s);
}

static void write_analysis(const orchestrator *o, metrics_text *m) {
    if (!o->analysis) return;
    metrics_text_put(m, "trademind_analysis_queue", METRICS_GAUGE, "Analyses that wait or run.",
                     orchestrator_analysis_depth(o->analysis));
    metrics_text_histogram(m, "trademind_analysis_request_seconds", "Requests to models.", &o->measure.analysis_s);
}

static void write_scale(const orchestrator *o, metrics_text *m) {
    orchestrator_scale_stats s;
    if (!o->scale || !orchestrator_scale_get_stats(o->scale, &s)) return;
    metrics_text_put(m, "trademind_scale_cpus", METRICS_GAUGE, "CPUs of the machine.", s.cpus);
    metrics_text_put(m, "trademind_scale_memory_bytes", METRICS_GAUGE, "Memory of the machine.",
                     s.memory_mb * 1048576.0);
    metrics_text_put(m, "trademind_scale_load_cpus", METRICS_GAUGE,
                     "CPUs that the work of the last sample took, or would have taken.", s.load);
    metrics_text_put(m, "trademind_scale_spent_usd", METRICS_GAUGE, "What the machine has cost this month.",
                     s.spent_usd);
    metrics_text_put(m, "trademind_scale_refusals_total", METRICS_COUNTER, "Changes of size that did not come about.",
                     (double)s.n_refused);
}

err orchestrator_prometheus_write(void *context, char **text, size_t *bytes) {
    orchestrator *o = context;
    metrics_text m;
    metrics_text_init(&m);
    write_process(o, &m);
    write_health(o, &m);
    write_stream(o, &m);
    write_workers(o, &m);
    write_storage(o, &m);
    write_analysis(o, &m);
    write_scale(o, &m);
    orchestrator_notify_write_metrics(o->notify, &m);
    err e = metrics_text_take(&m, text, bytes);
    metrics_text_deinit(&m);
    return e;
}
