/* The numbers of cloud_metrics: what the process uses and has done since the row before. Counting is cheap; the system is
 * asked once a row.
 * Threads: the loop's. */
#pragma once
#include "base/json_writer.h"

enum { ACTIVE_MINUTES = 60 };

typedef struct orchestrator_metrics {
    int64_t last_ns, last_cpu_ns;             /* monotonic and CPU time at the row before */
    uint64_t n_signals, n_errors, n_analyses; /* since the row before */
    int64_t latency_ms, n_latencies;          /* of the stream's messages: sum and number */
    uint32_t by_minute[ACTIVE_MINUTES];       /* signals of the last hour */
    int64_t minute;
    int64_t vcpu_ns, cost_from_ms,
        cost_by_ns; /* of the cost row: counted up to cost_by_ns, since cost_from_ms (wall) */
} orchestrator_metrics;

/* What others know. Negative: unknown. */
typedef struct orchestrator_load {
    int64_t analysis_queue, analysis_ms, filter_ns;
    uint64_t n_errors; /* ever */
} orchestrator_load;

void orchestrator_metrics_init(orchestrator_metrics *m, int64_t now_ns, int64_t wall_ms);
void orchestrator_metrics_signal(orchestrator_metrics *m, int64_t wall_ms);
/* A message of the exchange's time `event_ms` has just come. */
void orchestrator_metrics_latency(orchestrator_metrics *m, int64_t wall_ms, int64_t event_ms);
/* What the process uses of the machine. */
typedef struct orchestrator_gauge {
    int64_t last_ns, last_cpu_ns; /* monotonic and CPU time at the last reading */
} orchestrator_gauge;

typedef struct orchestrator_usage {
    double cpu_pct;    /* of all vCPUs, since the last reading: 0..100, two decimals */
    double memory_pct; /* of the machine's, or of the least limit of its control groups: the same */
} orchestrator_usage;

void orchestrator_gauge_init(orchestrator_gauge *g, int64_t now_ns);
orchestrator_usage orchestrator_gauge_read(orchestrator_gauge *g, int64_t now_ns);

/* Signals within the last hour. */
uint32_t orchestrator_metrics_active(const orchestrator_metrics *m, int64_t wall_ms);
/* A row for cloud_metrics, and begins the next one. */
void orchestrator_metrics_write(orchestrator_metrics *m, const orchestrator_load *load, int64_t memory_mb,
                                int64_t now_ns, int64_t wall_ms, const char *id, json_writer *w);

/* The cost of `cpus` since the last call. */
void orchestrator_metrics_spend(orchestrator_metrics *m, int32_t cpus, int64_t now_ns);
/* A row for cloud_costs of the hour under way; begins the next one when the hour is over. */
void orchestrator_metrics_write_cost(orchestrator_metrics *m, const char *user_id, const char *machine_id,
                                     const char *region, double vcpu_hour_usd, int64_t wall_ms, json_writer *w);
