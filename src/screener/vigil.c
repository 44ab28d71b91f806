/* See vigil.h. */
#include "screener/vigil.h"
#include "screener/audit.h"
#include "screener/settling.h"

void vigil_note(worker *w, const timeframe *f) {
    int64_t due_ms = timeframe_due_ms(f);
    if (f->asked_to_ms || f->wanted_to_ms) due_ms = INT64_MAX;
    if (f->audit_ms && f->audit_ms < due_ms) due_ms = f->audit_ms;
    if (due_ms < w->watch_ms) w->watch_ms = due_ms;
}

void vigil_plan_audit(worker *w, const tracked *t, timeframe *f, bool has_filled) {
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
    n.inquiry = worker_next_inquiry(w);
    n.from_ms = range.from_ms;
    n.to_ms = range.to_ms;
    f->n_audits++;
    atomic_fetch_add_explicit(&w->stats.n_audits, 1, memory_order_relaxed);
    worker_send(w, &n);
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
    settling_send_wants(w, t);
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

void vigil_look(worker *w) {
    int64_t next_ms = INT64_MAX;
    if (!w->shared->watches_closes || w->market_ms < w->watch_ms) return;
    for (uint32_t k = 0; k < w->n_ids + w->n_copies; k++) {
        uint32_t id = k < w->n_ids ? w->ids[k] : w->copies[k - w->n_ids];
        int64_t due_ms = watch_symbol(w, w->symbols[id]);
        if (due_ms < next_ms) next_ms = due_ms;
    }
    w->watch_ms = next_ms > w->market_ms ? next_ms : w->market_ms + SWEEP_MS;
}
