/* sync/storage with real threads: everything that is submitted is committed exactly once and announced in order,
 * a full queue makes its producer wait, a disk that fails loses nothing. */
#include "base/clock.h"
#include "base/log.h"
#include "spec/c/passes.h"
#include "spec/c/tap.h"
#include "sync/storage.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { N_PRODUCERS = 2, N_SYMBOLS = 4, N_PASSES = 1500, DEADLINE_MS = 30000 };

static char top[32], folder[64];

typedef struct run {
    storage *s;
    uv_loop_t loop;
    uv_timer_t deadline;
    uint32_t expected, delivered;
    uint32_t next_bar[N_PRODUCERS][N_SYMBOLS];
    uint32_t n_out_of_order, n_new, n_repeats_announced;
    bool is_closed, is_late;
} run;

typedef struct worker {
    run *r;
    uint32_t index, n_passes;
    uint64_t state;
    pthread_t thread;
    err last;
    _Atomic uint32_t n_submitted;
} worker;

static uint32_t draw(uint64_t *state, uint32_t below) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*state >> 33) % below);
}

static void *work(void *argument) {
    worker *w = argument;
    uint32_t next_bar[N_SYMBOLS] = {0};
    for (uint32_t i = 0; i < w->n_passes; i++) {
        char symbol[SYMBOL_BYTES];
        uint32_t which = draw(&w->state, N_SYMBOLS);
        snprintf(symbol, sizeof symbol, "P%uS%u", w->index, which);
        pass *p = new_pass(symbol, next_bar[which]++, draw(&w->state, 4));
        w->last = storage_submit(w->r->s, w->index, p);
        if (w->last) {
            pass_release(p);
            break;
        }
        atomic_fetch_add(&w->n_submitted, 1);
    }
    return NULL;
}

static void on_committed(void *context, pass *p, uint32_t n_new) {
    run *r = context;
    uint32_t producer = 0, which = 0;
    if (sscanf(p->symbol, "P%uS%u", &producer, &which) == 2 && p->open_ms == pass_bar(r->next_bar[producer][which]))
        r->next_bar[producer][which]++;
    else
        r->n_out_of_order++;
    r->n_new += n_new;
    r->n_repeats_announced += n_new != p->n_signals;
    pass_release(p);
    if (++r->delivered == r->expected) uv_stop(&r->loop);
}

static void on_deadline(uv_timer_t *timer) {
    run *r = timer->data;
    r->is_late = true;
    uv_stop(&r->loop);
}

static void on_closed(void *context) { ((run *)context)->is_closed = true; }

static bool open_run(run *r, uint32_t queue_capacity) {
    diag why = {""};
    memset(r, 0, sizeof *r);
    storage_config config = {.folder = folder, .n_producers = N_PRODUCERS, .queue_capacity = queue_capacity};
    uv_loop_init(&r->loop);
    uv_timer_init(&r->loop, &r->deadline);
    r->deadline.data = r;
    err failed = storage_open(&config, &r->s, &why);
    if (!failed) failed = storage_start(r->s, &r->loop, on_committed, r, &why);
    if (failed) printf("# %s\n", why.text);
    return !failed;
}

static void run_until(run *r, uint32_t expected) {
    r->expected = expected;
    if (r->delivered >= expected) return;
    uv_timer_start(&r->deadline, on_deadline, DEADLINE_MS, 0);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    uv_timer_stop(&r->deadline);
}

static err close_run(run *r, int64_t timeout_ms) {
    diag why = {""};
    err failed = storage_drain_and_stop(r->s, timeout_ms, on_closed, r, &why);
    if (failed) printf("# %s\n", why.text);
    uv_close((uv_handle_t *)&r->deadline, NULL);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    return uv_loop_close(&r->loop) == 0 ? failed : ERR_INVALID;
}

static void start_workers(run *r, worker *workers, uint32_t n_passes, uint64_t seed) {
    for (uint32_t i = 0; i < N_PRODUCERS; i++) {
        workers[i] = (worker){.r = r, .index = i, .n_passes = n_passes, .state = seed + i * 977};
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    }
}

static void join_workers(worker *workers) {
    for (uint32_t i = 0; i < N_PRODUCERS; i++) pthread_join(workers[i].thread, NULL);
}

static void fresh_folder(const char *name) { snprintf(folder, sizeof folder, "%s/%s", top, name); }

/* What the database says after a reopen: watermarks of all symbols and the number of signals. */
static bool database_agrees(const run *r) {
    diag why = {""};
    local_db *db = NULL;
    memory *m = NULL;
    local_db_config config = {.folder = folder};
    bool agrees = local_db_open(&config, &db, &why) == OK && memory_new(&m) == OK && !local_db_restore(db, m, &why);
    uint32_t n_signals = 0;
    for (uint32_t p = 0; agrees && p < N_PRODUCERS; p++)
        for (uint32_t i = 0; i < N_SYMBOLS; i++) {
            char symbol[SYMBOL_BYTES];
            snprintf(symbol, sizeof symbol, "P%uS%u", p, i);
            if (memory_watermark(m, symbol, INTERVAL_1M) != pass_bar(r->next_bar[p][i] - 1)) agrees = false;
        }
    signal_filter filter = {.limit = SIGNAL_PAGE_MAX};
    for (bool has_more = agrees; agrees && has_more;) {
        signal_list list = {0};
        char cursor[SIGNAL_CURSOR_BYTES] = "";
        agrees = signal_table_read(db, &filter, &list, &why) == OK;
        n_signals += (uint32_t)list.count;
        has_more = list.has_more;
        if (has_more) signal_cursor_format(&list.rows[list.count - 1], cursor);
        if (has_more && signal_cursor_parse(cursor, &filter)) agrees = false;
        signal_list_deinit(&list);
    }
    if (n_signals != r->n_new) printf("# %u signals in the database, %u announced\n", n_signals, r->n_new);
    memory_free(m);
    local_db_close(db);
    return agrees && n_signals == r->n_new;
}

static void two_producers(uint64_t seed) {
    run r;
    worker workers[N_PRODUCERS];
    fresh_folder("two");
    ok(open_run(&r, 0), "storage opens and starts");
    start_workers(&r, workers, N_PASSES, seed);
    run_until(&r, N_PRODUCERS * N_PASSES);
    join_workers(workers);
    ok(!r.is_late && r.delivered == N_PRODUCERS * N_PASSES, "every pass is delivered once (%u)", r.delivered);
    ok(r.n_out_of_order == 0, "and in the order of its producer");
    ok(r.n_repeats_announced == 0, "every signal is new");
    storage_stats stats;
    storage_read_stats(r.s, &stats);
    ok(stats.n_passes == r.delivered && stats.n_queued == 0 && stats.n_new_signals == r.n_new && stats.n_failures == 0,
       "the counters agree (%llu commits)", (unsigned long long)stats.n_commits);
    ok(close_run(&r, 5000) == OK && r.is_closed, "it stops, and every handle is gone");
    ok(database_agrees(&r), "the database holds them all");

    /* the same again: a restart that evaluates the same bars */
    uint32_t n_known = r.n_new;
    ok(open_run(&r, 0), "opened again");
    start_workers(&r, workers, N_PASSES, seed);
    run_until(&r, N_PRODUCERS * N_PASSES);
    join_workers(workers);
    ok(r.n_new == 0 && n_known > 0, "the same signals again are not announced");
    ok(close_run(&r, 5000) == OK, "stopped");
}

static bool wait_until(bool (*is_true)(void *), void *context) {
    int64_t deadline = monotonic_ms() + DEADLINE_MS;
    while (!is_true(context)) {
        if (monotonic_ms() > deadline) return false;
        sched_yield();
    }
    return true;
}

static bool is_failing(void *context) { return storage_health(context) == STORAGE_FAILING; }

/* No file may grow beyond `bytes`: what a full disk is to SQLite, without root and without a mount. */
static void limit_files(rlim_t bytes) {
    struct rlimit limit = {bytes, RLIM_INFINITY};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) ok(false, "setrlimit");
}

typedef struct filled {
    worker *workers;
    run *r;
} filled;

/* Both producers have stopped short, and all that they brought is with storage: the queues are full. */
static bool queues_are_full(void *context) {
    filled *f = context;
    storage_stats stats;
    storage_read_stats(f->r->s, &stats);
    uint64_t brought = 0;
    for (int i = 0; i < N_PRODUCERS; i++) brought += atomic_load(&f->workers[i].n_submitted);
    return is_failing(f->r->s) && stats.n_queued + stats.n_passes == brought && stats.n_queued >= N_PRODUCERS * 8;
}

static void failing_disk(uint64_t seed) {
    run r;
    worker workers[N_PRODUCERS];
    fresh_folder("failing");
    ok(open_run(&r, 8), "storage with short queues");
    limit_files(256 * 1024);
    start_workers(&r, workers, 400, seed);
    ok(wait_until(is_failing, r.s), "a commit that fails shows in the state");
    filled full = {workers, &r};
    ok(wait_until(queues_are_full, &full), "queues fill and nothing is dropped");
    ok(atomic_load(&workers[0].n_submitted) < 400 && atomic_load(&workers[1].n_submitted) < 400, "both producers wait");
    limit_files(RLIM_INFINITY);
    run_until(&r, N_PRODUCERS * 400);
    join_workers(workers);
    storage_stats stats;
    storage_read_stats(r.s, &stats);
    ok(!r.is_late && r.delivered == 800 && r.n_out_of_order == 0,
       "with room on the disk all of it is committed, in order");
    ok(stats.state == STORAGE_RUNNING && stats.n_failures > 0, "the state is well again after %llu failures",
       (unsigned long long)stats.n_failures);
    ok(r.n_repeats_announced == 0, "repeating a commit does not turn new signals into known ones");
    ok(close_run(&r, 5000) == OK && database_agrees(&r), "the database holds each once");
}

static void stop_while_failing(uint64_t seed) {
    run r;
    worker workers[N_PRODUCERS];
    fresh_folder("stop");
    ok(open_run(&r, 8), "storage with short queues");
    limit_files(256 * 1024);
    start_workers(&r, workers, 4000, seed);
    ok(wait_until(is_failing, r.s), "the disk fails");
    storage_stop_waiting(r.s);
    join_workers(workers);
    ok(workers[0].last == ERR_CLOSED && workers[1].last == ERR_CLOSED, "producers are let go");
    ok(close_run(&r, 200) == ERR_DATABASE && r.is_closed, "the stop ends and says what was not written");
    limit_files(RLIM_INFINITY);
    local_db *db = NULL;
    diag why = {""};
    local_db_config config = {.folder = folder};
    ok(local_db_open(&config, &db, &why) == OK, "the database opens afterwards %s", why.text);
    local_db_close(db);
}

static void drain(uint64_t seed) {
    run r;
    worker workers[N_PRODUCERS];
    fresh_folder("drain");
    ok(open_run(&r, 0), "storage opens");
    start_workers(&r, workers, 300, seed);
    join_workers(workers); /* the loop has not run: nothing has been delivered */
    ok(r.delivered == 0, "nothing is delivered without the loop");
    ok(close_run(&r, 5000) == OK && r.delivered == 600 && r.n_out_of_order == 0,
       "a stop commits and delivers all that was submitted, in order");
    ok(database_agrees(&r), "and it is in the database");
}

static err bring(run *r, uint32_t producer, uint32_t bar, bool is_news) {
    pass *p = new_pass("P1S0", bar, 1);
    return is_news ? storage_submit(r->s, producer, p) : storage_queue(r->s, producer, p);
}

static uint64_t commits_of(const run *r) {
    storage_stats stats;
    storage_read_stats(r->s, &stats);
    return stats.n_commits;
}

/* Passes without news go with the next that has some, or when their producer says that no more come. */
static void quiet_passes(void) {
    run r;
    err failed = OK;
    uint32_t bar = 0;
    fresh_folder("quiet");
    ok(open_run(&r, 4), "storage opens with a short queue");
    for (; bar < 3 && !failed; bar++) failed = bring(&r, 1, bar, false);
    if (!failed) failed = bring(&r, 1, bar++, true);
    run_until(&r, bar);
    ok(!failed && !r.is_late && r.delivered == 4 && commits_of(&r) == 1,
       "quiet passes are committed with the next one");
    failed = bring(&r, 1, bar++, false);
    storage_flush(r.s, 1);
    run_until(&r, bar);
    ok(!failed && !r.is_late && commits_of(&r) == 2, "or when no more come");
    for (int i = 0; i < 20 && !failed; i++) failed = bring(&r, 1, bar++, false);
    ok(!failed, "a queue that is full of them is committed: nobody waits for ever");
    ok(close_run(&r, 5000) == OK && r.delivered == bar && r.n_new == bar && r.n_out_of_order == 0,
       "and so are the last ones by a stop");
}

typedef struct answers {
    run *r;
    uint32_t n_answers, n_rows, n_cancelled;
} answers;

static void on_rows(void *context, err error, const char *why, const signal_list *signals) {
    answers *a = context;
    a->n_answers++;
    a->n_cancelled += error == ERR_CANCELLED && why;
    a->n_rows += error ? 0 : (uint32_t)signals->count;
    if (a->n_answers == 1) uv_stop(&a->r->loop);
}

static void queries(uint64_t seed) {
    run r;
    worker workers[N_PRODUCERS];
    fresh_folder("queries");
    ok(open_run(&r, 0), "storage opens");
    start_workers(&r, workers, 200, seed); /* enough for ten rows of any symbol */
    join_workers(workers);
    run_until(&r, 400);
    answers a = {&r, 0, 0, 0};
    signal_filter filter = {.limit = 10, .symbol = "P0S1"};
    ok(storage_query_signals(r.s, &filter, on_rows, &a) == OK && a.n_answers == 0, "a query is answered later");
    run_until(&r, UINT32_MAX);
    ok(a.n_answers == 1 && a.n_rows == 10 && !r.is_late, "with its rows");
    uint32_t n_accepted = 1;
    while (storage_query_signals(r.s, &filter, on_rows, &a) == OK && n_accepted < 100000) n_accepted++;
    ok(n_accepted < 100000, "too many queries are refused (after %u)", n_accepted);
    ok(close_run(&r, 5000) == OK && a.n_answers == n_accepted, "each accepted query is answered once, stop or not");
}

/* ---- settled signals, errors of traders ---- */

typedef struct settled {
    run *r;
    uint32_t n_passes, n_updates, n_before_their_signal;
    bool is_known;
} settled;

static void on_settled(void *context, pass *p, uint32_t n_new) {
    settled *t = context;
    t->is_known = t->is_known || n_new == 1;
    for (uint32_t i = 0; i < p->n_updates; i++)
        t->n_updates += p->updates[i].state == SIGNAL_CONFIRMED && !strncmp(p->symbol, "P0", 2);
    t->n_before_their_signal += p->n_updates && !t->is_known;
    pass_release(p);
    if (++t->n_passes == 2) uv_stop(&t->r->loop);
}

static void settles(void) {
    run r = {0};
    settled t = {.r = &r};
    diag why = {""};
    fresh_folder("settles");
    storage_config config = {.folder = folder, .n_producers = 1};
    uv_loop_init(&r.loop);
    uv_timer_init(&r.loop, &r.deadline);
    r.deadline.data = &r;
    ok(storage_open(&config, &r.s, &why) == OK && storage_start(r.s, &r.loop, on_settled, &t, &why) == OK, "opened");
    pass *tick = new_pass("P0S0", 1, 1), *close = new_pass("P0S0", 1, 0);
    tick->is_tick = true;
    tick->signals[0].state = SIGNAL_PROVISIONAL;
    must(pass_add_settle(close, tick->signals[0].trader_id, tick->open_ms, SIGNAL_CONFIRMED));
    must(storage_submit(r.s, 0, tick));
    must(storage_submit(r.s, 0, close));
    run_until(&r, UINT32_MAX);
    ok(t.n_updates == 1 && t.n_before_their_signal == 0 && !r.is_late,
       "who is told of a signal is told of its settling, in this order");
    ok(close_run(&r, 5000) == OK, "stopped");
}

typedef struct errors_seen {
    run *r;
    size_t n_rows;
    uint64_t count;
    int64_t resolved_ms;
    bool is_cancelled;
} errors_seen;

static void on_errors(void *context, err error, const char *why, const trader_error_list *errors) {
    errors_seen *seen = context;
    seen->is_cancelled = error == ERR_CANCELLED && why;
    seen->n_rows = errors->count;
    seen->count = errors->count ? errors->rows[0].count : 0;
    seen->resolved_ms = errors->count ? errors->rows[0].resolved_ms : 0;
    uv_stop(&seen->r->loop);
}

static errors_seen ask_errors(run *r) {
    errors_seen seen = {.r = r};
    trader_error_filter filter = {.limit = TRADER_ERROR_PAGE_MAX};
    must(storage_query_trader_errors(r->s, &filter, on_errors, &seen));
    run_until(r, UINT32_MAX);
    return seen;
}

static void put_errors(run *r, uint32_t n_rows, uint64_t count) {
    trader_error_row *rows = calloc(n_rows, sizeof *rows);
    for (uint32_t i = 0; i < n_rows; i++) {
        rows[i] = (trader_error_row){.trader_id = "t", .trader = "t", .line = (int32_t)i, .count = count, .last_ms = 5};
        memset(rows[i].trace, 'x', sizeof rows[i].trace - 1);
    }
    must(storage_put_trader_errors(r->s, rows, n_rows));
    free(rows);
}

static bool is_running(void *context) { return storage_health(context) == STORAGE_RUNNING; }

static void trader_errors(void) {
    run r;
    errors_seen seen;
    fresh_folder("errors");
    ok(open_run(&r, 0), "storage opens");
    put_errors(&r, 3, 1);
    put_errors(&r, 3, 7);
    do seen = ask_errors(&r); /* a read may be answered before a write that is older */
    while (!r.is_late && seen.count != 7);
    ok(seen.n_rows == 3 && seen.resolved_ms == 0, "errors of traders are written, in the order of the calls");
    must(storage_resolve_trader_errors(r.s, "t"));
    do seen = ask_errors(&r);
    while (!r.is_late && !seen.resolved_ms);
    ok(seen.n_rows == 3 && seen.resolved_ms > 1600000000000, "and are past when that is said");
    limit_files(256 * 1024);
    put_errors(&r, 200, 8);
    must(storage_resolve_trader_errors(r.s, "t"));
    ok(wait_until(is_failing, r.s), "a disk that fails shows in the state");
    ok(ask_errors(&r).n_rows == 3, "nothing of it is written");
    limit_files(RLIM_INFINITY);
    do seen = ask_errors(&r);
    while (!r.is_late && seen.n_rows != 200);
    ok(seen.count == 8 && wait_until(is_running, r.s), "with room on the disk it is, and the state is well again");
    put_errors(&r, 200, 9);
    ok(close_run(&r, 5000) == OK, "stopped");
    ok(open_run(&r, 0) && ask_errors(&r).count == 9, "what was put before a stop is written");
    ok(close_run(&r, 5000) == OK, "stopped again");
}

static void second_daemon(void) {
    storage *first = NULL, *second = NULL;
    diag why = {""};
    fresh_folder("lock");
    storage_config config = {.folder = folder, .n_producers = 1};
    ok(storage_open(&config, &first, &why) == OK, "a folder has one storage");
    ok(storage_open(&config, &second, &why) == ERR_EXISTS && strstr(why.text, "another trademind"),
       "a second is refused");
    printf("# %s\n", why.text);
    ok(storage_drain_and_stop(first, 0, NULL, NULL, &why) == OK, "one that was never started is stopped");
    ok(storage_open(&config, &second, &why) == OK, "and then the folder is free");
    ok(storage_drain_and_stop(second, 0, NULL, NULL, &why) == OK, "stopped");
}

int main(void) {
    snprintf(top, sizeof top, "/tmp/trademind-st-XXXXXX");
    if (!mkdtemp(top)) return 1;
    signal(SIGXFSZ, SIG_IGN); /* so that writing past the limit is an error, not a signal */
    log_init(LOG_OFF, LOG_HUMAN);
    uint64_t seed = tap_seed((uint64_t)monotonic_ns());
    two_producers(seed);
    failing_disk(seed + 1);
    stop_while_failing(seed + 2);
    drain(seed + 3);
    quiet_passes();
    queries(seed + 4);
    settles();
    trader_errors();
    second_daemon();
    char remove[64];
    snprintf(remove, sizeof remove, "rm -rf %s", top);
    return system(remove) != 0 || done();
}
