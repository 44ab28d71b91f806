/* See settling.h. */
#include "screener/settling.h"
#include "base/clock.h"
#include "screener/copies.h"
#include "screener/late_prompt.h"
#include "screener/tracked_hold.h"
#include "screener/vigil.h"

void settling_send_wants(worker *w, tracked *t) {
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        timeframe *f = t->frames[i];
        note n = {.kind = NOTE_RANGE, .worker = w->index, .symbol = t->id, .interval = i};
        if (!f || !f->wanted_to_ms || f->asked_to_ms) continue;
        n.inquiry = worker_next_inquiry(w);
        if (timeframe_take_want(f, n.inquiry, &n.from_ms, &n.to_ms)) worker_send(w, &n);
    }
}

evaluation settling_begin(worker *w, int64_t received_ns) {
    return (evaluation){.shared = w->shared,
                        .set = w->set,
                        .state = w->state,
                        .loaded = w->loaded,
                        .stats = &w->stats,
                        .pool = w->passes,
                        .owed_prompts = &w->owed_prompts,
                        .symbols = w->symbols,
                        .say_context = w,
                        .worker = w->index,
                        .is_paused = w->is_paused,
                        .market_ms = w->as_of_ms,
                        .received_ns = received_ns};
}

/* The state was killed: evaluations go on with another one. False: not with this result, or there is none. */
static bool goes_on(worker *w, err result) {
    if (result == ERR_RUNAWAY) {
        worker_send(w, &(note){.kind = NOTE_KILLED, .worker = w->index});
        worker_replace_state(w);
    }
    if (result != OK && result != ERR_RUNAWAY && !w->has_failed) worker_fail(w, error_text(result));
    return result == ERR_RUNAWAY && w->state;
}

void settling_evaluate(worker *w, evaluation *all, tracked *const *symbols, int32_t n) {
    err result = w->state ? ERR_RUNAWAY : OK;
    while (result == ERR_RUNAWAY) {
        for (int32_t i = 0; i < n; i++) all[i].state = w->state;
        result = evaluation_run(all, symbols, n);
        if (!goes_on(w, result)) break;
    }
}

static void evaluate(worker *w, tracked *t, int64_t received_ns) {
    evaluation e = settling_begin(w, received_ns);
    settling_evaluate(w, &e, &t, 1);
}

void settling_look_at_forming(worker *w, tracked *t, int32_t interval, int64_t received_ns) {
    evaluation e = settling_begin(w, received_ns);
    while (w->state) {
        e.state = w->state;
        if (!goes_on(w, evaluation_tick(&e, t, interval))) break;
    }
}

static void make_prompt(worker *w, owed_prompt *one) {
    int64_t now_ns = monotonic_ns();
    tracked *t = w->symbols[one->symbol];
    evaluation e = settling_begin(w, now_ns);
    bool is_made = true;
    if (t && !t->standings) t = NULL;
    (void)goes_on(w, late_prompt_make(&e, t, one, &is_made));
    one->n_tries++;
    if (!is_made && owed_prompts_add(&w->owed_prompts, one) != OK) worker_fail(w, "out of memory");
    if (t) settling_charge_since(w, t, now_ns);
}

bool settling_make_prompt(worker *w) {
    owed_prompt one;
    if (!w->state || !owed_prompts_take(&w->owed_prompts, &one)) return false;
    make_prompt(w, &one);
    return true;
}

void settling_make_prompts(worker *w, bool (*concerns)(const owed_prompt *one, const void *what), const void *what) {
    owed_prompt one;
    for (uint32_t n = w->owed_prompts.count; n > 0 && owed_prompts_take(&w->owed_prompts, &one); n--)
        if (w->state && concerns(&one, what))
            make_prompt(w, &one);
        else if (owed_prompts_add(&w->owed_prompts, &one) != OK) /* in vain it cannot be: it has just left */
            worker_fail(w, "out of memory");
}

int64_t settling_hold_ms(const worker *w, const tracked *t, int32_t interval, bool is_past) {
    const timeframe *f = t->frames[interval];
    return is_past || f->asked_to_ms || f->wanted_to_ms ? tracked_hold_ms(t, w->set, interval)
                                                        : tracked_hold_live_ms(t, w->set, interval);
}

/* After an evaluation: let held bars in, ask for what is missing. */
void settling_follow(worker *w, tracked *t, int64_t received_ns) {
    bool moved = true;
    while (moved && !w->has_failed) {
        moved = false;
        for (int32_t i = 0; i < N_INTERVALS; i++) {
            timeframe *f = t->frames[i];
            int64_t n_before;
            if (!f || f->first_waiting == f->n_waiting) continue;
            n_before = f->n_closed;
            /* There may be more of them than a window holds, whatever the last event was. */
            if (timeframe_drain(f, tracked_hold_ms(t, w->set, i)) != OK) worker_fail(w, "out of memory");
            moved = moved || f->n_closed != n_before;
            vigil_note(w, f);
            t->is_waiting = t->is_waiting || f->first_waiting != f->n_waiting;
        }
        if (moved) evaluate(w, t, received_ns);
    }
    settling_send_wants(w, t);
    if (t->is_waiting) copies_send_wants(w);
}

/* After bars have been applied. */
void settling_settle(worker *w, tracked *t, int64_t received_ns) {
    evaluate(w, t, received_ns);
    settling_follow(w, t, received_ns);
}

void settling_charge(worker *w, const tracked *t, int64_t spent_ns) {
    _Atomic int64_t *cost = &w->shared->cost_ns[t->id];
    atomic_store_explicit(cost, atomic_load_explicit(cost, memory_order_relaxed) + spent_ns, memory_order_relaxed);
    atomic_store_explicit(&w->stats.busy_ns, atomic_load_explicit(&w->stats.busy_ns, memory_order_relaxed) + spent_ns,
                          memory_order_relaxed);
}

void settling_charge_since(worker *w, const tracked *t, int64_t start_ns) {
    settling_charge(w, t, monotonic_ns() - start_ns);
}

void settling_end_batch(worker *w) {
    evaluation all[EVALUATIONS_MAX];
    tracked *symbols[EVALUATIONS_MAX] = {NULL};
    int32_t n = w->batch.count;
    if (n == 0) return;
    w->batch.count = 0;
    for (int32_t i = 0; i < n; i++) {
        const batch_item *item = &w->batch.items[i];
        w->as_of_ms = item->as_of_ms;
        all[i] = settling_begin(w, item->received_ns);
        all[i].spent_ns = item->spent_ns;
        symbols[i] = item->symbol;
    }
    settling_evaluate(w, all, symbols, n);
    for (int32_t i = 0; i < n; i++) {
        w->as_of_ms = all[i].market_ms;
        settling_follow(w, symbols[i], all[i].received_ns);
        settling_charge(w, symbols[i], all[i].spent_ns);
    }
}

void settling_wake(worker *w, int64_t received_ns) {
    for (uint32_t k = 0; k < w->n_ids; k++)
        if (w->symbols[w->ids[k]]->is_waiting) settling_settle(w, w->symbols[w->ids[k]], received_ns);
}
