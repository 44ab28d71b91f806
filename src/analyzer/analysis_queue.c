/* See analysis_queue.h. Jobs stand in one list; the queue is short (queue_max), and a look through all of it for each request,
 * which takes seconds, is nothing. */
#include "analyzer/analysis_queue.h"
#include "base/backoff.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_MS = 2000, RETRY_MAX_MS = 60000, DAY_MS = 86400000 };

typedef struct turn {
    char trader_id[ID_BYTES];
    int64_t last; /* number of its last start; 0: none yet */
    int64_t day;
    int32_t n_started; /* on that day */
} turn;

struct analysis_queue {
    analysis_limits limits;
    analysis_job *first;
    int32_t n_jobs, n_running; /* n_jobs: followers, too */
    int64_t n_added, n_starts;
    token_bucket requests, tokens;
    bool has_begun; /* the buckets */
    spending spending;
    circuit circuits[PROVIDERS_MAX];
    turn *turns;
    size_t n_turns;
    uint64_t seed;
    hindrance hindrance;
};

err analysis_queue_new(const analysis_limits *limits, uint64_t seed, analysis_queue **out) {
    analysis_queue *q = calloc(1, sizeof *q);
    if (!q) return ERR_NO_MEMORY;
    assert(limits->n_providers >= 1 && limits->n_providers <= PROVIDERS_MAX);
    q->limits = *limits;
    q->seed = seed;
    spending_init(&q->spending, &limits->day);
    *out = q;
    return OK;
}

void analysis_queue_free(analysis_queue *q) {
    if (!q) return;
    free(q->turns);
    free(q);
}

/* ---- traders ---- */

static turn *turn_of(analysis_queue *q, const char *trader_id, int64_t now_ms) {
    turn *t = NULL;
    for (size_t i = 0; i < q->n_turns && !t; i++)
        if (strcmp(q->turns[i].trader_id, trader_id) == 0) t = &q->turns[i];
    if (!t) {
        turn *more = realloc(q->turns, (q->n_turns + 1) * sizeof *more);
        if (!more) return NULL;
        q->turns = more;
        t = &more[q->n_turns++];
        *t = (turn){.day = now_ms / DAY_MS};
        snprintf(t->trader_id, sizeof t->trader_id, "%s", trader_id);
    }
    if (now_ms && t->day != now_ms / DAY_MS) { /* 0: nothing has told the time yet */
        t->day = now_ms / DAY_MS;
        t->n_started = 0;
    }
    return t;
}

static int64_t last_turn(const analysis_queue *q, const analysis_job *job) {
    for (size_t i = 0; i < q->n_turns; i++)
        if (strcmp(q->turns[i].trader_id, job->trader_id) == 0) return q->turns[i].last;
    return 0;
}

/* Those that wait and have not been counted yet will be. */
static int32_t n_uncounted(const analysis_queue *q, const char *trader_id) {
    int32_t n = 0;
    for (const analysis_job *j = q->first; j; j = j->next)
        n += !j->is_extra && !j->is_counted && strcmp(j->trader_id, trader_id) == 0;
    return n;
}

void analysis_queue_restore(analysis_queue *q, const spending_amount *spent, int64_t now_ms) {
    spending_restore(&q->spending, spent, now_ms);
}

void analysis_queue_restore_trader(analysis_queue *q, const char *trader_id, int32_t n_started, int64_t now_ms) {
    turn *t = turn_of(q, trader_id, now_ms);
    if (t) t->n_started += n_started;
}

/* ---- the list ---- */

static void insert(analysis_queue *q, analysis_job *job) {
    job->next = q->first;
    q->first = job;
}

static analysis_job *take(analysis_queue *q, analysis_job *job) {
    analysis_job **at = &q->first;
    while (*at && *at != job) at = &(*at)->next;
    assert(*at);
    *at = job->next;
    job->next = NULL;
    q->n_jobs--;
    for (const analysis_job *f = job->followers; f; f = f->next) q->n_jobs--;
    return job;
}

static double score_of(const analysis_job *job) { return isnan(job->score) ? -1 : job->score; }

/* Whether `a` goes before `b`. */
static bool precedes(const analysis_queue *q, const analysis_job *a, const analysis_job *b) {
    int64_t turn_a, turn_b;
    if ((a->n_requests > 0) != (b->n_requests > 0)) return a->n_requests > 0; /* what has begun is brought to its end */
    turn_a = last_turn(q, a);
    turn_b = last_turn(q, b);
    if (turn_a != turn_b) return turn_a < turn_b;
    if (a->close_ms != b->close_ms) return a->close_ms > b->close_ms;
    if (score_of(a) != score_of(b)) return score_of(a) > score_of(b);
    return a->sequence < b->sequence;
}

/* The waiting job that is worth least: the oldest bar, and of that the lowest score. */
static analysis_job *least(const analysis_queue *q) {
    analysis_job *worst = NULL;
    for (analysis_job *j = q->first; j; j = j->next) {
        if (j->is_running) continue;
        if (!worst || j->close_ms < worst->close_ms ||
            (j->close_ms == worst->close_ms && score_of(j) < score_of(worst)))
            worst = j;
    }
    return worst;
}

static analysis_job *leader_for(const analysis_queue *q, const analysis_job *job) {
    for (analysis_job *j = q->first; j; j = j->next)
        if (strcmp(j->identity, job->identity) == 0) return j;
    return NULL;
}

bool analysis_queue_has_turn(analysis_queue *q, const analysis_job *job, int64_t now_ms) {
    const turn *t = turn_of(q, job->trader_id, now_ms);
    return !job->max_per_day || !t || t->n_started + n_uncounted(q, job->trader_id) < job->max_per_day;
}

err analysis_queue_add(analysis_queue *q, analysis_job *job, int64_t now_ms, analysis_job **dropped) {
    turn *t = turn_of(q, job->trader_id, now_ms);
    analysis_job *leader;
    *dropped = NULL;
    if (!t) return ERR_NO_MEMORY;
    if (job->max_per_day && t->n_started + n_uncounted(q, job->trader_id) >= job->max_per_day) return ERR_FULL;
    job->sequence = q->n_added++;
    job->next = job->followers = NULL;
    job->not_before_ms = 0;
    q->n_jobs++;
    leader = leader_for(q, job);
    if (leader) {
        job->next = leader->followers;
        leader->followers = job;
    } else {
        insert(q, job);
    }
    if (q->n_jobs > q->limits.queue_max && (job = least(q))) *dropped = take(q, job);
    return OK;
}

/* ---- the next start ---- */

static int32_t provider_for(const analysis_queue *q, const analysis_job *job, int64_t now_ms, int64_t *wait_ms) {
    for (int32_t p = 0; p < q->limits.n_providers; p++) {
        int64_t ms = circuit_wait_ms(&q->circuits[p], now_ms);
        if (isnan(job->usd[p])) continue;
        if (ms == 0) return p;
        if (ms < *wait_ms) *wait_ms = ms;
    }
    return -1;
}

static spending_amount most_of(const analysis_job *job, int32_t provider) {
    return (spending_amount){1, job->tokens_in + job->tokens_out, job->usd[provider]};
}

bool analysis_queue_has_budget(analysis_queue *q, const analysis_job *job, int64_t now_ms) {
    for (int32_t p = 0; p < q->limits.n_providers; p++) {
        spending_amount most = most_of(job, p);
        if (!isnan(job->usd[p]) && spending_allows(&q->spending, &most, now_ms)) return true;
    }
    return false;
}

static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

/* What hinders one job, and for how long at the least. `provider`: where it would go. */
static hindrance hindrance_of(analysis_queue *q, const analysis_job *job, int64_t now_ms, int32_t *provider,
                              int64_t *wait_ms) {
    int64_t backoff_ms = later(job->not_before_ms - now_ms, 0);
    spending_amount most;
    *wait_ms = INT64_MAX;
    *provider = provider_for(q, job, now_ms, wait_ms);
    if (*provider < 0) {
        *wait_ms = later(*wait_ms, backoff_ms);
        return HINDER_PROVIDER;
    }
    most = most_of(job, *provider);
    if (!spending_allows(&q->spending, &most, now_ms)) {
        *wait_ms = spending_renews_ms(now_ms);
        return HINDER_BUDGET;
    }
    *wait_ms = later(backoff_ms, token_bucket_wait_ms(&q->requests, 1, now_ms));
    *wait_ms = later(*wait_ms, token_bucket_wait_ms(&q->tokens, job->tokens_in, now_ms));
    if (*wait_ms == 0) return HINDER_NOTHING;
    return *wait_ms > backoff_ms ? HINDER_RATE : HINDER_BACKOFF;
}

static void start(analysis_queue *q, analysis_job *job, int32_t provider, int64_t now_ms) {
    turn *t = turn_of(q, job->trader_id, now_ms);
    job->reserved = most_of(job, provider);
    job->day = spending_reserve(&q->spending, &job->reserved, now_ms);
    token_bucket_take(&q->requests, 1, now_ms);
    token_bucket_take(&q->tokens, job->tokens_in, now_ms);
    circuit_start(&q->circuits[provider]);
    job->provider = provider;
    job->is_running = true;
    job->n_requests++;
    q->n_running++;
    if (!t) return; /* cannot be: it was there when the job came */
    t->last = ++q->n_starts;
    if (!job->is_counted && !job->is_extra) t->n_started++;
    job->is_counted = true;
}

static void begin(analysis_queue *q, int64_t now_ms) {
    if (q->has_begun) return;
    q->has_begun = true;
    token_bucket_init(&q->requests, q->limits.requests_per_minute, now_ms);
    token_bucket_init(&q->tokens, q->limits.tokens_per_minute, now_ms);
}

analysis_job *analysis_queue_next(analysis_queue *q, int64_t now_ms, hindrance *why, int64_t *wait_ms) {
    analysis_job *best = NULL;
    int32_t provider = -1, best_provider = -1;
    *why = HINDER_EMPTY;
    *wait_ms = INT64_MAX;
    begin(q, now_ms);
    if (q->n_running >= q->limits.concurrency) {
        q->hindrance = *why = HINDER_CONCURRENCY;
        return NULL;
    }
    for (analysis_job *j = q->first; j; j = j->next) {
        hindrance h;
        int64_t ms;
        if (j->is_running) continue;
        h = hindrance_of(q, j, now_ms, &provider, &ms);
        if (h > *why) *why = h;
        if (ms < *wait_ms) *wait_ms = ms;
        if (h != HINDER_NOTHING || (best && !precedes(q, j, best))) continue;
        best = j;
        best_provider = provider;
    }
    if (best) {
        start(q, best, best_provider, now_ms);
        *why = HINDER_NOTHING;
        *wait_ms = 0;
    }
    q->hindrance = *why;
    return best;
}

/* ---- the end ---- */

static void settle(analysis_queue *q, const analysis_job *job, const reply *r, double usd, int64_t now_ms) {
    int64_t tokens = r->tokens_in + r->tokens_out;
    spending_amount actual = {1, tokens, usd};
    if (isnan(usd)) return;
    spending_settle(&q->spending, job->day, &job->reserved, &actual);
    token_bucket_take(&q->tokens, r->tokens_in - job->tokens_in, now_ms);
}

static job_state retry(analysis_queue *q, analysis_job *job, const reply *r, int64_t now_ms) {
    backoff b;
    int64_t wait_ms = 0;
    backoff_init(&b, RETRY_MS, RETRY_MAX_MS, q->seed + (uint64_t)job->sequence * 7919 + (uint64_t)job->n_attempts);
    for (int32_t i = 0; i <= job->n_attempts; i++) wait_ms = backoff_next_ms(&b);
    if (++job->n_attempts >= q->limits.attempts_max || (q->limits.is_impatient && r->kind == REPLY_DENIED)) {
        take(q, job);
        return JOB_FAILED;
    }
    job->not_before_ms = now_ms + (r->retry_ms > wait_ms ? r->retry_ms : wait_ms);
    return JOB_WAITING;
}

job_state analysis_queue_done(analysis_queue *q, analysis_job *job, const reply *r, double usd, int64_t now_ms) {
    assert(job->is_running);
    job->is_running = false;
    q->n_running--;
    settle(q, job, r, usd, now_ms);
    circuit_note(&q->circuits[job->provider], r, now_ms);
    switch (r->kind) {
    case REPLY_ANSWER: take(q, job); return JOB_ANSWERED;
    case REPLY_CUT:
    case REPLY_REFUSED: take(q, job); return JOB_FAILED;
    case REPLY_LIMITED: return JOB_WAITING; /* the provider waits; its age bounds the job */
    case REPLY_TROUBLE:
    case REPLY_DENIED: return retry(q, job, r, now_ms);
    }
    return JOB_FAILED;
}

void analysis_queue_again(analysis_queue *q, analysis_job *job) {
    insert(q, job);
    q->n_jobs++;
    for (const analysis_job *f = job->followers; f; f = f->next) q->n_jobs++;
}

analysis_job *analysis_queue_take_follower(analysis_job *job) {
    analysis_job *f = job->followers;
    if (!f) return NULL;
    job->followers = f->next;
    f->next = NULL;
    return f;
}

analysis_job *analysis_queue_take_expired(analysis_queue *q, int64_t now_ms) {
    for (analysis_job *j = q->first; j; j = j->next)
        if (!j->is_running && now_ms - j->close_ms > q->limits.max_age_ms) return take(q, j);
    return NULL;
}

analysis_job *analysis_queue_find(const analysis_queue *q, const char *id) {
    for (analysis_job *j = q->first; j; j = j->next) {
        if (strcmp(j->id, id) == 0) return j;
        for (analysis_job *f = j->followers; f; f = f->next)
            if (strcmp(f->id, id) == 0) return f;
    }
    return NULL;
}

bool analysis_queue_withdraw(analysis_queue *q, analysis_job *job) {
    for (const analysis_job *j = q->first; j; j = j->next)
        if (j == job && !job->is_running && !job->followers) {
            take(q, job);
            return true;
        }
    return false;
}

analysis_job *analysis_queue_take_any(analysis_queue *q) {
    analysis_job *job = q->first;
    if (!job) return NULL;
    if (job->is_running) {
        q->n_running--;
        circuit_forget(&q->circuits[job->provider]);
        job->is_running = false;
    }
    return take(q, job);
}

void analysis_queue_count(const analysis_queue *q, analysis_queue_counts *out) {
    *out = (analysis_queue_counts){.n_waiting = q->n_jobs - q->n_running,
                                   .n_running = q->n_running,
                                   .spent = q->spending.spent,
                                   .hindrance = q->hindrance};
}

const circuit *analysis_queue_circuit(const analysis_queue *q, int32_t provider) { return &q->circuits[provider]; }
