/* See copies.h. */
#include "screener/copies.h"
#include "base/clock.h"
#include "screener/settling.h"
#include "screener/tracked_depth.h"
#include "screener/tracked_hold.h"
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

/* That of a later worker begins in the past: the stream has gone on. NULL: the worker has failed. */
static tracked *begin(worker *w, const control *c) {
    tracked_policy policy = worker_policy(w, c);
    evaluation e = settling_begin(w, monotonic_ns());
    tracked *t = NULL;
    saved_symbol *bytes = NULL;
    snapshot saved;
    err result;
    policy.saved = worker_unpack(c, &bytes, &saved);
    result = tracked_new_copy(c->symbol, c->info, w->shared->registry, w->set, &policy, &t);
    saved_symbol_free(bytes);
    if (result == OK) {
        w->symbols[c->symbol] = t;
        w->watch_ms = 0;
        for (int32_t i = 0; i < N_INTERVALS; i++)
            if (t->frames[i]) timeframe_want(t->frames[i], interval_floor(i, w->market_ms));
        result = evaluation_tell_copy(&e, t);
    }
    if (result != OK) worker_fail(w, "out of memory");
    return result == OK ? t : NULL;
}

void copies_add(worker *w, const control *c) {
    tracked *t;
    if (w->symbols[c->symbol] || !w->set || w->n_copies == REFERENCE_SYMBOLS_MAX) return;
    t = begin(w, c);
    if (!t) return;
    w->copies[w->n_copies++] = c->symbol;
    w->memory = c->memory;
    settling_send_wants(w, t);
}

/* ---- a newcomer that is behind ---- */

static bool has_gone_past(const worker *w, const tracked *copy, const tracked *newcomer) {
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        const timeframe *f = copy->frames[i];
        int64_t hold_ms = f ? tracked_hold_copy_ms(newcomer, w->set, copy, i, false) : INT64_MAX;
        if (f && kline_series_known_to(f->bars) > hold_ms) return true;
    }
    return false;
}

/* What the symbols here have of the old one is forgotten before it goes. */
static void begin_anew(worker *w, tracked *old, int64_t start_ms, const memory *known) {
    control again = {
        .kind = CONTROL_COPY, .symbol = old->id, .info = old->symbol, .start_ms = start_ms, .memory = known};
    tracked *t;
    err e = OK;
    for (uint32_t i = 0; i < w->n_ids && e == OK; i++) e = tracked_unbind(w->symbols[w->ids[i]]);
    t = e == OK ? begin(w, &again) : NULL;
    for (uint32_t i = 0; i < w->n_ids && t && e == OK; i++)
        e = tracked_bind(w->symbols[w->ids[i]], w->shared->registry, w->set, w->symbols);
    if (e != OK) worker_fail(w, "out of memory");
    if (!t) return; /* it has failed; the old one is still there, for the end to free */
    t->start_ms = old->start_ms;
    tracked_free(old);
    settling_send_wants(w, t);
    atomic_fetch_add(&w->stats.n_copies_anew, 1);
}

void copies_reach_back(worker *w, const tracked *newcomer) {
    for (uint32_t k = 0; k < w->n_copies && !w->has_failed; k++) {
        tracked *copy = w->symbols[w->copies[k]];
        if (has_gone_past(w, copy, newcomer)) begin_anew(w, copy, copy->start_ms, w->memory);
    }
}

void copies_deepen(worker *w, const trader_set *before, int64_t start_ms) {
    for (uint32_t k = 0; k < w->n_copies && !w->has_failed; k++) {
        tracked *copy = w->symbols[w->copies[k]];
        memory *kept;
        if (!tracked_lacks_depth(copy, before, w->set)) continue;
        if (tracked_keep(copy, NULL, w->shared->registry) != OK) {
            worker_fail(w, "out of memory");
            return;
        }
        kept = copy->kept;
        copy->kept = NULL;
        begin_anew(w, copy, start_ms, kept);
        memory_free(kept);
    }
}
