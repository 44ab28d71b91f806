/* What rests on a slower series, on one of another symbol or on an author's own one: it is computed when somebody who knows those
 * to be complete asks for it, and made anew after a correction there. */
#include "indicator/indicator_set_deferred.h"
#include "indicator/indicator_set_add.h"
#include <stdlib.h>
#include <string.h>

static reference *find_reference(const indicator_set *set, int32_t symbol) {
    for (int32_t k = 0; k < set->n_references; k++)
        if (set->references[k].symbol == symbol) return &set->references[k];
    return NULL;
}

indicator_set *indicator_set_slow(const indicator_set *set, const indicator_spec *spec) {
    int32_t symbol = (int32_t)spec->param[1];
    const reference *from = symbol ? find_reference(set, symbol) : NULL;
    indicator_set *const *sets = symbol ? (from ? from->sets : NULL) : set->linked;
    return sets ? sets[(int32_t)spec->param[0]] : NULL;
}

void indicator_set_link(indicator_set *set, indicator_set *const sets[N_INTERVALS]) { set->linked = sets; }

/* A deferred instance forgets what it knows from bar `life` on. An own series has no state but its values; anything else
 * begins anew, in a new epoch when its first bar is gone. */
static void rewind_one(indicator_set *set, instance *item, int64_t life) {
    int64_t oldest = kline_series_dropped(set->bars);
    if (item->life <= life) return;
    if (item->spec->kind == INDICATOR_OWN || item->spec->kind == INDICATOR_ALIGN) {
        item->life = life;
        return;
    }
    memset(set->states + item->state, 0, item->state_bytes);
    item->life = oldest;
    if (item->epoch_ms && item->first_life < oldest) {
        item->epoch_ms = 0;
        set->n_new_epochs++;
        set->n_moves++;
    }
}

void indicator_set_rewind_deferred(indicator_set *set, int64_t life) {
    if (!set->n_deferred) return;
    for (int32_t i = 0; i < set->count; i++)
        if (set->items[i].is_deferred) rewind_one(set, &set->items[i], life);
}

/* In the other sets: what is aligned from this one, or may have been read by an own series. */
void indicator_set_rewind_linked(const indicator_set *set, int64_t from_ms) {
    for (int32_t i = 0; set->linked && i < N_INTERVALS; i++) {
        indicator_set *other = set->linked[i];
        if (!other || other == set || !other->n_deferred) continue;
        indicator_set_rewind_deferred(other,
                                      kline_series_dropped(other->bars) + kline_series_count_at(other->bars, from_ms));
    }
}

/* ---- settling ---- */

bool indicator_set_has_deferred(const indicator_set *set) { return set->n_deferred > 0; }

/* The open time from which on a set has been corrected since it had been `n_seen` times; INT64_MAX: not at all. */
static int64_t corrected_since(const indicator_set *set, int64_t n_seen) {
    int64_t from_ms = INT64_MAX;
    if (set->n_corrected - n_seen > CORRECTIONS) return 0;
    for (int64_t k = n_seen; k < set->n_corrected; k++)
        if (set->corrected_ms[k % CORRECTIONS] < from_ms) from_ms = set->corrected_ms[k % CORRECTIONS];
    return from_ms;
}

/* Corrections of other symbols: what is aligned from them, or may have been read by an own series, is made again. */
static void follow_references(indicator_set *set) {
    for (int32_t k = 0; k < set->n_references; k++) {
        reference *from = &set->references[k];
        for (int32_t i = 0; from->sets && i < N_INTERVALS; i++) {
            if (!from->sets[i] || from->sets[i]->n_corrected == from->n_corrected[i]) continue;
            int64_t from_ms = corrected_since(from->sets[i], from->n_corrected[i]);
            from->n_corrected[i] = from->sets[i]->n_corrected;
            indicator_set_rewind_deferred(set,
                                          kline_series_dropped(set->bars) + kline_series_count_at(set->bars, from_ms));
        }
    }
}

/* One that has fallen behind the window begins anew. */
static void follow_window(indicator_set *set, instance *item) {
    int64_t oldest = kline_series_dropped(set->bars);
    if (item->life >= oldest) return;
    memset(set->states + item->state, 0, item->state_bytes);
    set->n_new_epochs += item->epoch_ms != 0;
    set->n_moves += item->epoch_ms != 0;
    item->epoch_ms = 0;
    item->life = oldest;
}

/* The open time up to which the source of an aligned series is known: it may be deferred itself. */
static int64_t slow_known_to(const indicator_set *slow, const instance *item) {
    const instance *source = item->slow_at >= 0 ? &slow->items[item->slow_at] : NULL;
    int64_t at = source && source->is_deferred ? source->life - kline_series_dropped(slow->bars) : INT64_MAX;
    if (at >= kline_series_count(slow->bars)) return kline_series_known_to(slow->bars);
    return at > 0 ? kline_series_open_ms(slow->bars)[at] : 0;
}

/* The bars (as a life number) up to which the source of an aligned series is known. */
static int64_t known_life(const indicator_set *set, const instance *item, int64_t life) {
    const indicator_set *slow = indicator_set_slow(set, item->spec);
    const int64_t *open_ms = kline_series_open_ms(set->bars);
    int64_t dropped = kline_series_dropped(set->bars), at = item->life, known_to_ms;
    if (!slow) return life; /* known to be NaN */
    known_to_ms = slow_known_to(slow, item);
    while (at < life) {
        int64_t close_ms = interval_next(item->spec->interval, open_ms[at - dropped]);
        if (known_to_ms < interval_floor((int32_t)item->spec->param[0], close_ms)) break;
        at++;
    }
    return at;
}

static void settle_one(indicator_set *set, int32_t i, int64_t life) {
    instance *item = &set->items[i];
    follow_window(set, item);
    if (item->spec->kind == INDICATOR_OWN) return;
    if (item->spec->kind == INDICATOR_ALIGN) life = known_life(set, item, life);
    for (int32_t s = 0; s < INDICATOR_SOURCES; s++) {
        const instance *source = item->source_at[s] >= 0 ? &set->items[item->source_at[s]] : NULL;
        if (source && source->is_deferred && source->life < life) life = source->life;
    }
    if (life <= item->life) return;
    indicator_set_run(set, i, set->states + item->state, item->life, life);
    item->life = life;
}

void indicator_set_settle(indicator_set *set, int32_t count) {
    int64_t life = kline_series_dropped(set->bars) + count;
    if (!set->n_deferred) return;
    follow_references(set);
    for (int32_t i = 0; i < set->count; i++)
        if (set->items[i].is_deferred) settle_one(set, i, life);
}

int32_t indicator_set_own_next(indicator_set *set, int32_t i) {
    instance *item = &set->items[i];
    const int64_t *open_ms = kline_series_open_ms(set->bars);
    int64_t dropped = kline_series_dropped(set->bars), end = dropped + kline_series_count(set->bars);
    follow_references(set);
    follow_window(set, item);
    while (item->life < end && open_ms[item->life - dropped] < item->asked_ms) item->life++;
    return (int32_t)(item->life - dropped);
}

void indicator_set_own_put(indicator_set *set, int32_t i, double value) {
    instance *item = &set->items[i];
    int32_t at = (int32_t)(item->life - kline_series_dropped(set->bars));
    if (item->epoch_ms == 0) {
        item->epoch_ms = kline_series_open_ms(set->bars)[at];
        item->first_life = item->life;
        set->n_begun++;
    }
    column_values(&item->values, 0, set->dropped)[at] = kernel_defined(value);
    item->life++;
}

void indicator_set_own_peek(indicator_set *set, int32_t i, double value) {
    column_values(&set->items[i].values, 0, set->dropped)[kline_series_count(set->bars)] = kernel_defined(value);
}

/* ---- other symbols ---- */

static err note_reference(indicator_set *set, int32_t symbol, reference **out) {
    reference *larger;
    *out = find_reference(set, symbol);
    if (*out) return OK;
    larger = realloc(set->references, ((size_t)set->n_references + 1) * sizeof *larger);
    if (!larger) return ERR_NO_MEMORY;
    set->references = larger;
    *out = &larger[set->n_references++];
    **out = (reference){.symbol = symbol};
    return OK;
}

/* What was aligned while the reference was not there, and all that is made of it, begins anew. */
static void restart_stale(indicator_set *set) {
    int64_t oldest = kline_series_dropped(set->bars);
    for (int32_t i = 0; i < set->count; i++) {
        instance *item = &set->items[i];
        for (int32_t s = 0; s < INDICATOR_SOURCES; s++)
            item->is_stale = item->is_stale || (item->source_at[s] >= 0 && set->items[item->source_at[s]].is_stale);
        if (item->is_stale) rewind_one(set, item, oldest);
    }
    for (int32_t i = 0; i < set->count; i++) set->items[i].is_stale = false;
}

/* The source of an aligned series, in the set that is its home now. */
static err follow_home(indicator_set *set, int32_t i) {
    bool was_there = set->items[i].has_slow;
    err e = indicator_set_add_sources(set, set->items[i].spec, 0); /* they may be added here: `items` may move */
    instance *item = &set->items[i];
    if (e != OK) return e;
    indicator_set_bind_slow(set, item);
    item->is_stale = !was_there && item->has_slow;
    return indicator_set_prepare_slow(set, item);
}

err indicator_set_link_reference(indicator_set *set, int32_t symbol, indicator_set *const sets[N_INTERVALS]) {
    reference *from;
    bool has_come = false;
    err e = note_reference(set, symbol, &from);
    if (e != OK) return e;
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        int64_t now = sets && sets[i] ? sets[i]->n_corrected : 0;
        /* Sets that take the place of others have the same bars: their past is taken over. */
        if (sets != from->sets || now < from->n_corrected[i]) from->n_corrected[i] = now;
    }
    from->sets = sets;
    for (int32_t i = 0; i < set->count && e == OK; i++) {
        const indicator_spec *spec = set->items[i].spec;
        if (spec->kind != INDICATOR_ALIGN || (int32_t)spec->param[1] != symbol) continue;
        e = follow_home(set, i);
        has_come = has_come || set->items[i].is_stale;
    }
    if (has_come) restart_stale(set);
    return e;
}

err indicator_set_unlink_references(indicator_set *set) {
    err e = OK;
    for (int32_t k = 0; k < set->n_references && e == OK; k++)
        e = indicator_set_link_reference(set, set->references[k].symbol, NULL);
    return e;
}
