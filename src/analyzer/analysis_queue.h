/* Which analysis is asked for next, of whom, and when: the decisions of the analyzer, without its I/O.
 *
 *   add ──► waiting ──next──► running ──done──► answered, failed
 *              │ too old        │ limited, trouble, asked again
 *              └──► expired     └──► waiting
 *
 * Order: traders take turns (so that a noisy one starves nobody); of a trader the newest bar goes first, then the highest score.
 * What was asked already is never asked twice at the same time: a request of the same identity follows the first one and
 * shares its answer.
 * Bounded: a full queue gives up the job that would come last.
 * Pure: time is an argument, market time in ms, and never goes back. Threads: one. Ownership: jobs are the caller's, and in
 * the queue from add until they come back from done (JOB_ANSWERED, JOB_FAILED), take_expired or take_any. */
#pragma once
#include "analyzer/circuit.h"
#include "analyzer/spending.h"
#include "base/token_bucket.h"
#include "screener/signal.h"

enum { PROVIDERS_MAX = 2 };

typedef struct analysis_limits {
    int32_t concurrency;                            /* requests at once */
    int32_t queue_max;                              /* jobs, running ones included */
    int32_t attempts_max;                           /* requests for one job that end in trouble */
    int32_t n_providers;                            /* in the order of preference */
    int64_t max_age_ms;                             /* of a bar's close: beyond, an analysis is of no use */
    int64_t requests_per_minute, tokens_per_minute; /* 0: no limit */
    spending_amount day;
    bool is_impatient; /* somebody waits for it: what is denied has failed */
} analysis_limits;

typedef struct analysis_job analysis_job;
struct analysis_job {
    /* the caller's */
    void *payload;
    char id[ID_BYTES]; /* of the signal */
    char trader_id[ID_BYTES];
    char identity[65];             /* SHA-256 of all that is sent, and of the bar */
    int64_t close_ms;              /* of the bar */
    double score;                  /* NaN: none */
    int32_t max_per_day;           /* of the trader; 0: any */
    bool is_extra;                 /* not counted against it: a look that a monitored signal has led to */
    int64_t tokens_in, tokens_out; /* at the most */
    double usd[PROVIDERS_MAX];     /* at the most, there; NaN: it cannot be asked there */
    /* the queue's */
    analysis_job *next, *followers;
    int64_t sequence, not_before_ms, day;
    int32_t provider, n_attempts, n_requests;
    bool is_running, is_counted;
    spending_amount reserved;
};

/* What is in the way of the next start; of several the last of this list. */
typedef enum hindrance {
    HINDER_NOTHING,
    HINDER_EMPTY, /* no job waits */
    HINDER_CONCURRENCY,
    HINDER_BACKOFF, /* a job is not to be tried again yet */
    HINDER_RATE,
    HINDER_BUDGET,
    HINDER_PROVIDER /* limited, or its circuit is open */
} hindrance;

typedef enum job_state {
    JOB_WAITING,  /* in the queue, again */
    JOB_ANSWERED, /* a text is there; the job and its followers are the caller's */
    JOB_FAILED    /* the same, without a text */
} job_state;

typedef struct analysis_queue analysis_queue;

MUST_CHECK err analysis_queue_new(const analysis_limits *limits, uint64_t seed, analysis_queue **out);
void analysis_queue_free(analysis_queue *q); /* jobs are not touched */

/* What a run before has spent today, in all and for a trader. */
void analysis_queue_restore(analysis_queue *q, const spending_amount *spent, int64_t now_ms);
void analysis_queue_restore_trader(analysis_queue *q, const char *trader_id, int32_t n_started, int64_t now_ms);

/* Whether a job may still be paid for today, and whether its trader's max_per_day has room for it. */
bool analysis_queue_has_budget(analysis_queue *q, const analysis_job *job, int64_t now_ms);
bool analysis_queue_has_turn(analysis_queue *q, const analysis_job *job, int64_t now_ms);
/* ERR_FULL: the trader has used up its max_per_day (the job is not taken). `dropped`: the job that a full queue gave up for this
 * one, or this one itself; with its followers; NULL: none. ERR_NO_MEMORY. */
MUST_CHECK err analysis_queue_add(analysis_queue *q, analysis_job *job, int64_t now_ms, analysis_job **dropped);

/* The job to be sent now, to its `provider`; NULL: none, `why` says what is in the way and `wait_ms` when to ask again (INT64_MAX:
 * after the next add or done). */
analysis_job *analysis_queue_next(analysis_queue *q, int64_t now_ms, hindrance *why, int64_t *wait_ms);

/* What came of it. `usd`: what it did cost; NaN: not known, it stays at its reservation. */
job_state analysis_queue_done(analysis_queue *q, analysis_job *job, const reply *r, double usd, int64_t now_ms);
/* A job that came back answered is put in again, to be asked once more: before all others. */
void analysis_queue_again(analysis_queue *q, analysis_job *job);
/* The next one that follows an answered or failed job; NULL: no more. */
analysis_job *analysis_queue_take_follower(analysis_job *job);

/* A waiting job whose bar is too old; NULL: none. */
analysis_job *analysis_queue_take_expired(analysis_queue *q, int64_t now_ms);
/* The job of that id, followers too; NULL: none. */
analysis_job *analysis_queue_find(const analysis_queue *q, const char *id);
/* It is not wanted any more. True: it is out of the queue, and the caller's; false: it runs, or others share what it asks. */
bool analysis_queue_withdraw(analysis_queue *q, analysis_job *job);
/* Any job, at the end; running ones too. */
analysis_job *analysis_queue_take_any(analysis_queue *q);

typedef struct analysis_queue_counts {
    int32_t n_waiting, n_running;
    spending_amount spent; /* today, reservations included */
    hindrance hindrance;   /* at the last analysis_queue_next */
} analysis_queue_counts;

void analysis_queue_count(const analysis_queue *q, analysis_queue_counts *out);
const circuit *analysis_queue_circuit(const analysis_queue *q, int32_t provider);
