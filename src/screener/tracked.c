/* See tracked.h. */
#include "screener/tracked.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the start of a symbol ---- */

typedef struct epochs {
    registry *registry;
    int64_t oldest[N_INTERVALS]; /* remembered epochs; 0: none */
    tracked *tracked;
    const int64_t *from;
} epochs;

static void note_oldest(void *context, const char *key, int64_t epoch_ms) {
    epochs *e = context;
    int32_t id, interval;
    if (registry_parse(e->registry, key, &id) != OK) return; /* an indicator of another version: starts anew */
    interval = registry_get(e->registry, id)->interval;
    if (e->oldest[interval] == 0 || epoch_ms < e->oldest[interval]) e->oldest[interval] = epoch_ms;
}

static void restore_epoch(void *context, const char *key, int64_t epoch_ms) {
    epochs *e = context;
    int32_t id, interval;
    if (registry_parse(e->registry, key, &id) != OK) return;
    interval = registry_get(e->registry, id)->interval;
    if (!e->tracked->frames[interval] || epoch_ms < e->from[interval]) return;
    (void)!indicator_set_add(e->tracked->frames[interval]->set, id, epoch_ms); /* without room it starts at first use */
}

/* Where trader `index` began on this symbol, if an earlier run ended before any of its bars was through; 0: it did not. */
static int64_t unfinished_start(const tracked *t, const trader_set *set, const tracked_policy *p, int32_t index) {
    const trader_spec *spec = set->specs[index];
    const edge_row *edge = p->memory ? memory_edge(p->memory, t->symbol->name, spec->id, spec->revision) : NULL;
    bool is_through = edge && memory_watermark(p->memory, t->symbol->name, spec->interval) > 0;
    return edge && !is_through && !p->skips_late_bars ? edge->start_ms : 0;
}

/* The start that the bars of `interval` must reach back from. */
static int64_t oldest_start(const tracked *t, const trader_set *set, const tracked_policy *p, int32_t interval) {
    int64_t oldest = p->start_ms;
    for (int32_t i = 0; i < set->count; i++) {
        int64_t start = set->specs[i]->interval_mask >> interval & 1 ? unfinished_start(t, set, p, i) : 0;
        if (start > 0 && start < oldest) oldest = start;
    }
    return oldest;
}

/* The first bar to ask for: enough before the start (or the watermark), and the remembered epochs if within reach. */
static int64_t first_bar(const tracked *t, const trader_set *set, const tracked_policy *p, int32_t interval,
                         int32_t bars, int64_t oldest_epoch) {
    int64_t start = interval_floor(interval, p->start_ms), least;
    int64_t from = interval_add(interval, interval_floor(interval, oldest_start(t, set, p, interval)), -bars);
    int64_t mark = p->memory ? memory_watermark(p->memory, t->symbol->name, interval) : 0;
    least = interval_add(interval, start, -(int64_t)BACKFILL_MAX_BARS);
    if (mark > 0 && interval_add(interval, mark, -bars) < from) from = interval_add(interval, mark, -bars);
    if (oldest_epoch > 0 && oldest_epoch < from) from = oldest_epoch;
    return from < least ? least : from;
}

_Static_assert(REBUILD_BARS >= SILENT_BARS + 2 * CHECKPOINT_BARS, "the silent pass has its history");

/* A trader that waits for its slower timeframe must find the bars still there when that one has come. */
static err make_frames(tracked *t, registry *r, const trader_set *set, const tracked_policy *p) {
    int32_t depth[N_INTERVALS];
    uint32_t mask = trader_set_intervals(set, depth);
    int64_t from[N_INTERVALS] = {0};
    epochs known = {.registry = r, .tracked = t, .from = from};
    err e = OK;
    if (p->memory) memory_each_epoch(p->memory, t->symbol->name, note_oldest, &known);
    for (int32_t i = 0; i < N_INTERVALS && e == OK; i++) {
        int32_t bars = depth[i] + REBUILD_BARS;
        if (!(mask >> i & 1)) continue;
        if (bars < p->kline_history) bars = p->kline_history;
        from[i] = first_bar(t, set, p, i, bars, known.oldest[i]);
        e = timeframe_new(r, i, bars, from[i], &t->frames[i]);
        if (e != OK) break;
        t->sets[i] = t->frames[i]->set;
        indicator_set_link(t->sets[i], t->sets);
        timeframe_want(t->frames[i], interval_floor(i, p->start_ms));
    }
    if (e == OK && p->memory) memory_each_epoch(p->memory, t->symbol->name, restore_epoch, &known);
    return e;
}

static void make_standing(tracked *t, const trader_set *set, const tracked_policy *p, int32_t index) {
    const trader_spec *spec = set->specs[index];
    standing *s = &t->standings[index];
    const edge_row *edge = p->memory ? memory_edge(p->memory, t->symbol->name, spec->id, spec->revision) : NULL;
    s->is_wanted = spec->is_enabled && trader_spec_wants(spec, t->symbol->name, t->symbol->quote);
    if (edge) {
        const owed_row *owed = memory_owed(p->memory, t->symbol->name, spec->interval, spec->id);
        int64_t mark = memory_watermark(p->memory, t->symbol->name, spec->interval);
        s->edge = *edge;
        if (p->skips_late_bars) s->edge.start_ms = p->start_ms;
        s->cursor_ms = owed ? owed->cursor_ms : mark > 0 ? interval_next(spec->interval, mark) : 0;
        if (s->cursor_ms == 0) { /* it goes over the silent bars once more, from nothing */
            s->edge.run_open_ms = s->edge.signal_open_ms = 0;
            s->edge.is_matching = s->edge.has_run = false;
        }
        return;
    }
    snprintf(s->edge.trader_id, sizeof s->edge.trader_id, "%s", spec->id);
    snprintf(s->edge.revision, sizeof s->edge.revision, "%s", spec->revision);
    s->edge.start_ms = p->start_ms;
    s->is_changed = true;
}

err tracked_new(uint32_t id, const symbol_info *symbol, registry *r, const trader_set *set,
                const tracked_policy *policy, tracked **out) {
    tracked *t = calloc(1, sizeof *t);
    err e = ERR_NO_MEMORY;
    if (!t) return e;
    t->id = id;
    t->symbol = symbol;
    t->n_standings = set->count;
    t->standings = calloc((size_t)set->count + 1, sizeof *t->standings);
    if (t->standings) e = make_frames(t, r, set, policy);
    if (e != OK) {
        tracked_free(t);
        return e;
    }
    for (int32_t i = 0; i < set->count; i++) make_standing(t, set, policy, i);
    for (int32_t i = 0; i < N_INTERVALS; i++)
        t->told_ms[i] = policy->memory ? memory_watermark(policy->memory, symbol->name, i) : 0;
    *out = t;
    return OK;
}

void tracked_free(tracked *t) {
    if (!t) return;
    for (int32_t i = 0; t->standings && i < t->n_standings; i++) script_binding_free(t->standings[i].binding);
    for (int32_t i = 0; i < N_INTERVALS; i++) timeframe_free(t->frames[i]);
    free(t->standings);
    free(t);
}

/* ---- the loop ---- */

int64_t tracked_hold_ms(const tracked *t, const trader_set *set, int32_t interval) {
    int64_t hold = INT64_MAX;
    int32_t room = kline_series_keep(t->frames[interval]->bars) / 2;
    for (int32_t i = 0; i < set->count; i++) {
        const standing *s = &t->standings[i];
        int64_t from;
        if (!s->is_wanted || !(set->specs[i]->interval_mask >> interval & 1) || trader_set_is_quarantined(set, i))
            continue;
        from = s->cursor_ms ? s->cursor_ms : s->edge.start_ms;
        from = interval_add(interval, interval_floor(interval, from), room);
        if (from < hold) hold = from;
    }
    return hold;
}

/* The first place: the last 100 bars before the start are seen silently. False while they are not all known. */
static bool begin(const tracked *t, standing *s, int32_t interval) {
    const kline_series *bars = t->frames[interval]->bars;
    int32_t at;
    if (s->cursor_ms) return true;
    if (kline_series_known_to(bars) < interval_floor(interval, s->edge.start_ms)) return false;
    at = kline_series_count_at(bars, s->edge.start_ms) - SILENT_BARS;
    if (kline_series_count(bars) == 0) return false;
    s->cursor_ms = kline_series_open_ms(bars)[at > 0 ? at : 0];
    return true;
}

/* Index of the first bar that opens at or after `ms`; -1 when there is none. */
static int32_t bar_from(const kline_series *bars, int64_t ms) {
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

static uint32_t other_intervals(const trader_spec *spec) { return spec->interval_mask & ~(1u << spec->interval); }

/* A timeframe that closes at this instant, but whose bar exists nowhere: evaluating would show a stale one. */
static bool is_stale(const kline_series *bars, int32_t interval, int64_t to, int64_t close_ms) {
    if (to != close_ms) return false;
    return kline_series_count(bars) == 0 || kline_series_find(bars, interval_add(interval, close_ms, -1)) < 0;
}

/* How the timeframes stand at a close: up to it known or not, stale or not. */
static void look(tracked_round *round, int64_t close_ms) {
    script_view *view = &round->view;
    if (view->close_ms == close_ms) return;
    view->close_ms = close_ms;
    round->known = round->stale = 0;
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        const kline_series *bars = view->bars[i];
        int64_t to;
        if (!bars) continue;
        to = interval_floor(i, close_ms);
        round->known |= (uint32_t)(kline_series_known_to(bars) >= to) << i;
        round->stale |= (uint32_t)is_stale(bars, i, to, close_ms) << i;
    }
}

/* Asks for what is missing once the grace has passed. */
static void want(tracked *t, uint32_t missing, int64_t close_ms, int64_t market_ms) {
    if (market_ms <= close_ms + GRACE_MS) return;
    for (; missing; missing &= missing - 1) {
        int32_t i = __builtin_ctz(missing);
        timeframe_want(t->frames[i], interval_floor(i, close_ms));
    }
}

void tracked_round_begin(tracked_round *round, const tracked *t, int64_t market_ms) {
    *round = (tracked_round){.view = {.symbol = t->symbol, .symbol_id = t->id}, .market_ms = market_ms};
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        if (!t->frames[i]) continue;
        round->view.bars[i] = t->frames[i]->bars;
        round->view.sets[i] = t->frames[i]->set;
    }
}

tracked_step tracked_next(tracked *t, const trader_set *set, int32_t index, tracked_round *round) {
    const trader_spec *spec = set->specs[index];
    standing *s = &t->standings[index];
    const kline_series *bars = t->frames[spec->interval]->bars;
    uint32_t others = other_intervals(spec);
    int64_t close_ms;
    int32_t at;
    s->is_owed = false;
    if (!s->is_wanted || !begin(t, s, spec->interval)) return STEP_NONE;
    at = bar_from(bars, s->cursor_ms);
    if (at < 0) return STEP_NONE;
    round->view.open_ms = kline_series_open_ms(bars)[at];
    close_ms = interval_next(spec->interval, round->view.open_ms);
    look(round, close_ms);
    if (others & ~round->known) {
        want(t, others & ~round->known, close_ms, round->market_ms);
        s->is_owed = true;
        return STEP_NONE;
    }
    s->cursor_ms = close_ms;
    if (others & round->stale) return STEP_SKIP;
    round->view.binding = &s->binding;
    return STEP_EVALUATE;
}
