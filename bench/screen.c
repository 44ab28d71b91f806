/* screen.bar: the cycle of one closed minute over a hundred symbols and twenty traders, through the screener itself:
 * inbox, series, indicators, sandboxed filters, firing, passes. One worker; this thread feeds it as the stream would
 * and waits for the barrier behind the last event.
 *
 * Every cycle closes one 1m bar of every symbol, and the slower bars that close at the same instant. All traders run at
 * the minute's close, as they all run in every cycle of the programs that this is compared with, and look at up to two
 * other timeframes. The count of evaluations is checked: a cycle with one missing is no figure. */
#include "base/clock.h"
#include "base/log.h"
#include "base/queue.h"
#include "bench/lib/data.h"
#include "bench/lib/figure.h"
#include "screener/screener.h"
#include "script/trader_folder.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    N_SYMBOLS = 100,
    N_BARS = 500,
    N_TRADERS = 20,
    N_USED = 4,
    N_WARM = 60,
    N_CYCLES = 240,
    N_RUNS = N_WARM + N_CYCLES
};
static const int32_t used[N_USED] = {INTERVAL_1H, INTERVAL_15M, INTERVAL_5M, INTERVAL_1M}; /* slowest first */
static const char WORKLOAD[] = "20 Lua traders x 100 symbols x 500 bars of 1m 5m 15m 1h, one worker: one closed 1m bar "
                               "a symbol (and the slower ones that close with it), 2000 evaluations a cycle";

typedef struct bench {
    symbol_table *symbols;
    screener *screener;
    wakeup *wake;
    data_stream streams[N_SYMBOLS][N_USED];
    kline next[N_SYMBOLS][N_USED]; /* not yet closed at the market's time */
    int64_t now_ms;
    bool is_loaded, has_passed, has_failed;
} bench;

static void die(const char *what) {
    fprintf(stderr, "screen: %s\n", what);
    exit(1);
}

/* ---- the screener's surroundings ---- */

static void drop_pass(void *context, int32_t producer, pass *p) {
    (void)context, (void)producer;
    pass_release(p);
}

static void on_notify(void *context) { wakeup_notify(((bench *)context)->wake); }

static void push(bench *b, const market_event *event) {
    if (screener_push(b->screener, event) != OK) die("out of memory");
}

/* History: the bars that have closed by now. Every series of the data is asked for once, whole. */
static void on_range(void *context, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms) {
    bench *b = context;
    market_event event = {.kind = EVENT_HISTORY, .symbol = symbol, .interval = (uint8_t)interval};
    int u = 0;
    (void)from_ms;
    while (u < N_USED && used[u] != interval) u++;
    if (u == N_USED || symbol >= N_SYMBOLS) die("asked for bars that are not in the data");
    for (event.bar = b->next[symbol][u]; event.bar.open_ms < to_ms; event.bar = b->next[symbol][u]) {
        push(b, &event);
        data_stream_next(&b->streams[symbol][u], &b->next[symbol][u]);
    }
    event.kind = EVENT_RANGE_DONE;
    event.to_ms = to_ms;
    push(b, &event);
}

static void on_loaded(void *context, const trader_set *set) {
    if (set->count != N_TRADERS) die("expected 20 traders in bench/traders; run from the root of the project");
    ((bench *)context)->is_loaded = true;
}
static void on_barrier(void *context) { ((bench *)context)->has_passed = true; }
static void on_failed(void *context) { ((bench *)context)->has_failed = true; }

static void wait_for(bench *b, const bool *flag) {
    while (!*flag && !b->has_failed) {
        screener_poll(b->screener);
        if (!*flag) wakeup_wait(b->wake, 1000);
    }
    if (b->has_failed) die("the worker has failed");
}

static void pass_barrier(bench *b) {
    b->has_passed = false;
    if (screener_barrier(b->screener) != OK) die("out of memory");
    wait_for(b, &b->has_passed);
}

static void start(bench *b) {
    screener_config config = {
        .n_workers = 1,
        .limits = {.cpu_ms = 20, .load_cpu_ms = 500, .memory_bytes = 64u << 20, .default_interval = INTERVAL_1M},
        .max_errors_in_row = 5,
        .kline_history = N_BARS,
        .user = "local",
        .market = "spot",
        .submit = drop_pass,
        .notify = on_notify,
        .notify_context = b};
    screener_handlers handlers = {.on_range = on_range,
                                  .on_loaded = on_loaded,
                                  .on_killed = on_failed,
                                  .on_failed = on_failed,
                                  .on_barrier = on_barrier,
                                  .context = b};
    trader_source **sources;
    int32_t n_sources, n_failed;
    diag why;
    if (wakeup_new(&b->wake) != OK || symbol_table_new(&b->symbols) != OK) die("out of memory");
    config.symbols = b->symbols;
    b->now_ms = DATA_END_MS + interval_ms(INTERVAL_1M);
    for (int32_t s = 0; s < N_SYMBOLS; s++) {
        symbol_info info = {.quote = "USDT", .tick_size = 0.01, .is_trading = true};
        uint32_t id;
        snprintf(info.name, sizeof info.name, "SYM%03dUSDT", s);
        snprintf(info.base, sizeof info.base, "SYM%03d", s);
        if (symbol_table_add(b->symbols, &info, &id) != OK) die("out of memory");
        for (int u = 0; u < N_USED; u++) {
            data_stream_init(&b->streams[s][u], s, used[u], N_BARS);
            data_stream_next(&b->streams[s][u], &b->next[s][u]);
        }
    }
    if (trader_folder_read("bench/traders", &sources, &n_sources, &n_failed, &why) != OK) die(why.text);
    if (screener_new(&config, &handlers, &b->screener) != OK || screener_start(b->screener) != OK) die("no screener");
    screener_set_start(b->screener, b->now_ms);
    if (screener_load(b->screener, sources, n_sources) != OK) die("out of memory");
    wait_for(b, &b->is_loaded);
    for (uint32_t s = 0; s < N_SYMBOLS; s++)
        if (screener_track(b->screener, s) != OK) die("out of memory");
    pass_barrier(b); /* all have asked for their history */
    pass_barrier(b); /* and taken it in */
}

/* ---- the figure ---- */

/* The events of the next minute, made before the clock runs. */
static int32_t next_minute(bench *b, market_event *events) {
    int32_t n = 0;
    b->now_ms += interval_ms(INTERVAL_1M);
    for (uint32_t s = 0; s < N_SYMBOLS; s++)
        for (int u = 0; u < N_USED; u++) {
            kline *next = &b->next[s][u];
            if (interval_next(used[u], next->open_ms) > b->now_ms) continue;
            events[n++] = (market_event){.kind = EVENT_BAR_CLOSED,
                                         .bar = *next,
                                         .event_ms = b->now_ms,
                                         .symbol = s,
                                         .interval = (uint8_t)used[u]};
            data_stream_next(&b->streams[s][u], next);
        }
    return n;
}

static int64_t process_cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void cycle(bench *b, double *wall_ms_out, double *cpu_ms_out) {
    static market_event events[N_SYMBOLS * N_USED];
    const worker_stats *stats = screener_stats(b->screener, 0);
    uint64_t before = atomic_load(&stats->n_evaluations), n;
    int32_t n_events = next_minute(b, events);
    int64_t start_ns = monotonic_ns(), others_ns = process_cpu_ns() - thread_cpu_ns();
    for (int32_t i = 0; i < n_events; i++) push(b, &events[i]);
    pass_barrier(b);
    *wall_ms_out = (double)(monotonic_ns() - start_ns) / 1e6;
    *cpu_ms_out = (double)(process_cpu_ns() - thread_cpu_ns() - others_ns) / 1e6;
    n = atomic_load(&stats->n_evaluations) - before;
    if (n == N_SYMBOLS * N_TRADERS && atomic_load(&stats->n_warming) == 0 && atomic_load(&stats->n_errors) == 0) return;
    fprintf(stderr, "screen: %llu evaluations in a cycle, %llu warming, %llu errors; expected 2000, 0, 0\n",
            (unsigned long long)n, (unsigned long long)atomic_load(&stats->n_warming),
            (unsigned long long)atomic_load(&stats->n_errors));
    exit(1);
}

/* bench-screen [CYCLES]: more of them for a profiler. */
int main(int argc, char **argv) {
    static bench b;
    int n_cycles = argc > 1 ? atoi(argv[1]) : N_CYCLES, n_runs = N_WARM + n_cycles;
    double *wall = calloc((size_t)n_runs, sizeof *wall), *cpu = calloc((size_t)n_runs, sizeof *cpu);
    uint64_t n_signals;
    if (n_cycles < 1 || !wall || !cpu) die("expected a number of cycles");
    log_init(LOG_WARN, LOG_AUTO);
    start(&b);
    n_signals = atomic_load(&screener_stats(b.screener, 0)->n_signals);
    for (int i = 0; i < n_runs; i++) cycle(&b, &wall[i], &cpu[i]);
    if (atomic_load(&screener_stats(b.screener, 0)->n_signals) == n_signals) die("no signal in all cycles");
    figure_print("screen.bar", WORKLOAD, "ms", wall + N_WARM, n_cycles);
    figure_print("screen.bar.cpu", "the same cycles: CPU time of the worker's thread and the watchdog's", "ms",
                 cpu + N_WARM, n_cycles);
    screener_stop(b.screener);
    screener_free(b.screener);
    symbol_table_free(b.symbols);
    wakeup_free(b.wake);
    free(wall);
    free(cpu);
    return 0;
}
