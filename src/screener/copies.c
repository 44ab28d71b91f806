/* See copies.h. */
#include "screener/copies.h"
#include "base/clock.h"
#include "screener/settling.h"
#include "screener/vigil.h"

void copies_send_wants(worker *w) {
    for (uint32_t k = 0; k < w->n_copies; k++) settling_send_wants(w, w->symbols[w->copies[k]]);
}

int64_t copies_hold_ms(const worker *w, const tracked *copy, int32_t interval, bool is_past) {
    const timeframe *f = copy->frames[interval];
    bool is_live = !is_past && !f->asked_to_ms && !f->wanted_to_ms;
    int64_t hold = INT64_MAX;
    for (uint32_t k = 0; k < w->n_ids; k++) {
        int64_t ms = tracked_hold_copy_ms(w->symbols[w->ids[k]], w->set, copy, interval, is_live);
        if (ms < hold) hold = ms;
    }
    return hold;
}

/* True: bars that had to wait have been taken in. */
static bool drain_copy(worker *w, tracked *copy) {
    bool moved = false;
    for (int32_t i = 0; i < N_INTERVALS && !w->has_failed; i++) {
        timeframe *f = copy->frames[i];
        int64_t n_before;
        if (!f || f->first_waiting == f->n_waiting) continue;
        n_before = f->n_closed;
        if (timeframe_drain(f, copies_hold_ms(w, copy, i, false)) != OK) worker_fail(w, "out of memory");
        moved = moved || f->n_closed != n_before;
        vigil_note(w, f);
    }
    return moved;
}

void copies_settle(worker *w, tracked *copy, int64_t received_ns) {
    do settling_wake(w, received_ns);
    while (drain_copy(w, copy));
    settling_send_wants(w, copy);
}

void copies_go_on(worker *w) {
    bool moved = w->n_copies > 0;
    while (moved) {
        moved = false;
        for (uint32_t k = 0; k < w->n_copies; k++) {
            if (!drain_copy(w, w->symbols[w->copies[k]])) continue;
            copies_settle(w, w->symbols[w->copies[k]], monotonic_ns());
            moved = true;
        }
    }
}

void copies_tell_corrections(worker *w, tracked *copy, int32_t interval) {
    for (uint32_t k = 0; k < w->n_ids; k++) {
        tracked *t = w->symbols[w->ids[k]];
        evaluation e = settling_begin(w, monotonic_ns());
        bool concerns_it;
        if (evaluation_revise(&e, t, copy, interval, &concerns_it) != OK) worker_fail(w, "out of memory");
        if (!concerns_it) continue;
        settling_evaluate(w, &e, &t, 1);
        settling_follow(w, t, monotonic_ns());
    }
    timeframe_forget_corrections(copy->frames[interval]);
}

void copies_add(worker *w, const control *c) {
    tracked_policy policy = worker_policy(w, c);
    evaluation e = settling_begin(w, monotonic_ns());
    tracked *t = w->symbols[c->symbol];
    saved_symbol *bytes = NULL;
    snapshot saved;
    err result;
    if (t || !w->set || w->n_copies == REFERENCE_SYMBOLS_MAX) return;
    policy.saved = worker_unpack(c, &bytes, &saved);
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
        worker_fail(w, "out of memory");
        return;
    }
    settling_send_wants(w, t);
}
