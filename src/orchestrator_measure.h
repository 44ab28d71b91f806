/* What is measured of the daemon from second to second, for its health and for /metrics.
 * Threads: the loop's. */
#pragma once
#include "base/histogram.h"
#include "screener/worker.h"
#include <uv.h>

enum { MEASURE_SECONDS = 60 };

/* Of one worker: when it was last seen to do something. */
typedef struct worker_sign {
    uint64_t n_events, n_bars;
    int64_t event_ms, bar_ms; /* monotonic */
} worker_sign;

typedef struct orchestrator_measure {
    uv_timer_t timer;
    int64_t due_ns;                   /* monotonic: when the timer is to run next */
    double lag_s[MEASURE_SECONDS];    /* of the loop; by second, like the next */
    uint64_t errors[MEASURE_SECONDS]; /* ever, at that second */
    uint64_t n_seconds;
    worker_sign workers[WORKERS_MAX];
    uint64_t n_commits;
    int64_t commit_ms; /* monotonic: when storage was last seen to commit, or to have nothing to commit */
    double disk_free_mb, memory_percent, memory_bytes; /* NaN: not known */
    double cpu_s;                                      /* of all threads, ever */
    histogram loop_s;                                  /* delays of the loop */
    histogram commit_s;                                /* closing event of a bar in the inbox, to its pass committed */
    histogram analysis_s;                              /* requests to models */
} orchestrator_measure;

void orchestrator_measure_init(orchestrator_measure *m);
/* A second has gone by: the loop was late by `lag_s`, and `n_errors` were counted, ever. */
void orchestrator_measure_second(orchestrator_measure *m, double lag_s, uint64_t n_errors);
/* In the last minute: the longest delay, and how many errors there were. */
double orchestrator_measure_lag_s(const orchestrator_measure *m);
double orchestrator_measure_errors(const orchestrator_measure *m);
/* What a worker has counted by now. `backlog`: events that wait for it. */
void orchestrator_measure_worker(worker_sign *sign, const worker_stats *stats, size_t backlog, int64_t now_ms);
/* The same of storage. */
void orchestrator_measure_storage(orchestrator_measure *m, uint64_t n_commits, uint64_t n_queued, int64_t now_ms);
/* Disk, memory and CPU of the process; `folder` is on the disk that counts. */
void orchestrator_measure_system(orchestrator_measure *m, const char *folder);
