/* See timeframe.h.
 *
 *      stored bars          gap            waiting
 *   [ . . . . . . . . ) known_to ------- [ x   x x ]      asked_to: how far REST has been asked */
#include "screener/timeframe.h"
#include <stdlib.h>
#include <string.h>

err timeframe_new_of(const registry *r, kline_series *bars, timeframe **out) {
    timeframe *t = bars ? calloc(1, sizeof *t) : NULL;
    err e;
    if (!t) {
        kline_series_free(bars);
        return ERR_NO_MEMORY;
    }
    t->bars = bars;
    e = indicator_set_new(bars, r, &t->set);
    if (e == OK)
        *out = t;
    else
        timeframe_free(t);
    return e;
}

err timeframe_new(const registry *r, int32_t interval, int32_t keep, int64_t from_ms, timeframe **out) {
    return timeframe_new_of(r, kline_series_new(interval, keep, from_ms), out);
}

void timeframe_free(timeframe *t) {
    if (!t) return;
    indicator_set_free(t->set);
    kline_series_free(t->bars);
    free(t->waiting);
    free(t);
}

void timeframe_want(timeframe *t, int64_t to_ms) {
    if (to_ms > kline_series_known_to(t->bars) && t->asked_to_ms == 0 && to_ms > t->wanted_to_ms)
        t->wanted_to_ms = to_ms;
}

int64_t timeframe_take_from(timeframe *t) {
    int64_t from_ms = t->recheck_ms ? t->recheck_ms : kline_series_known_to(t->bars);
    t->recheck_ms = 0;
    return from_ms;
}

/* Puts a bar among the waiting ones; the same open time replaces. Past the ceiling the newest are left to REST. */
static err wait_for_turn(timeframe *t, const kline *bar) {
    int32_t at = t->n_waiting;
    while (at > t->first_waiting && t->waiting[at - 1].open_ms >= bar->open_ms) at--;
    if (at < t->n_waiting && t->waiting[at].open_ms == bar->open_ms) {
        t->waiting[at] = *bar;
        return OK;
    }
    if (t->n_waiting - t->first_waiting >= WAITING_MAX) return OK;
    if (t->n_waiting == t->waiting_capacity) {
        int32_t capacity = t->waiting_capacity ? t->waiting_capacity * 2 : 16;
        kline *waiting = realloc(t->waiting, (size_t)capacity * sizeof *waiting);
        if (!waiting) return ERR_NO_MEMORY;
        t->waiting = waiting;
        t->waiting_capacity = capacity;
    }
    memmove(&t->waiting[at + 1], &t->waiting[at], (size_t)(t->n_waiting - at) * sizeof *bar);
    t->waiting[at] = *bar;
    t->n_waiting++;
    return OK;
}

static void store(timeframe *t, const kline *bar) {
    int32_t index;
    switch (kline_series_close(t->bars, bar, &index)) {
    case KLINE_APPENDED:
        t->n_closed++;
        indicator_set_advance(t->set);
        break;
    case KLINE_REPLACED:
        t->n_corrected++;
        indicator_set_correct(t->set, index);
        break;
    case KLINE_SAME: break;
    default: t->n_refused++;
    }
}

static void drop_first_waiting(timeframe *t) {
    if (++t->first_waiting == t->n_waiting) t->first_waiting = t->n_waiting = 0;
}

err timeframe_drain(timeframe *t, int64_t hold_ms) {
    while (t->first_waiting < t->n_waiting) {
        const kline *bar = &t->waiting[t->first_waiting];
        if (bar->open_ms >= hold_ms) break;
        if (bar->open_ms > kline_series_known_to(t->bars)) {
            timeframe_want(t, bar->open_ms);
            break;
        }
        store(t, bar);
        drop_first_waiting(t);
    }
    return OK;
}

/* REST has said all that it has of [from, to): what is not there does not exist. Copies of a reference hear of each other's
 * ranges, too: one that begins behind what is known here says nothing of the bars before it. */
static err end_of_range(timeframe *t, int64_t from_ms, int64_t to_ms, int64_t hold_ms) {
    if (from_ms > kline_series_known_to(t->bars)) return timeframe_drain(t, hold_ms);
    t->asked_to_ms = 0;
    while (t->first_waiting < t->n_waiting && t->waiting[t->first_waiting].open_ms < to_ms) {
        const kline *bar = &t->waiting[t->first_waiting];
        if (bar->open_ms >= hold_ms) return OK;
        kline_series_known(t->bars, bar->open_ms);
        store(t, bar);
        drop_first_waiting(t);
    }
    kline_series_known(t->bars, to_ms);
    return timeframe_drain(t, hold_ms);
}

static err closed(timeframe *t, const market_event *event, int64_t hold_ms) {
    bool is_history = event->kind == EVENT_HISTORY;
    int64_t known_to = kline_series_known_to(t->bars);
    if (event->bar.open_ms >= hold_ms) return wait_for_turn(t, &event->bar);
    if (is_history && t->asked_to_ms && event->from_ms <= known_to && event->bar.open_ms > known_to &&
        event->bar.open_ms < t->asked_to_ms)
        kline_series_known(t->bars, event->bar.open_ms); /* REST lacks what it left out of its own answer */
    else if (event->bar.open_ms > known_to) {
        t->n_gaps += t->first_waiting == t->n_waiting && !is_history;
        timeframe_want(t, event->bar.open_ms);
        return wait_for_turn(t, &event->bar);
    }
    store(t, &event->bar);
    return t->n_waiting ? timeframe_drain(t, hold_ms) : OK;
}

err timeframe_apply(timeframe *t, const market_event *event, int64_t hold_ms) {
    switch (event->kind) {
    case EVENT_BAR_FORMING:
        if (kline_series_update(t->bars, &event->bar) == KLINE_GAP) timeframe_want(t, event->bar.open_ms);
        return OK;
    case EVENT_BAR_CLOSED:
    case EVENT_HISTORY: return closed(t, event, hold_ms);
    case EVENT_RANGE_DONE: return end_of_range(t, event->bar.open_ms, event->to_ms, hold_ms);
    default: return OK;
    }
}
