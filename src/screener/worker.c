/* See worker.h.
 *
 *   inbox (events) ──► apply to the symbol's series ──► evaluate ──► submit(pass)
 *                                  │
 *                                  └─ a range is missing ──► notes ──► I/O thread ──► REST ──► inbox
 */
#include "screener/worker.h"
#include "base/clock.h"
#include "base/log.h"
#include "screener/copies.h"
#include "screener/looks.h"
#include "screener/pausing.h"
#include "screener/settling.h"
#include "screener/tracked_depth.h"
#include "screener/tracked_hold.h"
#include "screener/tracked_restore.h"
#include "screener/vigil.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
        if (n.kind == NOTE_EXCERPT) excerpt_free(n.excerpt);
        if (n.kind == NOTE_QUOTES) free(n.quotes);
    }
    for (uint32_t i = 0; i < w->n_ids; i++) tracked_free(w->symbols[w->ids[i]]);
    for (uint32_t i = 0; i < w->n_leaving; i++) tracked_free(w->leaving[i]);
    for (uint32_t i = 0; i < w->n_copies; i++) tracked_free(w->symbols[w->copies[i]]);
    free(w->loaded);
    owed_prompts_deinit(&w->owed_prompts);
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
bool worker_send(worker *w, const note *n) {
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
    worker_send(w, &(note){.kind = NOTE_WORD, .worker = w->index, .who = w->set->traders[place], .word = *word});
}

void worker_fail(worker *w, const char *why) {
    if (!w->has_failed) {
        log_error("screener", "worker %d cannot go on: %s", w->index, why);
        worker_send(w, &(note){.kind = NOTE_FAILED, .worker = w->index});
    }
    w->has_failed = true;
}

/* Like no other worker's. */
uint64_t worker_next_inquiry(worker *w) { return ++w->n_inquiries * WORKERS_MAX + (uint64_t)w->index; }

/* ---- the state ---- */

/* A fresh state. Traders are compiled when they first run. */
void worker_replace_state(worker *w) {
    diag why;
    err e;
    script_state_free(w->state);
    w->state = NULL;
    for (int32_t i = 0; w->set && i < w->set->count; i++) w->loaded[i] = NULL;
    e = script_state_new(w->shared->registry, w->guard, &w->shared->limits, &w->state, &why);
    if (e != OK) worker_fail(w, why.text);
}

tracked_policy worker_policy(const worker *w, const control *c) {
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
    if (!worker_send(w, &n)) saved_symbol_free(n.saved);
}

/* What an earlier run has written down of the symbol; without memory, or if it cannot be read, its history is fetched. */
const snapshot *worker_unpack(const control *c, saved_symbol **bytes, snapshot *out) {
    err e = c->saved ? saved_symbol_unpack(c->saved, bytes) : ERR_NOT_FOUND;
    if (e == OK) e = snapshot_open((*bytes)->data, (*bytes)->bytes, out);
    if (e == OK) return out;
    if (c->saved) log_error("snapshot", "symbol %u: %s; its history is fetched", c->symbol, error_text(e));
    return NULL;
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
            settling_look_at_forming(w, t, i, now_ns);
        }
        if (t) t->ticks_due = 0;
        if (t) settling_charge_since(w, t, now_ns);
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
    settling_settle(w, t, now_ns);
    settling_charge_since(w, t, now_ns);
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

static void on_ticker(worker *w, const market_event *event) {
    tracked *t = event->symbol < SYMBOL_MAX ? w->symbols[event->symbol] : NULL;
    if (!t || !t->standings) return;
    if (!t->ticker) t->ticker = malloc(sizeof *t->ticker);
    if (t->ticker)
        *t->ticker = event->ticker;
    else
        worker_fail(w, "out of memory");
}

static void on_market(worker *w, const market_event *event, int64_t received_ns) {
    tracked *t = event->symbol < SYMBOL_MAX ? w->symbols[event->symbol] : NULL;
    timeframe *f = t && event->interval < N_INTERVALS ? t->frames[event->interval] : NULL;
    int64_t hold_ms;
    frame_counts before;
    bool is_past, joins = f && batch_admits(&w->batch, t, f, event);
    if (f && !joins && event->kind != EVENT_BAR_FORMING) settling_end_batch(w);
    if (event->kind == EVENT_BAR_CLOSED) w->bar_ns = received_ns;
    hear(w, event->event_ms, received_ns);
    w->as_of_ms = event->event_ms ? event->event_ms : w->market_ms;
    if (!f) return;
    before = counts_of(f);
    if (w->market_ms > f->market_ms) f->market_ms = w->market_ms;
    is_past = event->kind == EVENT_HISTORY || event->kind == EVENT_RANGE_DONE;
    hold_ms = t->standings ? settling_hold_ms(w, t, event->interval, is_past)
                           : copies_hold_ms(w, t, event->interval, is_past);
    if (timeframe_apply(f, event, hold_ms) != OK) worker_fail(w, "out of memory");
    if (!t->standings) {
        vigil_plan_audit(w, t, f, f->n_by_rest != before.n_by_rest);
        vigil_note(w, f);
        if (f->corrected_from_ms) copies_tell_corrections(w, t, event->interval);
        copies_settle(w, t, received_ns);
        return;
    }
    count_frame(w, f, &before);
    if (event->kind == EVENT_BAR_FORMING) {
        note_tick(w, t, event->interval);
        settling_send_wants(w, t);
        return;
    }
    vigil_plan_audit(w, t, f, f->n_by_rest != before.n_by_rest);
    vigil_note(w, f);
    if (joins) {
        batch_add(&w->batch, t, event, received_ns, monotonic_ns());
        if (batch_is_full(&w->batch)) settling_end_batch(w);
        return;
    }
    settling_settle(w, t, received_ns);
    settling_charge_since(w, t, received_ns);
}

static void add(worker *w, tracked *t) {
    w->symbols[t->id] = t;
    w->ids[w->n_ids++] = t->id;
    w->watch_ms = 0;
    atomic_store(&w->stats.n_symbols, (int32_t)w->n_ids);
}

/* Tells storage where traders begin, and asks for the bars that they need. */
static void announce(worker *w, evaluation *e, tracked *t) {
    if (evaluation_announce(e, t) != OK) worker_fail(w, "out of memory");
    settling_send_wants(w, t);
}

/* Bars that came with it may be ahead of what storage knows: what is behind them is evaluated now. */
static void take_up(worker *w, tracked *t, int64_t start_ms) {
    atomic_fetch_add(&w->stats.n_restored, t->n_restored);
    if (tracked_bind(t, w->shared->registry, w->set, w->symbols) != OK) worker_fail(w, "out of memory");
    tracked_restore_end(t);
    if (w->market_ms < start_ms) w->market_ms = start_ms;
    w->as_of_ms = w->market_ms;
}

static void track(worker *w, const control *c) {
    tracked_policy policy = worker_policy(w, c);
    saved_symbol *bytes = NULL;
    snapshot saved;
    evaluation e;
    tracked *t;
    err result;
    if (c->symbol >= SYMBOL_MAX || w->symbols[c->symbol] || !w->set) return;
    policy.saved = worker_unpack(c, &bytes, &saved);
    result = tracked_new(c->symbol, symbol_table_get(w->shared->symbols, c->symbol), w->shared->registry, w->set,
                         &policy, &t);
    saved_symbol_free(bytes);
    if (result != OK) {
        worker_fail(w, "out of memory");
        return;
    }
    add(w, t);
    if (t->n_restored) take_up(w, t, c->start_ms);
    e = settling_begin(w, monotonic_ns());
    announce(w, &e, t);
    if (t->n_restored) settling_settle(w, t, monotonic_ns());
    atomic_fetch_add(&w->stats.n_begun, 1);
}

/* ---- control ---- */

static bool make_room(worker *w, int32_t count) {
    trader **loaded = realloc(w->loaded, ((size_t)count + 1) * sizeof(trader *));
    if (!loaded) {
        worker_fail(w, "out of memory");
        return false;
    }
    w->loaded = loaded;
    return true;
}

/* Of a trader that is not in the next set, or not the same there. */
static bool is_of_another(const owed_prompt *one, const void *next) {
    return trader_set_at(next, one->index) != one->who;
}

static bool is_of_symbol(const owed_prompt *one, const void *id) { return one->symbol == *(const uint32_t *)id; }

/* `before`: the traders of which nothing is new; NULL: any may be. */
static void note_depth(worker *w, const tracked *t, const trader_set *before) {
    if (tracked_lacks_depth(t, before, w->set))
        worker_send(w, &(note){.kind = NOTE_SHALLOW, .worker = w->index, .symbol = t->id});
}

/* An added trader joins the state. One that is edited or removed leaves its code behind, so the state is made anew. */
static void install(worker *w, const control *c) {
    const trader_set *before = w->set;
    tracked_policy policy = worker_policy(w, c);
    int32_t n_before = before ? before->count : 0;
    bool has_left = !w->state;
    settling_make_prompts(w, is_of_another, c->set);
    if (!make_room(w, c->set->count)) return;
    for (int32_t i = n_before; i < c->set->count; i++) w->loaded[i] = NULL;
    for (int32_t i = 0; i < n_before; i++)
        has_left = has_left || (before->traders[i] && before->traders[i] != trader_set_at(c->set, i));
    w->set = c->set;
    w->is_paused = c->is_paused; /* a worker that is new does not know */
    w->as_of_ms = w->market_ms;
    w->watch_ms = 0;
    w->tick_intervals = 0;
    for (int32_t i = 0; i < w->set->count; i++)
        if (w->set->traders[i] && w->set->traders[i]->spec->on == ON_TICK)
            w->tick_intervals |= 1u << w->set->traders[i]->spec->interval;
    if (has_left) worker_replace_state(w);
    for (uint32_t k = 0; k < w->n_copies; k++) {
        tracked *copy = w->symbols[w->copies[k]];
        evaluation e = settling_begin(w, monotonic_ns());
        if (tracked_install_copy(copy, w->shared->registry, w->set, &policy) != OK ||
            evaluation_tell_copy(&e, copy) != OK)
            worker_fail(w, "out of memory");
        settling_send_wants(w, copy);
    }
    for (uint32_t k = 0; k < w->n_ids; k++) {
        tracked *t = w->symbols[w->ids[k]];
        evaluation e = settling_begin(w, monotonic_ns());
        e.set = before;
        if (evaluation_withdraw(&e, t, w->set) != OK) worker_fail(w, "out of memory");
        e.set = w->set;
        if (tracked_install(t, w->shared->registry, before, w->set, &policy) != OK) worker_fail(w, "out of memory");
        announce(w, &e, t);
        note_depth(w, t, before);
    }
    copies_deepen(w, before, c->start_ms);
    for (uint32_t k = 0; k < w->n_ids; k++) settling_settle(w, w->symbols[w->ids[k]], monotonic_ns());
    worker_send(w, &(note){.kind = NOTE_INSTALLED, .worker = w->index, .set = w->set});
}

/* It is ours no more; it leaves with let_go. */
static void give_up(worker *w, tracked *t) {
    uint32_t at = 0;
    settling_make_prompts(w, is_of_symbol, &t->id);
    while (w->ids[at] != t->id) at++;
    w->ids[at] = w->ids[--w->n_ids];
    w->symbols[t->id] = NULL;
    atomic_store(&w->stats.n_symbols, (int32_t)w->n_ids);
    if (tracked_unbind(t) != OK) worker_fail(w, "out of memory");
    t->ticks_due = 0;
    w->leaving[w->n_leaving++] = t;
}

/* One that waits is better left alone: for bars of references that another worker's copies do not have any more those would have
 * to begin anew. */
static void release(worker *w, const control *c) {
    tracked *t = w->symbols[c->symbol];
    note n = {.kind = NOTE_RELEASED, .worker = w->index, .symbol = c->symbol};
    n.is_kept = t && c->is_optional && tracked_is_behind(t);
    if (t && !n.is_kept)
        give_up(w, t);
    else
        worker_send(w, &n);
}

/* All that came before is evaluated. What waits (for a gap to be filled, a reference, a rank) is owed, as at a stop. */
static void untrack(worker *w, uint32_t id, bool keeps_epochs) {
    tracked *t = w->symbols[id];
    evaluation e;
    if (!t) {
        worker_send(w, &(note){.kind = NOTE_UNTRACKED, .worker = w->index, .symbol = id});
        return;
    }
    w->as_of_ms = w->market_ms;
    settling_settle(w, t, monotonic_ns());
    e = settling_begin(w, monotonic_ns());
    if (evaluation_withdraw(&e, t, NULL) != OK || evaluation_announce(&e, t) != OK ||
        tracked_keep(t, w->set, keeps_epochs ? w->shared->registry : NULL) != OK)
        worker_fail(w, "out of memory");
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
        worker_send(w, &n);
    }
    w->n_leaving = 0;
}

static bool is_unwanted(const owed_prompt *one, const void *context) {
    const worker *w = context;
    const tracked *t = w->symbols[one->symbol];
    return t && !trader_wants(one->who, t->symbol);
}

static void choose(worker *w, const control *c) {
    tracked_policy policy = worker_policy(w, c);
    settling_make_prompts(w, is_unwanted, w);
    w->as_of_ms = w->market_ms;
    for (uint32_t k = 0; k < w->n_ids; k++) {
        tracked *t = w->symbols[w->ids[k]];
        evaluation e = settling_begin(w, monotonic_ns());
        bool has_changed = false;
        if (evaluation_withdraw_unwanted(&e, t) != OK || tracked_choose(t, w->set, &policy, &has_changed) != OK) {
            worker_fail(w, "out of memory");
            return;
        }
        if (!has_changed) continue;
        announce(w, &e, t);
        note_depth(w, t, NULL);
        settling_settle(w, t, monotonic_ns());
    }
}

void control_free(control *c) {
    excerpt_free(c->excerpt);
    saved_symbol_free(c->saved);
    free(c);
}

/* What it has waited for elsewhere may be here already. */
static void adopt(worker *w, tracked *t) {
    copies_reach_back(w, t);
    add(w, t);
    if (tracked_bind(t, w->shared->registry, w->set, w->symbols) != OK) worker_fail(w, "out of memory");
    w->as_of_ms = w->market_ms;
    if (t->is_waiting) settling_settle(w, t, monotonic_ns());
}

static void on_control(worker *w, control *c) {
    settling_end_batch(w);
    hear(w, c->market_ms, monotonic_ns());
    switch (c->kind) {
    case CONTROL_INSTALL: install(w, c); break;
    case CONTROL_TRACK: track(w, c); break;
    case CONTROL_UNTRACK: untrack(w, c->symbol, c->keeps_epochs); break;
    case CONTROL_CHOOSE: choose(w, c); break;
    case CONTROL_COPY: copies_add(w, c); break;
    case CONTROL_RANK: place(w, c); break;
    case CONTROL_RELEASE: release(w, c); break;
    case CONTROL_ADOPT: adopt(w, c->tracked); break;
    case CONTROL_EXCERPT: looks_copy(w, c); break;
    case CONTROL_QUOTE: looks_quote(w); break;
    case CONTROL_SAVE: save(w, c->symbol); break;
    case CONTROL_PAUSE: pausing_set(w, c->is_paused, c->start_ms); break;
    case CONTROL_BARRIER:
        copies_go_on(w);
        vigil_look(w); /* what it finds missing is asked for before, not behind */
        worker_send(w, &(note){.kind = NOTE_BARRIER, .worker = w->index});
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
    settling_wake(w, monotonic_ns());
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

/* The bars of a minute close within moments, and storage has their signals to write: prompts come behind all of them. */
static bool is_time_for_prompts(const worker *w) {
    int64_t now_ns = monotonic_ns();
    return w->owed_prompts.count >= OWED_PROMPTS_MANY || now_ns - w->bar_ns >= PROMPT_AFTER_MS * 1000000LL ||
           now_ns - owed_prompts_since_ns(&w->owed_prompts) >= PROMPT_WITHIN_MS * 1000000LL;
}

/* False: the time is up. */
static bool sleep_until_woken(worker *w) {
    int64_t began_ns = monotonic_ns();
    bool is_short = w->owed_prompts.count > 0; /* nothing has been still for long */
    bool is_woken = wakeup_wait(w->wake, w->n_leaving ? LEAVE_MS : is_short ? PROMPT_AFTER_MS : SWEEP_MS) || is_short;
    if (is_woken) measure(w, began_ns / 1000000); /* a sweep does, when the time is up */
    if (monotonic_ns() - began_ns > FAR_AFTER_NS) w->n_far = (w->n_ids + w->n_copies) * N_INTERVALS;
    return is_woken;
}

/* The stop takes too long: what waits is left to the next start, which knows from the watermarks what that is. */
static bool lets_go(const worker *w) {
    int64_t let_go_ms;
    if (!atomic_load_explicit(&w->drops_notes, memory_order_relaxed)) return false;
    let_go_ms = atomic_load_explicit(&w->shared->let_go_ms, memory_order_relaxed);
    return let_go_ms && monotonic_ms() >= let_go_ms;
}

static void *run(void *arg) {
    worker *w = arg;
    market_event event;
    char name[16];
    snprintf(name, sizeof name, "worker-%d", w->index);
    pthread_setname_np(pthread_self(), name);
    if (w->shared->places && cpu_places_keep_worker(w->shared->places, w->index) != OK)
        log_warn("screener", "worker %d runs where the system puts it: its CPU is refused", w->index);
    if (guard_attach(w->shared->dog, &w->guard) != OK) worker_fail(w, "no guard");
    w->swept_ms = 0; /* of an earlier life */
    for (;;) {
        bool is_last = atomic_load(&w->is_finishing); /* read first: what was pushed before it is in the inbox */
        int n = 0;
        for (; n < BATCH && queue_pop(w->inbox, &event); n++) {
            if (w->n_far > 0) look_ahead(w);
            if (event.kind == EVENT_CONTROL)
                on_control(w, event.control);
            else if (event.kind == EVENT_TICKER)
                on_ticker(w, &event);
            else if (!lets_go(w))
                on_market(w, &event, monotonic_ns());
            else
                atomic_fetch_add_explicit(&w->stats.n_let_go, 1, memory_order_relaxed);
        }
        settling_end_batch(w);
        copies_go_on(w);
        atomic_fetch_add_explicit(&w->stats.n_events, (uint64_t)n, memory_order_relaxed);
        if (atomic_load_explicit(&w->wants_room, memory_order_relaxed) && queue_length(w->inbox) < INBOX_EVENTS / 2 &&
            atomic_exchange(&w->wants_room, 0))
            notify(w);
        if (w->shared->flush) w->shared->flush(w->shared->submit_context, w->index);
        atomic_store_explicit(&w->stats.n_owed_prompts, w->owed_prompts.count, memory_order_relaxed);
        let_go(w);
        vigil_look(w);
        if (n == BATCH) {
            w->swept_ms = monotonic_ms(); /* time runs with the events while there are any */
            if (w->owed_prompts.count >= OWED_PROMPTS_MANY) settling_make_prompt(w);
            continue;
        }
        if (w->n_ticking) {
            look_at_ticks(w);
            continue; /* which may have submitted */
        }
        if (w->owed_prompts.count && !lets_go(w) && (is_last || is_time_for_prompts(w)) && settling_make_prompt(w))
            continue;
        if (n == 0 && is_last && (!w->n_leaving || atomic_load(&w->drops_notes))) break;
        if (n == 0 && !sleep_until_woken(w)) {
            sweep(w);
            vigil_look(w);
        }
    }
    owed_prompts_deinit(&w->owed_prompts); /* what was let go, too */
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
