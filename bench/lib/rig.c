/* See rig.h. */
#include "bench/lib/rig.h"
#include "base/clock.h"
#include "base/queue.h"
#include "bench/lib/data.h"
#include "screener/screener.h"
#include "script/trader_folder.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const int32_t rig_interval[RIG_INTERVALS] = {INTERVAL_1H, INTERVAL_15M, INTERVAL_5M, INTERVAL_1M};

enum { MINUTES_INSIDE = 20 };

/* Where workers stand before they go on after a note; they come here through `notify`. */
typedef struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_shut;
    int32_t n_openings, n_standing;
    int64_t arrived_ns; /* of the last one */
} gate;

typedef struct source { /* of bars */
    data_stream stream;
    kline next; /* not yet closed at the market's time */
} source;

struct rig {
    rig_options options;
    symbol_table *symbols;
    screener *screener;
    wakeup *wake;
    gate gate;
    source *sources; /* [symbol * RIG_INTERVALS + interval] */
    market_event *events;
    pass *passes[WORKERS_MAX]; /* newest first; of the worker until the barrier */
    bool *matches;
    int64_t now_ms;
    bool is_loaded, has_passed, has_failed;
};

static void die(const char *what) {
    fprintf(stderr, "rig: %s\n", what);
    exit(1);
}

static void *allocate(size_t n, size_t bytes) {
    void *p = calloc(n, bytes);
    if (!p) die("out of memory");
    return p;
}

/* ---- the screener's surroundings ---- */

/* Where the daemon hands a pass to storage, and is done with it. */
static void keep_pass(void *context, int32_t producer, pass *p) {
    rig *r = context;
    p->next = r->passes[producer];
    r->passes[producer] = p;
}

static void stand_at_gate(gate *g) {
    pthread_mutex_lock(&g->lock);
    if (g->is_shut) {
        int32_t opening = g->n_openings;
        g->arrived_ns = monotonic_ns();
        g->n_standing++;
        pthread_cond_broadcast(&g->changed);
        while (g->n_openings == opening) pthread_cond_wait(&g->changed, &g->lock);
    }
    pthread_mutex_unlock(&g->lock);
}

static void on_notify(void *context) {
    rig *r = context;
    wakeup_notify(r->wake);
    stand_at_gate(&r->gate);
}

static void push(rig *r, const market_event *event) {
    if (screener_push(r->screener, event) != OK) die("out of memory");
}

static source *source_of(rig *r, uint32_t symbol, int32_t interval) {
    int u = 0;
    while (u < RIG_INTERVALS && rig_interval[u] != interval) u++;
    if (u == RIG_INTERVALS || symbol >= (uint32_t)r->options.n_symbols) die("asked for bars that are not in the data");
    return &r->sources[symbol * RIG_INTERVALS + (uint32_t)u];
}

/* History: the bars that have closed by now. Every series of the data is asked for once, whole. */
static void on_range(void *context, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms) {
    rig *r = context;
    source *s = source_of(r, symbol, interval);
    market_event event = {.kind = EVENT_HISTORY, .symbol = symbol, .interval = (uint8_t)interval, .from_ms = from_ms};
    while (s->next.open_ms < to_ms) {
        event.bar = s->next;
        push(r, &event);
        data_stream_next(&s->stream, &s->next);
    }
    event.kind = EVENT_RANGE_DONE;
    event.bar.open_ms = from_ms;
    event.to_ms = to_ms;
    push(r, &event);
}

static void on_loaded(void *context, const trader_set *set) {
    (void)set;
    ((rig *)context)->is_loaded = true;
}
static void on_barrier(void *context) { ((rig *)context)->has_passed = true; }
static void on_failed(void *context) { ((rig *)context)->has_failed = true; }

static void wait_for(rig *r, const bool *flag) {
    while (!*flag && !r->has_failed) {
        screener_poll(r->screener);
        if (!*flag) wakeup_wait(r->wake, 1000);
    }
    if (r->has_failed) die("a worker has failed");
}

static void ask_for_barrier(rig *r) {
    r->has_passed = false;
    if (screener_barrier(r->screener) != OK) die("out of memory");
}

static void pass_barrier(rig *r) {
    ask_for_barrier(r);
    wait_for(r, &r->has_passed);
}

/* ---- traders ---- */

static trader_source *make_variant(const trader_source *of, int32_t shift) {
    char key[TRADER_KEY_MAX + 12], inputs[32];
    trader_source *variant;
    diag why;
    snprintf(key, sizeof key, "%s_%d", of->key, shift);
    snprintf(inputs, sizeof inputs, "{\"shift\":%d}", shift);
    if (trader_source_new(key, of->chunk, of->code, of->code_bytes, inputs, &variant, &why) != OK) die(why.text);
    variant->is_variant = true;
    return variant;
}

/* The traders of the folder, then all of them once more for each variant. */
static trader_source **read_traders(int32_t n_variants, int32_t *count) {
    trader_source **read, **all;
    int32_t n, n_failed;
    diag why;
    if (trader_folder_read("bench/traders", &read, &n, &n_failed, &why) != OK) die(why.text);
    if (n_failed) die("a trader cannot be used");
    all = allocate((size_t)n * (size_t)n_variants, sizeof(trader_source *));
    for (int32_t i = 0; i < n * n_variants; i++) all[i] = i < n ? read[i] : make_variant(read[i % n], i / n);
    free(read);
    *count = n * n_variants;
    return all;
}

int32_t rig_traders(const rig *r) { return screener_traders(r->screener)->count; }
const char *rig_trader(const rig *r, int32_t index) { return screener_traders(r->screener)->traders[index]->spec->key; }

/* ---- a life ---- */

static void make_market(rig *r) {
    const rig_options *o = &r->options;
    r->sources = allocate((size_t)o->n_symbols * RIG_INTERVALS, sizeof *r->sources);
    for (int32_t s = 0; s < o->n_symbols; s++) {
        symbol_info info = {.quote = "USDT", .tick_size = 0.01, .is_trading = true};
        uint32_t id;
        snprintf(info.name, sizeof info.name, "SYM%03dUSDT", s);
        snprintf(info.base, sizeof info.base, "SYM%03d", s);
        if (symbol_table_add(r->symbols, &info, &id) != OK) die("out of memory");
        for (int u = 0; u < RIG_INTERVALS; u++) {
            source *from = &r->sources[s * RIG_INTERVALS + u];
            data_stream_init(&from->stream, s, rig_interval[u], o->n_bars);
            data_stream_next(&from->stream, &from->next);
        }
    }
}

static void start(rig *r) {
    screener_config config = {
        .n_workers = r->options.n_workers,
        .symbols = r->symbols,
        .limits = {.cpu_ms = 20, .load_cpu_ms = 500, .memory_bytes = 64u << 20, .default_interval = INTERVAL_1M},
        .max_errors_in_row = 5,
        .kline_history = r->options.n_bars,
        .user = "local",
        .market = "spot",
        .submit = keep_pass,
        .submit_context = r,
        .notify = on_notify,
        .notify_context = r};
    screener_handlers handlers = {.on_range = on_range,
                                  .on_loaded = on_loaded,
                                  .on_killed = on_failed,
                                  .on_failed = on_failed,
                                  .on_barrier = on_barrier,
                                  .context = r};
    int32_t n_traders;
    trader_source **traders = read_traders(r->options.n_variants, &n_traders);
    if (screener_new(&config, &handlers, &r->screener) != OK || screener_start(r->screener) != OK) die("no screener");
    screener_set_start(r->screener, r->now_ms);
    if (screener_load(r->screener, traders, n_traders) != OK) die("out of memory");
    wait_for(r, &r->is_loaded);
    if (rig_traders(r) != n_traders) die("a trader was refused");
    for (int32_t s = 0; s < r->options.n_symbols; s++)
        if (screener_track(r->screener, (uint32_t)s) != OK) die("out of memory");
    pass_barrier(r); /* all have asked for their history */
    pass_barrier(r); /* and taken it in */
}

rig *rig_new(const rig_options *options) {
    rig *r = allocate(1, sizeof *r);
    r->options = *options;
    r->now_ms = DATA_END_MS + interval_ms(INTERVAL_1M);
    r->events = allocate((size_t)options->n_symbols * RIG_INTERVALS, sizeof *r->events);
    pthread_mutex_init(&r->gate.lock, NULL);
    pthread_cond_init(&r->gate.changed, NULL);
    if (wakeup_new(&r->wake) != OK || symbol_table_new(&r->symbols) != OK) die("out of memory");
    make_market(r);
    start(r);
    r->matches = allocate((size_t)rig_traders(r) * (size_t)options->n_symbols, sizeof *r->matches);
    return r;
}

static void drop_passes(rig *r) {
    for (int32_t w = 0; w < r->options.n_workers; w++)
        for (pass *p = r->passes[w], *next; p; p = next) {
            next = p->next;
            pass_free(p);
            r->passes[w] = NULL;
        }
}

void rig_free(rig *r) {
    (void)screener_stop(r->screener, 0);
    drop_passes(r);
    screener_free(r->screener);
    symbol_table_free(r->symbols);
    wakeup_free(r->wake);
    pthread_cond_destroy(&r->gate.changed);
    pthread_mutex_destroy(&r->gate.lock);
    free(r->matches);
    free(r->events);
    free(r->sources);
    free(r);
}

/* ---- minutes ---- */

/* The events of the next minute, made before the clock runs. */
static int32_t next_minute(rig *r) {
    int32_t n = 0;
    r->now_ms += interval_ms(INTERVAL_1M);
    for (int32_t s = 0; s < r->options.n_symbols; s++)
        for (int u = 0; u < RIG_INTERVALS; u++) {
            source *from = &r->sources[s * RIG_INTERVALS + u];
            if (interval_next(rig_interval[u], from->next.open_ms) > r->now_ms) continue;
            r->events[n++] = (market_event){.kind = EVENT_BAR_CLOSED,
                                            .bar = from->next,
                                            .event_ms = r->now_ms,
                                            .symbol = (uint32_t)s,
                                            .interval = (uint8_t)rig_interval[u]};
            data_stream_next(&from->stream, &from->next);
        }
    return n;
}

static int64_t process_cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

typedef struct counts {
    uint64_t n_evaluations, n_warming, n_errors, n_signals;
} counts;

static counts count(const rig *r) {
    counts c = {0};
    for (int32_t w = 0; w < r->options.n_workers; w++) {
        const worker_stats *stats = screener_stats(r->screener, w);
        c.n_evaluations += atomic_load(&stats->n_evaluations);
        c.n_warming += atomic_load(&stats->n_warming);
        c.n_errors += atomic_load(&stats->n_errors);
        c.n_signals += atomic_load(&stats->n_signals);
    }
    return c;
}

uint64_t rig_signals(const rig *r) { return count(r).n_signals; }

static void check(const rig *r, counts before, int32_t minutes) {
    counts now = count(r);
    uint64_t n = now.n_evaluations - before.n_evaluations;
    uint64_t expected = (uint64_t)rig_traders(r) * (uint64_t)r->options.n_symbols * (uint64_t)minutes;
    if (n == expected && now.n_warming == before.n_warming && now.n_errors == 0) return;
    fprintf(stderr, "rig: %llu evaluations, %llu warming, %llu errors; expected %llu, 0, 0\n", (unsigned long long)n,
            (unsigned long long)(now.n_warming - before.n_warming), (unsigned long long)now.n_errors,
            (unsigned long long)expected);
    exit(1);
}

void rig_minute(rig *r, double *wall_ms, double *cpu_ms) {
    counts before = count(r);
    int32_t n_events = next_minute(r);
    int64_t start_ns, others_ns;
    (void)rig_matches(r); /* takes the passes of the minute before */
    start_ns = monotonic_ns();
    others_ns = process_cpu_ns() - thread_cpu_ns();
    for (int32_t i = 0; i < n_events; i++) push(r, &r->events[i]);
    pass_barrier(r);
    *wall_ms = (double)(monotonic_ns() - start_ns) / 1e6;
    *cpu_ms = (double)(process_cpu_ns() - thread_cpu_ns() - others_ns) / 1e6;
    check(r, before, 1);
}

static void shut_gate(gate *g) {
    pthread_mutex_lock(&g->lock);
    g->is_shut = true;
    pthread_mutex_unlock(&g->lock);
}

/* Until every worker stands there; when the last one came. */
static int64_t await_all(gate *g, int32_t n_workers) {
    int64_t arrived_ns;
    pthread_mutex_lock(&g->lock);
    while (g->n_standing < n_workers) pthread_cond_wait(&g->changed, &g->lock);
    arrived_ns = g->arrived_ns;
    pthread_mutex_unlock(&g->lock);
    return arrived_ns;
}

/* Lets those go that stand there. When that was. */
static int64_t open_gate(gate *g, bool stays_open) {
    int64_t opened_ns;
    pthread_mutex_lock(&g->lock);
    if (stays_open) g->is_shut = false;
    g->n_standing = 0;
    g->n_openings++;
    opened_ns = monotonic_ns();
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
    return opened_ns;
}

double rig_minutes_inside(rig *r, int32_t minutes) {
    counts before = count(r);
    int64_t opened_ns, ended_ns;
    if (minutes < 1 || minutes > MINUTES_INSIDE) die("too many minutes for an inbox");
    (void)rig_matches(r);
    shut_gate(&r->gate);
    ask_for_barrier(r);
    (void)await_all(&r->gate, r->options.n_workers);
    wait_for(r, &r->has_passed);
    for (int32_t m = 0; m < minutes; m++) {
        int32_t n_events = next_minute(r);
        for (int32_t i = 0; i < n_events; i++) push(r, &r->events[i]);
    }
    ask_for_barrier(r);
    if (screener_backlog(r->screener) > 0) die("the inboxes are full");
    opened_ns = open_gate(&r->gate, false);
    ended_ns = await_all(&r->gate, r->options.n_workers);
    (void)open_gate(&r->gate, true);
    wait_for(r, &r->has_passed);
    check(r, before, minutes);
    return (double)(ended_ns - opened_ns) / 1e6 / minutes;
}

/* ---- matches ---- */

static int32_t trader_of(const rig *r, const char *id) {
    const trader_set *set = screener_traders(r->screener);
    for (int32_t i = 0; i < set->count; i++)
        if (strcmp(set->traders[i]->spec->id, id) == 0) return i;
    die("an edge of a trader that is not there");
    return -1;
}

static int32_t symbol_of(const char *name) { return (int32_t)strtol(name + strlen("SYM"), NULL, 10); }

static void take_edges(rig *r, const pass *p) {
    for (uint32_t i = 0; i < p->n_edges; i++) {
        int32_t place = trader_of(r, p->edges[i].trader_id);
        r->matches[place * r->options.n_symbols + symbol_of(p->symbol)] = p->edges[i].is_matching;
    }
}

const bool *rig_matches(rig *r) {
    for (int32_t w = 0; w < r->options.n_workers; w++) {
        pass *oldest = NULL;
        for (pass *p = r->passes[w], *next; p; p = next) { /* turned round: a later edge replaces an earlier one */
            next = p->next;
            p->next = oldest;
            oldest = p;
        }
        for (pass *p = oldest, *next; p; p = next) {
            next = p->next;
            take_edges(r, p);
            pass_free(p);
        }
        r->passes[w] = NULL;
    }
    return r->matches;
}
