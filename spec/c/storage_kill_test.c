/* A storage that is killed with SIGKILL at a named fault point, then opened again: every pass is wholly there or wholly
 * absent, what was announced is there, and a provisional signal is settled with its bar. Needs a build with -DFAULTS. */
#include "base/clock.h"
#include "base/log.h"
#include "spec/c/passes.h"
#include "spec/c/tap.h"
#include "sync/storage.h"
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_PASSES = 200, N_SIGNALS = 3, TICK_TRADER = 10 };

#ifdef FAULTS
static char folder[128];

typedef struct victim {
    int fd;
    uint32_t n_delivered;
} victim;

/* The announced bars go to the parent through a pipe, as a browser would have seen them. */
static void on_committed(void *context, pass *p, uint32_t n_new) {
    victim *v = context;
    bool is_whole = n_new == p->n_signals && p->n_updates == p->n_settles;
    int64_t open_ms = is_whole ? p->open_ms : 0;
    v->n_delivered += !p->is_tick;
    if ((!p->is_tick || !is_whole) && write(v->fd, &open_ms, sizeof open_ms) != sizeof open_ms) _exit(3);
    pass_release(p);
}

/* One provisional signal, on the forming bar. */
static pass *new_tick(uint32_t bar) {
    pass *p = new_pass("BTCUSDT", bar, 0);
    signal_row s;
    p->is_tick = true;
    p->edges[0].is_tick = true;
    p->edges[0].tick_open_ms = p->open_ms;
    fill_signal(&s, "BTCUSDT", bar, TICK_TRADER);
    s.state = SIGNAL_PROVISIONAL;
    must(pass_add_signal(p, &s));
    signal_row_deinit(&s);
    return p;
}

static signal_state settled_state(uint32_t bar) { return bar % 2 ? SIGNAL_CONFIRMED : SIGNAL_WITHDRAWN; }

/* The bar's close, which settles it. */
static pass *new_close(uint32_t bar) {
    pass *p = new_pass("BTCUSDT", bar, N_SIGNALS);
    signal_row s;
    fill_signal(&s, "BTCUSDT", bar, TICK_TRADER);
    if (bar) must(pass_add_settle(p, s.trader_id, s.open_ms, settled_state(bar)));
    signal_row_deinit(&s);
    return p;
}

/* Five bars, then a wait until they are delivered: at least 40 commits, of one to ten passes each. The first bar has no
 * tick, so that the first commit is of its close. */
static int run_victim(int fd) {
    uv_loop_t loop;
    storage *s = NULL;
    diag why;
    victim v = {fd, 0};
    storage_config config = {.folder = folder, .n_producers = 1};
    uv_loop_init(&loop);
    if (storage_open(&config, &s, &why) || storage_start(s, &loop, on_committed, &v, &why)) return 1;
    for (uint32_t bar = 0; bar < N_PASSES; bar++) {
        if (bar && storage_submit(s, 0, new_tick(bar)) != OK) return 1;
        if (storage_submit(s, 0, new_close(bar)) != OK) return 1;
        while (bar % 5 == 4 && v.n_delivered <= bar) uv_run(&loop, UV_RUN_ONCE);
    }
    if (storage_drain_and_stop(s, 5000, NULL, NULL, &why) != OK) return 1;
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) == 0 ? 0 : 1;
}

/* The newest bar that was announced; -1: none, INT64_MIN: one that was not announced whole. */
static int64_t read_announced(int fd) {
    int64_t newest = -1, open_ms;
    while (read(fd, &open_ms, sizeof open_ms) == sizeof open_ms) {
        if (open_ms == 0)
            newest = INT64_MIN;
        else if (newest != INT64_MIN)
            newest = open_ms;
    }
    return newest;
}

static int64_t kill_at(const char *point, bool *was_killed) {
    int ends[2];
    if (pipe(ends) != 0) return INT64_MIN;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        if (point) setenv("TRADEMIND_FAULT", point, 1);
        _exit(run_victim(ends[1]));
    }
    close(ends[1]);
    int64_t announced = read_announced(ends[0]);
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    *was_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    return announced;
}

static bool is_right(const signal_row *s, int64_t watermark) {
    bool is_closed = s->open_ms <= watermark;
    uint32_t bar = (uint32_t)((s->open_ms - PASS_FIRST_MS) / PASS_BAR_MS);
    if (strcmp(s->trader, "trader_10") != 0) return is_closed;
    return s->state == (is_closed ? settled_state(bar) : SIGNAL_PROVISIONAL);
}

/* Those of closes. */
static size_t count_signals(local_db *db, int64_t watermark, bool *are_right) {
    diag why;
    signal_filter filter = {.limit = SIGNAL_PAGE_MAX};
    size_t count = 0;
    for (bool has_more = true; has_more;) {
        signal_list list = {0};
        char cursor[SIGNAL_CURSOR_BYTES];
        if (signal_table_read(db, &filter, &list, &why) != OK) return SIZE_MAX;
        for (size_t i = 0; i < list.count; i++) {
            *are_right &= is_right(&list.rows[i], watermark);
            count += strcmp(list.rows[i].trader, "trader_10") != 0;
        }
        has_more = list.has_more;
        if (has_more) signal_cursor_format(&list.rows[list.count - 1], cursor);
        if (has_more && signal_cursor_parse(cursor, &filter) != OK) return SIZE_MAX;
        signal_list_deinit(&list);
    }
    return count;
}

/* Watermark, signals, edge and owed rows must all speak of the same last bar. */
static int64_t judge(bool *is_consistent) {
    local_db *db = NULL;
    memory *m = NULL;
    diag why = {""};
    local_db_config config = {.folder = folder};
    *is_consistent = local_db_open(&config, &db, &why) == OK && memory_new(&m) == OK && !local_db_restore(db, m, &why);
    if (!*is_consistent) {
        printf("# %s\n", why.text);
        return 0;
    }
    int64_t watermark = memory_watermark(m, "BTCUSDT", INTERVAL_1M);
    size_t n_bars = watermark ? (size_t)((watermark - PASS_FIRST_MS) / PASS_BAR_MS) + 1 : 0;
    *is_consistent = count_signals(db, watermark, is_consistent) == n_bars * N_SIGNALS && *is_consistent;
    const edge_row *edge = memory_edge(m, "BTCUSDT", "trader-of-the-edge", "r1", false);
    *is_consistent &= watermark ? edge && edge->run_open_ms == watermark : !edge;
    const edge_row *tick = memory_edge(m, "BTCUSDT", "trader-of-the-edge", "r1", true);
    *is_consistent &= tick ? watermark && tick->tick_open_ms >= watermark : watermark <= PASS_FIRST_MS;
    char owing[32];
    snprintf(owing, sizeof owing, "owing-%zu", (n_bars + 2) % 3);
    const owed_row *owed = memory_owed(m, "BTCUSDT", INTERVAL_1M, owing);
    *is_consistent &= watermark ? owed && owed->cursor_ms == watermark : !owed;
    memory_free(m);
    local_db_close(db);
    return watermark;
}

static void one_kill(const char *top, const char *name, unsigned nth) {
    char point[64];
    bool was_killed = false, is_consistent = false;
    snprintf(point, sizeof point, "%s:%u", name, nth);
    snprintf(folder, sizeof folder, "%s/%s", top, point);
    int64_t announced = kill_at(point, &was_killed);
    int64_t watermark = judge(&is_consistent);
    ok(was_killed, "%s: the process was killed there", point);
    ok(is_consistent, "%s: signals, their states, edges, owed rows and watermark are of the same bar", point);
    ok(announced != INT64_MIN && announced <= watermark, "%s: what was announced is there", point);
    if (nth == 1)
        ok((watermark == 0) == (strcmp(name, "commit.after") != 0), "%s: and the commit that was hit is %s", point,
           watermark ? "there" : "absent");
    announced = kill_at(NULL, &was_killed);
    ok(judge(&is_consistent) == pass_bar(N_PASSES - 1) && is_consistent, "%s: the next run completes it, nothing twice",
       point);
}

static void all_kills(uint64_t seed) {
    char top[32] = "/tmp/trademind-ki-XXXXXX", remove[64];
    if (!mkdtemp(top)) exit(1);
    one_kill(top, "commit.before", 1);
    one_kill(top, "commit.after", 1);
    one_kill(top, "commit.middle", 1); /* of a pass: its signals are written, its edges are not */
    one_kill(top, "commit.middle", 2 + (unsigned)(seed >> 32) % (N_PASSES - 1));
    for (unsigned i = 0; i < 3; i++) {
        one_kill(top, "commit.before", 2 + 3 * i + (unsigned)(seed >> (4 * i)) % 3);
        one_kill(top, "commit.after", 2 + 3 * i + (unsigned)(seed >> (4 * i + 16)) % 3);
    }
    snprintf(remove, sizeof remove, "rm -rf %s", top);
    if (system(remove) != 0) ok(false, "cleaning up");
}
#endif

int main(void) {
    log_init(LOG_OFF, LOG_HUMAN);
#ifdef FAULTS
    all_kills(tap_seed((uint64_t)monotonic_ns()));
#else
    ok(true, "killed at fault points # SKIP built without -DFAULTS");
#endif
    return done();
}
