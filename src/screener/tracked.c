/* See tracked.h. */
#include "screener/tracked.h"
#include "base/prefetch.h"
#include "screener/origin.h"
#include "screener/tracked_depth.h"
#include "screener/tracked_hold.h"
#include "screener/tracked_restore.h"
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the start of a symbol ---- */

typedef struct epochs {
    registry *registry;
    tracked *tracked;
    const trader_set *set;
    int64_t start_ms;
    int64_t from[N_INTERVALS]; /* first bar of a series that was made now; 0: it was there */
} epochs;

/* It began too late for a trader that has joined since, which is still waiting: there are older bars now. */
static bool is_too_late(const epochs *e, int32_t interval, int32_t id, int64_t epoch_ms) {
    int32_t depth = epoch_ms < e->start_ms ? tracked_depth(e->tracked, e->set, interval, id) : 0;
    return epoch_ms > e->from[interval] &&
           interval_count(interval, epoch_ms, interval_floor(interval, e->start_ms)) < depth;
}

static void restore_epoch(void *context, const char *key, int64_t epoch_ms) {
    epochs *e = context;
    int32_t id, interval;
    if (registry_parse(e->registry, key, &id) != OK) return;
    interval = registry_get(e->registry, id)->interval;
    if (!e->from[interval] || epoch_ms < e->from[interval] || is_too_late(e, interval, id, epoch_ms)) return;
    (void)!indicator_set_add(e->tracked->frames[interval]->set, id, epoch_ms); /* without room it starts at first use */
}

_Static_assert(REBUILD_BARS >= SILENT_BARS + 2 * CHECKPOINT_BARS, "the silent pass has its history");

/* A trader that waits for its slower timeframe must find the bars still there when that one has come. */
static err make_frame(tracked *t, epochs *known, const origin *o, int32_t least_bars, int32_t interval, int32_t depth) {
    int32_t bars = depth + REBUILD_BARS;
    int64_t from_ms;
    err e;
    if (bars < least_bars) bars = least_bars;
    from_ms = origin_first_bar(o, interval, bars);
    e = timeframe_new(known->registry, interval, bars, from_ms, &t->frames[interval]);
    if (e != OK) return e;
    known->from[interval] = from_ms;
    t->sets[interval] = t->frames[interval]->set;
    indicator_set_link(t->sets[interval], t->sets);
    return OK;
}

static err make_frames(tracked *t, registry *r, const trader_set *set, const tracked_policy *p) {
    int32_t depth[N_INTERVALS];
    uint32_t mask = trader_set_intervals(set, depth), made = 0;
    epochs known = {.registry = r, .tracked = t, .set = set, .start_ms = p->start_ms};
    origin from;
    err e = OK;
    origin_of_symbol(t->symbol->name, r, set, p, &from);
    for (int32_t i = 0; i < N_INTERVALS && e == OK; i++) {
        if (!(mask >> i & 1)) continue;
        if (!t->frames[i]) {
            e = make_frame(t, &known, &from, p->kline_history, i, depth[i]);
            made |= 1u << i;
        }
    }
    if (e == OK && p->saved && made) e = tracked_restore(t, r, set, p, made, known.from);
    for (int32_t i = 0; i < N_INTERVALS && e == OK; i++)
        if (mask >> i & 1) timeframe_want(t->frames[i], interval_floor(i, p->start_ms));
    if (e == OK && p->memory && made) memory_each_epoch(p->memory, t->symbol->name, restore_epoch, &known);
    return e;
}

/* What its dry evaluation has used of its k-th reference (-1: of the symbol itself) begins with the first bar that comes, however
 * many have come by the time of the first evaluation. */
static err begin_indicators(tracked *t, const trader_spec *spec, int32_t k) {
    err e = OK;
    for (int32_t i = 0; i < spec->n_needs && e == OK; i++) {
        const trader_need *need = &spec->needs[i];
        timeframe *f = t->frames[place_interval(need->place)];
        if (place_reference_of(need->place) != k || !series_is_output(need->series) || !f) continue;
        e = indicator_set_add(f->set, series_indicator(need->series), 0);
        if (e == ERR_TOO_BIG) e = OK; /* said when the trader asks for it */
    }
    return e;
}

static void forget(standing *s) {
    script_binding_free(s->binding);
    free(s->tick);
    free(s->rank);
    *s = (standing){.is_wanted = false};
}

/* Whatever it was before: the trader has not begun on this symbol. */
static err begin_anew(standing *s, const trader_spec *spec, const tracked_policy *p) {
    forget(s);
    s->edge.start_ms = p->start_ms;
    s->is_changed = true;
    snprintf(s->edge.trader_id, sizeof s->edge.trader_id, "%s", spec->id);
    snprintf(s->edge.revision, sizeof s->edge.revision, "%s", spec->revision);
    if (spec->on == ON_TICK) {
        s->tick = malloc(sizeof *s->tick);
        if (!s->tick) return ERR_NO_MEMORY;
        *s->tick = s->edge;
        s->tick->is_tick = s->has_tick = true;
    }
    if (spec->rank_top > 0 && !(s->rank = calloc(1, sizeof *s->rank))) return ERR_NO_MEMORY;
    return OK;
}

/* The place where an earlier run left off. */
static void resume(standing *s, const tracked *t, const trader_spec *spec, const tracked_policy *p,
                   const edge_row *edge) {
    const owed_row *owed = memory_owed(p->memory, t->symbol->name, spec->interval, spec->id);
    int64_t mark = memory_watermark(p->memory, t->symbol->name, spec->interval);
    s->edge = *edge;
    s->is_changed = false;
    if (p->skips_late_bars) s->edge.start_ms = p->start_ms;
    s->cursor_ms = owed ? owed->cursor_ms : mark > 0 ? interval_next(spec->interval, mark) : 0;
    if (s->cursor_ms == 0) { /* it goes over the silent bars once more, from nothing */
        s->edge.run_open_ms = s->edge.signal_open_ms = 0;
        s->edge.is_matching = s->edge.has_run = false;
    }
}

static err make_standing(tracked *t, const trader *who, const tracked_policy *p, int32_t index) {
    standing *s = &t->standings[index];
    const trader_spec *spec = who->spec;
    const char *symbol = t->symbol->name;
    const edge_row *edge = p->memory ? memory_edge(p->memory, symbol, spec->id, spec->revision, false) : NULL;
    const edge_row *tick = p->memory ? memory_edge(p->memory, symbol, spec->id, spec->revision, true) : NULL;
    err e = begin_anew(s, spec, p);
    if (e != OK) return e;
    s->is_wanted = trader_wants(who, t->symbol);
    if (edge) resume(s, t, spec, p, edge);
    if (tick && s->tick) *s->tick = *tick;
    return s->is_wanted ? begin_indicators(t, spec, -1) : OK;
}

static err grow_standings(tracked *t, int32_t count) {
    standing *larger = aligned_alloc(_Alignof(standing), (size_t)count * sizeof *larger);
    if (!larger) return ERR_NO_MEMORY;
    if (t->n_standings) memcpy(larger, t->standings, (size_t)t->n_standings * sizeof *larger);
    memset(larger + t->n_standings, 0, (size_t)(count - t->n_standings) * sizeof *larger);
    free(t->standings);
    t->standings = larger;
    t->n_standings = count;
    return OK;
}

err tracked_install(tracked *t, registry *r, const trader_set *before, const trader_set *set,
                    const tracked_policy *policy) {
    err e = OK;
    if (set->count > t->n_standings && grow_standings(t, set->count) != OK) return ERR_NO_MEMORY;
    e = make_frames(t, r, set, policy);
    for (int32_t i = 0; i < t->n_standings && e == OK; i++) {
        const trader *now = trader_set_at(set, i);
        if (now == trader_set_at(before, i)) continue;
        if (now)
            e = make_standing(t, now, policy, i);
        else
            forget(&t->standings[i]);
    }
    return e;
}

bool tracked_is_owed(const tracked *t, const standing *s, int32_t interval) {
    return s->is_wanted && (s->cursor_ms == 0 || s->cursor_ms <= t->told_ms[interval]);
}

err tracked_choose(tracked *t, const trader_set *set, const tracked_policy *policy, bool *has_changed) {
    err e = OK;
    *has_changed = false;
    for (int32_t i = 0; i < set->count && e == OK; i++) {
        standing *s = &t->standings[i];
        const trader *who = set->traders[i];
        bool wants = who && trader_wants(who, t->symbol);
        if (wants == s->is_wanted) continue;
        *has_changed = true;
        if (wants)
            e = begin_anew(s, who->spec, policy);
        else
            forget(s);
        s->is_wanted = wants;
    }
    return e;
}

static err keep_epochs(const tracked *t, const registry *r, int32_t interval) {
    char key[INDICATOR_KEY_BYTES], name[SYMBOL_BYTES];
    const indicator_set *s = t->frames[interval]->set;
    err e = OK;
    if (t->is_copy)
        tracked_copy_name(t, name);
    else
        snprintf(name, sizeof name, "%s", t->symbol->name);
    for (int32_t k = 0; k < indicator_set_count(s) && e == OK; k++) {
        if (!indicator_set_epoch(s, k)) continue;
        registry_key(r, indicator_set_id(s, k), key);
        e = memory_add_epoch(t->kept, name, key, indicator_set_epoch(s, k));
    }
    return e;
}

err tracked_keep(tracked *t, const trader_set *set, const registry *keeps_epochs) {
    const char *symbol = t->symbol->name;
    err e = memory_new(&t->kept);
    for (int32_t i = 0; keeps_epochs && i < N_INTERVALS && e == OK; i++)
        if (t->frames[i]) e = keep_epochs(t, keeps_epochs, i);
    for (int32_t i = 0; i < N_INTERVALS && e == OK; i++)
        if (t->told_ms[i]) e = memory_add_watermark(t->kept, symbol, i, t->told_ms[i]);
    for (int32_t i = 0; set && i < set->count && e == OK; i++) {
        const standing *s = &t->standings[i];
        if (!s->is_wanted) continue;
        e = memory_add_edge(t->kept, symbol, &s->edge);
        if (e == OK && s->tick) e = memory_add_edge(t->kept, symbol, s->tick);
        bool begins_again = keeps_epochs && s->is_warming && !s->edge.has_run; /* it lacks bars that will be there */
        if (e == OK && (begins_again || tracked_is_owed(t, s, set->traders[i]->spec->interval))) {
            owed_row owed = {.cursor_ms = begins_again ? 0 : s->cursor_ms};
            memcpy(owed.trader_id, s->edge.trader_id, sizeof owed.trader_id);
            e = memory_add_owed(t->kept, symbol, set->traders[i]->spec->interval, &owed);
        }
    }
    return e;
}

/* Without series and traders; NULL without memory. */
static tracked *new_empty(uint32_t id, const symbol_info *symbol, const tracked_policy *policy) {
    tracked *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->id = id;
    t->symbol = symbol;
    t->start_ms = policy->start_ms;
    return t;
}

err tracked_new(uint32_t id, const symbol_info *symbol, registry *r, const trader_set *set,
                const tracked_policy *policy, tracked **out) {
    tracked *t = new_empty(id, symbol, policy);
    err e;
    if (!t) return ERR_NO_MEMORY;
    e = tracked_install(t, r, NULL, set, policy);
    for (int32_t i = 0; i < N_INTERVALS; i++)
        t->told_ms[i] = policy->memory ? memory_watermark(policy->memory, symbol->name, i) : 0;
    if (e == OK)
        *out = t;
    else
        tracked_free(t);
    return e;
}

/* ---- copies of references ---- */

void tracked_copy_name(const tracked *t, char out[SYMBOL_BYTES]) {
    snprintf(out, SYMBOL_BYTES, "@%.*s", SYMBOL_BYTES - 2, t->symbol->name);
}

err tracked_install_copy(tracked *t, registry *r, const trader_set *set, const tracked_policy *policy) {
    int32_t depth[N_INTERVALS] = {0};
    uint32_t mask = 0, made = 0;
    char name[SYMBOL_BYTES];
    epochs known = {.registry = r, .tracked = t, .set = set, .start_ms = policy->start_ms};
    origin from;
    err e = OK;
    tracked_copy_name(t, name);
    for (int32_t i = 0; i < set->count; i++) {
        const trader_spec *spec = set->traders[i] ? set->traders[i]->spec : NULL;
        if (!spec || !spec->is_enabled || trader_spec_reference(spec, t->symbol->name) < 0) continue;
        mask |= spec->reference_mask;
        for (int32_t k = 0; k < N_INTERVALS; k++)
            if (spec->history[k] > depth[k]) depth[k] = spec->history[k];
    }
    origin_of_copy(t->symbol->name, name, r, set, policy, &from);
    for (int32_t i = 0; i < N_INTERVALS && e == OK; i++) {
        if (!(mask >> i & 1)) continue;
        if (t->frames[i]) continue;
        e = make_frame(t, &known, &from, policy->kline_history, i, depth[i]);
        made |= 1u << i;
    }
    if (e == OK && policy->saved && made) e = tracked_restore(t, r, set, policy, made, known.from);
    for (int32_t i = 0; i < N_INTERVALS && e == OK; i++)
        if (mask >> i & 1) timeframe_want(t->frames[i], interval_floor(i, policy->start_ms));
    if (e == OK && policy->memory) memory_each_epoch(policy->memory, name, restore_epoch, &known);
    for (int32_t i = 0; i < set->count && e == OK; i++) {
        const trader_spec *spec = set->traders[i] ? set->traders[i]->spec : NULL;
        int32_t k = spec ? trader_spec_reference(spec, t->symbol->name) : -1;
        if (k >= 0) e = begin_indicators(t, spec, k);
    }
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        t->market.bars[i] = t->frames[i] ? t->frames[i]->bars : NULL;
        t->market.sets[i] = t->sets[i];
    }
    return e;
}

err tracked_new_copy(uint32_t id, const symbol_info *symbol, registry *r, const trader_set *set,
                     const tracked_policy *policy, tracked **out) {
    tracked *t = new_empty(id, symbol, policy);
    err e;
    if (!t) return ERR_NO_MEMORY;
    t->is_copy = true;
    t->market = (script_market){.symbol = symbol, .symbol_id = id};
    e = tracked_install_copy(t, r, set, policy);
    if (e == OK)
        *out = t;
    else
        tracked_free(t);
    return e;
}

/* Where series that are aligned from references are at home; `symbols` NULL: nowhere. */
static err link_references(tracked *t, registry *r, const trader_spec *spec, tracked *const *symbols,
                           const trader *who) {
    err e = OK;
    for (int32_t k = 0; k < spec->n_references && e == OK; k++) {
        uint32_t id = symbols ? atomic_load(&((trader *)who)->reference_ids[k]) : 0;
        const tracked *copy = id ? symbols[id] : NULL;
        int32_t symbol = registry_symbol(r, spec->references[k], strlen(spec->references[k]));
        for (int32_t i = 0; i < N_INTERVALS && e == OK; i++)
            if (t->sets[i]) e = indicator_set_link_reference(t->sets[i], symbol, copy ? copy->market.sets : NULL);
    }
    return e;
}

err tracked_bind(tracked *t, registry *r, const trader_set *set, tracked *const *symbols) {
    err e = OK;
    for (int32_t i = 0; i < t->n_standings && e == OK; i++)
        if (t->standings[i].is_wanted) e = link_references(t, r, set->traders[i]->spec, symbols, set->traders[i]);
    return e;
}

/* Of traders that have ended, too: their series are still there. */
err tracked_unbind(tracked *t) {
    err e = OK;
    for (int32_t i = 0; i < t->n_standings; i++) {
        script_binding_free(t->standings[i].binding);
        t->standings[i].binding = NULL;
    }
    for (int32_t i = 0; i < N_INTERVALS && e == OK; i++)
        if (t->sets[i]) e = indicator_set_unlink_references(t->sets[i]);
    return e;
}

void tracked_free(tracked *t) {
    if (!t) return;
    for (int32_t i = 0; i < t->n_standings; i++) forget(&t->standings[i]);
    for (int32_t i = 0; i < N_INTERVALS; i++) timeframe_free(t->frames[i]);
    free(t->standings);
    free(t->ticker);
    memory_free(t->kept);
    free(t);
}

void tracked_prefetch(const tracked *t, int32_t step) {
    if (step == 0) {
        prefetch(t, sizeof *t);
        return;
    }
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        const timeframe *f = t->frames[i];
        if (!f) continue;
        if (step == 1) {
            prefetch(f, sizeof *f);
            indicator_set_prefetch(t->sets[i], 0);
        } else {
            kline_series_prefetch(f->bars, step == 3);
            indicator_set_prefetch(t->sets[i], step - 1);
        }
    }
    for (int32_t i = 0; i < t->n_standings; i++)
        if (step == 1)
            prefetch(&t->standings[i], offsetof(standing, edge.trader_id));
        else if (step == 2)
            script_binding_fetch(t->standings[i].binding);
}

/* ---- the loop ---- */

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
    view->has_counted = true;
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        const kline_series *bars = view->bars[i];
        int64_t to;
        if (!bars) continue;
        to = interval_floor(i, close_ms);
        round->known |= (uint32_t)(kline_series_known_to(bars) >= to) << i;
        round->stale |= (uint32_t)is_stale(bars, i, to, close_ms) << i;
        view->closed[i] = kline_series_count_at(bars, close_ms);
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

void tracked_round_begin(tracked_round *round, const tracked *t, tracked *const *symbols, int64_t market_ms) {
    *round =
        (tracked_round){.view = {.symbol = t->symbol, .symbol_id = t->id}, .symbols = symbols, .market_ms = market_ms};
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        if (!t->frames[i]) continue;
        round->view.bars[i] = t->frames[i]->bars;
        round->view.sets[i] = t->frames[i]->set;
    }
}

static tracked *copy_of(const tracked_round *round, const trader *who, int32_t k) {
    uint32_t id = atomic_load_explicit(&((trader *)who)->reference_ids[k], memory_order_relaxed);
    return id ? round->symbols[id] : NULL;
}

static void show_references(tracked_round *round, const trader *who) {
    for (int32_t k = 0; k < who->spec->n_references; k++) {
        const tracked *copy = copy_of(round, who, k);
        round->view.references[k] = copy ? &copy->market : NULL;
    }
}

/* How the references stand at a close. False: not all is known yet; what is missing is asked for after the grace. */
static bool has_references(const tracked_round *round, const trader *who, int64_t close_ms, bool *is_any_stale) {
    bool is_known = true;
    for (int32_t k = 0; k < who->spec->n_references; k++) {
        tracked *copy = copy_of(round, who, k);
        uint32_t missing = 0;
        for (uint32_t rest = copy ? who->spec->reference_mask : 0; rest; rest &= rest - 1) {
            int32_t i = __builtin_ctz(rest);
            int64_t to = interval_floor(i, close_ms);
            const kline_series *bars = copy->frames[i] ? copy->frames[i]->bars : NULL;
            if (!bars || kline_series_known_to(bars) < to)
                missing |= (uint32_t)(bars != NULL) << i, is_known = false;
            else if (is_stale(bars, i, to, close_ms))
                *is_any_stale = true;
        }
        if (missing) want(copy, missing, close_ms, round->market_ms);
        is_known = is_known && copy;
    }
    return is_known;
}

/* With rank: scored first, then nothing until the place is known. */
static tracked_step rank_step(standing *s, int64_t close_ms) {
    if (s->scored_ms != close_ms) return STEP_SCORE;
    s->is_owed = s->ranked_ms != close_ms;
    return s->is_owed ? STEP_NONE : STEP_EVALUATE;
}

tracked_step tracked_next(tracked *t, const trader_set *set, int32_t index, tracked_round *round) {
    standing *s = &t->standings[index];
    const trader *who;
    const trader_spec *spec;
    const kline_series *bars;
    tracked_step step = STEP_EVALUATE;
    uint32_t others;
    int64_t close_ms;
    int32_t at;
    bool is_any_stale;
    s->is_owed = false;
    if (!s->is_wanted) return STEP_NONE;
    who = set->traders[index];
    spec = who->spec;
    if (!begin(t, s, spec->interval)) return STEP_NONE;
    bars = t->frames[spec->interval]->bars;
    others = other_intervals(spec);
    at = tracked_bar_from(bars, s->cursor_ms);
    s->is_owed = at >= 0 && round->is_paused;
    if (at < 0 || s->is_owed) return STEP_NONE;
    round->view.open_ms = kline_series_open_ms(bars)[at];
    close_ms = interval_next(spec->interval, round->view.open_ms);
    look(round, close_ms);
    is_any_stale = (others & round->stale) != 0;
    if (others & ~round->known) {
        want(t, others & ~round->known, close_ms, round->market_ms);
        s->is_owed = true;
        return STEP_NONE;
    }
    if (spec->n_references && !has_references(round, who, close_ms, &is_any_stale)) {
        s->is_owed = true;
        return STEP_NONE;
    }
    if (!is_any_stale && spec->rank_top > 0) step = rank_step(s, close_ms);
    if (step == STEP_NONE) return STEP_NONE;
    if (step == STEP_EVALUATE) s->cursor_ms = close_ms;
    if (is_any_stale) return STEP_SKIP;
    round->view.binding = &s->binding;
    round->view.rank = spec->rank_top > 0 && step == STEP_EVALUATE ? s->rank : NULL;
    if (spec->n_references) show_references(round, who);
    return step;
}

bool tracked_recall(tracked *t, const trader_set *set, int32_t index, int64_t open_ms, tracked_round *round) {
    const trader *who = t->standings[index].is_wanted ? set->traders[index] : NULL;
    const trader_spec *spec = who ? who->spec : NULL;
    bool is_any_stale = false;
    if (!spec || kline_series_find(t->frames[spec->interval]->bars, open_ms) < 0) return false;
    round->view.open_ms = open_ms;
    look(round, interval_next(spec->interval, open_ms));
    if (spec->n_references && !has_references(round, who, round->view.close_ms, &is_any_stale)) return false;
    round->view.binding = &t->standings[index].binding;
    if (spec->n_references) show_references(round, who);
    return true;
}

bool tracked_tick(tracked *t, const trader_set *set, int32_t index, tracked_round *round) {
    standing *s = &t->standings[index];
    const trader *who = s->is_wanted ? set->traders[index] : NULL;
    const kline_series *bars = who && who->spec->on == ON_TICK ? t->frames[who->spec->interval]->bars : NULL;
    if (!bars || !kline_series_has_forming(bars)) return false;
    round->view.open_ms = kline_series_open_ms(bars)[kline_series_count(bars)];
    round->view.close_ms = interval_next(who->spec->interval, round->view.open_ms);
    round->view.is_tick = true;
    round->view.ticker = t->ticker;
    round->view.binding = &s->binding;
    if (s->cursor_ms == 0 || tracked_bar_from(bars, s->cursor_ms) >= 0) return false;
    show_references(round, who);
    return true;
}
