#include "orchestrator_measure.h"
#include <math.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

static const double LOOP_BOUNDS[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10};
static const double COMMIT_BOUNDS[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60};
static const double ANALYSIS_BOUNDS[] = {0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120};

#define BOUNDS(list) list, sizeof list / sizeof *list

void orchestrator_measure_init(orchestrator_measure *m) {
    m->disk_free_mb = m->memory_percent = m->memory_bytes = NAN;
    histogram_init(&m->loop_s, BOUNDS(LOOP_BOUNDS));
    histogram_init(&m->commit_s, BOUNDS(COMMIT_BOUNDS));
    histogram_init(&m->analysis_s, BOUNDS(ANALYSIS_BOUNDS));
}

void orchestrator_measure_second(orchestrator_measure *m, double lag_s, uint64_t n_errors) {
    histogram_add(&m->loop_s, lag_s);
    m->lag_s[m->n_seconds % MEASURE_SECONDS] = lag_s;
    m->errors[m->n_seconds % MEASURE_SECONDS] = n_errors;
    m->n_seconds++;
}

double orchestrator_measure_lag_s(const orchestrator_measure *m) {
    double longest = 0;
    for (int i = 0; i < MEASURE_SECONDS; i++) longest = fmax(longest, m->lag_s[i]);
    return longest;
}

double orchestrator_measure_errors(const orchestrator_measure *m) {
    if (m->n_seconds == 0) return 0;
    uint64_t oldest = m->n_seconds < MEASURE_SECONDS ? 0 : m->n_seconds; /* place of the oldest second that is kept */
    return (double)(m->errors[(m->n_seconds - 1) % MEASURE_SECONDS] - m->errors[oldest % MEASURE_SECONDS]);
}

void orchestrator_measure_worker(worker_sign *sign, const worker_stats *stats, size_t backlog, int64_t now_ms) {
    uint64_t n_events = atomic_load(&stats->n_events), n_bars = atomic_load(&stats->n_bars);
    if (backlog == 0 || n_events != sign->n_events || !sign->event_ms) sign->event_ms = now_ms;
    if (n_bars != sign->n_bars || !sign->bar_ms) sign->bar_ms = now_ms;
    sign->n_events = n_events;
    sign->n_bars = n_bars;
}

void orchestrator_measure_storage(orchestrator_measure *m, uint64_t n_commits, uint64_t n_queued, int64_t now_ms) {
    if (n_queued == 0 || n_commits != m->n_commits || !m->commit_ms) m->commit_ms = now_ms;
    m->n_commits = n_commits;
}

static double memory_limit(void) {
    uint64_t there = uv_get_total_memory(), limit = uv_get_constrained_memory();
    return (double)(limit && limit < there ? limit : there);
}

void orchestrator_measure_system(orchestrator_measure *m, const char *folder) {
    struct statvfs disk;
    struct rusage used;
    size_t bytes = 0;
    if (statvfs(folder, &disk) == 0) m->disk_free_mb = (double)disk.f_bavail * (double)disk.f_frsize / 1048576;
    if (uv_resident_set_memory(&bytes) == 0) {
        m->memory_bytes = (double)bytes;
        m->memory_percent = 100 * (double)bytes / memory_limit();
    }
    if (getrusage(RUSAGE_SELF, &used) == 0)
        m->cpu_s = (double)used.ru_utime.tv_sec + (double)used.ru_stime.tv_sec +
                   ((double)used.ru_utime.tv_usec + (double)used.ru_stime.tv_usec) / 1e6;
}
