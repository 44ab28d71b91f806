/* See replay.h. The replay stands where sockets, REST and storage stand in the daemon: it feeds the screener from the
 * tape, answers its ranges from the tape, and keeps the passes in memory. */
#include "backtest/replay.h"
#include "backtest/tape.h"
#include "base/clock.h"
#include "base/log.h"
#include "binance/venue.h"
#include "screener/screener.h"
#include "script/script_setup.h"
#include "script/trader_folder.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { POLL_EVERY = 64, SETTLE_EVERY = 32 /* ranked closes that wait for their places at the most */, WAIT_MS = 20 };

typedef struct replay {
    const config *cfg;
    const replay_options *options;
    replay_report *report;
    screener *screener;
    symbol_table *symbols;
    tape *tape;
    wakeup *wake;
    pthread_mutex_t lock; /* protects passes */
    pass *passes;         /* newest first */
    uint32_t n_symbols;
    uint64_t n_ranges;
    err failure;
    bool is_loaded, has_passed;
} replay;

/* ---- worker threads ---- */

static void keep_pass(void *context, int32_t producer, pass *p) {
    replay *r = context;
    (void)producer;
    if (p->n_signals == 0) {
        pass_release(p);
        return;
    }
    pthread_mutex_lock(&r->lock);
    p->next = r->passes;
    r->passes = p;
    pthread_mutex_unlock(&r->lock);
}

static void wake(void *context) { wakeup_notify(((replay *)context)->wake); }

/* ---- feed thread ---- */

static void push(replay *r, const market_event *event) {
    if (r->failure == OK) r->failure = screener_push(r->screener, event);
}

/* What the files have of [from_ms, to_ms) is all there is; from_ms 0: of everything before to_ms. */
static void push_known(replay *r, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms, int64_t event_ms) {
    push(r, &(market_event){.kind = EVENT_RANGE_DONE,
                            .bar.open_ms = from_ms,
                            .symbol = symbol,
                            .interval = (uint8_t)interval,
                            .to_ms = to_ms,
                            .event_ms = event_ms});
}

/* The id under which the tape has the symbol: a copy of a reference has a further one. */
static uint32_t on_tape(const replay *r, uint32_t symbol) {
    const symbol_info *info = symbol_table_get(r->symbols, symbol);
    if (info->is_alias && symbol_table_find(r->symbols, info->name, strlen(info->name), &symbol) != OK) return 0;
    return symbol;
}

static err on_reference(void *context, const char *name, uint32_t *symbol, uint32_t *copy) {
    replay *r = context;
    err e = symbol_table_find(r->symbols, name, strlen(name), symbol);
    return e == OK ? symbol_table_alias(r->symbols, *symbol, copy) : e;
}

static void on_range(void *context, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms) {
    replay *r = context;
    size_t count;
    const kline *bars = tape_range(r->tape, on_tape(r, symbol), interval, from_ms, to_ms, &count);
    r->n_ranges++;
    for (size_t i = 0; i < count; i++)
        push(r, &(market_event){.kind = EVENT_HISTORY,
                                .symbol = symbol,
                                .interval = (uint8_t)interval,
                                .bar = bars[i],
                                .from_ms = from_ms});
    push_known(r, symbol, interval, from_ms, to_ms, 0);
}

static void on_loaded(void *context, const trader_set *set) {
    (void)set;
    ((replay *)context)->is_loaded = true;
}

static void on_barrier(void *context) { ((replay *)context)->has_passed = true; }
static void on_killed(void *context) { (void)context; } /* counted by the worker */
static void on_failed(void *context) { ((replay *)context)->failure = ERR_NO_MEMORY; }

static void wait_for(replay *r, const bool *flag) {
    while (r->failure == OK && !*flag) {
        screener_poll(r->screener);
        if (!*flag) wakeup_wait(r->wake, WAIT_MS);
    }
}

/* Everything pushed so far, and everything that was asked for on the way, has been evaluated. */
static void settle(replay *r) {
    uint64_t before;
    do {
        before = r->n_ranges;
        r->has_passed = false;
        if (r->failure == OK) r->failure = screener_barrier(r->screener);
        wait_for(r, &r->has_passed);
    } while (r->failure == OK && r->n_ranges != before);
}

/* A slower bar that should close now but is not on the tape is known to be missing at once. */
static void tell_missing(replay *r, uint32_t symbol, int32_t interval, int64_t close_ms, uint32_t mask) {
    for (int32_t i = interval + 1; i < N_INTERVALS; i++)
        if ((mask >> i & 1) && interval_floor(i, close_ms) == close_ms && !tape_has_close(r->tape, symbol, i, close_ms))
            push_known(r, symbol, i, 0, close_ms, close_ms);
}

/* Who is ranked must be known to have no bar at a close, or the others wait. */
static void tell_absent(replay *r, int32_t interval, int64_t close_ms) {
    for (uint32_t s = 0; s < r->n_symbols; s++)
        if (!tape_has_close(r->tape, s, interval, close_ms)) push_known(r, s, interval, 0, close_ms, 0);
}

static void feed(replay *r, uint32_t mask, int64_t from_ms, int64_t to_ms) {
    uint32_t ranked = trader_set_ranked(screener_traders(r->screener));
    int64_t told_ms[N_INTERVALS] = {0};
    uint32_t symbol;
    int32_t interval;
    uint64_t n = 0, n_ranked = 0;
    market_event event = {.kind = EVENT_BAR_CLOSED};
    tape_seek(r->tape, from_ms, to_ms);
    while (r->failure == OK && tape_next(r->tape, &symbol, &interval, &event.bar)) {
        event.symbol = symbol;
        event.interval = (uint8_t)interval;
        event.event_ms = interval_next(interval, event.bar.open_ms);
        push_known(r, symbol, interval, 0, event.bar.open_ms, 0); /* what the tape skipped does not exist */
        push(r, &event);
        if (ranked >> interval & 1 && event.event_ms > told_ms[interval]) {
            told_ms[interval] = event.event_ms;
            tell_absent(r, interval, event.event_ms);
            if (++n_ranked % SETTLE_EVERY == 0) settle(r);
        }
        tell_missing(r, symbol, interval, event.event_ms, mask);
        if (++n % POLL_EVERY == 0) screener_poll(r->screener);
        while (r->failure == OK && screener_backlog(r->screener) > 0) {
            screener_poll(r->screener);
            if (screener_backlog(r->screener) > 0) wakeup_wait(r->wake, WAIT_MS);
        }
    }
    r->report->n_bars = n;
    for (uint32_t s = 0; s < symbol_table_count(r->symbols); s++)
        for (int32_t i = 0; i < N_INTERVALS; i++)
            if (mask >> i & 1) push_known(r, s, i, 0, interval_floor(i, to_ms), 0);
    settle(r);
}

/* ---- results ---- */

static int by_time(const void *a, const void *b) {
    const signal_row *x = *(signal_row *const *)a, *y = *(signal_row *const *)b;
    int order;
    if (x->close_ms != y->close_ms) return x->close_ms < y->close_ms ? -1 : 1;
    if (x->interval != y->interval) return x->interval < y->interval ? -1 : 1;
    order = strcmp(x->symbol, y->symbol);
    return order ? order : strcmp(x->trader, y->trader);
}

static err give_signals(replay *r) {
    signal_row **rows;
    size_t n = 0;
    err e = OK;
    for (const pass *p = r->passes; p; p = p->next) n += p->n_signals;
    rows = malloc((n + 1) * sizeof *rows);
    if (!rows) return ERR_NO_MEMORY;
    n = 0;
    for (const pass *p = r->passes; p; p = p->next)
        for (uint32_t i = 0; i < p->n_signals; i++) rows[n++] = &p->signals[i];
    qsort(rows, n, sizeof *rows, by_time);
    for (size_t i = 0; i < n && e == OK; i++, r->report->n_signals++)
        if (r->options->on_signal) e = r->options->on_signal(r->options->context, rows[i]);
    free(rows);
    return e;
}

static void count_work(replay *r, int32_t n_sources) {
    const trader_set *set = screener_traders(r->screener);
    for (int32_t i = 0; i < screener_workers(r->screener); i++) {
        const worker_stats *s = screener_stats(r->screener, i);
        r->report->n_evaluations += atomic_load(&s->n_evaluations);
        r->report->n_warming += atomic_load(&s->n_warming);
        r->report->n_errors += atomic_load(&s->n_errors);
    }
    if (set) r->report->n_errors += (uint64_t)(n_sources - trader_set_running(set));
}

static err open_screener(replay *r, int32_t n_workers, diag *why) {
    const config *c = r->cfg;
    screener_config sc = {.n_workers = n_workers,
                          .symbols = r->symbols,
                          .limits = script_limits_from(c),
                          .max_errors_in_row = (int32_t)c->script_max_errors,
                          .waits_for_ranks = true,
                          .kline_history = (int32_t)c->kline_history,
                          .user = "local",
                          .market = venue_get(c->market)->name,
                          .submit = keep_pass,
                          .submit_context = r,
                          .notify = wake,
                          .notify_context = r};
    screener_handlers handlers = {.on_range = on_range,
                                  .on_loaded = on_loaded,
                                  .on_reference = on_reference,
                                  .on_killed = on_killed,
                                  .on_failed = on_failed,
                                  .on_barrier = on_barrier,
                                  .context = r};
    err e = screener_new(&sc, &handlers, &r->screener);
    if (e == OK) e = screener_start(r->screener);
    return e == OK ? OK : diag_set(why, e, "screener: %s", error_text(e));
}

/* The symbols that are asked for, and behind them those that traders refer to: these are fed and not evaluated. NULL without
 * memory; the texts are borrowed. */
static const char **names_on_tape(const replay_options *o, const trader_set *set, size_t *count) {
    size_t n = o->n_symbols, most = n + 1;
    const char **names;
    for (int32_t t = 0; t < set->count; t++) most += set->traders[t] ? (size_t)set->traders[t]->spec->n_references : 0;
    names = malloc(most * sizeof *names);
    for (size_t i = 0; names && i < n; i++) names[i] = o->symbols[i];
    for (int32_t t = 0; names && n > 0 && t < set->count; t++)
        for (int32_t k = 0; set->traders[t] && k < set->traders[t]->spec->n_references; k++) {
            size_t i = 0;
            while (i < n && strcmp(names[i], set->traders[t]->spec->references[k]) != 0) i++;
            if (i == n) names[n++] = set->traders[t]->spec->references[k];
        }
    *count = n;
    return names;
}

static err open_tape(replay *r, const trader_set *set, diag *why) {
    const replay_options *o = r->options;
    size_t n_names;
    const char **names = names_on_tape(o, set, &n_names);
    err e = names ? tape_open(o->data, names, n_names, trader_set_feeds(set), r->symbols, &r->tape, why)
                  : diag_set(why, ERR_NO_MEMORY, "out of memory");
    free(names);
    r->n_symbols = o->n_symbols ? (uint32_t)o->n_symbols : symbol_table_count(r->symbols);
    return e;
}

static err play(replay *r, diag *why) {
    const replay_options *o = r->options;
    const trader_set *set = screener_traders(r->screener);
    uint32_t mask = trader_set_feeds(set);
    int64_t first_ms, last_ms, from_ms, to_ms;
    err e = open_tape(r, set, why);
    if (e != OK) return e;
    tape_span(r->tape, &first_ms, &last_ms);
    from_ms = o->from_ms ? o->from_ms : first_ms;
    to_ms = o->to_ms ? o->to_ms : last_ms;
    screener_set_start(r->screener, from_ms);
    for (uint32_t s = 0; s < r->n_symbols && r->failure == OK; s++) r->failure = screener_track(r->screener, s);
    settle(r);
    feed(r, mask, from_ms, to_ms);
    return r->failure == OK ? OK : diag_set(why, r->failure, "replay: %s", error_text(r->failure));
}

err replay_run(const config *cfg, const replay_options *options, replay_report *report, diag *why) {
    replay r = {.cfg = cfg, .options = options, .report = report};
    trader_source **sources = NULL;
    int32_t n_sources = 0, n_failed = 0;
    int64_t started_ns = monotonic_ns();
    bool is_handed_over = false;
    err e;
    *report = (replay_report){0};
    pthread_mutex_init(&r.lock, NULL);
    e = trader_folder_read(options->traders, &sources, &n_sources, &n_failed, why);
    for (size_t i = 0; e == OK && i < options->n_inputs; i++)
        e = trader_folder_set_input(sources, n_sources, options->inputs[i], why);
    if (e == OK) e = wakeup_new(&r.wake);
    if (e == OK) e = symbol_table_new(&r.symbols);
    if (e == OK) e = open_screener(&r, (int32_t)options->workers, why);
    if (e == OK) {
        is_handed_over = true;
        e = screener_load(r.screener, sources, n_sources);
        if (e == OK) wait_for(&r, &r.is_loaded);
        if (e == OK && r.failure != OK)
            e = diag_set(why, r.failure, "the screener could not start; the log above says why");
        if (e == OK && trader_set_running(screener_traders(r.screener)) == 0)
            e = diag_set(why, ERR_SCRIPT, "%s: no trader could be loaded", options->traders);
    }
    if (e == OK) e = play(&r, why);
    if (r.screener) {
        (void)screener_stop(r.screener, 0);
        count_work(&r, n_sources + n_failed);
    }
    if (e == OK) e = give_signals(&r);
    report->seconds = (double)(monotonic_ns() - started_ns) / 1e9;
    while (r.passes) {
        pass *next = r.passes->next;
        pass_release(r.passes);
        r.passes = next;
    }
    for (int32_t i = 0; i < n_sources && !is_handed_over; i++) trader_source_free(sources[i]);
    if (!is_handed_over) free(sources);
    screener_free(r.screener);
    tape_free(r.tape);
    symbol_table_free(r.symbols);
    wakeup_free(r.wake);
    pthread_mutex_destroy(&r.lock);
    return e;
}
