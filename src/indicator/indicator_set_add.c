/* Newcomers of an indicator_set: what they are made of comes first, then they see the bars that are kept. */
#include "indicator/indicator_set_add.h"
#include "indicator/indicator_set_columns.h"
#include "indicator/indicator_set_deferred.h"
#include <string.h>

void indicator_set_bind_slow(const indicator_set *set, instance *item) {
    const indicator_set *slow = indicator_set_slow(set, item->spec);
    series_ref ref = item->spec->source[0];
    item->has_slow = slow != NULL;
    item->slow_at = slow && series_is_output(ref) ? indicator_set_find(slow, series_indicator(ref), 0) : -1;
}

void indicator_set_bind(const indicator_set *set, instance *item) {
    for (int32_t s = 0; s < INDICATOR_SOURCES; s++) {
        series_ref ref = item->spec->source[s];
        bool is_here = item->spec->kind != INDICATOR_ALIGN && s < item->kernel->n_sources && series_is_output(ref);
        item->source_at[s] = is_here ? indicator_set_find(set, series_indicator(ref), 0) : -1;
    }
    item->slow_at = -1;
    if (item->spec->kind == INDICATOR_ALIGN) indicator_set_bind_slow(set, item);
}

/* Its state after the bars up to `life`, into what has been kept of that moment. */
static void keep_state(indicator_set *set, const instance *item, int64_t life) {
    const char *state = set->states + item->state;
    if (item->state_bytes == 0) return;
    for (int c = 0; c < N_CHECKPOINTS; c++)
        if (set->checkpoints[c].life == life)
            memcpy(set->checkpoints[c].states + item->state, state, item->state_bytes);
    if (item->may_be_short && life % ANCHOR_BARS == 0 && anchors_get(&set->anchors, life))
        memcpy(anchors_get(&set->anchors, life) + item->anchor, state, item->state_bytes);
}

/* A newcomer sees the bars kept, and its state goes into checkpoints and anchors on the way. */
static void catch_up(indicator_set *set, int32_t i) {
    instance *item = &set->items[i];
    int64_t at = indicator_set_sources_floor(set, item), end;
    memset(set->states + item->state, 0, item->state_bytes); /* which may be nothing, at the end of the states */
    if (item->is_deferred) {
        item->life = set->dropped;
        return;
    }
    for (int c = 0; c < N_CHECKPOINTS; c++)
        if (set->checkpoints[c].life < at) set->checkpoints[c].life = -1; /* it cannot be completed */
    for (keep_state(set, item, at); at < set->life; at = end) {
        end = (at / CHECKPOINT_BARS + 1) * CHECKPOINT_BARS;
        if (end > set->life) end = set->life;
        indicator_set_run(set, i, set->states + item->state, at, end);
        keep_state(set, item, end);
    }
}

static err add(indicator_set *set, int32_t id, int64_t epoch_ms);

/* What it is made of comes first. */
err indicator_set_add_sources(indicator_set *set, const indicator_spec *spec, int64_t epoch_ms) {
    err e = OK;
    indicator_set *home = spec->kind == INDICATOR_ALIGN ? indicator_set_slow(set, spec) : set;
    if (!home) return spec->param[1] > 0 ? OK : ERR_NOT_FOUND; /* a reference may come later */
    for (int32_t s = 0; s < kernel_get(spec->kind)->n_sources && e == OK; s++)
        if (series_is_output(spec->source[s]))
            e = home == set ? add(set, series_indicator(spec->source[s]), epoch_ms)
                            : indicator_set_add(home, series_indicator(spec->source[s]), 0);
    return e;
}

bool indicator_set_rests_on_deferred(const indicator_set *set, const instance *item) {
    if (item->spec->kind == INDICATOR_ALIGN || item->spec->kind == INDICATOR_OWN) return true;
    for (int32_t s = 0; s < item->kernel->n_sources; s++)
        if (item->source_at[s] >= 0 && set->items[item->source_at[s]].is_deferred) return true;
    return false;
}

/* Whoever reads it back to `reach` bars does so also when all is done anew from a checkpoint. */
static err prepare_source(indicator_set *set, int32_t at, bool is_deferred, int32_t reach) {
    instance *source = &set->items[at];
    int32_t least = N_CHECKPOINTS * CHECKPOINT_BARS + reach;
    err e = indicator_set_make_whole(set, at);
    if (e != OK) return e;
    if (least > source->least) source->least = least;
    if (is_deferred || source->chain + REBUILD_BARS + least > kline_series_keep(set->bars))
        source->may_be_short = false; /* what is deferred may be far behind */
    return OK;
}

/* What is aligned may be far behind, and there is no telling it when the column moves on. */
err indicator_set_prepare_slow(const indicator_set *set, const instance *item) {
    return item->slow_at >= 0 ? prepare_source(indicator_set_slow(set, item->spec), item->slow_at, true, 0) : OK;
}

static err prepare_sources(indicator_set *set, const instance *item, int32_t reach) {
    err e = OK;
    for (int32_t s = 0; s < INDICATOR_SOURCES && e == OK; s++)
        if (item->source_at[s] >= 0) e = prepare_source(set, item->source_at[s], item->is_deferred, reach);
    return e == OK ? indicator_set_prepare_slow(set, item) : e;
}

/* Whether its past can be had anew from the bars kept, and the anchors for that take less than what is left out. */
static bool may_be_short(const indicator_set *set, const instance *item) {
    int32_t keep = kline_series_keep(set->bars), room = kline_series_room(set->bars);
    size_t saved = (size_t)(room - short_room(item)) * sizeof(double) * (size_t)item->kernel->n_outputs;
    return !item->is_deferred && item->rounds <= ROUNDS_MAX && short_room(item) < room &&
           item->chain + REBUILD_BARS + item->least <= keep && item->state_bytes * (size_t)set->anchors.n < saved;
}

static void measure_chain(const indicator_set *set, instance *item, int32_t reach) {
    for (int32_t s = 0; s < INDICATOR_SOURCES; s++) {
        const instance *source = item->source_at[s] >= 0 ? &set->items[item->source_at[s]] : NULL;
        if (!source || !source->may_be_short) continue;
        if (source->chain > item->chain) item->chain = source->chain;
        if (source->rounds > item->rounds) item->rounds = source->rounds;
    }
    item->chain += reach;
    item->rounds += item->state_bytes > 0;
}

/* What catch_up runs over is not blanked before. A remembered epoch leaves bars out. */
static err new_column(indicator_set *set, instance *item) {
    int64_t from = item->is_deferred || item->asked_ms > 0 ? set->life : indicator_set_sources_floor(set, item);
    return column_init(&item->values, &set->spare, item->kernel->n_outputs, kline_series_room(set->bars), set->dropped,
                       from, set->life);
}

static err complete(indicator_set *set, instance *item, int32_t reach) {
    err e;
    indicator_set_bind(set, item);
    item->is_deferred = indicator_set_rests_on_deferred(set, item);
    e = prepare_sources(set, item, reach);
    if (e != OK) return e;
    measure_chain(set, item, reach);
    item->may_be_short = may_be_short(set, item);
    if (item->may_be_short) e = anchors_add(&set->anchors, item->state_bytes, &item->anchor);
    if (e != OK) return e;
    return new_column(set, item);
}

static err add(indicator_set *set, int32_t id, int64_t epoch_ms) {
    const indicator_spec *spec = registry_get(set->registry, id);
    size_t bytes = kernel_state_bytes(spec->kind, spec->param, spec->interval);
    int32_t reach = kernel_reach(spec->kind, spec->param, spec->interval);
    instance *item;
    err e;
    if (indicator_set_find(set, id, 0) >= 0) return OK;
    if (reach + N_CHECKPOINTS * CHECKPOINT_BARS > kline_series_keep(set->bars)) return ERR_TOO_BIG;
    e = indicator_set_add_sources(set, spec, epoch_ms);
    if (e == OK && set->count == set->capacity) e = indicator_set_grow_items(set);
    if (e == OK) e = indicator_set_grow_states(set, bytes);
    if (e != OK) return e;
    item = &set->items[set->count];
    *item = (instance){.id = id,
                       .kernel = kernel_get(spec->kind),
                       .spec = spec,
                       .least = SHORT_LEAST,
                       .asked_ms = epoch_ms,
                       .asked_life = -1,
                       .state = set->used,
                       .state_bytes = bytes};
    e = complete(set, item, reach);
    if (e != OK) return e;
    set->n_deferred += item->is_deferred;
    set->used += bytes;
    if (reach > set->reach) set->reach = reach;
    catch_up(set, set->count);
    item->floor = indicator_set_floor_of(set, item);
    set->count++;
    return OK;
}

err indicator_set_add(indicator_set *set, int32_t id, int64_t epoch_ms) {
    err e;
    if (indicator_set_find(set, id, 0) >= 0) return OK;
    indicator_set_follow_bars(set);
    e = add(set, id, epoch_ms);
    indicator_set_cut_unused(set);
    return e;
}
