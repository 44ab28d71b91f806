/* See evaluation.h. */
#include "screener/evaluation.h"
#include "base/clock.h"
#include "base/log.h"
#include "screener/evaluation_body.h"
#include "screener/firing.h"
#include "screener/signal_making.h"
#include "screener/tracked_hold.h"
#include "script/calls.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- passes under construction: one per interval ---- */

static pass *pass_for(evaluation *e, const tracked *t, int32_t interval) {
    if (!e->passes[interval] && (e->passes[interval] = pass_pool_take(e->pool))) {
        snprintf(e->passes[interval]->symbol, sizeof e->passes[interval]->symbol, "%s", t->symbol->name);
        e->passes[interval]->interval = interval;
        e->passes[interval]->open_ms = t->told_ms[interval];
    }
    return e->passes[interval];
}

static err add_epoch(pass *p, const registry *r, const indicator_set *set, int32_t instance) {
    char key[INDICATOR_KEY_BYTES];
    registry_key(r, indicator_set_id(set, instance), key);
    return pass_add_epoch(p, key, indicator_set_epoch(set, instance));
}

/* ---- one evaluation ---- */

void evaluation_fault(evaluation *e, int32_t index, const tracked *t, const script_view *view, const diag *why,
                      trader_error_kind kind) {
    standing *s = &t->standings[index];
    trader *who = e->set->traders[index];
    trader_trouble trouble = {.kind = kind,
                              .symbol = t->symbol->name,
                              .open_ms = view->open_ms,
                              .close_ms = view->close_ms,
                              .message = why->text,
                              .trace = kind == TRADER_ERROR_ERROR ? script_state_trace(e->state) : ""};
    s->n_errors_in_row += s->n_errors_in_row < UINT16_MAX;
    trouble.stops = s->n_errors_in_row >= e->shared->max_errors_in_row || kind != TRADER_ERROR_ERROR;
    EVALUATION_COUNT(e, n_errors, 1);
    if (kind == TRADER_ERROR_KILL) EVALUATION_COUNT(e, n_kills, 1);
    if (trader_fail(who, &trouble))
        log_error("screener", "trader %s is quarantined: %s (on %s)", who->spec->key, why->text, t->symbol->name);
    else if (s->n_errors_in_row == 1)
        log_warn("screener", "trader %s failed on %s: %s", who->spec->key, t->symbol->name, why->text);
}

err evaluation_load(evaluation *e, tracked *t, int32_t index, const script_view *view) {
    trader *who = e->set->traders[index];
    diag why;
    err result;
    if (e->loaded[index] == who) return OK;
    result = script_state_load(e->state, index, who->source, NULL, &why);
    if (result == OK) {
        script_state_expect(e->state, index, who->spec);
        e->loaded[index] = who;
        return OK;
    }
    evaluation_fault(e, result == ERR_RUNAWAY ? script_state_guilty(e->state) : index, t, view, &why,
                     result == ERR_RUNAWAY ? TRADER_ERROR_KILL : TRADER_ERROR_LOAD);
    return result == ERR_RUNAWAY ? result : ERR_SCRIPT;
}

static bool is_same_memory(const edge_row *a, const edge_row *b) {
    return a->run_open_ms == b->run_open_ms && a->signal_open_ms == b->signal_open_ms &&
           a->is_matching == b->is_matching && a->has_run == b->has_run && a->tick_open_ms == b->tick_open_ms &&
           a->n_ticks == b->n_ticks;
}

static bool step_memory(edge_row *edge, bool *is_changed, const trader_spec *spec, int64_t open_ms, bool is_match) {
    edge_row before = {.run_open_ms = edge->run_open_ms,
                       .signal_open_ms = edge->signal_open_ms,
                       .tick_open_ms = edge->tick_open_ms,
                       .n_ticks = edge->n_ticks,
                       .is_matching = edge->is_matching,
                       .has_run = edge->has_run};
    bool is_due = firing_step(edge, spec, open_ms, is_match);
    *is_changed = *is_changed || !is_same_memory(&before, edge);
    return is_due;
}

/* A trader that is stopped while it describes its match is done for; its signal is not. */
static err fire(evaluation *e, tracked *t, int32_t index, const script_view *view, script_result *r, signal_state state,
                int32_t tick) {
    trader *who = e->set->traders[index];
    pass *p = pass_for(e, t, who->spec->interval);
    diag why;
    err described, result;
    if (state != SIGNAL_HISTORICAL && trader_floods(who, view->close_ms, e->shared->max_signals_per_hour))
        log_error("screener", "trader %s is paused: more than %d signals within an hour", who->spec->key,
                  e->shared->max_signals_per_hour);
    if (state != SIGNAL_HISTORICAL && trader_is_stopped(who, view->close_ms)) return OK;
    described = script_state_describe(e->state, index, view, r, &why);
    /* A forming bar will not be as it was. */
    if (described == OK && state == SIGNAL_PROVISIONAL) described = script_state_prompt(e->state, index, view, r, &why);
    if (described == ERR_RUNAWAY) {
        evaluation_fault(e, script_state_guilty(e->state), t, view, &why, TRADER_ERROR_KILL);
    } else if (r->fault) {
        (void)diag_set(&why, ERR_SCRIPT, "%s", r->fault);
        evaluation_fault(e, index, t, view, &why, TRADER_ERROR_ERROR);
    }
    result = p ? signal_making_add(e, p, t, index, view, r, state, tick, described == OK) : ERR_NO_MEMORY;
    return result == OK && described != OK ? described : result;
}

/* A full state is blamed on who filled it, which need not be the one that ran: that one has not seen the bar yet. */
static err failed(evaluation *e, tracked *t, int32_t index, const script_view *view, const diag *why, err result) {
    int32_t guilty = result == ERR_RUNAWAY ? script_state_guilty(e->state) : index;
    evaluation_fault(e, guilty, t, view, why, result == ERR_RUNAWAY ? TRADER_ERROR_KILL : TRADER_ERROR_ERROR);
    if (guilty != index) t->standings[index].cursor_ms = view->open_ms;
    return result == ERR_RUNAWAY ? result : OK;
}

/* The bar is over: what was provisional on it is so no more. */
static err settle_ticks(evaluation *e, tracked *t, int32_t index, int64_t open_ms, bool is_match) {
    standing *s = &t->standings[index];
    pass *p;
    if (!s->has_tick || s->tick->tick_open_ms != open_ms || s->tick->n_ticks == 0) return OK;
    p = pass_for(e, t, e->set->traders[index]->spec->interval);
    return p ? pass_add_settle(p, s->edge.trader_id, open_ms, is_match ? SIGNAL_CONFIRMED : SIGNAL_WITHDRAWN)
             : ERR_NO_MEMORY;
}

/* Whether signals of the forming bar stand for this close: then it brings none of its own. */
static bool has_ticked(const standing *s, int64_t open_ms) {
    return s->has_tick && s->tick->tick_open_ms == open_ms && s->tick->n_ticks > 0;
}

/* About one in 64, and not always the same traders, whatever their number is. */
static bool is_timed(uint64_t n) { return (uint32_t)(n * 2654435761u) >> 26 == 0; }

static err evaluate_timed(evaluation *e, int32_t index, const script_view *view, script_result *r, diag *why) {
    trader *one = e->set->traders[index];
    int64_t began_ns = monotonic_ns(); /* the clock of the thread's CPU time takes a system call */
    err result = script_state_evaluate(e->state, index, view, r, why);
    atomic_fetch_add_explicit(&one->timed_ns, monotonic_ns() - began_ns, memory_order_relaxed);
    atomic_fetch_add_explicit(&one->n_timed, 1, memory_order_relaxed);
    return result;
}

/* Runs the filter, unless the trader ranks and the symbol is not among the best: that is no match. */
static err ask(evaluation *e, tracked *t, int32_t index, const script_view *view, script_result *r, diag *why) {
    const trader_spec *spec = e->set->traders[index]->spec;
    if (view->rank && (view->rank->rank == 0 || view->rank->rank > spec->rank_top)) {
        *r = (script_result){.outcome = SCRIPT_NO_MATCH};
        return OK;
    }
    (void)t;
    EVALUATION_COUNT(e, n_evaluations, 1);
    if (!is_timed(atomic_load_explicit(&e->stats->n_evaluations, memory_order_relaxed)))
        return script_state_evaluate(e->state, index, view, r, why);
    return evaluate_timed(e, index, view, r, why);
}

static err evaluate(evaluation *e, tracked *t, int32_t index, const script_view *view) {
    const trader_spec *spec = e->set->traders[index]->spec;
    standing *s = &t->standings[index];
    script_result r;
    diag why;
    bool is_silent = view->close_ms <= s->edge.start_ms, is_match = false, is_due;
    err result = evaluation_load(e, t, index, view);
    if (result == ERR_SCRIPT) return settle_ticks(e, t, index, view->open_ms, false);
    if (result == ERR_RUNAWAY) s->cursor_ms = view->open_ms;
    if (result != OK) return result;
    result = ask(e, t, index, view, &r, &why);
    if (result == ERR_SCRIPT || result == ERR_RUNAWAY) {
        script_result_deinit(&r);
        if (settle_ticks(e, t, index, view->open_ms, false) != OK) return ERR_NO_MEMORY;
        return failed(e, t, index, view, &why, result);
    }
    if (result != OK) return result;
    s->is_warming = r.outcome == SCRIPT_WARMING;
    if (s->is_warming) {
        s->have = r.have;
        s->need = r.need;
        EVALUATION_COUNT(e, n_warming, 1);
        trader_note_warming(e->set->traders[index], view->close_ms, r.have, r.need);
        return OK;
    }
    trader_note_warm(e->set->traders[index], view->close_ms);
    s->n_errors_in_row = 0;
    is_match = r.outcome == SCRIPT_MATCH;
    is_due = step_memory(&s->edge, &s->is_changed, spec, view->open_ms, is_match);
    result = settle_ticks(e, t, index, view->open_ms, is_match);
    if (result == OK && is_due && !has_ticked(s, view->open_ms) && (!is_silent || e->shared->shows_first_look))
        result = fire(e, t, index, view, &r, is_silent ? SIGNAL_HISTORICAL : SIGNAL_CONFIRMED, 0);
    script_result_deinit(&r);
    return result;
}

/* ---- rank ---- */

static void say(const evaluation *e, tracked *t, int32_t index, const rank_word *word) {
    t->standings[index].spoken_ms = word->close_ms;
    worker_say(e->say_context, index, word);
}

/* Nothing will be said of this trader's closes up to `close_ms` on this symbol. */
static void pass_over(const evaluation *e, tracked *t, int32_t index, int64_t close_ms) {
    if (e->set->traders[index]->spec->rank_top == 0 || t->standings[index].spoken_ms >= close_ms) return;
    say(e, t, index, &(rank_word){.symbol = t->id, .close_ms = close_ms, .score = NAN, .change_pct = NAN});
}

/* Bars that are known not to exist have nothing to say either. */
static void pass_over_holes(const evaluation *e, tracked *t, int32_t index) {
    const standing *s = &t->standings[index];
    const trader_spec *spec = s->is_wanted ? e->set->traders[index]->spec : NULL;
    const kline_series *bars = spec ? t->frames[spec->interval]->bars : NULL;
    if (!bars || spec->rank_top == 0 || s->is_owed || (s->cursor_ms == 0 && kline_series_count(bars) > 0)) return;
    pass_over(e, t, index, kline_series_known_to(bars));
}

/* The symbol's score at a close; whoever cannot be scored has had its turn at that bar. */
static err score(evaluation *e, tracked *t, int32_t index, const script_view *view) {
    const trader_spec *spec = e->set->traders[index]->spec;
    const kline_series *bars = view->bars[spec->interval];
    standing *s = &t->standings[index];
    rank_word word = {.symbol = t->id, .close_ms = view->close_ms, .has_score = true};
    script_outcome outcome;
    diag why;
    err result = evaluation_load(e, t, index, view);
    if (result == OK) result = script_state_score(e->state, index, view, &word.score, &outcome, &why);
    if (result == ERR_RUNAWAY || (result != OK && result != ERR_SCRIPT)) {
        if (result == ERR_RUNAWAY && e->loaded[index] == e->set->traders[index])
            evaluation_fault(e, script_state_guilty(e->state), t, view, &why, TRADER_ERROR_KILL);
        return result;
    }
    if (result == OK && outcome != SCRIPT_WARMING) {
        s->scored_ms = view->close_ms;
        trader_note_warm(e->set->traders[index], view->close_ms);
        word.change_pct = quote_change_of_day(
            bars, view->close_ms, kline_series_field(bars, FIELD_CLOSE)[kline_series_find(bars, view->open_ms)]);
        say(e, t, index, &word);
        return OK;
    }
    s->cursor_ms = view->close_ms;
    s->is_warming = result == OK;
    if (s->is_warming) {
        EVALUATION_COUNT(e, n_warming, 1);
        trader_note_warming(e->set->traders[index], view->close_ms, 0, 0);
    } else if (e->loaded[index] == e->set->traders[index]) {
        evaluation_fault(e, index, t, view, &why, TRADER_ERROR_ERROR);
    }
    pass_over(e, t, index, view->close_ms);
    return OK;
}

/* ---- ticks ---- */

/* Once a bar at the most in modes that count bars. */
static bool is_tick_due(const edge_row *tick, const trader_spec *spec, int64_t open_ms, int64_t signalled_ms,
                        bool is_due) {
    return is_due &&
           (spec->fire != FIRE_EVERY || spec->fire_every <= 1 || signalled_ms != open_ms || tick->n_ticks == 0);
}

static err evaluate_tick(evaluation *e, tracked *t, int32_t index, const script_view *view) {
    const trader_spec *spec = e->set->traders[index]->spec;
    standing *s = &t->standings[index];
    edge_row *tick = s->tick;
    int64_t signalled_ms = tick->signal_open_ms;
    script_result r;
    diag why;
    bool is_due;
    err result = evaluation_load(e, t, index, view);
    if (result == OK) {
        EVALUATION_COUNT(e, n_evaluations, 1);
        result = script_state_evaluate(e->state, index, view, &r, &why);
        if (result == ERR_SCRIPT || result == ERR_RUNAWAY) {
            script_result_deinit(&r);
            evaluation_fault(e, result == ERR_RUNAWAY ? script_state_guilty(e->state) : index, t, view, &why,
                             result == ERR_RUNAWAY ? TRADER_ERROR_KILL : TRADER_ERROR_ERROR);
        }
    }
    if (result != OK) return result == ERR_SCRIPT ? OK : result;
    if (r.outcome == SCRIPT_WARMING) {
        script_result_deinit(&r);
        return OK;
    }
    if (tick->tick_open_ms != view->open_ms) {
        tick->tick_open_ms = view->open_ms;
        tick->n_ticks = 0;
    }
    is_due = step_memory(tick, &s->is_tick_changed, spec, view->open_ms, r.outcome == SCRIPT_MATCH);
    if (is_tick_due(tick, spec, view->open_ms, signalled_ms, is_due)) {
        tick->n_ticks++;
        s->is_tick_changed = true;
        result = fire(e, t, index, view, &r, SIGNAL_PROVISIONAL, tick->n_ticks);
    }
    script_result_deinit(&r);
    return result;
}

/* ---- the pass ---- */

static err tell_standings(const evaluation *e, tracked *t) {
    for (int32_t i = 0; i < e->set->count; i++) {
        standing *s = &t->standings[i];
        int32_t interval = s->is_wanted ? e->set->traders[i]->spec->interval : 0;
        pass *p = s->is_wanted ? e->passes[interval] : NULL;
        err result = OK;
        if (!p) continue;
        if (s->is_changed) result = pass_add_edge(p, &s->edge);
        if (result == OK && s->is_tick_changed) result = pass_add_edge(p, s->tick);
        s->is_changed = s->is_tick_changed = false;
        if (result == OK && tracked_is_owed(t, s, interval)) result = pass_add_owed(p, s->edge.trader_id, s->cursor_ms);
        if (result != OK) return result;
    }
    return OK;
}

static bool has_tick_news(const evaluation *e, const tracked *t, int32_t index, int32_t interval) {
    const trader *who = e->set->traders[index];
    return who && t->standings[index].is_tick_changed && who->spec->interval == interval;
}

/* A pass of the forming bar says what has changed in the memory of ticks, and the signals. */
static err tell_ticks(const evaluation *e, tracked *t, pass *p) {
    err result = OK;
    for (int32_t i = 0; i < e->set->count && result == OK; i++) {
        standing *s = &t->standings[i];
        if (!has_tick_news(e, t, i, p->interval)) continue;
        result = pass_add_edge(p, s->tick);
        s->is_tick_changed = false;
    }
    return result;
}

/* Epochs must be known to storage before (or with) the first signal that rests on them. */
static err tell_epochs(const evaluation *e, tracked *t, pass *p) {
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        timeframe *f = t->frames[i];
        int32_t instance;
        if (!f || indicator_set_begun(f->set) == f->n_begun_told) continue;
        f->n_begun_told = indicator_set_begun(f->set);
        while ((instance = indicator_set_take_untold(f->set)) >= 0) {
            err result = add_epoch(p, e->shared->registry, f->set, instance);
            if (result != OK) return result;
        }
    }
    return OK;
}

/* By interval; answers which intervals traders run on. */
static uint32_t count_owed(const evaluation *e, const tracked *t, int32_t n_owed[N_INTERVALS]) {
    uint32_t in_use = 0;
    for (int32_t i = 0; i < N_INTERVALS; i++) n_owed[i] = 0;
    for (int32_t i = 0; i < e->set->count; i++) {
        int32_t interval;
        if (!t->standings[i].is_wanted) continue;
        interval = e->set->traders[i]->spec->interval;
        in_use |= 1u << interval;
        n_owed[interval] += tracked_is_owed(t, &t->standings[i], interval);
    }
    return in_use;
}

static int64_t newest_bar(const tracked *t, int32_t interval) {
    const kline_series *bars = t->frames[interval] ? t->frames[interval]->bars : NULL;
    int32_t count = bars ? kline_series_count(bars) : 0;
    return count ? kline_series_open_ms(bars)[count - 1] : 0;
}

/* A pass is due for an interval on which traders run: a new bar behind the watermark, or other owed ones than told. It
 * tells edges as they are now, so its watermark is that of now. */
static err make_due_passes(evaluation *e, tracked *t) {
    int32_t n_owed[N_INTERVALS], n_owed_now[N_INTERVALS];
    uint32_t in_use = count_owed(e, t, n_owed);
    bool has_any = false;
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        int64_t newest = in_use >> i & 1 ? newest_bar(t, i) : 0;
        bool is_new = newest > t->told_ms[i] && interval_next(i, newest) > t->start_ms;
        if (!is_new && n_owed[i] == t->n_owed_told[i] && !e->passes[i]) continue;
        if (!pass_for(e, t, i)) return ERR_NO_MEMORY;
        if (newest > t->told_ms[i]) t->told_ms[i] = newest;
        e->passes[i]->open_ms = t->told_ms[i];
        has_any = true;
    }
    if (!has_any) return OK;
    count_owed(e, t, n_owed_now);
    for (int32_t i = 0; i < N_INTERVALS; i++)
        if (e->passes[i]) t->n_owed_told[i] = n_owed_now[i];
    return OK;
}

/* Open time of the first bar of the trader's interval that closes at or after `close_ms`. */
static int64_t bar_of_close(int32_t interval, int64_t close_ms) {
    int64_t floor_ms = interval_floor(interval, close_ms);
    return floor_ms == close_ms ? interval_add(interval, floor_ms, -1) : floor_ms;
}

/* Bars of a series that all have seen were corrected: signals of the closes at which they were the newest of their interval are
 * marked. Nothing is evaluated again, and edges stay as they are: what was said was said. */
static err revise(evaluation *e, const tracked *t, const trader_spec *spec, const timeframe *f) {
    int32_t interval = kline_series_interval(f->bars);
    int64_t first_ms = interval_next(interval, f->corrected_from_ms);
    int64_t end_ms = interval_add(interval, f->corrected_to_ms, 2);
    pass *p = pass_for(e, t, spec->interval);
    return p ? pass_add_revise(p, spec->id, spec->interval, bar_of_close(spec->interval, first_ms),
                               bar_of_close(spec->interval, end_ms))
             : ERR_NO_MEMORY;
}

static err tell_corrections(evaluation *e, tracked *t, int32_t interval) {
    for (int32_t i = 0; i < e->set->count; i++) {
        const trader_spec *spec = t->standings[i].is_wanted ? e->set->traders[i]->spec : NULL;
        err result;
        if (!spec || !(spec->interval_mask >> interval & 1)) continue;
        result = revise(e, t, spec, t->frames[interval]);
        if (result != OK) return result;
    }
    timeframe_forget_corrections(t->frames[interval]);
    return OK;
}

static void hand_over(evaluation *e) {
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        if (!e->passes[i]) continue;
        e->passes[i]->received_ns = e->received_ns;
        e->shared->submit(e->shared->submit_context, e->worker, e->passes[i]);
        e->passes[i] = NULL;
        atomic_store_explicit(&e->stats->lag_ns, monotonic_ns() - e->received_ns, memory_order_relaxed);
    }
}

static void drop_passes(evaluation *e) {
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        pass_release(e->passes[i]);
        e->passes[i] = NULL;
    }
}

static err withdraw(evaluation *e, tracked *t, int32_t index) {
    const standing *s = &t->standings[index];
    bool is_open = s->is_wanted && s->tick && s->cursor_ms <= s->tick->tick_open_ms;
    return is_open ? settle_ticks(e, t, index, s->tick->tick_open_ms, false) : OK;
}

err evaluation_withdraw(evaluation *e, tracked *t, const trader_set *next) {
    err result = OK;
    for (int32_t i = 0; e->set && i < e->set->count && result == OK; i++)
        if (e->set->traders[i] != trader_set_at(next, i)) result = withdraw(e, t, i);
    return result;
}

err evaluation_withdraw_unwanted(evaluation *e, tracked *t) {
    err result = OK;
    for (int32_t i = 0; e->set && i < e->set->count && result == OK; i++)
        if (e->set->traders[i] && !trader_wants(e->set->traders[i], t->symbol)) result = withdraw(e, t, i);
    return result;
}

err evaluation_announce(evaluation *e, tracked *t) {
    err result = OK;
    for (int32_t i = 0; i < e->set->count; i++) {
        const standing *s = &t->standings[i];
        bool is_new = s->is_wanted && s->is_changed;
        if (is_new && !pass_for(e, t, e->set->traders[i]->spec->interval)) result = ERR_NO_MEMORY;
    }
    if (result == OK) result = make_due_passes(e, t);
    if (result == OK) result = tell_standings(e, t);
    if (result == OK)
        hand_over(e);
    else
        drop_passes(e);
    return result;
}

static err take_step(evaluation *e, tracked *t, int32_t index, tracked_step step, const script_view *view) {
    err result = OK;
    if (step == STEP_SKIP) {
        EVALUATION_COUNT(e, n_skipped, 1);
    } else if (trader_is_stopped(e->set->traders[index], view->close_ms)) {
        t->standings[index].cursor_ms = view->close_ms;
        EVALUATION_COUNT(e, n_stopped, 1);
    } else if (step == STEP_SCORE) {
        return score(e, t, index, view);
    } else if (view->rank && view->rank->rank == RANK_LEFT_OUT) {
        EVALUATION_COUNT(e, n_skipped, 1);
    } else {
        return evaluate(e, t, index, view);
    }
    result = settle_ticks(e, t, index, view->open_ms, false);
    pass_over(e, t, index, view->close_ms);
    return result;
}

/* Lets a trader go as far as it can on a symbol. `has_moved`: it had something to do there. */
static err run_trader(evaluation *e, tracked *t, int32_t index, tracked_round *round, bool *has_moved) {
    tracked_step step;
    *has_moved = false;
    while ((step = tracked_next(t, e->set, index, round)) != STEP_NONE) {
        err result = take_step(e, t, index, step, &round->view);
        if (result != OK) return result;
        *has_moved = true;
    }
    pass_over_holes(e, t, index);
    t->is_waiting = t->is_waiting || t->standings[index].is_owed;
    t->is_loading = t->is_loading || tracked_is_loading(t, e->set, index);
    return OK;
}

/* The time since the last call goes to the symbol. */
static void charge(evaluation *e, int64_t *since_ns) {
    int64_t now_ns = monotonic_ns();
    e->spent_ns += now_ns - *since_ns;
    *since_ns = now_ns;
}

/* Asks for the memory of the evaluations to come, which is far away when the symbols are many: where the trader stands, three
 * symbols ahead; what its series are bound to; and, of the next symbol, the newest values. */
static void fetch(const tracked_round *rounds, tracked *const *symbols, int32_t k, int32_t n, int32_t index) {
    if (k + 3 < n) __builtin_prefetch(&symbols[k + 3]->standings[index], 1);
    if (k + 2 < n) script_binding_fetch(symbols[k + 2]->standings[index].binding);
    if (k + 1 < n) script_binding_fetch_values(symbols[k + 1]->standings[index].binding, rounds[k + 1].view.bars);
}

/* One trader after the other, each over all symbols: its code and what it uses of Lua are still in the caches for the next
 * symbol, and so is the next symbol's place for it, which is fetched meanwhile. */
static err run_traders(evaluation *all, tracked *const *symbols, int32_t n, int64_t *since_ns) {
    tracked_round rounds[EVALUATIONS_MAX];
    for (int32_t k = 0; k < n; k++) {
        symbols[k]->is_waiting = symbols[k]->is_loading = false;
        tracked_round_begin(&rounds[k], symbols[k], all[k].symbols, all[k].market_ms);
        rounds[k].is_paused = all[k].is_paused;
    }
    for (int32_t i = 0; i < all->set->count; i++)
        for (int32_t k = 0; k < n; k++) {
            bool has_moved;
            fetch(rounds, symbols, k, n, i);
            err result = run_trader(&all[k], symbols[k], i, &rounds[k], &has_moved);
            if (result != OK) return result;
            if (has_moved && n > 1) charge(&all[k], since_ns);
        }
    return OK;
}

/* What storage is to know of a symbol, once all of its traders have had their turn. */
static err tell(evaluation *e, tracked *t) {
    err result = OK;
    for (int32_t i = 0; i < N_INTERVALS && result == OK; i++)
        if (t->frames[i] && t->frames[i]->corrected_from_ms) result = tell_corrections(e, t, i);
    if (result == OK) result = make_due_passes(e, t);
    if (result == OK) result = tell_standings(e, t);
    for (int32_t i = 0; i < N_INTERVALS && result == OK; i++)
        if (e->passes[i]) {
            result = tell_epochs(e, t, e->passes[i]);
            break;
        }
    if (result == OK) hand_over(e);
    return result;
}

err evaluation_revise(evaluation *e, const tracked *t, const tracked *copy, int32_t interval, bool *concerns_it) {
    *concerns_it = false;
    for (int32_t i = 0; i < e->set->count; i++) {
        err result;
        if (!tracked_refers(t, e->set, i, copy, interval)) continue;
        *concerns_it = true;
        result = revise(e, t, e->set->traders[i]->spec, copy->frames[interval]);
        if (result == OK) continue;
        drop_passes(e);
        return result;
    }
    return OK;
}

err evaluation_run(evaluation *all, tracked *const *symbols, int32_t n) {
    int64_t since_ns = monotonic_ns();
    err result = run_traders(all, symbols, n, &since_ns);
    if (result == ERR_RUNAWAY) return result;
    for (int32_t k = 0; k < n; k++) {
        if (result == OK) result = tell(&all[k], symbols[k]);
        if (result != OK) drop_passes(&all[k]);
        charge(&all[k], &since_ns);
    }
    return result;
}

err evaluation_tick(evaluation *e, tracked *t, int32_t interval) {
    tracked_round round;
    err result = OK;
    if (e->is_paused) return OK;
    tracked_round_begin(&round, t, e->symbols, e->market_ms);
    for (int32_t i = 0; i < e->set->count && result == OK; i++) {
        trader *who = t->standings[i].is_wanted ? e->set->traders[i] : NULL;
        if (!who || who->spec->interval != interval || !tracked_tick(t, e->set, i, &round)) continue;
        if (!trader_is_stopped(who, round.view.close_ms)) result = evaluate_tick(e, t, i, &round.view);
    }
    if (result == ERR_RUNAWAY) return result;
    for (int32_t i = 0; i < e->set->count && result == OK; i++)
        if (has_tick_news(e, t, i, interval) && !pass_for(e, t, interval)) result = ERR_NO_MEMORY;
    if (result == OK && e->passes[interval]) {
        e->passes[interval]->is_tick = true;
        result = tell_ticks(e, t, e->passes[interval]);
    }
    if (result == OK)
        hand_over(e);
    else
        drop_passes(e);
    return result;
}

err evaluation_tell_copy(evaluation *e, tracked *t) {
    pass *p = pass_pool_take(e->pool);
    err result = p ? OK : ERR_NO_MEMORY;
    if (result == OK) {
        tracked_copy_name(t, p->symbol);
        p->is_tick = true; /* epochs only: no watermark */
        result = tell_epochs(e, t, p);
    }
    if (result == OK && p->n_epochs > 0)
        e->shared->submit(e->shared->submit_context, e->worker, p);
    else
        pass_release(p);
    return result;
}
