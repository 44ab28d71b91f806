#include "screener/moving.h"
#include "base/clock.h"
#include "screener/balance.h"
#include "screener/inboxes.h"
#include "screener/installing.h"
#include <sched.h>
#include <stdlib.h>

enum { MOVES_MOST = 32, CLOSES_BETWEEN = 2, LEAST_COST_NS = 100000, CALM_EVENTS = 1024, BALANCE_MS = 2000 };

/* ---- symbols ---- */

static err release(screener *s, uint32_t symbol, int32_t to) {
    control what = {.kind = CONTROL_RELEASE, .symbol = symbol, .is_optional = s->owner[symbol] < s->n_workers};
    err e = inboxes_send(s, s->owner[symbol], what);
    if (e != OK) return e;
    s->target[symbol] = (uint8_t)to;
    s->n_moving++;
    s->phase = PHASE_MOVING;
    return OK;
}

/* Costs since the last look; older ones count half as much each time. One that comes back is with nobody yet. */
static int32_t list_costs(screener *s, balance_item *items, int64_t *sum) {
    int32_t count = 0;
    *sum = 0;
    for (uint32_t k = 0; k < s->n_tracked; k++) {
        uint32_t id = s->tracked[k];
        int64_t ever = atomic_load_explicit(&s->shared.cost_ns[id], memory_order_relaxed);
        s->cost_ns[id] = s->cost_ns[id] / 2 + (ever - s->cost_seen_ns[id]);
        s->cost_seen_ns[id] = ever;
        if (s->is_back[id]) continue;
        items[count++] = (balance_item){.symbol = id, .worker = s->owner[id], .cost = s->cost_ns[id]};
        *sum += s->cost_ns[id];
    }
    return count;
}

static err move(screener *s, int32_t most, int64_t least_sum) {
    balance_item *items = malloc(((size_t)s->n_tracked + 1) * sizeof *items);
    int64_t sum;
    int32_t count;
    err e = OK;
    if (!items) return ERR_NO_MEMORY;
    count = list_costs(s, items, &sum);
    if (sum >= least_sum && balance_plan(items, count, s->n_workers, most) > 0)
        for (int32_t i = 0; i < count && e == OK; i++)
            if (items[i].worker != s->owner[items[i].symbol]) e = release(s, items[i].symbol, items[i].worker);
    free(items);
    return e;
}

/* Not while workers are behind: a symbol on its way waits, and what goes on beside it must not lose the bars it needs. */
err moving_balance(screener *s) {
    uint64_t due = s->n_closed_balanced + (uint64_t)s->n_tracked * CLOSES_BETWEEN;
    int64_t now_ms;
    if (s->n_workers < 2 || s->n_closed < due || screener_backlog(s) > CALM_EVENTS) return OK;
    now_ms = monotonic_ms();
    if (s->balanced_ms && now_ms - s->balanced_ms < BALANCE_MS) return OK; /* a market that is played at top speed */
    s->n_closed_balanced = s->n_closed;
    s->balanced_ms = now_ms;
    return move(s, MOVES_MOST, LEAST_COST_NS);
}

err moving_released(screener *s, const note *n) {
    int32_t to = s->target[n->symbol];
    err e = OK;
    s->target[n->symbol] = NOBODY;
    s->n_moving--;
    if (n->is_kept) return inboxes_empty_held(s, n->symbol, false, FATE_PUSH, FATE_KEEP);
    s->owner[n->symbol] = (uint8_t)to;
    s->n_moves++;
    if (n->tracked)
        e = inboxes_send(s, to, (control){.kind = CONTROL_ADOPT, .symbol = n->symbol, .tracked = n->tracked});
    if (e == OK) e = inboxes_empty_held(s, n->symbol, false, FATE_PUSH, FATE_KEEP);
    return e;
}

/* ---- the number of workers ---- */

static err add_workers(screener *s) {
    err e = OK;
    for (int32_t i = s->n_workers; i < s->n_wanted && e == OK; i++) {
        if (!s->workers[i]) e = worker_new(i, &s->shared, &s->workers[i]);
        if (e == OK && s->is_started && !s->is_running[i]) {
            e = worker_start(s->workers[i]);
            s->is_running[i] = e == OK;
        }
        if (e == OK && s->set)
            e = inboxes_send(s, i, (control){.kind = CONTROL_INSTALL, .set = s->set, .start_ms = screener_now_ms(s)});
        for (int32_t k = 0; k < s->references.count && e == OK; k++)
            e = installing_send_copy(s, i, &s->references.items[k]);
    }
    return e;
}

err moving_begin_resize(screener *s) {
    err e = s->n_wanted > s->n_workers ? add_workers(s) : OK;
    if (e != OK) return e;
    s->n_workers = s->n_wanted;
    return move(s, (int32_t)s->n_tracked, 0);
}

/* Nobody has symbols there any more, so their inboxes are empty but for words about the past. */
void moving_end_resize(screener *s) {
    for (int32_t i = s->n_workers; i < WORKERS_MAX; i++) {
        if (!s->is_running[i]) continue;
        while (!inboxes_drain(s, i)) sched_yield();
        worker_finish(s->workers[i]);
        s->is_running[i] = false;
    }
    if (s->n_workers == s->n_told) return;
    s->n_told = s->n_workers;
    if (s->handlers.on_resized) s->handlers.on_resized(s->handlers.context, s->n_workers);
}
