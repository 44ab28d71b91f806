/* See worker.h.
 *
 *   inbox (events) ──► apply to the symbol's series ──► evaluate ──► submit(pass)
 *                                  │
 *                                  └─ a range is missing ──► notes ──► I/O thread ──► REST ──► inbox
 */
#include "screener/worker.h"
#include "base/clock.h"
#include "base/log.h"
#include "screener/audit.h"
#include "screener/batch.h"
#include "screener/evaluation.h"
#include "screener/tracked_restore.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTES = 4096, SWEEP_MS = 250, LEAVE_MS = 1, MEASURE_MS = 5000, BATCH = 256, FAR_AFTER_NS = 5000000 };

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
    uint32_t ticking[SYMBOL_MAX]; /* symbols with a forming bar to look at, once nothing else is to be done */
    uint32_t n_ticking;
    uint32_t tick_intervals;      /* bit per interval of some trader with on = "tick" */
    tracked *leaving[SYMBOL_MAX]; /* given up; they go once storage has their last passes */
    uint32_t n_leaving;
    uint64_t n_inquiries;
    int64_t market_ms, swept_ms, measured_ms;
    int64_t heard_ms, heard_ns; /* newest event time, and the monotonic time at which it was taken */
    int64_t watch_ms;           /* market time before which no bar is missing and nothing is to be read again */
    uint32_t n_far;             /* events to come that find the memory of their symbols far away */
    int64_t as_of_ms; /* market time of what is being evaluated: of its event, which may have been held on its way */
    batch batch;      /* applied, not evaluated yet */
    bool has_failed;
};

err worker_new(int32_t index, worker_shared *shared, worker **out) {
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
    note n;
    if (!w) return;
    while (w->notes && queue_pop(w->notes, &n)) {
        if (n.kind == NOTE_RELEASED) tracked_free(n.tracked);
        if (n.kind == NOTE_UNTRACKED) memory_free(n.kept);
        if (n.kind == NOTE_SAVED) saved_symbol_free(n.saved);
    }
    for (uint32_t i = 0; i < w->n_ids; i++) tracked_free(w->symbols[w->ids[i]]);
    for (uint32_t i = 0; i < w->n_leaving; i++) tracked_free(w->leaving[i]);
    for (uint32_t i = 0; i < w->n_copies; i++) tracked_free(w->symbols[w->copies[i]]);
    free(w->loaded);
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
static bool send(worker *w, const note *n) {
    bool is_sent = false;
    while (!atomic_load(&w->drops_notes) && !(is_sent = queue_push(w->notes, n))) {
        notify(w);
        wakeup_wait(w->wake, 1);
    }
    notify(w);
    return is_sent;
}

void worker_say(void *context, int32_t place, const rank_word *word) {
    worker *w = context;
    send(w, &(note){.kind = NOTE_WORD, .worker = w->index, .who = w->set->traders[place], .word = *word});
}

static void fail(worker *w, const char *why) {
    if (!w->has_failed) {
        log_error("screener", "worker %d cannot go on: %s", w->index, why);
        send(w, &(note){.kind = NOTE_FAILED, .worker = w->index});
    }
    w->has_failed = true;
}

/* ---- the state ---- */

/* A fresh state. Traders are compiled when they first run. */
static void replace_state(worker *w) {
    diag why;
    err e;
    script_state_free(w->state);
    w->state = NULL;
    for (int32_t i = 0; w->set && i < w->set->count; i++) w->loaded[i] = NULL;
    e = script_state_new(w->shared->registry, w->guard, &w->shared->limits, &w->state, &why);
    if (e != OK) fail(w, why.text);
}

/* ---- symbols ---- */

/* Like no other worker's. */
static uint64_t next_inquiry(worker *w) { return ++w->n_inquiries * WORKERS_MAX + (uint64_t)w->index; }

static void send_wants(worker *w, tracked *t) {
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        timeframe *f = t->frames[i];
        note n = {.kind = NOTE_RANGE, .worker = w->index, .symbol = t->id, .interval = i};
        if (!f || !f->wanted_to_ms || f->asked_to_ms) continue;
        n.inquiry = next_inquiry(w);
        if (timeframe_take_want(f, n.inquiry, &n.from_ms, &n.to_ms)) send(w, &n);
    }
}

static evaluation begin_evaluation(worker *w, int64_t received_ns) {
    return (evaluation){.shared = w->shared,
                        .set = w->set,
                        .state = w->state,
                        .loaded = w->loaded,
                        .stats = &w->stats,
                        .pool = w->passes,
                        .symbols = w->symbols,
                        .say_context = w,
                        .worker = w->index,
                        .market_ms = w->as_of_ms,
                        .received_ns = received_ns};
}

/* The state was killed: evaluations go on with another one. False: not with this result, or there is none. */
static bool goes_on(worker *w, err result) {
    if (result == ERR_RUNAWAY) {
        send(w, &(note){.kind = NOTE_KILLED, .worker = w->index});
        replace_state(w);
    }
    if (result != OK && result != ERR_RUNAWAY && !w->has_failed) fail(w, error_text(result));
    return result == ERR_RUNAWAY && w->state;
}

static void evaluate_all(worker *w, evaluation *all, tracked *const *symbols, int32_t n) {
    err result = w->state ? ERR_RUNAWAY : OK;
    while (result == ERR_RUNAWAY) {
        for (int32_t i = 0; i < n; i++) all[i].state = w->state;
        result = evaluation_run(all, symbols, n);
        if (!goes_on(w, result)) break;
    }
}

static void evaluate(worker *w, tracked *t, int64_t received_ns) {
    evaluation e = begin_evaluation(w, received_ns);
    evaluate_all(w, &e, &t, 1);
}

static void evaluate_forming(worker *w, tracked *t, int32_t interval, int64_t received_ns) {
    evaluation e = begin_evaluation(w, received_ns);
    while (w->state) {
        e.state = w->state;
        if (!goes_on(w, evaluation_tick(&e, t, interval))) break;
    }
}

static void send_copies_wants(worker *w) {
    for (uint32_t k = 0; k < w->n_copies; k++) send_wants(w, w->symbols[w->copies[k]]);
}

/* Something has happened to the series: it may be due before all others. */
static void note_due(worker *w, const timeframe *f) {
    int64_t due_ms = timeframe_due_ms(f);
    if (f->asked_to_ms || f->wanted_to_ms) due_ms = INT64_MAX;
    if (f->audit_ms && f->audit_ms < due_ms) due_ms = f->audit_ms;
    if (due_ms < w->watch_ms) w->watch_ms = due_ms;
}

/* From which bar on to wait. Past bars come in bulk, and fill a gap that others wait behind. */
static int64_t hold_for(const worker *w, const tracked *t, int32_t interval, bool is_past) {
    const timeframe *f = t->frames[interval];
    return is_past || f->asked_to_ms || f->wanted_to_ms ? tracked_hold_ms(t, w->set, interval)
                                                        : tracked_hold_live_ms(t, w->set, interval);
}

/* After an evaluation: let held bars in, ask for what is missing. */
static void follow(worker *w, tracked *t, int64_t received_ns) {
    bool moved = true;
    while (moved && !w->has_failed) {
        moved = false;
        for (int32_t i = 0; i < N_INTERVALS; i++) {
            timeframe *f = t->frames[i];
            int64_t n_before;
            if (!f || f->first_waiting == f->n_waiting) continue;
            n_before = f->n_closed;
            /* There may be more of them than a window holds, whatever the last event was. */
            if (timeframe_drain(f, tracked_hold_ms(t, w->set, i)) != OK) fail(w, "out of memory");
            moved = moved || f->n_closed != n_before;
            note_due(w, f);
            t->is_waiting = t->is_waiting || f->first_waiting != f->n_waiting;
        }
        if (moved) evaluate(w, t, received_ns);
    }
    send_wants(w, t);
    if (t->is_waiting) send_copies_wants(w);
}

/* After bars have been applied. */
static void settle(worker *w, tracked *t, int64_t received_ns) {
    evaluate(w, t, received_ns);
    follow(w, t, received_ns);
}

/* What the symbol costs, for whoever spreads the symbols over the workers. */
static void charge(worker *w, const tracked *t, int64_t spent_ns) {
    _Atomic int64_t *cost = &w->shared->cost_ns[t->id];
    atomic_store_explicit(cost, atomic_load_explicit(cost, memory_order_relaxed) + spent_ns, memory_order_relaxed);
    atomic_store_explicit(&w->stats.busy_ns, atomic_load_explicit(&w->stats.busy_ns, memory_order_relaxed) + spent_ns,
                          memory_order_relaxed);
}

static void charge_since(worker *w, const tracked *t, int64_t start_ns) { charge(w, t, monotonic_ns() - start_ns); }

/* What waits in the batch is evaluated. */
static void evaluate_batch(worker *w) {
    evaluation all[EVALUATIONS_MAX];
    tracked *symbols[EVALUATIONS_MAX] = {NULL};
    int32_t n = w->batch.count;
    if (n == 0) return;
    w->batch.count = 0;
    for (int32_t i = 0; i < n; i++) {
        const batch_item *item = &w->batch.items[i];
        w->as_of_ms = item->as_of_ms;
        all[i] = begin_evaluation(w, item->received_ns);
        all[i].spent_ns = item->spent_ns;
        symbols[i] = item->symbol;
    }
    evaluate_all(w, all, symbols, n);
    for (int32_t i = 0; i < n; i++) {
        w->as_of_ms = all[i].market_ms;
        follow(w, symbols[i], all[i].received_ns);
        charge(w, symbols[i], all[i].spent_ns);
    }
}

static tracked_policy policy_for(const worker *w, const control *c) {
    tracked_policy p = w->shared->policy;
    p.start_ms = c->start_ms;
    p.memory = c->memory;
    p.skips_late_bars = p.skips_late_bars || c->skips_late_bars;
    return p;
}

/* ---- snapshots ---- */

saved_symbol *worker_save(worker *w, uint32_t symbol) {
    const tracked *t = symbol < SYMBOL_MAX ? w->symbols[symbol] : NULL;
    int64_t began_ns = monotonic_ns();
    saved_symbol *saved = NULL;
    char name[SYMBOL_BYTES];
    if (!t) return NULL;
    snprintf(name, sizeof name, "%s", t->symbol->name);
    if (!t->standings) tracked_copy_name(t, name);
    if (saved_symbol_write(name, t->frames, &saved) != OK) return NULL;
    began_ns = monotonic_ns() - began_ns;
    if (began_ns > atomic_load(&w->stats.save_ns)) atomic_store(&w->stats.save_ns, began_ns);
    return saved;
}

static void save(worker *w, uint32_t symbol) {
    note n = {.kind = NOTE_SAVED, .worker = w->index, .symbol = symbol, .saved = worker_save(w, symbol)};
    if (!send(w, &n)) saved_symbol_free(n.saved);
}

/* What an earlier run has written down of the symbol; without memory, or if it cannot be read, its history is fetched. */
static const snapshot *unpack(const control *c, saved_symbol **bytes, snapshot *out) {
    err e = c->saved ? saved_symbol_unpack(c->saved, bytes) : ERR_NOT_FOUND;
    if (e == OK) e = snapshot_open((*bytes)->data, (*bytes)->bytes, out);
    if (e == OK) return out;
    if (c->saved) log_error("snapshot", "symbol %u: %s; its history is fetched", c->symbol, error_text(e));
    return NULL;
}

/* ---- references ---- */

/* Bars of a copy that open at or after this would push bars out that some symbol's trader must still see beside its own. */
static int64_t copy_hold_ms(const worker *w, const tracked *copy, int32_t interval, bool is_past) {
    const timeframe *f = copy->frames[interval];
    bool is_live = !is_past && !f->asked_to_ms && !f->wanted_to_ms;
    int64_t hold = INT64_MAX;
    for (uint32_t k = 0; k < w->n_ids; k++) {
        int64_t ms = tracked_hold_copy_ms(w->symbols[w->ids[k]], w->set, copy, interval, is_live);
        if (ms < hold) hold = ms;
    }
    return hold;
}

static void settle_waiting(worker *w, int64_t received_ns) {
    for (uint32_t k = 0; k < w->n_ids; k++)
        if (w->symbols[w->ids[k]]->is_waiting) settle(w, w->symbols[w->ids[k]], received_ns);
}

/* True: bars that had to wait have been taken in. */
static bool drain_copy(worker *w, tracked *copy) {
    bool moved = false;
    for (int32_t i = 0; i < N_INTERVALS && !w->has_failed; i++) {
        timeframe *f = copy->frames[i];
        int64_t n_before;
        if (!f || f->first_waiting == f->n_waiting) continue;
        n_before = f->n_closed;
        if (timeframe_drain(f, copy_hold_ms(w, copy, i, false)) != OK) fail(w, "out of memory");
        moved = moved || f->n_closed != n_before;
        note_due(w, f);
    }
    return moved;
}

/* A bar of a copy has come: whoever waits for it goes on, which may make room for its next bars. */
static void settle_copy(worker *w, tracked *copy, int64_t received_ns) {
    do settle_waiting(w, received_ns);
    while (drain_copy(w, copy));
    send_wants(w, copy);
}

/* Symbols that have moved on may have made room for bars of copies that had to wait, whatever moved them. */
static void let_copies_on(worker *w) {
    bool moved = w->n_copies > 0;
    while (moved) {
        moved = false;
        for (uint32_t k = 0; k < w->n_copies; k++) {
            if (!drain_copy(w, w->symbols[w->copies[k]])) continue;
            settle_copy(w, w->symbols[w->copies[k]], monotonic_ns());
            moved = true;
        }
    }
}

/* Bars of a copy were corrected: signals that have seen them are marked. */
static void tell_corrections(worker *w, tracked *copy, int32_t interval) {
    for (uint32_t k = 0; k < w->n_ids; k++) {
        tracked *t = w->symbols[w->ids[k]];
        evaluation e = begin_evaluation(w, monotonic_ns());
        bool concerns_it;
        if (evaluation_revise(&e, t, copy, interval, &concerns_it) != OK) fail(w, "out of memory");
        if (!concerns_it) continue;
        evaluate_all(w, &e, &t, 1);
        follow(w, t, monotonic_ns());
    }
    timeframe_forget_corrections(copy->frames[interval]);
}

static void copy_reference(worker *w, const control *c) {
    tracked_policy policy = policy_for(w, c);
    evaluation e = begin_evaluation(w, monotonic_ns());
    tracked *t = w->symbols[c->symbol];
    saved_symbol *bytes = NULL;
    snapshot saved;
    err result;
    if (t || !w->set || w->n_copies == REFERENCE_SYMBOLS_MAX) return;
    policy.saved = unpack(c, &bytes, &saved);
    result = tracked_new_copy(c->symbol, c->info, w->shared->registry, w->set, &policy, &t);
    saved_symbol_free(bytes);
    if (result == OK) {
        w->symbols[c->symbol] = t;
        w->copies[w->n_copies++] = c->symbol;
        w->watch_ms = 0;
        for (int32_t i = 0; i < N_INTERVALS;
             i++) /* that of a later worker begins in the past: the stream has gone on */
            if (t->frames[i]) timeframe_want(t->frames[i], interval_floor(i, w->market_ms));
        result = evaluation_tell_copy(&e, t);
    }
    if (result != OK) {
        fail(w, "out of memory");
        return;
    }
    send_wants(w, t);
}

/* ---- ticks and ranks ---- */

static void note_tick(worker *w, tracked *t, int32_t interval) {
    if (w->shared->tick_ms <= 0 || !(w->tick_intervals >> interval & 1)) return;
    if (t->ticked_ms[interval] && w->market_ms < t->ticked_ms[interval] + w->shared->tick_ms) return;
    if (!t->ticks_due) w->ticking[w->n_ticking++] = t->id;
    t->ticks_due |= 1u << interval;
}

/* Closed bars go first: forming ones are looked at when nothing else waits, as they stand then. */
static void look_at_ticks(worker *w) {
    for (uint32_t k = 0; k < w->n_ticking; k++) {
        tracked *t = w->symbols[w->ticking[k]];
        int64_t now_ns = monotonic_ns();
        for (uint32_t rest = t ? t->ticks_due : 0; rest; rest &= rest - 1) {
            int32_t i = __builtin_ctz(rest);
            t->ticked_ms[i] = w->market_ms;
            evaluate_forming(w, t, i, now_ns);
        }
        if (t) t->ticks_due = 0;
        if (t) charge_since(w, t, now_ns);
    }
    w->n_ticking = 0;
}

static void place(worker *w, const control *c) {
    tracked *t = w->symbols[c->symbol];
    standing *s = t && c->place < t->n_standings ? &t->standings[c->place] : NULL;
    int64_t now_ns = monotonic_ns();
    if (!s || !s->rank || trader_set_at(w->set, c->place) != c->who || s->scored_ms != c->close_ms) return;
    w->as_of_ms = c->close_ms; /* late for the sake of its own bar it is no more; for missing ones it may be */
    *s->rank = c->rank;
    s->ranked_ms = c->close_ms;
    settle(w, t, now_ns);
    charge_since(w, t, now_ns);
}

/* ---- bars that do not come, and bars that are read again ---- */

/* What REST has filled in is read again soon. */
static void plan_audit(worker *w, const tracked *t, timeframe *f, bool has_filled) {
    int64_t soon_ms = w->market_ms + AUDIT_SOON_MS;
    uint64_t which = (uint64_t)t->id * N_INTERVALS + (uint64_t)kline_series_interval(f->bars);
    if (w->shared->audit_period_ms <= 0 || !f->has_loaded || !w->shared->watches_closes) return;
    if (!f->audit_ms)
        f->audit_ms = audit_next_ms(w->shared->audit_period_ms, which, w->market_ms);
    else if (has_filled && soon_ms < f->audit_ms)
        f->audit_ms = soon_ms;
}

static void audit(worker *w, const tracked *t, int32_t interval) {
    timeframe *f = t->frames[interval];
    note n = {.kind = NOTE_RANGE, .worker = w->index, .symbol = t->id, .interval = interval, .is_audit = true};
    audit_range range;
    f->audit_ms =
        audit_next_ms(w->shared->audit_period_ms, (uint64_t)t->id * N_INTERVALS + (uint64_t)interval, w->market_ms);
    if (!audit_plan(interval, f->audited_to_ms, kline_series_known_to(f->bars), w->market_ms, &range)) return;
    f->audited_to_ms = range.to_ms;
    n.inquiry = next_inquiry(w);
    n.from_ms = range.from_ms;
    n.to_ms = range.to_ms;
    f->n_audits++;
    atomic_fetch_add_explicit(&w->stats.n_audits, 1, memory_order_relaxed);
    send(w, &n);
}

/* Asks for what the symbol lacks by now; when the next is due. */
static int64_t watch_symbol(worker *w, tracked *t) {
    int64_t next_ms = INT64_MAX;
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        timeframe *f = t->frames[i];
        if (!f) continue;
        if (w->market_ms > f->market_ms) f->market_ms = w->market_ms;
        (void)timeframe_watch(f, w->market_ms);
    }
    send_wants(w, t);
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        timeframe *f = t->frames[i];
        int64_t due_ms = INT64_MAX;
        if (!f) continue;
        if (f->audit_ms && f->audit_ms <= w->market_ms) audit(w, t, i); /* behind what is missing */
        if (!f->asked_to_ms && !f->wanted_to_ms && f->first_waiting == f->n_waiting) due_ms = timeframe_due_ms(f);
        if (f->audit_ms && f->audit_ms < due_ms) due_ms = f->audit_ms;
        if (due_ms < next_ms) next_ms = due_ms;
    }
    return next_ms;
}

/* All series are looked at when the earliest is due, which is some seconds after the closes of a minute as a rule. */
static void watch(worker *w) {
    int64_t next_ms = INT64_MAX;
    if (!w->shared->watches_closes || w->market_ms < w->watch_ms) return;
    for (uint32_t k = 0; k < w->n_ids + w->n_copies; k++) {
        uint32_t id = k < w->n_ids ? w->ids[k] : w->copies[k - w->n_ids];
        int64_t due_ms = watch_symbol(w, w->symbols[id]);
        if (due_ms < next_ms) next_ms = due_ms;
    }
    w->watch_ms = next_ms > w->market_ms ? next_ms : w->market_ms + SWEEP_MS;
}

/* The worker is the only writer: no locked instruction needed, and as a rule one of them has changed. */
static void count(_Atomic uint64_t *counter, int64_t before, int64_t now) {
    if (now != before)
        atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + (uint64_t)(now - before),
                              memory_order_relaxed);
}

typedef struct frame_counts {
    int64_t n_closed, n_gaps, n_corrected, n_by_rest, n_refused;
} frame_counts;

static frame_counts counts_of(const timeframe *f) {
    return (frame_counts){f->n_closed, f->n_gaps, f->n_corrected, f->n_by_rest, f->n_refused};
}

static void count_frame(worker *w, const timeframe *f, const frame_counts *before) {
    worker_stats *s = &w->stats;
    count(&s->n_bars, before->n_closed, f->n_closed);
    count(&s->n_gaps, before->n_gaps, f->n_gaps);
    count(&s->n_corrected, before->n_corrected, f->n_corrected);
    count(&s->n_by_rest, before->n_by_rest, f->n_by_rest);
    count(&s->n_refused, before->n_refused, f->n_refused);
}

/* What time it is on the market: carried on by the monotonic clock until more is heard. */
static void hear(worker *w, int64_t market_ms, int64_t now_ns) {
    if (market_ms <= w->heard_ms) return;
    w->heard_ms = market_ms;
    w->heard_ns = now_ns;
    if (market_ms > w->market_ms) w->market_ms = market_ms;
}

static void on_market(worker *w, const market_event *event, int64_t received_ns) {
    tracked *t = event->symbol < SYMBOL_MAX ? w->symbols[event->symbol] : NULL;
    timeframe *f = t && event->interval < N_INTERVALS ? t->frames[event->interval] : NULL;
    int64_t hold_ms;
    frame_counts before;
    bool is_past, joins = f && batch_admits(&w->batch, t, f, event);
    if (f && !joins && event->kind != EVENT_BAR_FORMING) evaluate_batch(w);
    hear(w, event->event_ms, received_ns);
    w->as_of_ms = event->event_ms ? event->event_ms : w->market_ms;
    if (!f) return;
    before = counts_of(f);
    if (w->market_ms > f->market_ms) f->market_ms = w->market_ms;
    is_past = event->kind == EVENT_HISTORY || event->kind == EVENT_RANGE_DONE;
    hold_ms = t->standings ? hold_for(w, t, event->interval, is_past) : copy_hold_ms(w, t, event->interval, is_past);
    if (timeframe_apply(f, event, hold_ms) != OK) fail(w, "out of memory");
    if (!t->standings) {
        plan_audit(w, t, f, f->n_by_rest != before.n_by_rest);
        note_due(w, f);
        if (f->corrected_from_ms) tell_corrections(w, t, event->interval);
        settle_copy(w, t, received_ns);
        return;
    }
    count_frame(w, f, &before);
    if (event->kind == EVENT_BAR_FORMING) {
        note_tick(w, t, event->interval);
        send_wants(w, t);
        return;
    }
    plan_audit(w, t, f, f->n_by_rest != before.n_by_rest);
    note_due(w, f);
    if (joins) {
        batch_add(&w->batch, t, event, received_ns, monotonic_ns());
        if (batch_is_full(&w->batch)) evaluate_batch(w);
        return;
    }
    settle(w, t, received_ns);
    charge_since(w, t, received_ns);
}

static void add(worker *w, tracked *t) {
    w->symbols[t->id] = t;
    w->ids[w->n_ids++] = t->id;
    w->watch_ms = 0;
    atomic_store(&w->stats.n_symbols, (int32_t)w->n_ids);
}

/* Tells storage where traders begin, and asks for the bars that they need. */
static void announce(worker *w, evaluation *e, tracked *t) {
    if (evaluation_announce(e, t) != OK) fail(w, "out of memory");
    send_wants(w, t);
}

/* Bars that came with it may be ahead of what storage knows: what is behind them is evaluated now. */
static void take_up(worker *w, tracked *t, int64_t start_ms) {
    atomic_fetch_add(&w->stats.n_restored, t->n_restored);
    if (tracked_bind(t, w->shared->registry, w->set, w->symbols) != OK) fail(w, "out of memory");
    tracked_restore_end(t);
    if (w->market_ms < start_ms) w->market_ms = start_ms;
    w->as_of_ms = w->market_ms;
}

static void track(worker *w, const control *c) {
    tracked_policy policy = policy_for(w, c);
    saved_symbol *bytes = NULL;
    snapshot saved;
    evaluation e;
    tracked *t;
    err result;
    if (c->symbol >= SYMBOL_MAX || w->symbols[c->symbol] || !w->set) return;
    policy.saved = unpack(c, &bytes, &saved);
    result = tracked_new(c->symbol, symbol_table_get(w->shared->symbols, c->symbol), w->shared->registry, w->set,
                         &policy, &t);
    saved_symbol_free(bytes);
    if (result != OK) {
        fail(w, "out of memory");
        return;
    }
    add(w, t);
    if (t->n_restored) take_up(w, t, c->start_ms);
    e = begin_evaluation(w, monotonic_ns());
    announce(w, &e, t);
    if (t->n_restored) settle(w, t, monotonic_ns());
    atomic_fetch_add(&w->stats.n_begun, 1);
}

/* ---- control ---- */

static bool make_room(worker *w, int32_t count) {
    trader **loaded = realloc(w->loaded, ((size_t)count + 1) * sizeof(trader *));
    if (!loaded) {
        fail(w, "out of memory");
        return false;
    }
    w->loaded = loaded;
    return true;
}

/* An added trader joins the state. One that is edited or removed leaves its code behind, so the state is made anew. */
static void install(worker *w, const control *c) {
    const trader_set *before = w->set;
    tracked_policy policy = policy_for(w, c);
    int32_t n_before = before ? before->count : 0;
    bool has_left = !w->state;
    if (!make_room(w, c->set->count)) return;
    for (int32_t i = n_before; i < c->set->count; i++) w->loaded[i] = NULL;
    for (int32_t i = 0; i < n_before; i++)
        has_left = has_left || (before->traders[i] && before->traders[i] != trader_set_at(c->set, i));
    w->set = c->set;
    w->as_of_ms = w->market_ms;
    w->watch_ms = 0;
    w->tick_intervals = 0;
    for (int32_t i = 0; i < w->set->count; i++)
        if (w->set->traders[i] && w->set->traders[i]->spec->on == ON_TICK)
            w->tick_intervals |= 1u << w->set->traders[i]->spec->interval;
    if (has_left) replace_state(w);
    for (uint32_t k = 0; k < w->n_copies; k++) {
        tracked *copy = w->symbols[w->copies[k]];
        evaluation e = begin_evaluation(w, monotonic_ns());
        if (tracked_install_copy(copy, w->shared->registry, w->set, &policy) != OK ||
            evaluation_tell_copy(&e, copy) != OK)
            fail(w, "out of memory");
        send_wants(w, copy);
    }
    for (uint32_t k = 0; k < w->n_ids; k++) {
        tracked *t = w->symbols[w->ids[k]];
        evaluation e = begin_evaluation(w, monotonic_ns());
        e.set = before;
        if (evaluation_withdraw(&e, t, w->set) != OK) fail(w, "out of memory");
        e.set = w->set;
        if (tracked_install(t, w->shared->registry, before, w->set, &policy) != OK) fail(w, "out of memory");
        announce(w, &e, t);
    }
    for (uint32_t k = 0; k < w->n_ids; k++) settle(w, w->symbols[w->ids[k]], monotonic_ns());
    send(w, &(note){.kind = NOTE_INSTALLED, .worker = w->index, .set = w->set});
}

/* It is ours no more; it leaves with let_go. */
static void give_up(worker *w, tracked *t) {
    uint32_t at = 0;
    while (w->ids[at] != t->id) at++;
    w->ids[at] = w->ids[--w->n_ids];
    w->symbols[t->id] = NULL;
    atomic_store(&w->stats.n_symbols, (int32_t)w->n_ids);
    if (tracked_unbind(t) != OK) fail(w, "out of memory");
    t->ticks_due = 0;
    w->leaving[w->n_leaving++] = t;
}

static void release(worker *w, uint32_t id) {
    if (w->symbols[id])
        give_up(w, w->symbols[id]);
    else
        send(w, &(note){.kind = NOTE_RELEASED, .worker = w->index, .symbol = id});
}

/* All that came before is evaluated. What waits (for a gap to be filled, a reference, a rank) is owed, as at a stop. */
static void untrack(worker *w, uint32_t id) {
    tracked *t = w->symbols[id];
    evaluation e;
    if (!t) {
        send(w, &(note){.kind = NOTE_UNTRACKED, .worker = w->index, .symbol = id});
        return;
    }
    w->as_of_ms = w->market_ms;
    settle(w, t, monotonic_ns());
    e = begin_evaluation(w, monotonic_ns());
    if (evaluation_withdraw(&e, t, NULL) != OK || evaluation_announce(&e, t) != OK || tracked_keep(t, w->set) != OK)
        fail(w, "out of memory");
    give_up(w, t);
}

/* Hands over what has been given up, once nothing that this worker has said of it can be overtaken. */
static void let_go(worker *w) {
    const worker_shared *s = w->shared;
    if (!w->n_leaving || atomic_load(&w->drops_notes) || (s->is_taken && !s->is_taken(s->submit_context, w->index)))
        return;
    for (uint32_t i = 0; i < w->n_leaving; i++) {
        tracked *t = w->leaving[i];
        note n = {.kind = NOTE_RELEASED, .worker = w->index, .symbol = t->id, .tracked = t};
        if (t->kept) {
            n = (note){.kind = NOTE_UNTRACKED, .worker = w->index, .symbol = t->id, .kept = t->kept};
            t->kept = NULL;
            tracked_free(t);
        }
        send(w, &n);
    }
    w->n_leaving = 0;
}

static void choose(worker *w, const control *c) {
    tracked_policy policy = policy_for(w, c);
    w->as_of_ms = w->market_ms;
    for (uint32_t k = 0; k < w->n_ids; k++) {
        tracked *t = w->symbols[w->ids[k]];
        evaluation e = begin_evaluation(w, monotonic_ns());
        bool has_changed = false;
        if (evaluation_withdraw_unwanted(&e, t) != OK || tracked_choose(t, w->set, &policy, &has_changed) != OK) {
            fail(w, "out of memory");
            return;
        }
        if (!has_changed) continue;
        announce(w, &e, t);
        settle(w, t, monotonic_ns());
    }
}

void control_free(control *c) {
    saved_symbol_free(c->saved);
    free(c);
}

/* What it has waited for elsewhere may be here already. */
static void adopt(worker *w, tracked *t) {
    add(w, t);
    if (tracked_bind(t, w->shared->registry, w->set, w->symbols) != OK) fail(w, "out of memory");
    w->as_of_ms = w->market_ms;
    if (t->is_waiting) settle(w, t, monotonic_ns());
}

static void on_control(worker *w, control *c) {
    evaluate_batch(w);
    hear(w, c->market_ms, monotonic_ns());
    switch (c->kind) {
    case CONTROL_INSTALL: install(w, c); break;
    case CONTROL_TRACK: track(w, c); break;
    case CONTROL_UNTRACK: untrack(w, c->symbol); break;
    case CONTROL_CHOOSE: choose(w, c); break;
    case CONTROL_COPY: copy_reference(w, c); break;
    case CONTROL_RANK: place(w, c); break;
    case CONTROL_RELEASE: release(w, c->symbol); break;
    case CONTROL_ADOPT: adopt(w, c->tracked); break;
    case CONTROL_SAVE: save(w, c->symbol); break;
    case CONTROL_BARRIER:
        let_copies_on(w);
        watch(w); /* what it finds missing is asked for before, not behind */
        send(w, &(note){.kind = NOTE_BARRIER, .worker = w->index});
        break;
    }
    control_free(c);
}

/* What the symbols cost. */
static void measure(worker *w, int64_t now_ms) {
    size_t bytes = 0;
    int64_t n = 0, n_holes = 0;
    if (w->measured_ms && now_ms - w->measured_ms < MEASURE_MS) return;
    w->measured_ms = now_ms;
    for (uint32_t k = 0; k < w->n_ids; k++)
        for (int32_t i = 0; i < N_INTERVALS; i++) {
            const timeframe *f = w->symbols[w->ids[k]]->frames[i];
            if (!f) continue;
            bytes += kline_series_bytes(f->bars) + indicator_set_bytes(f->set);
            n_holes += kline_series_holes(f->bars);
            n += indicator_set_count(f->set);
        }
    atomic_store_explicit(&w->stats.market_bytes, (int64_t)bytes, memory_order_relaxed);
    atomic_store_explicit(&w->stats.n_holes, n_holes, memory_order_relaxed);
    atomic_store_explicit(&w->stats.n_indicators, n, memory_order_relaxed);
}

/* Symbols that wait for something: time alone may have made it due (the grace of a missing bar). */
static void sweep(worker *w) {
    int64_t now_ms = monotonic_ms(), carried_ms;
    if (now_ms - w->swept_ms < SWEEP_MS) return;
    w->swept_ms = now_ms;
    carried_ms = w->heard_ms ? w->heard_ms + (monotonic_ns() - w->heard_ns) / 1000000 : 0;
    if (carried_ms > w->market_ms) w->market_ms = carried_ms;
    measure(w, now_ms);
    w->as_of_ms = w->market_ms;
    settle_waiting(w, monotonic_ns());
}

/* After a silence the memory of the symbols is far away (base/prefetch.h): that of the next ones is asked for while this one
 * is evaluated. */
static void look_ahead(worker *w) {
    w->n_far--;
    for (int32_t step = 0; step < TRACKED_PREFETCH_STEPS; step++) {
        const market_event *event = queue_peek(w->inbox, (size_t)(TRACKED_PREFETCH_STEPS - 1 - step));
        bool is_bar = event && event->kind != EVENT_CONTROL && event->symbol < SYMBOL_MAX;
        const tracked *t = is_bar ? w->symbols[event->symbol] : NULL;
        if (t) tracked_prefetch(t, step);
    }
}

/* False: the time is up. */
static bool sleep_until_woken(worker *w) {
    int64_t began_ns = monotonic_ns();
    bool is_woken = wakeup_wait(w->wake, w->n_leaving ? LEAVE_MS : SWEEP_MS);
    if (is_woken) measure(w, began_ns / 1000000); /* a sweep does, when the time is up */
    if (monotonic_ns() - began_ns > FAR_AFTER_NS) w->n_far = (w->n_ids + w->n_copies) * N_INTERVALS;
    return is_woken;
}

static void *run(void *arg) {
    worker *w = arg;
    market_event event;
    char name[16];
    snprintf(name, sizeof name, "worker-%d", w->index);
    pthread_setname_np(pthread_self(), name);
    if (w->shared->places && cpu_places_keep_worker(w->shared->places, w->index) != OK)
        log_warn("screener", "worker %d runs where the system puts it: its CPU is refused", w->index);
    if (guard_attach(w->shared->dog, &w->guard) != OK) fail(w, "no guard");
    w->swept_ms = 0; /* of an earlier life */
    for (;;) {
        bool is_last = atomic_load(&w->is_finishing); /* read first: what was pushed before it is in the inbox */
        int n = 0;
        for (; n < BATCH && queue_pop(w->inbox, &event); n++) {
            if (w->n_far > 0) look_ahead(w);
            if (event.kind == EVENT_CONTROL)
                on_control(w, event.control);
            else
                on_market(w, &event, monotonic_ns());
        }
        evaluate_batch(w);
        let_copies_on(w);
        atomic_fetch_add_explicit(&w->stats.n_events, (uint64_t)n, memory_order_relaxed);
        if (atomic_load_explicit(&w->wants_room, memory_order_relaxed) && queue_length(w->inbox) < INBOX_EVENTS / 2 &&
            atomic_exchange(&w->wants_room, 0))
            notify(w);
        if (w->shared->flush) w->shared->flush(w->shared->submit_context, w->index);
        let_go(w);
        watch(w);
        if (n == BATCH) {
            w->swept_ms = monotonic_ms(); /* time runs with the events while there are any */
            continue;
        }
        if (w->n_ticking) {
            look_at_ticks(w);
            continue; /* which may have submitted */
        }
        if (n == 0 && is_last && (!w->n_leaving || atomic_load(&w->drops_notes))) break;
        if (n == 0 && !sleep_until_woken(w)) {
            sweep(w);
            watch(w);
        }
    }
    script_state_free(w->state);
    w->state = NULL;
    w->set = NULL; /* an earlier one, should it be started again; so with the copies */
    for (uint32_t k = 0; k < w->n_copies && !atomic_load(&w->drops_notes); k++) { /* else they are still to be saved */
        tracked_free(w->symbols[w->copies[k]]);
        w->symbols[w->copies[k]] = NULL;
    }
    if (!atomic_load(&w->drops_notes)) w->n_copies = 0;
    w->n_ticking = 0;
    guard_detach(w->guard);
    w->guard = NULL;
    return NULL;
}

err worker_start(worker *w) {
    atomic_store(&w->is_finishing, 0);
    atomic_store(&w->drops_notes, 0);
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
