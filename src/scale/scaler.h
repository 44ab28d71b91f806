/* How many workers and how big a machine, decided from what was measured.
 *
 * Workers inside the machine cost nothing: as many as the load asks for, at once. Another size of the machine is a
 * restart, so it has to be worth one: upward when a sustained load is above what the machine may use for ever (and
 * before its burst balance is gone), downward after a long time in which less would have done.
 *
 *   scaler_note(history, sample)  each minute ──► scaler_decide(history, policy, now) ──► plan
 *   scaler_resized, scaler_adopt  when the machine has come back with another size
 *
 * Pure: time is an argument, ms of the wall clock, because the history outlives the machine's restarts.
 * Threads: none of its own. Ownership: plain data of the caller. */
#pragma once
#include "base/errors.h"

enum {
    SCALER_SAMPLES = 10,   /* the newest; decisions look at their mean */
    SCALER_HOURS = 7 * 24, /* mean load of each */
    SCALER_SAMPLE_MS = 60000,
    SCALER_CPUS_MAX = 8
};

typedef struct scaler_sample {
    int64_t at_ms, span_ms;  /* its end, and what it covers; span > 0 */
    double used, steal;      /* CPUs: what this machine used, and what it was refused (throttling included) */
    double demand;           /* CPUs that all the work that came would have taken; >= used */
    double lag_ms;           /* from the close of a bar, or an update, to the evaluation's end */
    double queued, analyses; /* events that wait for workers; analyses that wait */
    int32_t memory_mb;       /* of the machine, used */
} scaler_sample;

typedef struct scaler_size {
    int32_t cpus, memory_mb;
} scaler_size;

typedef struct scaler_policy {
    bool can_resize;                       /* there is a machine that may be asked for another size */
    int32_t min_cpus, max_cpus;            /* 1..8; sizes are 1, 2, 4, 8 within */
    double baseline;                       /* of a vCPU that it may use for ever: 1/16 shared, 1 performance */
    double balance_start_s, balance_max_s; /* CPU seconds above it, of a vCPU: after a start, at most */
    double up_queue, down_queue;           /* work waiting: more workers from, fewer down to */
    double up_busy;                        /* share of the workers' CPUs in use above which there is one more */
    double lag_limit_ms;                   /* what an evaluation may take */
    double horizon_s;                      /* a balance that lasts longer is enough */
    double fill_up, fill_down; /* share of a size's baseline that may be planned with, upward and downward */
    int64_t cooldown_ms;       /* between two changes */
    int64_t down_after_ms;     /* so long a smaller size must have been enough; doubles when it was a mistake */
    int64_t hold_ms;           /* a size that somebody chose by hand stays so long */
    int32_t resizes_a_day;
    double vcpu_month_usd, gb_month_usd, month_usd; /* prices, and the ceiling; 0: none */
    double least_saving;                            /* share of the price that a smaller size must save */
    int32_t memory_step_mb, memory_per_cpu_min_mb, memory_per_cpu_max_mb;
} scaler_policy;

typedef struct scaler_history {
    scaler_size size;
    int32_t workers;
    scaler_sample recent[SCALER_SAMPLES];
    int32_t n_recent, next;
    double hour_load[SCALER_HOURS]; /* CPU ms of demand within each hour; by hour % SCALER_HOURS */
    int64_t hour, first_hour;       /* of the newest sample and of the first; Unix hours; 0: none */
    double balance_s;               /* estimate of what is left; CPU seconds */
    int64_t resized_ms, workers_ms; /* last changes; 0: never */
    int64_t lowered_ms;             /* last change downward that policy made; 0: never */
    int64_t down_after_ms;          /* patience now; 0: the policy's */
    int64_t hold_until_ms;
    int64_t day;
    int32_t n_today;       /* changes of the machine on that day */
    int64_t month_from_ms; /* of spent_usd: the first moment of the month, and counted up to spent_by_ms */
    int64_t spent_by_ms;
    double spent_usd;
} scaler_history;

typedef enum scaler_reason {
    SCALER_STAY,
    SCALER_THROTTLED, /* refused CPU time is measured */
    SCALER_SUSTAINED, /* above the baseline, and the balance will be gone soon */
    SCALER_LAG,       /* bursts take too long */
    SCALER_IDLE,      /* less has been enough for long */
    SCALER_LEAST,     /* less than the least that is asked for */
    SCALER_COST,      /* the ceiling of the month */
    N_SCALER_REASONS
} scaler_reason;

typedef struct scaler_plan {
    int32_t workers;  /* at once; 1..size now */
    scaler_size size; /* the size now when `reason` is SCALER_STAY */
    scaler_reason reason;
    double load; /* CPUs, what the size was chosen for */
} scaler_plan;

/* The policy of shared CPUs at the documented prices. */
void scaler_policy_init(scaler_policy *policy);
void scaler_init(scaler_history *history, const scaler_policy *policy, scaler_size size, int64_t now_ms);
/* Takes a sample up: means, hours, balance, money. A sample that is not newer than the last is ignored. */
void scaler_note(scaler_history *history, const scaler_policy *policy, const scaler_sample *sample);
scaler_plan scaler_decide(const scaler_history *history, const scaler_policy *policy, int64_t now_ms);
/* The plan's workers run. */
void scaler_set_workers(scaler_history *history, int32_t workers, int64_t now_ms);
/* The machine is being given a size that policy chose. Counted before it restarts, so that a restart that fails counts, too. */
void scaler_resized(scaler_history *history, const scaler_policy *policy, scaler_size size, int64_t now_ms);
/* It did not come to that: the machine is still of that size. The attempt counts. */
void scaler_not_resized(scaler_history *history, const scaler_policy *policy, scaler_size size, int64_t now_ms);
/* What the machine really has, at every start. A size that nobody here asked for was chosen by hand, and is held: true. */
bool scaler_adopt(scaler_history *history, const scaler_policy *policy, scaler_size found, int64_t now_ms);

/* USD a month. */
double scaler_price(const scaler_policy *policy, scaler_size size);
/* CPUs that a size may use for ever. */
double scaler_baseline(const scaler_policy *policy, int32_t cpus);
/* A short word for logs and events. */
const char *scaler_reason_text(scaler_reason reason);
