/* The inside of a worker, shared by worker.c, settling.c, copies.c, pausing.c and vigil.c and by nobody else.
 * Threads: the worker's, but for what worker.h says of others. */
#pragma once
#include "screener/batch.h"
#include "screener/evaluation.h"
#include "screener/worker.h"
#include <pthread.h>

enum {
    NOTES = 4096,
    SWEEP_MS = 250,
    LEAVE_MS = 1,
    MEASURE_MS = 5000,
    BATCH = 256,
    FAR_AFTER_NS = 5000000,
    PROMPT_AFTER_MS = 25,    /* without a closed bar */
    PROMPT_WITHIN_MS = 1000, /* where bars close all the time */
    OWED_PROMPTS_MANY = 1024
};

struct worker {
    worker_shared *shared;
    int32_t index;
    pthread_t thread;
    bool is_started;
    queue *inbox, *notes;
    wakeup *wake;
    pass_pool *passes;
    _Atomic int wants_room, drops_notes, is_finishing;
    worker_stats stats;
    /* the rest is the thread's */
    guard *guard;
    script_state *state;
    trader **loaded; /* by place: what the state has compiled */
    const trader_set *set;
    tracked *symbols[SYMBOL_MAX]; /* by id; NULL: not ours */
    uint32_t ids[SYMBOL_MAX];     /* ours, in the order of arrival */
    uint32_t n_ids;
    uint32_t copies[REFERENCE_SYMBOLS_MAX]; /* ids of the copies of references */
    uint32_t n_copies;
    const memory *memory;         /* of earlier runs, which copies begin with; NULL: none */
    uint32_t ticking[SYMBOL_MAX]; /* symbols with a forming bar to look at, once nothing else is to be done */
    uint32_t n_ticking;
    uint32_t tick_intervals;      /* bit per interval of some trader with on = "tick" */
    tracked *leaving[SYMBOL_MAX]; /* given up; they go once storage has their last passes */
    uint32_t n_leaving;
    uint64_t n_inquiries;
    int64_t market_ms, swept_ms, measured_ms;
    int64_t bar_ns;             /* when the newest closed bar was taken */
    int64_t heard_ms, heard_ns; /* newest event time, and the monotonic time at which it was taken */
    int64_t watch_ms;           /* market time before which no bar is missing and nothing is to be read again */
    uint32_t n_far;             /* events to come that find the memory of their symbols far away */
    int64_t as_of_ms; /* market time of what is being evaluated: of its event, which may have been held on its way */
    owed_prompts owed_prompts;
    batch batch;    /* applied, not evaluated yet */
    bool is_paused; /* bars are kept up to date, traders are not evaluated */
    bool has_failed;
};

/* False: nobody reads its notes any more. */
bool worker_send(worker *w, const note *n);
/* The worker cannot go on; said once. */
void worker_fail(worker *w, const char *why);
/* A number for an inquiry that no other worker gives. */
uint64_t worker_next_inquiry(worker *w);
/* A fresh state, when the one before was killed or the traders are others. */
void worker_replace_state(worker *w);
tracked_policy worker_policy(const worker *w, const control *c);
/* What an earlier run has written down of the symbol; NULL without it. `*bytes` is the caller's. */
const snapshot *worker_unpack(const control *c, saved_symbol **bytes, snapshot *out);
