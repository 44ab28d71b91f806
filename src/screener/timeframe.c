/* See timeframe.h.
 *
 *      stored bars          gap            waiting
 *   [ . . . . . . . . ) known_to ------- [ x   x x ]      asked_to: how far REST has been asked */
#include "screener/timeframe.h"
#include "screener/audit.h"
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

/* The next bar is here already, and waits for room only. */
static bool has_next(const timeframe *t) {
    return t->first_waiting < t->n_waiting && t->waiting[t->first_waiting].open_ms <= kline_series_known_to(t->bars);
}

void timeframe_want(timeframe *t, int64_t to_ms) {
    if (has_next(t)) return;
    if (to_ms > kline_series_known_to(t->bars) && t->asked_to_ms == 0 && to_ms > t->wanted_to_ms)
        t->wanted_to_ms = to_ms;
}

/* ---- bars that do not come ---- */

/* Behind the newest bar stored there may be bars that REST lacked when it was asked. */
static int64_t missing_from(const timeframe *t) {
    int32_t interval = kline_series_interval(t->bars), count = kline_series_count(t->bars);
    int64_t known_to = kline_series_known_to(t->bars), from, most;
    if (count == 0 || !t->has_loaded) return known_to;
    from = interval_next(interval, kline_series_open_ms(t->bars)[count - 1]);
    most = interval_add(interval, known_to, -(int64_t)AGAIN_BARS);
    return from < most ? most : from;
}

bool timeframe_take_want(timeframe *t, uint64_t inquiry, int64_t *from_ms, int64_t *to_ms) {
    if (!t->wanted_to_ms || t->asked_to_ms) return false;
    t->inquiry = inquiry;
    *from_ms = t->recheck_ms ? t->recheck_ms : missing_from(t);
    t->recheck_ms = 0;
    *to_ms = t->asked_to_ms = t->wanted_to_ms;
    t->wanted_to_ms = 0;
    return true;
}

int64_t timeframe_due_ms(const timeframe *t) {
    int64_t known_to = kline_series_known_to(t->bars);
    int64_t next_ms = interval_next(kline_series_interval(t->bars), known_to) + CLOSE_GRACE_MS;
    return t->again_ms && t->again_ms < next_ms ? t->again_ms : next_ms;
}

bool timeframe_watch(timeframe *t, int64_t market_ms) {
    int64_t to = interval_floor(kline_series_interval(t->bars), market_ms - CLOSE_GRACE_MS);
    if (t->asked_to_ms || t->wanted_to_ms || t->first_waiting < t->n_waiting) return false;
    if (market_ms < timeframe_due_ms(t) || to <= missing_from(t)) return false;
    t->wanted_to_ms = to;
    return true;
}

/* REST has been asked and a bar that has ended is still missing: later again, less and less often, but once per bar. */
static void plan_again(timeframe *t) {
    int64_t longest = interval_ms(kline_series_interval(t->bars));
    bool is_missing = kline_series_count(t->bars) > 0 && missing_from(t) < kline_series_known_to(t->bars);
    if (!is_missing) {
        t->spacing_ms = t->again_ms = 0;
        return;
    }
    t->spacing_ms = t->spacing_ms ? t->spacing_ms * 2 : CLOSE_GRACE_MS;
    if (t->spacing_ms > longest) t->spacing_ms = longest;
    t->again_ms = t->market_ms + t->spacing_ms;
}

/* ---- bars that come ---- */

/* Puts a bar among the waiting ones; the same open time replaces. Past the ceiling the newest are left to REST. */
static err wait_for_turn(timeframe *t, const kline *bar) {
    int32_t at = t->n_waiting;
    while (at > t->first_waiting && t->waiting[at - 1].open_ms >= bar->open_ms) at--;
    if (at < t->n_waiting && t->waiting[at].open_ms == bar->open_ms) {
        t->waiting[at] = *bar;
        return OK;
    }
    if (t->n_waiting - t->first_waiting >= WAITING_MAX) {
        if (!t->left_ms || bar->open_ms < t->left_ms) t->left_ms = bar->open_ms;
        return OK;
    }
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

void timeframe_forget_corrections(timeframe *t) { t->corrected_from_ms = t->corrected_to_ms = 0; }

static void note_correction(timeframe *t, int64_t open_ms) {
    t->n_corrected++;
    if (!t->corrected_from_ms || open_ms < t->corrected_from_ms) t->corrected_from_ms = open_ms;
    if (open_ms > t->corrected_to_ms) t->corrected_to_ms = open_ms;
}

/* What the bar was when REST looked: moments after its close it may not have had its last trades. */
static bool is_unfinished(const timeframe *t, const kline *bar) {
    int32_t interval = kline_series_interval(t->bars), at = kline_series_find(t->bars, bar->open_ms);
    if (at < 0 || t->market_ms > interval_next(interval, bar->open_ms) + AUDIT_SETTLED_MS) return false;
    return bar->trades < kline_series_field(t->bars, FIELD_TRADES)[at];
}

static void store(timeframe *t, const kline *bar) {
    int32_t index;
    switch (kline_series_close(t->bars, bar, &index)) {
    case KLINE_APPENDED:
        t->n_closed++;
        t->spacing_ms = t->again_ms = 0;
        indicator_set_advance(t->set);
        break;
    case KLINE_REPLACED:
        note_correction(t, bar->open_ms);
        indicator_set_correct(t->set, index);
        break;
    case KLINE_SAME: break;
    default: t->n_refused++;
    }
}

static void drop_first_waiting(timeframe *t) {
    if (++t->first_waiting == t->n_waiting) t->first_waiting = t->n_waiting = 0;
}

/* Up to the first bar that waits; what has been said does not reach further than what was asked for. */
static void pass_holes(timeframe *t) {
    int64_t to_ms = t->said_to_ms;
    if (t->first_waiting < t->n_waiting && t->waiting[t->first_waiting].open_ms < to_ms)
        to_ms = t->waiting[t->first_waiting].open_ms;
    if (to_ms > kline_series_known_to(t->bars)) kline_series_known(t->bars, to_ms);
}

err timeframe_drain(timeframe *t, int64_t hold_ms) {
    for (pass_holes(t); t->first_waiting < t->n_waiting; pass_holes(t)) {
        const kline *bar = &t->waiting[t->first_waiting];
        if (!has_next(t)) timeframe_want(t, bar->open_ms);
        if (!has_next(t) || bar->open_ms >= hold_ms) break;
        store(t, bar);
        drop_first_waiting(t);
    }
    return OK;
}

static bool is_answer(const timeframe *t, const market_event *event) {
    return t->asked_to_ms && event->inquiry == t->inquiry;
}

/* All bars up to `to_ms` have been said, and are stored or wait for room: what is not there does not exist. */
static err all_said(timeframe *t, int64_t to_ms, int64_t hold_ms) {
    if (t->left_ms && t->left_ms < to_ms) to_ms = t->left_ms;
    if (to_ms > t->said_to_ms) t->said_to_ms = to_ms;
    t->left_ms = 0;
    return timeframe_drain(t, hold_ms);
}

static err end_of_range(timeframe *t, int64_t to_ms, int64_t hold_ms) {
    err e;
    /* What the stream has brought meanwhile, and the newest bar of REST, which may have been in flux, are read again. */
    if (!t->has_loaded) t->audited_to_ms = interval_add(kline_series_interval(t->bars), to_ms, -1);
    t->asked_to_ms = 0;
    t->has_loaded = true;
    e = all_said(t, to_ms, hold_ms);
    plan_again(t);
    return e;
}

static err range_done(timeframe *t, const market_event *event, int64_t hold_ms) {
    if (is_answer(t, event)) return end_of_range(t, event->to_ms, hold_ms);
    return event->inquiry ? OK : all_said(t, event->to_ms, hold_ms); /* what was read again says nothing new */
}

static err closed(timeframe *t, const market_event *event, int64_t hold_ms) {
    bool is_history = event->kind == EVENT_HISTORY;
    int64_t known_to, n_before, n_corrected;
    err e = timeframe_drain(t, hold_ms); /* bars that had to wait and need not any more come first */
    if (e != OK) return e;
    known_to = kline_series_known_to(t->bars);
    n_before = t->n_closed;
    if (event->bar.open_ms >= hold_ms) {
        e = wait_for_turn(t, &event->bar);
        return e == OK ? timeframe_drain(t, hold_ms) : e; /* there may be a gap before it as well */
    }
    if (is_history && is_answer(t, event) && event->bar.open_ms > known_to && event->bar.open_ms < t->asked_to_ms)
        kline_series_known(t->bars, event->bar.open_ms); /* REST lacks what it left out of its own answer */
    else if (event->bar.open_ms > known_to) {
        t->n_gaps += t->first_waiting == t->n_waiting && !is_history && t->has_loaded;
        timeframe_want(t, event->bar.open_ms);
        return wait_for_turn(t, &event->bar);
    }
    if (is_history && is_unfinished(t, &event->bar)) {
        t->n_refused++;
        return OK;
    }
    n_corrected = t->n_corrected;
    store(t, &event->bar);
    /* A frame that was late has replaced what REST had said: REST has the last word, so it is read again. */
    if (!is_history && t->n_corrected != n_corrected && event->bar.open_ms < t->audited_to_ms)
        t->audited_to_ms = event->bar.open_ms;
    if (is_history && t->has_loaded) t->n_by_rest += t->n_closed - n_before;
    return t->n_waiting ? timeframe_drain(t, hold_ms) : OK;
}

static void update(timeframe *t, const market_event *event) {
    const forming_state *newest = &t->forming;
    bool is_same_bar = event->bar.open_ms == newest->open_ms;
    if (event->bar.open_ms < newest->open_ms ||
        (is_same_bar && market_event_is_older(event, newest->trades, newest->event_ms))) {
        t->n_refused++;
        return;
    }
    switch (kline_series_update(t->bars, &event->bar)) {
    case KLINE_GAP: timeframe_want(t, event->bar.open_ms); break;
    case KLINE_FORMING: t->forming = (forming_state){event->bar.open_ms, event->event_ms, event->bar.trades}; break;
    default: t->n_refused++;
    }
}

err timeframe_apply(timeframe *t, const market_event *event, int64_t hold_ms) {
    if (event->event_ms > t->market_ms) t->market_ms = event->event_ms;
    switch (event->kind) {
    case EVENT_BAR_FORMING: update(t, event); return OK;
    case EVENT_BAR_CLOSED:
    case EVENT_HISTORY: return closed(t, event, hold_ms);
    case EVENT_RANGE_DONE: return range_done(t, event, hold_ms);
    default: return OK;
    }
}
