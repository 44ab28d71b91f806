#include "screener/pausing.h"
#include "base/clock.h"
#include "screener/settling.h"

/* What has begun; a trader that has not is silent up to its own start anyway. */
static void silence(tracked *t, int64_t start_ms) {
    for (int32_t i = 0; i < t->n_standings; i++) {
        standing *s = &t->standings[i];
        if (!s->is_wanted || s->cursor_ms == 0 || s->edge.start_ms >= start_ms) continue;
        s->edge.start_ms = start_ms;
        s->is_changed = true;
    }
}

void pausing_set(worker *w, bool is_paused, int64_t start_ms) {
    bool goes_on = w->is_paused && !is_paused;
    w->is_paused = is_paused;
    w->as_of_ms = w->market_ms;
    for (uint32_t k = 0; goes_on && w->shared->policy.skips_late_bars && k < w->n_ids; k++)
        silence(w->symbols[w->ids[k]], start_ms);
    if (goes_on) settling_wake(w, monotonic_ns());
    worker_send(w, &(note){.kind = NOTE_PAUSED, .worker = w->index});
}
