/* See tracked_hold.h. */
#include "screener/tracked_hold.h"

int32_t tracked_bar_from(const kline_series *bars, int64_t ms) {
    const int64_t *open_ms = kline_series_open_ms(bars);
    int32_t low = 0, high = kline_series_count(bars);
    if (high == 0 || open_ms[high - 1] < ms) return -1;
    if (high > 1 && open_ms[high - 2] < ms) return high - 1; /* the usual case: only the newest is new */
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (open_ms[middle] < ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The trader has not begun, because the history before its first bar is not all there. */
static bool is_loading(const tracked *t, const standing *s, int32_t interval) {
    return s->cursor_ms == 0 &&
           kline_series_known_to(t->frames[interval]->bars) < interval_floor(interval, s->edge.start_ms);
}

bool tracked_is_loading(const tracked *t, const trader_set *set, int32_t index) {
    const standing *s = &t->standings[index];
    return s->is_wanted && is_loading(t, s, set->traders[index]->spec->interval);
}

/* No bar that the trader still has to see opens before this. Behind its cursor there may be a hole longer than any room: then it
 * is the bar behind the hole, or where the bars are known to, if there is none yet. */
static int64_t next_place_ms(const tracked *t, const standing *s, int32_t interval) {
    const kline_series *bars = t->frames[interval]->bars;
    int64_t from_ms = s->cursor_ms ? s->cursor_ms : s->edge.start_ms, known_to_ms = kline_series_known_to(bars);
    int32_t at = tracked_bar_from(bars, from_ms);
    if (at >= 0) return s->cursor_ms ? kline_series_open_ms(bars)[at] : from_ms;
    return !s->is_owed && known_to_ms > from_ms ? known_to_ms : from_ms;
}

/* What the trader sees next, it sees as of the close of its own next bar, which may be many bars of `interval` away: so
 * much and the room behind it may come. */
static int64_t hold_at(const tracked *t, const standing *s, const trader_spec *spec, int32_t interval, int32_t room) {
    int64_t from_ms = interval_floor(spec->interval, next_place_ms(t, s, spec->interval));
    int64_t close_ms = interval_next(spec->interval, from_ms);
    return interval_add(interval, interval_floor(interval, close_ms), room);
}

static int64_t hold(const tracked *t, const trader_set *set, int32_t interval, bool is_live) {
    int64_t least = INT64_MAX;
    int32_t room = kline_series_keep(t->frames[interval]->bars) / 2;
    for (int32_t i = 0; i < set->count; i++) {
        const standing *s = &t->standings[i];
        const trader_spec *spec = s->is_wanted ? set->traders[i]->spec : NULL;
        int64_t from;
        if (!spec || !(spec->interval_mask >> interval & 1)) continue;
        if (is_live && !s->is_owed && !is_loading(t, s, spec->interval)) continue;
        if (trader_is_stopped(set->traders[i], s->cursor_ms)) continue;
        from = hold_at(t, s, spec, interval, room);
        if (from < least) least = from;
    }
    return least;
}

int64_t tracked_hold_ms(const tracked *t, const trader_set *set, int32_t interval) {
    return hold(t, set, interval, false);
}

int64_t tracked_hold_live_ms(const tracked *t, const trader_set *set, int32_t interval) {
    return t->is_waiting || t->is_loading ? hold(t, set, interval, true) : INT64_MAX;
}

/* Bars of the symbol itself are on their way. */
static bool has_gap(const timeframe *f) {
    return f->asked_to_ms || f->wanted_to_ms || f->first_waiting != f->n_waiting;
}

bool tracked_is_behind(const tracked *t) {
    bool is_behind = t->is_waiting || t->is_loading;
    for (int32_t i = 0; i < N_INTERVALS; i++) is_behind = is_behind || (t->frames[i] && has_gap(t->frames[i]));
    return is_behind;
}

bool tracked_refers(const tracked *t, const trader_set *set, int32_t index, const tracked *copy, int32_t interval) {
    const trader_spec *spec = t->standings[index].is_wanted ? set->traders[index]->spec : NULL;
    return spec && (spec->reference_mask >> interval & 1) && trader_spec_reference(spec, copy->symbol->name) >= 0;
}

int64_t tracked_hold_copy_ms(const tracked *t, const trader_set *set, const tracked *copy, int32_t interval,
                             bool is_live) {
    int64_t hold = INT64_MAX;
    int32_t room = kline_series_keep(copy->frames[interval]->bars) / 2;
    for (int32_t i = 0; i < set->count; i++) {
        const standing *s = &t->standings[i];
        const trader_spec *spec;
        int64_t from;
        if (!tracked_refers(t, set, i, copy, interval)) continue;
        spec = set->traders[i]->spec;
        if (is_live && !s->is_owed && !is_loading(t, s, spec->interval) && !has_gap(t->frames[spec->interval]))
            continue;
        if (trader_is_stopped(set->traders[i], s->cursor_ms)) continue;
        from = hold_at(t, s, spec, interval, room);
        if (from < hold) hold = from;
    }
    return hold;
}
