/* See tracked_restore.h. All series of a symbol are loaded before they are linked, since some rest on others. When any
 * state is left out, so is everything that may rest on it across series: it is begun anew. */
#include "screener/tracked_restore.h"
#include "base/log.h"
#include "indicator/indicator_set_save.h"
#include "screener/tracked_hold.h"
#include <string.h>

enum { RECHECK_BARS = CHECKPOINT_BARS }; /* asked for again behind the gap: they may have been corrected meanwhile */

typedef struct restoring {
    tracked *tracked;
    registry *registry;
    const trader_set *set;
    const tracked_policy *policy;
    char name[SYMBOL_BYTES];      /* as storage and snapshot have it */
    timeframe *cold[N_INTERVALS]; /* what was there, of those that are taken up */
    int32_t n_left_out;
} restoring;

/* The cursor of a trader on a symbol, or where it begins there; INT64_MAX: it does not look at it, or begins now. */
static int64_t next_of(const restoring *to, const trader *who, const symbol_info *symbol) {
    const trader_spec *spec = who->spec;
    const memory *m = to->policy->memory;
    const owed_row *owed;
    const edge_row *edge = NULL;
    int64_t mark;
    if (m && trader_wants(who, symbol)) edge = memory_edge(m, symbol->name, spec->id, spec->revision, false);
    if (!edge) return INT64_MAX;
    owed = memory_owed(m, symbol->name, spec->interval, spec->id);
    mark = memory_watermark(m, symbol->name, spec->interval);
    if (owed && owed->cursor_ms) return owed->cursor_ms;
    return !owed && mark > 0 ? interval_next(spec->interval, mark) : edge->start_ms;
}

static bool names(const trader_spec *spec, const symbol_info *reference) {
    for (int32_t k = 0; k < spec->n_references; k++)
        if (strcmp(spec->references[k], reference->name) == 0) return true;
    return false;
}

/* The first bar that somebody still has to see beside this series; of a copy, a trader on any symbol. */
static int64_t next_beside(const restoring *to, int32_t interval) {
    const tracked *t = to->tracked;
    const symbol_table *all = to->policy->symbols;
    int64_t least = INT64_MAX;
    for (int32_t i = 0; i < to->set->count; i++) {
        const trader *who = to->set->traders[i];
        uint32_t mask = !who ? 0 : t->is_copy ? who->spec->reference_mask : who->spec->interval_mask;
        if (!(mask >> interval & 1) || (t->is_copy && !names(who->spec, t->symbol))) continue;
        for (uint32_t id = 0; id < (t->is_copy ? symbol_table_count(all) : 1); id++) {
            int64_t next = next_of(to, who, t->is_copy ? symbol_table_get(all, id) : t->symbol);
            if (next < least) least = next;
        }
    }
    return least;
}

/* As with bars that come in: they must not push out what is still to be evaluated (tracked_hold_ms). */
static bool is_within_hold(const restoring *to, int32_t interval, const kline_series *bars) {
    int64_t next = next_beside(to, interval);
    return next == INT64_MAX || kline_series_known_to(bars) <=
                                    interval_add(interval, interval_floor(interval, next), kline_series_keep(bars) / 2);
}

/* Not of a market that has begun anew since (an exchange that is simulated), nor of one of long ago. */
static bool is_useful(const restoring *to, int32_t interval, const kline_series *bars, int64_t from_ms) {
    int64_t known_to_ms = kline_series_known_to(bars);
    return kline_series_count(bars) > 0 && known_to_ms >= from_ms &&
           known_to_ms <= interval_floor(interval, to->policy->start_ms) && is_within_hold(to, interval, bars);
}

/* OK also when the frame stays as it is. */
static err take_bars(restoring *to, int32_t i, int64_t from_ms) {
    tracked *t = to->tracked;
    byte_reader in = to->policy->saved->bars[i];
    kline_series *bars;
    timeframe *f;
    err e = kline_series_load(&in, i, kline_series_keep(t->frames[i]->bars), &bars);
    if (e == ERR_UNSUPPORTED) return OK;
    if (e != OK) return e;
    if (!is_useful(to, i, bars, from_ms)) {
        kline_series_free(bars);
        return OK;
    }
    e = timeframe_new_of(to->registry, bars, &f);
    if (e != OK) return e;
    f->recheck_ms = interval_add(i, kline_series_known_to(bars), -RECHECK_BARS);
    if (f->recheck_ms < kline_series_open_ms(bars)[0]) f->recheck_ms = kline_series_open_ms(bars)[0];
    to->cold[i] = t->frames[i];
    t->frames[i] = f;
    t->sets[i] = f->set;
    indicator_set_link(f->set, t->sets);
    return OK;
}

static saved_epoch look_up(void *context, const char *key, int64_t epoch_ms) {
    const restoring *to = context;
    int64_t known_ms = to->policy->memory ? memory_epoch(to->policy->memory, to->name, key) : 0;
    if (known_ms == 0) return SAVED_EPOCH_NEW;
    return known_ms == epoch_ms ? SAVED_EPOCH_KNOWN : SAVED_EPOCH_ANOTHER;
}

static err load_sets(restoring *to, bool leaves_out_deferred) {
    indicator_load how = {to->registry, look_up, to, leaves_out_deferred, 0};
    err e = OK;
    for (int32_t i = 0; i < N_INTERVALS && e == OK; i++) {
        byte_reader in = to->policy->saved->sets[i];
        if (to->cold[i]) e = indicator_set_load(to->tracked->frames[i]->set, &in, &how);
    }
    to->n_left_out = how.n_left_out;
    for (int32_t i = 0; i < N_INTERVALS && e == OK; i++)
        if (to->cold[i] && !indicator_set_load_link(to->tracked->frames[i]->set)) to->n_left_out++;
    return e;
}

static err empty_sets(const restoring *to) {
    err e = OK;
    for (int32_t i = 0; i < N_INTERVALS && e == OK; i++) {
        timeframe *f = to->tracked->frames[i];
        if (!to->cold[i]) continue;
        indicator_set_free(f->set);
        f->set = to->tracked->sets[i] = NULL;
        e = indicator_set_new(f->bars, to->registry, &f->set);
        if (e != OK) break;
        to->tracked->sets[i] = f->set;
        indicator_set_link(f->set, to->tracked->sets);
    }
    return e;
}

static err take_sets(restoring *to) {
    err e = load_sets(to, false);
    if (e == OK && to->n_left_out > 0) {
        e = empty_sets(to);
        if (e == OK) e = load_sets(to, true);
    }
    for (int32_t i = 0; i < N_INTERVALS && e == OK; i++)
        if (to->cold[i]) e = indicator_set_load_finish(to->tracked->frames[i]->set);
    return e;
}

static void put_back(restoring *to) {
    tracked *t = to->tracked;
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        if (!to->cold[i]) continue;
        timeframe_free(t->frames[i]);
        t->frames[i] = to->cold[i];
        t->sets[i] = to->cold[i]->set;
        to->cold[i] = NULL;
    }
}

err tracked_restore(tracked *t, registry *r, const trader_set *set, const tracked_policy *policy, uint32_t made,
                    int64_t from_ms[N_INTERVALS]) {
    restoring to = {.tracked = t, .registry = r, .set = set, .policy = policy};
    err e = OK;
    memcpy(to.name, policy->saved->name, sizeof to.name);
    for (uint32_t rest = made & policy->saved->intervals; rest && e == OK; rest &= rest - 1)
        e = take_bars(&to, __builtin_ctz(rest), from_ms[__builtin_ctz(rest)]);
    if (e == OK) e = take_sets(&to);
    if (e != OK) {
        put_back(&to);
        if (e == ERR_NO_MEMORY) return e;
        log_error("snapshot", "%s: what was saved cannot be: %s; its history is fetched", to.name, error_text(e));
        return OK;
    }
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        if (!to.cold[i]) continue;
        from_ms[i] = kline_series_open_ms(t->frames[i]->bars)[0];
        timeframe_free(to.cold[i]);
        t->n_restored++;
    }
    return OK;
}

void tracked_restore_end(tracked *t) {
    for (int32_t i = 0; i < N_INTERVALS; i++)
        if (t->sets[i]) indicator_set_load_end(t->sets[i]);
}
