/* See screener.h.
 *
 * Three things change who runs what, and only one is under way at a time (`phase`):
 *
 *   traders   LOADING (the loader compiles) ──► INSTALLING (every worker says when it has the new set)
 *   workers   MOVING: a symbol's owner is told to release it; from then on its events are held; when it comes back it is
 *   balance   sent to its new owner, and the held events after it. Nothing waits but that one symbol.
 *
 * Symbols come and go at any time. One that goes leaves its worker when storage has its last passes; until it says so
 * (NOTE_UNTRACKED) a new watch of the same symbol waits, its events held as for one that is on its way.
 *
 * A barrier may be asked for at any time: events held for a symbol on its way count as evaluated only when they were. */
#include "screener/screener.h"
#include "base/log.h"
#include "screener/deepening.h"
#include "screener/inboxes.h"
#include "screener/installing.h"
#include "screener/moving.h"
#include <sched.h>
#include <stdlib.h>
#include <string.h>

static void advance(screener *s);
static err on_answer(void *context, const inquiry *whose, const market_event *event);
static bool is_loading(void *context, uint32_t symbol);
static err on_rank(void *context, const trader *who, int32_t place, uint32_t symbol, int64_t close_ms,
                   const script_rank *rank);

static void ask_rest(void *context, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms) {
    const screener_handlers *h = &((screener *)context)->handlers;
    h->on_range(h->context, symbol, interval, from_ms, to_ms);
}

static void on_job_done(void *context) {
    screener *s = context;
    s->shared.notify(s->shared.notify_context);
}

err screener_new(const screener_config *c, const screener_handlers *handlers, screener **out) {
    screener *s = calloc(1, sizeof *s);
    err e = ERR_NO_MEMORY;
    if (!s) return e;
    s->handlers = *handlers;
    s->shared.symbols = c->symbols;
    s->shared.limits = c->limits;
    s->shared.policy = (tracked_policy){
        .kline_history = c->kline_history, .skips_late_bars = c->skips_late_bars, .symbols = c->symbols};
    s->shared.max_errors_in_row = c->max_errors_in_row;
    s->shared.max_signals_per_hour = c->max_signals_per_hour;
    s->shared.shows_first_look = c->shows_first_look;
    s->shared.tick_ms = c->tick_ms;
    s->shared.watches_closes = c->watches_closes;
    s->shared.audit_period_ms = c->audit_period_ms;
    s->waits_for_ranks = c->waits_for_ranks;
    s->shared.user = c->user;
    s->shared.market = c->market;
    s->shared.submit = c->submit;
    s->shared.places = c->places;
    s->shared.flush = c->flush;
    s->shared.is_taken = c->is_taken;
    s->shared.submit_context = c->submit_context;
    s->shared.notify = c->notify;
    s->shared.notify_context = c->notify_context;
    s->memory = c->memory;
    s->is_paused = c->is_paused;
    s->n_workers = s->n_wanted = s->n_told = c->n_workers < 1             ? 1
                                             : c->n_workers < WORKERS_MAX ? c->n_workers
                                                                          : WORKERS_MAX;
    memset(s->target, NOBODY, sizeof s->target);
    e = inquiries_new(&(inquiries_handlers){ask_rest, on_answer, s}, &s->inquiries);
    if (e == OK) e = rankings_new(c->symbols, &(rankings_handlers){on_rank, is_loading, s}, &s->rankings);
    if (e == OK) e = registry_new(&s->shared.registry);
    if (e == OK) e = watchdog_start(&s->shared.dog);
    if (e == OK)
        e = trader_loader_new(s->shared.registry, s->shared.dog, &s->shared.limits, on_job_done, s, &s->loader);
    for (int32_t i = 0; i < s->n_workers && e == OK; i++) e = worker_new(i, &s->shared, &s->workers[i]);
    if (e == OK)
        *out = s;
    else
        screener_free(s);
    return e;
}

err screener_start(screener *s) {
    err e = OK;
    s->is_started = true;
    for (int32_t i = 0; i < s->n_workers && e == OK; i++) {
        e = worker_start(s->workers[i]);
        s->is_running[i] = e == OK;
    }
    return e;
}

/* ---- events ---- */

static err on_answer(void *context, const inquiry *whose, const market_event *event) {
    screener *s = context;
    return references_is_copy(&s->references, whose->symbol) ? inboxes_push(s, whose->worker, event)
                                                             : inboxes_push_to_owner(s, event);
}

static bool is_from_rest(const market_event *event) {
    return event->kind == EVENT_HISTORY || event->kind == EVENT_RANGE_DONE;
}

/* Nobody's inquiry: what a replay or a correction says of itself. */
static bool is_unasked(const market_event *event) {
    return (event->kind == EVENT_RANGE_DONE ? event->bar.open_ms : event->from_ms) == 0;
}

err screener_push(screener *s, const market_event *event) {
    const reference *r;
    err e;
    if (event->symbol >= SYMBOL_MAX) return ERR_INVALID;
    if (event->event_ms > s->market_ms && event->kind != EVENT_TICKER) s->market_ms = event->event_ms;
    s->n_closed += event->kind == EVENT_BAR_CLOSED;
    if (is_from_rest(event)) {
        bool is_awaited;
        e = inquiries_answer(s->inquiries, event, &is_awaited);
        if (e != OK || is_awaited || !is_unasked(event)) return e;
    }
    if (references_is_copy(&s->references, event->symbol)) return inboxes_push_all(s, *event, event->symbol);
    r = references_of(&s->references, event->symbol);
    e = s->is_tracked[event->symbol] ? inboxes_push_to_owner(s, event) : OK;
    if (e == OK && r && event->kind == EVENT_BAR_CLOSED) e = inboxes_push_all(s, *event, r->copy);
    return e;
}

bool screener_flush(screener *s) {
    bool all = true;
    for (int32_t i = 0; i < WORKERS_MAX; i++)
        if (s->workers[i]) all = inboxes_drain(s, i) && all;
    return all && s->held.count == 0;
}

size_t screener_backlog(const screener *s) {
    size_t n = s->held.count;
    for (int32_t i = 0; i < WORKERS_MAX; i++) n += s->backlogs[i].count;
    return n;
}

uint64_t screener_replaced(const screener *s) {
    uint64_t n = s->held.n_replaced;
    for (int32_t i = 0; i < WORKERS_MAX; i++) n += s->backlogs[i].n_replaced;
    return n;
}

size_t screener_worker_backlog(const screener *s, int32_t index) {
    return s->backlogs[index].count + (s->workers[index] ? queue_length(worker_inbox(s->workers[index])) : 0);
}

void screener_give_up(screener *s) { s->handlers.on_failed(s->handlers.context); }

int64_t screener_now_ms(const screener *s) { return s->market_ms > s->start_ms ? s->market_ms : s->start_ms; }

/* ---- ranks ---- */

static err on_rank(void *context, const trader *who, int32_t place, uint32_t symbol, int64_t close_ms,
                   const script_rank *rank) {
    screener *s = context;
    if (!s->is_tracked[symbol]) return OK;
    s->n_ranks_told++;
    return inboxes_send_to_symbol(
        s, symbol,
        (control){
            .kind = CONTROL_RANK, .symbol = symbol, .who = who, .place = place, .close_ms = close_ms, .rank = *rank});
}

static bool is_loading(void *context, uint32_t symbol) {
    return inquiries_has(((screener *)context)->inquiries, symbol);
}

/* ---- symbols ---- */

void screener_set_start(screener *s, int64_t start_ms) {
    s->start_ms = start_ms;
    s->has_begun = true;
    if (s->set && (trader_set_choose(s->set, s->shared.symbols, false) != OK || installing_attach_references(s) != OK))
        screener_give_up(s);
}

static err send_track(screener *s, uint32_t symbol, bool is_late) {
    const memory *known = s->kept[symbol] ? s->kept[symbol] : s->memory;
    control what = {.kind = CONTROL_TRACK,
                    .symbol = symbol,
                    .start_ms = s->tracked_ms[symbol],
                    .memory = known,
                    .skips_late_bars = is_late && !s->is_deepening[symbol]};
    if (s->is_deepening[symbol] && s->owner[symbol] < s->n_workers) {
        s->is_deepening[symbol] = false;
        return inboxes_send(s, s->owner[symbol], what);
    }
    s->is_deepening[symbol] = false;
    s->owner[symbol] = (uint8_t)(s->n_tracked % (uint32_t)s->n_workers);
    return inboxes_send_with_saved(s, s->owner[symbol], what, symbol_table_get(s->shared.symbols, symbol)->name);
}

static err add_everywhere(screener *s, uint32_t symbol) {
    err e = rankings_join(s->rankings, symbol);
    if (e != OK) return e;
    s->is_tracked[symbol] = true;
    s->tracked[s->n_tracked++] = symbol;
    return OK;
}

err screener_track(screener *s, uint32_t symbol) {
    err e = symbol < SYMBOL_MAX && !s->is_tracked[symbol] ? OK : ERR_INVALID;
    if (e == OK) s->tracked_ms[symbol] = screener_now_ms(s);
    if (e == OK) e = send_track(s, symbol, false);
    return e == OK ? add_everywhere(s, symbol) : e;
}

static void set_back(screener *s, uint32_t symbol, bool is_back) {
    s->n_back += is_back - s->is_back[symbol];
    s->is_back[symbol] = is_back;
}

err screener_track_late(screener *s, uint32_t symbol) {
    err e = symbol < SYMBOL_MAX && !s->is_tracked[symbol] ? OK : ERR_INVALID;
    if (e == OK) s->tracked_ms[symbol] = screener_now_ms(s);
    if (e == OK && s->is_leaving[symbol])
        set_back(s, symbol, true);
    else if (e == OK)
        e = send_track(s, symbol, true);
    return e == OK ? add_everywhere(s, symbol) : e;
}

bool screener_is_tracked(const screener *s, uint32_t symbol) { return symbol < SYMBOL_MAX && s->is_tracked[symbol]; }

err screener_untrack(screener *s, uint32_t symbol) {
    uint32_t at = 0;
    err e;
    if (!screener_is_tracked(s, symbol)) return OK;
    while (s->tracked[at] != symbol) at++;
    memmove(&s->tracked[at], &s->tracked[at + 1], (s->n_tracked - at - 1) * sizeof *s->tracked);
    s->n_tracked--;
    inquiries_forget(s->inquiries, symbol);
    e = rankings_leave(s->rankings, symbol); /* while it can still be told of */
    s->is_tracked[symbol] = false;
    if (e == OK && s->is_back[symbol]) { /* its new watch has not begun */
        set_back(s, symbol, false);
        return inboxes_empty_held(s, symbol, s->target[symbol] == NOBODY, FATE_KEEP, FATE_DROP);
    }
    s->is_leaving[symbol] = true;
    s->n_leaving++;
    return e == OK ? inboxes_send_to_symbol(
                         s, symbol,
                         (control){.kind = CONTROL_UNTRACK, .symbol = symbol, .keeps_epochs = s->is_deepening[symbol]})
                   : e;
}

/* Whoever takes the passes has its last ones: it may begin again, with any worker. */
static err on_untracked(screener *s, const note *n) {
    err e;
    s->is_leaving[n->symbol] = false;
    s->n_leaving--;
    if (n->kept) {
        memory_free(s->kept[n->symbol]);
        s->kept[n->symbol] = n->kept;
    }
    if (!s->is_back[n->symbol]) {
        s->is_deepening[n->symbol] = false;
        return OK;
    }
    set_back(s, n->symbol, false);
    e = send_track(s, n->symbol, true);
    return e == OK ? inboxes_empty_held(s, n->symbol, true, FATE_KEEP, FATE_PUSH) : e;
}

/* While no symbol is on its way and no set is being installed. */
static err choose_again(screener *s) {
    err e = OK;
    s->wants_choice = false;
    if (!s->has_begun || !s->set) return OK;
    e = trader_set_choose(s->set, s->shared.symbols, true);
    if (e == OK) e = rankings_choose(s->rankings, s->tracked, s->n_tracked);
    return e == OK ? inboxes_send_all(s, (control){.kind = CONTROL_CHOOSE, .start_ms = screener_now_ms(s)}) : e;
}

void screener_choose(screener *s) {
    s->wants_choice = true;
    advance(s);
}

/* ---- snapshots ---- */

uint32_t screener_n_saved(const screener *s) { return s->n_tracked + (uint32_t)s->references.count; }

/* Of a reference the first worker has a copy as good as any. */
err screener_save(screener *s, uint32_t at) {
    control what = {.kind = CONTROL_SAVE};
    what.symbol = at < s->n_tracked ? s->tracked[at] : s->references.items[at - s->n_tracked].copy;
    return at < s->n_tracked ? inboxes_send_to_symbol(s, what.symbol, what) : inboxes_send(s, 0, what);
}

saved_symbol *screener_save_stopped(screener *s, uint32_t at) {
    uint32_t symbol = at < s->n_tracked ? s->tracked[at] : s->references.items[at - s->n_tracked].copy;
    worker *w = s->workers[at < s->n_tracked ? s->owner[symbol] : 0];
    return w ? worker_save(w, symbol) : NULL;
}

/* ---- looks from outside ---- */

err screener_excerpt(screener *s, excerpt *e) {
    const reference *r = references_of(&s->references, e->symbol);
    control what = {.kind = CONTROL_EXCERPT, .symbol = e->symbol, .excerpt = e};
    err failed = ERR_NOT_FOUND;
    if (s->is_tracked[e->symbol]) {
        failed = inboxes_send_to_symbol(s, e->symbol, what);
    } else if (r) { /* the first worker has a copy as good as any */
        what.symbol = r->copy;
        failed = inboxes_send(s, 0, what);
    }
    if (failed != OK) excerpt_free(e);
    return failed;
}

err screener_quote(screener *s, int32_t *n) {
    *n = s->n_workers;
    return inboxes_send_all(s, (control){.kind = CONTROL_QUOTE});
}

/* ---- barrier ---- */

static err send_barrier(screener *s) {
    s->wants_barrier = false;
    s->n_barriers = s->n_workers;
    s->n_told_before = s->n_ranks_told;
    return inboxes_send_all(s, (control){.kind = CONTROL_BARRIER});
}

/* What is held for a symbol that is on its way, or comes back, is evaluated later. */
static bool can_pass_barrier(const screener *s) {
    return s->phase == PHASE_IDLE && s->n_barriers == 0 && s->n_back == 0 && s->n_shallow == 0;
}

err screener_barrier(screener *s) {
    s->wants_barrier = true;
    return can_pass_barrier(s) ? send_barrier(s) : OK; /* else when that one is through */
}

/* ---- pause ---- */

err screener_set_paused(screener *s, bool is_paused) {
    s->is_paused = is_paused;
    s->n_pausing += s->n_workers;
    return inboxes_send_all(s, (control){.kind = CONTROL_PAUSE, .start_ms = screener_now_ms(s)});
}

static void on_paused(screener *s) {
    if (--s->n_pausing == 0 && s->handlers.on_paused) s->handlers.on_paused(s->handlers.context);
}

/* ---- traders ---- */

static void free_sources(trader_source **sources, int32_t count) {
    for (int32_t i = 0; i < count; i++) trader_source_free(sources[i]);
    free(sources);
}

err screener_load(screener *s, trader_source **sources, int32_t count) {
    if (s->has_wanted) free_sources(s->wanted, s->n_sources);
    s->wanted = sources;
    s->n_sources = count;
    s->has_wanted = true;
    advance(s);
    return OK;
}

err screener_resize(screener *s, int32_t n_workers) {
    if (n_workers < 1 || n_workers > WORKERS_MAX) return ERR_INVALID;
    s->n_wanted = n_workers;
    advance(s);
    return OK;
}

/* ---- one thing after the other ---- */

static err next_thing(screener *s) {
    if (s->wants_choice) return choose_again(s);
    if (s->n_wanted != s->n_workers) {
        int32_t before = s->n_workers;
        err e = moving_begin_resize(s);
        if (e == OK) log_info("screener", "workers: %d, from %d; %d symbols move", s->n_wanted, before, s->n_moving);
        if (e == OK && s->phase == PHASE_IDLE && s->n_leaving > 0) s->phase = PHASE_MOVING;
        if (e == OK && s->phase == PHASE_IDLE) moving_end_resize(s);
        return e;
    }
    if (s->has_wanted) return installing_begin(s);
    if (s->wants_barrier && can_pass_barrier(s)) return send_barrier(s);
    return moving_balance(s);
}

static void advance(screener *s) {
    err e = OK;
    if (s->phase == PHASE_LOADING && (s->change.job.count == 0 || trader_loader_take(s->loader)))
        e = installing_install(s);
    /* One that leaves is with its old worker until the end, and storage may take its time. */
    if (e == OK && s->phase == PHASE_MOVING && s->n_moving == 0 && s->n_leaving == 0) {
        s->phase = PHASE_IDLE;
        moving_end_resize(s);
    }
    if (e == OK && s->phase == PHASE_IDLE && (s->n_shallow > 0 || s->n_deepening > 0)) e = deepening_go_on(s);
    if (e == OK && s->phase == PHASE_IDLE) e = next_thing(s);
    if (e != OK) screener_give_up(s);
}

/* ---- notes ---- */

/* Scores that came on the way have brought new work behind the barrier. */
static void on_barrier(screener *s) {
    if (s->n_ranks_told == s->n_told_before)
        s->handlers.on_barrier(s->handlers.context);
    else if (screener_barrier(s) != OK)
        screener_give_up(s);
}

static err on_range(screener *s, const note *n) {
    if (s->is_leaving[n->symbol]) return OK; /* nobody would wait for the answer */
    deepening_asked(s, n->symbol);
    if (references_is_copy(&s->references, n->symbol) && n->worker >= s->n_workers)
        return OK; /* nor would a worker that ends */
    return inquiries_add(s->inquiries, &(inquiry){.number = n->inquiry,
                                                  .worker = n->worker,
                                                  .symbol = n->symbol,
                                                  .interval = n->interval,
                                                  .from_ms = n->from_ms,
                                                  .to_ms = n->to_ms,
                                                  .is_audit = n->is_audit});
}

static void on_note(screener *s, const note *n) {
    const screener_handlers *h = &s->handlers;
    switch (n->kind) {
    case NOTE_RANGE:
        if (on_range(s, n) != OK) screener_give_up(s);
        break;
    case NOTE_WORD:
        if (rankings_say(s->rankings, n->who, &n->word) != OK) screener_give_up(s);
        break;
    case NOTE_SHALLOW: deepening_note(s, n->symbol); break;
    case NOTE_INSTALLED: installing_installed(s, n->set); break;
    case NOTE_BARRIER:
        if (--s->n_barriers == 0) on_barrier(s);
        break;
    case NOTE_RELEASED:
        if (moving_released(s, n) != OK) screener_give_up(s);
        break;
    case NOTE_UNTRACKED:
        if (on_untracked(s, n) != OK) screener_give_up(s);
        break;
    case NOTE_SAVED:
        if (h->on_saved)
            h->on_saved(h->context, n->saved);
        else
            saved_symbol_free(n->saved);
        break;
    case NOTE_PAUSED: on_paused(s); break;
    case NOTE_EXCERPT: n->excerpt->on_done(n->excerpt->context, n->excerpt); break;
    case NOTE_QUOTES:
        if (h->on_quotes)
            h->on_quotes(h->context, n->quotes);
        else
            free(n->quotes);
        break;
    case NOTE_KILLED: h->on_killed(h->context); break;
    case NOTE_FAILED: screener_give_up(s); break;
    }
}

void screener_poll(screener *s) {
    note n;
    for (int32_t i = 0; i < WORKERS_MAX; i++)
        while (s->workers[i] && queue_pop(worker_notes(s->workers[i]), &n)) on_note(s, &n);
    if (!s->waits_for_ranks && rankings_expire(s->rankings, s->market_ms, GRACE_MS) != OK) screener_give_up(s);
    advance(s);
    screener_flush(s);
}

/* ---- the end ---- */

/* Symbols on their way: their events go to the next life, whose watermark is before them. */
uint64_t screener_stop(screener *s, int64_t let_go_ms) {
    uint64_t n_let_go = 0;
    atomic_store(&s->shared.let_go_ms, let_go_ms);
    trader_loader_free(s->loader); /* a job under way would notify somebody who is gone */
    s->loader = NULL;
    for (int32_t i = 0; i < WORKERS_MAX; i++)
        if (s->is_running[i]) worker_stop(s->workers[i]);
    for (int32_t i = 0; i < WORKERS_MAX; i++)
        while (s->is_running[i] && !inboxes_drain(s, i))
            sched_yield(); /* the last of the backlog: the worker is taking it */
    for (int32_t i = 0; i < WORKERS_MAX; i++) {
        if (s->is_running[i]) worker_finish(s->workers[i]);
        if (s->is_running[i]) n_let_go += atomic_load(&worker_get_stats(s->workers[i])->n_let_go);
        s->is_running[i] = false;
    }
    return n_let_go;
}

void screener_free(screener *s) {
    if (!s) return;
    trader_loader_free(s->loader);
    rankings_free(s->rankings);
    for (const market_event *event; (event = backlog_first(&s->held)); backlog_drop_first(&s->held))
        if (event->kind == EVENT_CONTROL) control_free(event->control);
    for (int32_t i = 0; i < WORKERS_MAX; i++) {
        worker_free(s->workers[i]);
        backlog_deinit(&s->backlogs[i]);
    }
    backlog_deinit(&s->held);
    for (uint32_t i = 0; i < SYMBOL_MAX; i++) memory_free(s->kept[i]);
    inquiries_free(s->inquiries);
    trader_change_deinit(&s->change);
    free_sources(s->wanted, s->n_sources);
    free(s->failures);
    trader_set_free(s->next);
    trader_set_free(s->set);
    watchdog_stop(s->shared.dog);
    registry_free(s->shared.registry);
    free(s);
}

const trader_set *screener_traders(const screener *s) { return s->set; }

const trader_failure *screener_failures(const screener *s, int32_t *count) {
    *count = s->n_failures;
    return s->failures;
}

registry *screener_registry(screener *s) { return s->shared.registry; }
int32_t screener_workers(const screener *s) { return s->n_workers; }
const worker_stats *screener_stats(const screener *s, int32_t index) { return worker_get_stats(s->workers[index]); }
bool screener_has_begun(const screener *s) {
    uint32_t n = 0;
    for (int32_t i = 0; i < WORKERS_MAX; i++)
        if (s->workers[i]) n += atomic_load(&worker_get_stats(s->workers[i])->n_begun);
    return n >= s->n_tracked;
}

int32_t screener_restored(const screener *s) {
    int32_t n = 0;
    for (int32_t i = 0; i < WORKERS_MAX; i++)
        if (s->workers[i]) n += atomic_load(&worker_get_stats(s->workers[i])->n_restored);
    return n;
}
uint64_t screener_moves(const screener *s) { return s->n_moves; }
