/* The thread's life: collect what the queues hold, commit it, hand it over; when there is nothing, sleep.
 *
 * What goes back to the I/O thread does so over two lists (committed batches, answered requests) that are pushed with
 * one compare-and-swap and taken whole. They have no limit of their own: a batch is at most what the bounded queues
 * held, and while the I/O thread does not take them it does not feed the workers either. A bounded ring would let
 * storage_drain_and_stop wait for a thread that waits for room. */
#include "sync/storage.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/queue.h"
#include "sync/data_folder.h"
#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    QUEUE_CAPACITY = 1024,
    REQUEST_CAPACITY = 64,
    CHECKPOINT_PAGES = 256,       /* 1 MiB: worth a checkpoint when idle */
    CHECKPOINT_MAX_PAGES = 16384, /* 64 MiB: a checkpoint even in a burst that never ends */
    IDLE_MS = 50,                 /* quiet for this long: the burst is over */
    RETRY_FIRST_MS = 100,
    RETRY_MOST_MS = 5000,
    SETTING_KEY_BYTES = 64,
};

typedef struct producer {
    queue *passes;
    wakeup *room;            /* the producer sleeps here while its queue is full */
    bool has_unasked;        /* the producer's own: passes that nobody has asked to commit yet */
    _Atomic bool is_waiting; /* set by the producer, cleared by storage, who then notifies */
} producer;

/* What one transaction holds, in one block: storage makes it, the I/O thread frees it. */
typedef struct batch {
    struct batch *next;
    size_t count;
    uint32_t *n_new; /* behind the passes */
    pass *passes[];
} batch;

typedef enum request_kind {
    READ_SIGNALS,
    READ_ERRORS,
    READ_JOB,
    PUT_ERRORS,
    RESOLVE_ERRORS,
    PUT_SETTING,
    WRITE_JOB
} request_kind;

/* From the owner. Reads come back to it with their rows; writes end with the storage thread. */
typedef struct request {
    struct request *next;
    request_kind kind;
    signal_filter signal_filter;
    storage_signals_fn on_signals;
    trader_error_filter error_filter;
    storage_errors_fn on_errors;
    storage_job_fn run; /* jobs; `context` is the job */
    storage_job_done_fn on_job_done;
    void *context;
    char trader_id[ID_BYTES]; /* RESOLVE_ERRORS */
    int64_t now_ms;
    char setting[SETTING_KEY_BYTES], *value; /* PUT_SETTING; `value` is the request's */
    err error;
    diag why;
    signal_list signals;
    trader_error_list errors; /* READ_ERRORS: what was read; PUT_ERRORS: what to write */
} request;

struct storage {
    local_db_config config; /* texts are the opener's, until storage_start */
    local_db *db;           /* the opener's until the thread starts and after it is joined */
    int lock;
    uint32_t n_producers;
    producer *producers;
    queue *requests;
    wakeup *work;
    _Atomic bool is_asked; /* what is queued is to be committed; set before `work` is notified */

    pthread_t thread;
    bool is_started; /* the thread runs */
    bool has_async;
    _Atomic bool is_stopping, is_not_waiting;
    _Atomic int64_t stop_by_ms; /* monotonic; written before is_stopping */

    _Atomic int state;
    _Atomic int64_t last_commit_ms;
    _Atomic uint64_t n_passes, n_commits, n_failures, n_new_signals, n_in_batch;
    log_repeater failures, checkpoint_failures; /* the storage thread's */
    uint64_t n_lost;                            /* passes given up; the storage thread's until joined */

    _Atomic(batch *) committed; /* newest first */
    _Atomic(request *) answered;
    request *writes, *last_write; /* not written yet, in their order; the storage thread's until joined */
    uv_async_t async;             /* the loop's */
    storage_committed_fn on_committed;
    void *context;
    void (*on_closed)(void *context);
    void *closed_context;
};

static void *run_thread(void *argument);
static void on_async(uv_async_t *handle);
static void deliver(storage *s);
static void free_storage(storage *s);

/* ---- the owner's side ---- */

static err new_queues(storage *s, const storage_config *config) {
    size_t capacity = config->queue_capacity ? config->queue_capacity : QUEUE_CAPACITY;
    s->producers = calloc(config->n_producers, sizeof *s->producers);
    if (!s->producers) return ERR_NO_MEMORY;
    s->n_producers = config->n_producers;
    err failed = wakeup_new(&s->work);
    if (!failed) failed = queue_new(REQUEST_CAPACITY, sizeof(request *), &s->requests);
    for (uint32_t i = 0; !failed && i < s->n_producers; i++) {
        failed = queue_new(capacity, sizeof(pass *), &s->producers[i].passes);
        if (!failed) failed = wakeup_new(&s->producers[i].room);
    }
    return failed;
}

/* A damaged file is kept for whoever wants to save something from it; the machine goes on with an empty one. */
static err begin_anew(storage *s, diag *why) {
    char path[PATH_MAX];
    log_error("storage", "%s", why->text);
    local_db_close(s->db);
    s->db = NULL;
    err failed = local_db_set_aside(s->config.folder, wall_ms(), path, sizeof path, why);
    if (failed) return failed;
    log_error("storage",
              "it is set aside as %s, with what was still to be written to the cloud; an empty one takes its place",
              path);
    return local_db_open(&s->config, &s->db, why);
}

static err open_database(storage *s, diag *why) {
    err failed = local_db_open(&s->config, &s->db, why);
    return failed == ERR_DAMAGED ? begin_anew(s, why) : failed;
}

err storage_open(const storage_config *config, storage **out, diag *why) {
    assert(config->n_producers > 0);
    storage *s = calloc(1, sizeof *s);
    if (!s) return diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
    s->lock = -1;
    err failed = new_queues(s, config);
    if (failed) diag_set(why, failed, "storage: %s", error_text(failed));
    if (!failed) failed = data_folder_make(config->folder, why);
    if (!failed) failed = data_folder_acquire(config->folder, &s->lock, why);
    s->config = (local_db_config){config->folder,           config->user_id,   config->machine_id,
                                  config->outbox_sync_full, config->has_cloud, config->has_notices};
    if (!failed) failed = open_database(s, why);
    if (failed)
        free_storage(s);
    else
        *out = s;
    return failed;
}

/* What was read before the damage is true. */
err storage_restore(storage *s, memory *m, diag *why) {
    assert(!s->is_started);
    err failed = local_db_restore(s->db, m, why);
    return failed == ERR_DAMAGED ? begin_anew(s, why) : failed;
}

err storage_start(storage *s, uv_loop_t *loop, storage_committed_fn on_committed, void *context, diag *why) {
    assert(!s->is_started);
    int code = uv_async_init(loop, &s->async, on_async);
    if (code) return diag_set(why, ERR_IO, "storage: cannot join the loop: %s", uv_strerror(code));
    s->has_async = true;
    s->async.data = s;
    s->on_committed = on_committed;
    s->context = context;
    s->is_started = true;
    atomic_store(&s->state, STORAGE_RUNNING);
    code = pthread_create(&s->thread, NULL, run_thread, s);
    if (code) {
        s->is_started = false;
        atomic_store(&s->state, STORAGE_IDLE);
        return diag_set(why, ERR_IO, "storage: cannot start its thread: %s", strerror(code));
    }
    pthread_setname_np(s->thread, "storage");
    return OK;
}

static void free_request(request *r) {
    signal_list_deinit(&r->signals);
    trader_error_list_deinit(&r->errors);
    free(r->value);
    free(r);
}

/* Takes `what`, whose rows and value are freed when it cannot be taken. */
static err ask(storage *s, const request *what) {
    assert(s->is_started);
    request *r = malloc(sizeof *r);
    trader_error_list rows = what->errors;
    if (!r) {
        trader_error_list_deinit(&rows);
        free(what->value);
        return ERR_NO_MEMORY;
    }
    *r = *what;
    if (!queue_push(s->requests, &r)) {
        free_request(r);
        return ERR_FULL;
    }
    wakeup_notify(s->work);
    return OK;
}

err storage_query_signals(storage *s, const signal_filter *filter, storage_signals_fn on_rows, void *context) {
    return ask(s,
               &(request){.kind = READ_SIGNALS, .signal_filter = *filter, .on_signals = on_rows, .context = context});
}

err storage_query_trader_errors(storage *s, const trader_error_filter *filter, storage_errors_fn on_rows,
                                void *context) {
    return ask(s, &(request){.kind = READ_ERRORS, .error_filter = *filter, .on_errors = on_rows, .context = context});
}

err storage_put_trader_errors(storage *s, const trader_error_row *rows, size_t n_rows) {
    trader_error_list copy = {.rows = malloc((n_rows + 1) * sizeof *rows), .count = n_rows};
    if (!copy.rows) return ERR_NO_MEMORY;
    memcpy(copy.rows, rows, n_rows * sizeof *rows);
    return ask(s, &(request){.kind = PUT_ERRORS, .errors = copy});
}

err storage_resolve_trader_errors(storage *s, const char *trader_id) {
    request r = {.kind = RESOLVE_ERRORS, .now_ms = wall_ms()};
    snprintf(r.trader_id, sizeof r.trader_id, "%s", trader_id);
    return ask(s, &r);
}

err storage_read_setting(storage *s, const char *key, char *value, size_t value_bytes, diag *why) {
    assert(!s->is_started);
    err failed = local_db_setting(s->db, key, value, value_bytes, why);
    if (failed != ERR_NOT_FOUND) return failed;
    *value = 0;
    return OK;
}

err storage_run(storage *s, storage_job_fn run, void *job, diag *why) {
    assert(!s->is_started);
    return run(s->db, job, why);
}

err storage_put_setting(storage *s, const char *key, const char *value) {
    request r = {.kind = PUT_SETTING, .value = strdup(value)};
    if (!r.value) return ERR_NO_MEMORY;
    snprintf(r.setting, sizeof r.setting, "%s", key);
    return ask(s, &r);
}

err storage_read(storage *s, storage_job_fn run, storage_job_done_fn on_done, void *job) {
    return ask(s, &(request){.kind = READ_JOB, .run = run, .on_job_done = on_done, .context = job});
}

err storage_write(storage *s, storage_job_fn run, storage_job_done_fn on_done, void *job) {
    return ask(s, &(request){.kind = WRITE_JOB, .run = run, .on_job_done = on_done, .context = job});
}

static uint64_t submitted_and_waiting(const storage *s) {
    uint64_t count = atomic_load(&s->n_in_batch);
    for (uint32_t i = 0; i < s->n_producers; i++) count += queue_length(s->producers[i].passes);
    return count;
}

storage_state storage_health(const storage *s) { return (storage_state)atomic_load(&s->state); }

void storage_read_stats(const storage *s, storage_stats *out) {
    *out = (storage_stats){.state = storage_health(s),
                           .n_passes = atomic_load(&s->n_passes),
                           .n_commits = atomic_load(&s->n_commits),
                           .n_failures = atomic_load(&s->n_failures),
                           .n_new_signals = atomic_load(&s->n_new_signals),
                           .n_queued = submitted_and_waiting(s),
                           .last_commit_ms = atomic_load(&s->last_commit_ms)};
}

static void on_async(uv_async_t *handle) { deliver(handle->data); }

static batch *reverse_batches(batch *newest) {
    batch *oldest = NULL;
    for (batch *b = newest, *next; b; b = next) {
        next = b->next;
        b->next = oldest;
        oldest = b;
    }
    return oldest;
}

static bool is_write(const request *r) { return r->kind > READ_JOB; }

/* The oldest write that is not done; NULL: none. */
static request *take_write(storage *s) {
    request *r = s->writes;
    if (!r) return NULL;
    s->writes = r->next;
    if (!s->writes) s->last_write = NULL;
    return r;
}

static void answer(request *r) {
    const char *why = r->error ? r->why.text : NULL;
    if (r->kind == READ_SIGNALS) r->on_signals(r->context, r->error, why, &r->signals);
    if (r->kind == READ_ERRORS) r->on_errors(r->context, r->error, why, &r->errors);
    if (r->on_job_done) r->on_job_done(r->context, r->error, why);
    free_request(r);
}

/* What is answered was so when the batches before it had been told: so answers are taken first, and given last. */
static void deliver(storage *s) {
    request *answers = atomic_exchange(&s->answered, NULL);
    for (batch *b = reverse_batches(atomic_exchange(&s->committed, NULL)), *next; b; b = next) {
        next = b->next;
        for (size_t i = 0; i < b->count; i++) s->on_committed(s->context, b->passes[i], b->n_new[i]);
        free(b);
    }
    for (request *r = answers, *next; r; r = next) { /* in any order: each stands alone */
        next = r->next;
        answer(r);
    }
}

/* After the join: requests that nobody has looked at, and writes that could not be done. */
static void cancel_requests(storage *s) {
    request *r = NULL;
    size_t n_lost = 0;
    while (queue_pop(s->requests, &r)) {
        n_lost += is_write(r);
        r->error = diag_set(&r->why, ERR_CANCELLED, "storage has stopped");
        answer(r);
    }
    while ((r = take_write(s))) {
        n_lost++;
        r->error = diag_set(&r->why, ERR_CANCELLED, "storage has stopped");
        answer(r);
    }
    if (n_lost) log_warn("storage", "%zu notes were not written before the stop", n_lost);
}

static void on_async_closed(uv_handle_t *handle) {
    storage *s = handle->data;
    void (*on_closed)(void *) = s->on_closed;
    void *context = s->closed_context;
    free_storage(s);
    if (on_closed) on_closed(context);
}

static err stop_thread(storage *s, int64_t timeout_ms, diag *why) {
    atomic_store(&s->stop_by_ms, monotonic_ms() + timeout_ms);
    atomic_store(&s->is_stopping, true);
    wakeup_notify(s->work);
    pthread_join(s->thread, NULL);
    s->is_started = false;
    deliver(s);
    cancel_requests(s);
    atomic_store(&s->state, STORAGE_STOPPED);
    if (s->n_lost == 0) return OK;
    return diag_set(why, ERR_DATABASE,
                    "%llu passes were not written before the stop; they are evaluated again at the next start",
                    (unsigned long long)s->n_lost);
}

err storage_drain_and_stop(storage *s, int64_t timeout_ms, void (*on_closed)(void *context), void *context, diag *why) {
    err failed = s->is_started ? stop_thread(s, timeout_ms, why) : OK;
    s->on_closed = on_closed;
    s->closed_context = context;
    if (s->has_async) {
        uv_close((uv_handle_t *)&s->async, on_async_closed);
        return failed;
    }
    free_storage(s);
    if (on_closed) on_closed(context);
    return failed;
}

static void free_storage(storage *s) {
    local_db_close(s->db); /* before the lock: the next daemon must find a closed database */
    data_folder_release(s->lock);
    for (uint32_t i = 0; i < s->n_producers; i++) {
        pass *p = NULL;
        while (s->producers[i].passes && queue_pop(s->producers[i].passes, &p)) pass_release(p);
        queue_free(s->producers[i].passes);
        wakeup_free(s->producers[i].room);
    }
    free(s->producers);
    queue_free(s->requests);
    wakeup_free(s->work);
    free(s);
}

/* ---- a producer's side ---- */

static void ask_to_commit(storage *s, producer *from) {
    from->has_unasked = false;
    atomic_store(&s->is_asked, true);
    wakeup_notify(s->work);
}

/* Either storage sees is_waiting after it has made room and notifies, or the second push finds the room. */
err storage_queue(storage *s, uint32_t index, pass *p) {
    assert(index < s->n_producers);
    producer *from = &s->producers[index];
    while (!queue_push(from->passes, &p)) {
        if (atomic_load(&s->is_not_waiting)) return ERR_CLOSED;
        atomic_store(&from->is_waiting, true);
        if (queue_push(from->passes, &p)) break;
        ask_to_commit(s, from);
        wakeup_wait(from->room, -1);
    }
    from->has_unasked = true;
    return OK;
}

void storage_flush(storage *s, uint32_t index) {
    assert(index < s->n_producers);
    if (s->producers[index].has_unasked) ask_to_commit(s, &s->producers[index]);
}

err storage_submit(storage *s, uint32_t index, pass *p) {
    err e = storage_queue(s, index, p);
    storage_flush(s, index);
    return e;
}

bool storage_has_taken(const storage *s, uint32_t index) { return queue_length(s->producers[index].passes) == 0; }

void storage_stop_waiting(storage *s) {
    atomic_store(&s->is_not_waiting, true);
    for (uint32_t i = 0; i < s->n_producers; i++) wakeup_notify(s->producers[i].room);
}

/* ---- the storage thread's side ---- */

static size_t n_waiting(const storage *s) {
    size_t count = 0;
    for (uint32_t i = 0; i < s->n_producers; i++) count += queue_length(s->producers[i].passes);
    return count;
}

static batch *new_batch(size_t most) {
    batch *b = malloc(sizeof *b + most * (sizeof(pass *) + sizeof(uint32_t)));
    if (!b) return NULL;
    b->next = NULL;
    b->count = 0;
    b->n_new = (uint32_t *)(b->passes + most);
    return b;
}

/* Takes what is queued now, each producer's in its order. NULL: nothing is, or no memory (then it stays queued). */
static batch *collect(storage *s) {
    size_t most = n_waiting(s);
    batch *b = most ? new_batch(most) : NULL;
    if (!b) return NULL;
    for (uint32_t i = 0; i < s->n_producers; i++) {
        producer *from = &s->producers[i];
        while (b->count < most && queue_pop(from->passes, &b->passes[b->count])) b->count++;
        if (atomic_exchange(&from->is_waiting, false)) wakeup_notify(from->room);
    }
    atomic_store(&s->n_in_batch, b->count);
    return b;
}

static void push_batch(storage *s, batch *b) {
    b->next = atomic_load(&s->committed);
    while (!atomic_compare_exchange_weak(&s->committed, &b->next, b)) continue;
    uv_async_send(&s->async);
}

/* Whoever is to be told goes first, should both share a processor. */
static void hand_over(storage *s, batch *b) {
    push_batch(s, b);
    sched_yield();
}

static void note_works(storage *s) {
    if (atomic_exchange(&s->state, STORAGE_RUNNING) == STORAGE_FAILING) log_info("storage", "writing works again");
}

static void push_answer(storage *s, request *r) {
    r->next = atomic_load(&s->answered);
    while (!atomic_compare_exchange_weak(&s->answered, &r->next, r)) continue;
    uv_async_send(&s->async);
}

static void add_write(storage *s, request *r) {
    r->next = NULL;
    if (s->last_write)
        s->last_write->next = r;
    else
        s->writes = r;
    s->last_write = r;
}

static err do_write(storage *s, request *r) {
    if (r->kind == PUT_ERRORS) return error_table_put(s->db, r->errors.rows, r->errors.count, &r->why);
    if (r->kind == WRITE_JOB) return r->run(s->db, r->context, &r->why);
    if (r->kind == PUT_SETTING) return local_db_set_setting(s->db, r->setting, r->value, &r->why);
    return error_table_resolve(s->db, r->trader_id, r->now_ms, &r->why);
}

/* What the disk refuses is tried again, and of our own notes everything. */
static bool is_done(request *r, err e) {
    r->error = e;
    return e == OK || (r->on_job_done && e != ERR_DATABASE);
}

/* In their order, up to the first that fails; that one is tried again later. */
static void write_requests(storage *s) {
    if (!s->writes) return;
    while (s->writes && is_done(s->writes, do_write(s, s->writes))) {
        request *r = take_write(s);
        if (r->on_job_done)
            push_answer(s, r);
        else
            free_request(r);
    }
    if (!s->writes) {
        note_works(s);
        return;
    }
    atomic_fetch_add(&s->n_failures, 1);
    atomic_store(&s->state, STORAGE_FAILING);
    log_repeat(&s->failures, LOG_ERROR, "storage", "what is to be noted is kept and written later: %s",
               s->writes->why.text);
}

static void do_read(storage *s, request *r) {
    if (r->kind == READ_SIGNALS)
        r->error = signal_table_read(s->db, &r->signal_filter, &r->signals, &r->why);
    else if (r->kind == READ_ERRORS)
        r->error = error_table_read(s->db, &r->error_filter, &r->errors, &r->why);
    else
        r->error = r->run(s->db, r->context, &r->why);
}

/* Reads at once; writes when there is no batch under way. */
static void take_requests(storage *s) {
    request *r = NULL;
    while (queue_pop(s->requests, &r)) {
        if (is_write(r)) {
            add_write(s, r);
            continue;
        }
        do_read(s, r);
        push_answer(s, r);
    }
}

static bool must_give_up(const storage *s) {
    return atomic_load(&s->is_stopping) && monotonic_ms() >= atomic_load(&s->stop_by_ms);
}

/* Until the next try is due. Passes that arrive meanwhile wake it and change nothing; queries are answered, since a
 * disk that cannot be written can often be read. */
static void wait_for_retry(storage *s, int64_t wait_ms) {
    int64_t until = monotonic_ms() + wait_ms;
    bool was_stopping = atomic_load(&s->is_stopping);
    for (int64_t now = monotonic_ms(); now < until; now = monotonic_ms()) {
        wakeup_wait(s->work, until - now);
        take_requests(s);
        if (!was_stopping && atomic_load(&s->is_stopping)) return; /* try at once */
    }
}

static void note_failure(storage *s, const batch *b, const diag *why) {
    atomic_fetch_add(&s->n_failures, 1);
    atomic_store(&s->state, STORAGE_FAILING);
    log_repeat(&s->failures, LOG_ERROR, "storage", "%zu passes are kept and written later: %s", b->count, why->text);
}

static void note_success(storage *s, const batch *b) {
    uint64_t n_new = 0;
    for (size_t i = 0; i < b->count; i++) n_new += b->n_new[i];
    atomic_fetch_add(&s->n_passes, b->count);
    atomic_fetch_add(&s->n_new_signals, n_new);
    atomic_fetch_add(&s->n_commits, 1);
    atomic_store(&s->last_commit_ms, monotonic_ms());
    atomic_store(&s->n_in_batch, 0);
    note_works(s);
}

/* False: given up, because the stop may wait no longer. */
static bool commit(storage *s, batch *b) {
    backoff retry;
    backoff_init(&retry, RETRY_FIRST_MS, RETRY_MOST_MS, (uint64_t)monotonic_ns());
    for (;;) {
        diag why;
        if (local_db_commit(s->db, b->passes, b->count, b->n_new, &why) == OK) break;
        note_failure(s, b, &why);
        if (must_give_up(s)) return false;
        int64_t wait_ms = backoff_next_ms(&retry);
        if (atomic_load(&s->is_stopping)) wait_ms = wait_ms < RETRY_FIRST_MS ? wait_ms : RETRY_FIRST_MS;
        wait_for_retry(s, wait_ms);
    }
    note_success(s, b);
    return true;
}

static void give_up(storage *s, batch *b) {
    s->n_lost = b->count + n_waiting(s);
    for (size_t i = 0; i < b->count; i++) pass_release(b->passes[i]);
    free(b);
}

static void checkpoint(storage *s) {
    diag why;
    if (local_db_checkpoint(s->db, &why) != OK)
        log_repeat(&s->checkpoint_failures, LOG_WARN, "storage", "%s", why.text);
}

static void sleep_until_work(storage *s) {
    bool is_due = local_db_wal_pages(s->db) >= CHECKPOINT_PAGES;
    int64_t wait_ms = is_due ? IDLE_MS : s->writes ? RETRY_MOST_MS : -1;
    if (!wakeup_wait(s->work, wait_ms) && is_due) checkpoint(s);
}

/* For the batch: it stays asked for. */
static void wait_for_memory(storage *s) {
    atomic_store(&s->is_asked, true);
    wakeup_wait(s->work, RETRY_FIRST_MS);
}

static void *run_thread(void *argument) {
    storage *s = argument;
    for (;;) {
        bool is_stopping =
            atomic_load(&s->is_stopping); /* read first: what was submitted before it is collected below */
        take_requests(s);
        write_requests(s);
        bool is_asked = atomic_exchange(&s->is_asked, false) || is_stopping; /* before it is collected, likewise */
        batch *b = is_asked ? collect(s) : NULL;
        if (!b && is_asked && n_waiting(s))
            wait_for_memory(s);
        else if (!b && is_stopping)
            return NULL;
        else if (!b)
            sleep_until_work(s);
        else if (commit(s, b))
            hand_over(s, b);
        else {
            give_up(s, b);
            return NULL;
        }
        if (local_db_wal_pages(s->db) >= CHECKPOINT_MAX_PAGES) checkpoint(s);
    }
}
