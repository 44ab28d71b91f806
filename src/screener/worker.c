/* See worker.h.
 *
 *   inbox (events) ──► apply to the symbol's series ──► evaluate ──► submit(pass)
 *                                  │
 *                                  └─ a range is missing ──► notes ──► I/O thread ──► REST ──► inbox
 */
#include "screener/worker.h"
#include "base/clock.h"
#include "base/log.h"
#include "screener/evaluation.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTES = 4096, SWEEP_MS = 250, MEASURE_MS = 5000, BATCH = 256, REBUILDS_MAX = 1000 };

struct worker {
    const worker_shared *shared;
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
    trader_set *set;
    tracked *symbols[SYMBOL_MAX]; /* by id; NULL: not ours */
    uint32_t ids[SYMBOL_MAX];     /* ours, in the order of arrival */
    uint32_t n_ids;
    int64_t market_ms, swept_ms, measured_ms;
    bool has_failed;
};

err worker_new(int32_t index, const worker_shared *shared, worker **out) {
    worker *w = calloc(1, sizeof *w);
    err e = ERR_NO_MEMORY;
    if (!w) return e;
    w->index = index;
    w->shared = shared;
    e = queue_new(INBOX_EVENTS, sizeof(market_event), &w->inbox);
    if (e == OK) e = queue_new(NOTES, sizeof(note), &w->notes);
    if (e == OK) e = wakeup_new(&w->wake);
    if (e == OK) e = pass_pool_new(&w->passes);
    if (e == OK)
        *out = w;
    else
        worker_free(w);
    return e;
}

void worker_free(worker *w) {
    if (!w) return;
    for (uint32_t i = 0; i < w->n_ids; i++) tracked_free(w->symbols[w->ids[i]]);
    pass_pool_free(w->passes);
    wakeup_free(w->wake);
    queue_free(w->notes);
    queue_free(w->inbox);
    free(w);
}

queue *worker_inbox(worker *w) { return w->inbox; }
queue *worker_notes(worker *w) { return w->notes; }
void worker_wake(worker *w) { wakeup_notify(w->wake); }
void worker_ask_for_room(worker *w) { atomic_store(&w->wants_room, 1); }
const worker_stats *worker_get_stats(const worker *w) { return &w->stats; }

static void notify(worker *w) { w->shared->notify(w->shared->notify_context); }

/* The I/O thread never waits for a worker, so it empties the notes in any case. */
static void send(worker *w, const note *n) {
    while (!atomic_load(&w->drops_notes) && !queue_push(w->notes, n)) {
        notify(w);
        wakeup_wait(w->wake, 1);
    }
    notify(w);
}

static void fail(worker *w, const char *why) {
    if (!w->has_failed) {
        log_error("screener", "worker %d cannot go on: %s", w->index, why);
        send(w, &(note){.kind = NOTE_FAILED, .worker = w->index});
    }
    w->has_failed = true;
}

/* ---- the state ---- */

/* Compiles the set into a fresh state; a trader that is stopped while loading costs the state once more. */
static err make_state(worker *w) {
    diag why;
    for (int attempt = 0; attempt < REBUILDS_MAX; attempt++) {
        err e = script_state_new(w->shared->registry, w->guard, &w->shared->limits, &w->state, &why);
        if (e != OK) {
            fail(w, why.text);
            return e;
        }
        for (int32_t i = 0; w->set && i < w->set->count && e != ERR_RUNAWAY; i++) {
            if (trader_set_is_quarantined(w->set, i)) continue;
            e = script_state_load(w->state, i, w->set->sources[i], NULL, &why);
            if (e == OK) script_state_expect(w->state, i, w->set->specs[i]);
            if (e == OK) continue;
            int32_t guilty = e == ERR_RUNAWAY ? script_state_guilty(w->state) : i;
            trader_set_fault(w->set, guilty, "", 0, why.text, "", e == ERR_RUNAWAY, true);
            log_error("screener", "trader %s is quarantined: %s", w->set->specs[guilty]->key, why.text);
        }
        atomic_store_explicit(&w->stats.memory_bytes, (int64_t)script_state_memory(w->state), memory_order_relaxed);
        if (e != ERR_RUNAWAY) return OK;
        atomic_fetch_add(&w->stats.n_kills, 1);
        send(w, &(note){.kind = NOTE_KILLED, .worker = w->index});
        script_state_free(w->state);
        w->state = NULL;
    }
    fail(w, "its state could not be built");
    return ERR_RUNAWAY;
}

static void replace_state(worker *w) {
    script_state_free(w->state);
    w->state = NULL;
    (void)!make_state(w);
}

/* ---- symbols ---- */

static void send_wants(worker *w, tracked *t) {
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        timeframe *f = t->frames[i];
        if (!f || !f->wanted_to_ms || f->asked_to_ms) continue;
        f->asked_to_ms = f->wanted_to_ms;
        f->wanted_to_ms = 0;
        send(w, &(note){.kind = NOTE_RANGE,
                        .worker = w->index,
                        .symbol = t->id,
                        .interval = i,
                        .from_ms = kline_series_known_to(f->bars),
                        .to_ms = f->asked_to_ms});
    }
}

static void evaluate(worker *w, tracked *t, int64_t received_ns) {
    evaluation e = {.shared = w->shared,
                    .set = w->set,
                    .stats = &w->stats,
                    .pool = w->passes,
                    .worker = w->index,
                    .market_ms = w->market_ms,
                    .received_ns = received_ns};
    err result = ERR_RUNAWAY;
    while (w->state && result == ERR_RUNAWAY) {
        e.state = w->state;
        result = evaluation_run(&e, t);
        if (result != ERR_RUNAWAY) break;
        send(w, &(note){.kind = NOTE_KILLED, .worker = w->index, .symbol = t->id});
        replace_state(w);
    }
    if (result != OK && !w->has_failed) fail(w, error_text(result));
}

/* After bars have been applied: evaluate, let held bars in, ask for what is missing. */
static void settle(worker *w, tracked *t, int64_t received_ns) {
    bool moved = true;
    evaluate(w, t, received_ns);
    while (moved && !w->has_failed) {
        moved = false;
        for (int32_t i = 0; i < N_INTERVALS; i++) {
            timeframe *f = t->frames[i];
            int64_t n_before;
            if (!f || f->first_waiting == f->n_waiting) continue;
            n_before = f->n_closed;
            if (timeframe_drain(f, tracked_hold_ms(t, w->set, i)) != OK) fail(w, "out of memory");
            moved = moved || f->n_closed != n_before;
            t->is_waiting = t->is_waiting || f->first_waiting != f->n_waiting;
        }
        if (moved) evaluate(w, t, received_ns);
    }
    send_wants(w, t);
}

static void on_market(worker *w, const market_event *event, int64_t received_ns) {
    tracked *t = event->symbol < SYMBOL_MAX ? w->symbols[event->symbol] : NULL;
    timeframe *f = t && event->interval < N_INTERVALS ? t->frames[event->interval] : NULL;
    int64_t n_gaps, n_corrected, n_closed;
    bool may_fill;
    if (event->event_ms > w->market_ms) w->market_ms = event->event_ms;
    if (!f) return;
    n_gaps = f->n_gaps, n_corrected = f->n_corrected, n_closed = f->n_closed;
    may_fill = event->kind == EVENT_HISTORY || event->kind == EVENT_RANGE_DONE || f->n_waiting;
    if (timeframe_apply(f, event, may_fill ? tracked_hold_ms(t, w->set, event->interval) : INT64_MAX) != OK)
        fail(w, "out of memory");
    atomic_fetch_add_explicit(&w->stats.n_bars, (uint64_t)(f->n_closed - n_closed), memory_order_relaxed);
    atomic_fetch_add_explicit(&w->stats.n_gaps, (uint64_t)(f->n_gaps - n_gaps), memory_order_relaxed);
    atomic_fetch_add_explicit(&w->stats.n_corrected, (uint64_t)(f->n_corrected - n_corrected), memory_order_relaxed);
    if (event->kind == EVENT_BAR_FORMING)
        send_wants(w, t);
    else
        settle(w, t, received_ns);
}

static void track(worker *w, uint32_t id) {
    evaluation e = {.shared = w->shared,
                    .set = w->set,
                    .stats = &w->stats,
                    .pool = w->passes,
                    .worker = w->index,
                    .received_ns = monotonic_ns()};
    if (id >= SYMBOL_MAX || w->symbols[id] || !w->set) return;
    if (tracked_new(id, symbol_table_get(w->shared->symbols, id), w->shared->registry, w->set, &w->shared->policy,
                    &w->symbols[id]) != OK) {
        w->symbols[id] = NULL;
        fail(w, "out of memory");
        return;
    }
    w->ids[w->n_ids++] = id;
    atomic_store(&w->stats.n_symbols, (int32_t)w->n_ids);
    if (evaluation_announce(&e, w->symbols[id]) != OK) fail(w, "out of memory");
    send_wants(w, w->symbols[id]);
}

/* ---- control ---- */

/* Compiles one trader of the job; the state is gone when it was over a limit, and another trader than this one may be
 * to blame: then that one has failed, and this one has still to be compiled. */
static bool compile_one(worker *w, compile_job *job, int32_t index, script_state **state) {
    diag why;
    int32_t guilty = index;
    err e =
        *state ? OK : script_state_new(w->shared->registry, w->guard, &w->shared->limits, state, &job->diags[index]);
    if (e != OK) return true;
    job->specs[index] = NULL;
    e = script_state_load(*state, index, job->sources[index], &job->specs[index], &why);
    if (e == OK) return true;
    if (script_state_is_dead(*state)) {
        guilty = script_state_guilty(*state);
        script_state_free(*state);
        *state = NULL;
    }
    trader_spec_free(job->specs[guilty]);
    job->specs[guilty] = NULL;
    job->diags[guilty] = why;
    return guilty == index;
}

/* All in one state, as they will run, until one of them costs it its life. */
static void compile(worker *w, compile_job *job) {
    script_state *state = NULL;
    for (int32_t i = 0; i < job->count; i++)
        while (!compile_one(w, job, i, &state)) continue;
    script_state_free(state);
    send(w, &(note){.kind = NOTE_COMPILED, .worker = w->index, .job = job});
}

static void on_control(worker *w, control *c) {
    switch (c->kind) {
    case CONTROL_COMPILE: compile(w, c->job); break;
    case CONTROL_INSTALL:
        w->set = c->set;
        replace_state(w);
        send(w, &(note){.kind = NOTE_INSTALLED, .worker = w->index});
        break;
    case CONTROL_TRACK: track(w, c->symbol); break;
    case CONTROL_BARRIER: send(w, &(note){.kind = NOTE_BARRIER, .worker = w->index}); break;
    }
    free(c);
}

/* What the symbols cost. */
static void measure(worker *w, int64_t now_ms) {
    size_t bytes = 0;
    int64_t n = 0;
    if (w->measured_ms && now_ms - w->measured_ms < MEASURE_MS) return;
    w->measured_ms = now_ms;
    for (uint32_t k = 0; k < w->n_ids; k++)
        for (int32_t i = 0; i < N_INTERVALS; i++) {
            const timeframe *f = w->symbols[w->ids[k]]->frames[i];
            if (!f) continue;
            bytes += kline_series_bytes(f->bars) + indicator_set_bytes(f->set);
            n += indicator_set_count(f->set);
        }
    atomic_store_explicit(&w->stats.market_bytes, (int64_t)bytes, memory_order_relaxed);
    atomic_store_explicit(&w->stats.n_indicators, n, memory_order_relaxed);
}

/* Symbols that wait for something: time alone may have made it due (the grace of a missing bar). */
static void sweep(worker *w) {
    int64_t now_ms = monotonic_ms();
    if (now_ms - w->swept_ms < SWEEP_MS) return;
    w->market_ms += w->market_ms && w->swept_ms ? now_ms - w->swept_ms : 0;
    w->swept_ms = now_ms;
    measure(w, now_ms);
    for (uint32_t i = 0; i < w->n_ids; i++)
        if (w->symbols[w->ids[i]]->is_waiting) settle(w, w->symbols[w->ids[i]], monotonic_ns());
}

static void *run(void *arg) {
    worker *w = arg;
    market_event event;
    char name[16];
    snprintf(name, sizeof name, "worker-%d", w->index);
    pthread_setname_np(pthread_self(), name);
    if (guard_attach(w->shared->dog, &w->guard) != OK) fail(w, "no guard");
    for (;;) {
        bool is_last = atomic_load(&w->is_finishing); /* read first: what was pushed before it is in the inbox */
        int n = 0;
        for (; n < BATCH && queue_pop(w->inbox, &event); n++) {
            if (event.kind == EVENT_CONTROL)
                on_control(w, event.control);
            else
                on_market(w, &event, monotonic_ns());
        }
        atomic_fetch_add_explicit(&w->stats.n_events, (uint64_t)n, memory_order_relaxed);
        if (atomic_load_explicit(&w->wants_room, memory_order_relaxed) && queue_length(w->inbox) < INBOX_EVENTS / 2 &&
            atomic_exchange(&w->wants_room, 0))
            notify(w);
        if (n == BATCH) {
            w->swept_ms = monotonic_ms(); /* time runs with the events while there are any */
            continue;
        }
        if (n == 0 && is_last) break;
        if (n == 0 && !wakeup_wait(w->wake, SWEEP_MS)) sweep(w);
    }
    script_state_free(w->state);
    w->state = NULL;
    guard_detach(w->guard);
    return NULL;
}

err worker_start(worker *w) {
    if (pthread_create(&w->thread, NULL, run, w) != 0) return ERR_IO;
    w->is_started = true;
    return OK;
}

void worker_stop(worker *w) { atomic_store(&w->drops_notes, 1); }

void worker_finish(worker *w) {
    atomic_store(&w->is_finishing, 1);
    wakeup_notify(w->wake);
    if (w->is_started) pthread_join(w->thread, NULL);
    w->is_started = false;
}
