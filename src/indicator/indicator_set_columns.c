/* Where the values of an indicator_set are kept: see indicator_set.h.
 *
 * A column is whole (values of all bars kept) or short (of the newest ones). What is being added starts whole,
 * reads whole sources, and then all are cut. To lengthen a column, its kernel runs from an anchor up to where the column
 * begins, over sources that have been lengthened before:
 *
 *      bars    [ . . . . . . . . . . . . . . . . . . . . . . ]
 *      source  [ NaN NaN v v v v v v v v v v v v v v v v v v ]      floor: the oldest value that can be computed anew
 *                         | reach  |
 *      column  [ NaN NaN NaN NaN NaN a v v v v v v v . . . . ]      a: its oldest anchor whose window is there
 *
 * Before its floor a whole column is blank too. An epoch that is still there is an anchor with an empty state, so nothing
 * is lost before the window has slid over it. Deferred values cannot be computed anew, nor are those worth it whose
 * states are large: they are whole all the time, and have no floor. One that becomes a source of deferred ones stays whole
 * from then on and keeps its floor until the window has passed it. */
#include "indicator/indicator_set_columns.h"
#include <string.h>

static bool is_whole(const indicator_set *set, const instance *item) {
    return item->values.room == kline_series_room(set->bars);
}

/* The oldest bar that every source can have values of. */
int64_t indicator_set_sources_floor(const indicator_set *set, const instance *item) {
    int64_t floor = set->dropped;
    for (int32_t s = 0; s < INDICATOR_SOURCES; s++)
        if (item->source_at[s] >= 0 && set->items[item->source_at[s]].floor > floor)
            floor = set->items[item->source_at[s]].floor;
    return floor;
}

/* Bars from here on can have values, whatever has been left out of the columns. */
int64_t indicator_set_floor_of(const indicator_set *set, const instance *item) {
    int64_t sources = indicator_set_sources_floor(set, item), from;
    /* One that has been short is blank up to where it could be had anew then. */
    if (!item->may_be_short) return item->floor > set->dropped ? item->floor : set->dropped;
    if (item->epoch_ms == 0 || item->first_life >= sources) return set->dropped;
    from = sources + kernel_reach(item->spec->kind, item->spec->param, item->spec->interval);
    if (item->state_bytes > 0) from = anchors_from(&set->anchors, from);
    return from < set->life ? from : set->life;
}

void indicator_set_find_floors(indicator_set *set) {
    for (int32_t i = 0; i < set->count; i++) {
        instance *item = &set->items[i];
        item->floor = indicator_set_floor_of(set, item);
        if (item->floor > set->dropped) column_blank(&item->values, item->floor);
    }
}

void indicator_set_find_slide(indicator_set *set) {
    set->slide_life = INT64_MAX;
    for (int32_t i = 0; i < set->count; i++) {
        const column *c = &set->items[i].values;
        int64_t full = c->first + c->room - 1; /* the last place is the forming bar's */
        if (!is_whole(set, &set->items[i]) && full < set->slide_life) set->slide_life = full;
    }
}

/* All at once, so that they are full at the same time again. */
void indicator_set_slide_short(indicator_set *set) {
    for (int32_t i = 0; i < set->count; i++)
        if (!is_whole(set, &set->items[i])) column_slide(&set->items[i].values, set->life - set->items[i].least);
    indicator_set_find_slide(set);
    set->n_moves++;
}

/* The window of the bars has moved on. */
void indicator_set_follow_bars(indicator_set *set) {
    int64_t dropped = kline_series_dropped(set->bars);
    if (dropped == set->dropped) return;
    set->dropped = dropped;
    for (int32_t i = 0; i < set->count; i++)
        if (is_whole(set, &set->items[i])) column_slide(&set->items[i].values, dropped);
    indicator_set_find_floors(set);
    set->n_moves++;
}

static int64_t short_first(const indicator_set *set, const instance *item) {
    int64_t first = set->life - item->least;
    return first > set->dropped ? first : set->dropped;
}

/* False when it stays whole; without memory for another block it does. */
static bool cut(indicator_set *set, instance *item) {
    bool is_used = item->asked_life >= 0 && set->life - item->asked_life <= kline_series_keep(set->bars);
    if (is_used || !item->may_be_short || !is_whole(set, item) || short_room(item) >= item->values.room) return false;
    item->asked_life = -1;
    return column_resize(&item->values, &set->spare, short_room(item), short_first(set, item)) == OK;
}

/* Those whose whole nobody has asked for lately. */
void indicator_set_cut_unused(indicator_set *set) {
    bool is_any = false;
    for (int32_t i = 0; i < set->count; i++) is_any = cut(set, &set->items[i]) || is_any;
    if (is_any) indicator_set_find_slide(set);
    set->n_moves += is_any;
}

/* The values from its floor up to the first that is there. */
void indicator_set_refill(indicator_set *set, const instance *item, int64_t to) {
    int64_t from = item->floor;
    if (item->epoch_ms == 0) return;
    memset(set->scratch, 0, item->state_bytes);
    if (item->first_life >= from)
        from = item->first_life;
    else if (item->state_bytes > 0 && from < to)
        memcpy(set->scratch, anchors_get(&set->anchors, from) + item->anchor, item->state_bytes);
    if (from < to) indicator_set_run_bars(set, item, set->scratch, from, to);
}

err indicator_set_make_whole(indicator_set *set, int32_t i) {
    instance *item = &set->items[i];
    int64_t first = item->values.first;
    err e = OK;
    if (is_whole(set, item)) return OK;
    for (int32_t s = 0; s < INDICATOR_SOURCES && e == OK; s++)
        if (item->source_at[s] >= 0) e = indicator_set_make_whole(set, item->source_at[s]);
    if (e == OK) e = indicator_set_grow_scratch(set, item->state_bytes + 1); /* never NULL */
    if (e == OK) e = column_resize(&item->values, &set->spare, kline_series_room(set->bars), set->dropped);
    if (e != OK) return e;
    indicator_set_refill(set, item, first);
    indicator_set_find_slide(set);
    set->n_moves++;
    return OK;
}

err indicator_set_lengthen(indicator_set *set, int32_t i) {
    err e = indicator_set_make_whole(set, i);
    if (e == OK) set->items[i].asked_life = set->life;
    indicator_set_cut_unused(set); /* its sources */
    return e;
}
