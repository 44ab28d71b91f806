/* See origin.h. */
#include "screener/origin.h"
#include <string.h>

typedef struct places {
    const trader_set *set;
    const tracked_policy *policy;
    const char *reference;
    origin *out;
} places;

typedef struct epochs {
    registry *registry;
    origin *out;
} epochs;

static void note_epoch(void *context, const char *key, int64_t epoch_ms) {
    const epochs *e = context;
    int64_t *oldest;
    int32_t id;
    if (registry_parse(e->registry, key, &id) != OK) return; /* of another version: it starts anew */
    oldest = &e->out->epoch_ms[registry_get(e->registry, id)->interval];
    if (*oldest == 0 || epoch_ms < *oldest) *oldest = epoch_ms;
}

/* Where the trader stands on the symbol as an earlier run has left it: the end of the last bar that it has seen, or its start
 * when that run ended before any was through. 0: it begins at the start. */
static int64_t place_of(const tracked_policy *p, const char *symbol, const trader_spec *spec, const edge_row *edge) {
    const owed_row *owed = memory_owed(p->memory, symbol, spec->interval, spec->id);
    int64_t mark = memory_watermark(p->memory, symbol, spec->interval);
    int64_t cursor = owed ? owed->cursor_ms : mark > 0 ? interval_next(spec->interval, mark) : 0;
    if (cursor > 0) return cursor;
    return p->skips_late_bars ? 0 : edge->start_ms;
}

static void note_place(origin *o, uint32_t mask, int64_t place_ms) {
    for (; place_ms > 0 && mask; mask &= mask - 1) {
        int64_t *oldest = &o->place_ms[__builtin_ctz(mask)];
        if (*oldest == 0 || place_ms < *oldest) *oldest = place_ms;
    }
}

void origin_of_symbol(const char *symbol, registry *r, const trader_set *set, const tracked_policy *p, origin *out) {
    *out = (origin){.start_ms = p->start_ms};
    if (!p->memory) return;
    memory_each_epoch(p->memory, symbol, note_epoch, &(epochs){r, out});
    for (int32_t i = 0; i < N_INTERVALS; i++) out->mark_ms[i] = memory_watermark(p->memory, symbol, i);
    for (int32_t i = 0; i < set->count; i++) {
        const trader_spec *spec = set->traders[i] ? set->traders[i]->spec : NULL;
        const edge_row *edge = spec ? memory_edge(p->memory, symbol, spec->id, spec->revision, false) : NULL;
        if (edge) note_place(out, spec->interval_mask, place_of(p, symbol, spec, edge));
    }
}

static void note_edge(void *context, const char *symbol, const edge_row *edge) {
    const places *all = context;
    for (int32_t i = 0; i < all->set->count; i++) {
        const trader_spec *spec = all->set->traders[i] ? all->set->traders[i]->spec : NULL;
        if (!spec || trader_spec_reference(spec, all->reference) < 0 || strcmp(spec->id, edge->trader_id) != 0 ||
            strcmp(spec->revision, edge->revision) != 0)
            continue;
        note_place(all->out, spec->reference_mask, place_of(all->policy, symbol, spec, edge));
    }
}

void origin_of_copy(const char *symbol, const char *copy_name, registry *r, const trader_set *set,
                    const tracked_policy *p, origin *out) {
    *out = (origin){.start_ms = p->start_ms};
    if (!p->memory) return;
    memory_each_epoch(p->memory, copy_name, note_epoch, &(epochs){r, out});
    memory_each_edge(p->memory, note_edge, &(places){set, p, symbol, out});
}

static void reach(int64_t *from_ms, int32_t interval, int64_t ms, int32_t bars) {
    int64_t first_ms = interval_add(interval, interval_floor(interval, ms), -bars);
    if (ms > 0 && first_ms < *from_ms) *from_ms = first_ms;
}

int64_t origin_first_bar(const origin *o, int32_t interval, int32_t bars) {
    int64_t start_ms = interval_floor(interval, o->start_ms);
    int64_t from_ms = interval_add(interval, start_ms, -bars);
    int64_t least_ms = interval_add(interval, start_ms, -(int64_t)BACKFILL_MAX_BARS);
    reach(&from_ms, interval, o->place_ms[interval], bars);
    reach(&from_ms, interval, o->mark_ms[interval], bars);
    reach(&from_ms, interval, o->epoch_ms[interval], 0);
    return from_ms < least_ms ? least_ms : from_ms;
}
