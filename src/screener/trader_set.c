/* See trader_set.h. */
#include "screener/trader_set.h"
#include "base/clock.h"
#include <stdio.h>
#include <stdlib.h>

err trader_set_new(int32_t count, trader_source **sources, trader_spec **specs, trader_set **out) {
    trader_set *set = calloc(1, sizeof *set);
    if (!set) return ERR_NO_MEMORY;
    set->faults = calloc((size_t)count + 1, sizeof *set->faults);
    if (!set->faults) {
        free(set);
        return ERR_NO_MEMORY;
    }
    pthread_mutex_init(&set->lock, NULL);
    set->count = count;
    set->sources = sources;
    set->specs = specs;
    *out = set;
    return OK;
}

void trader_set_free(trader_set *set) {
    if (!set) return;
    for (int32_t i = 0; i < set->count; i++) {
        trader_source_free(set->sources[i]);
        trader_spec_free(set->specs[i]);
    }
    free(set->sources);
    free(set->specs);
    free(set->faults);
    pthread_mutex_destroy(&set->lock);
    free(set);
}

bool trader_set_is_quarantined(const trader_set *set, int32_t index) {
    return atomic_load_explicit(&set->faults[index].is_quarantined, memory_order_relaxed) != 0;
}

bool trader_set_fault(trader_set *set, int32_t index, const char *symbol, int64_t open_ms, const char *message,
                      const char *trace, bool is_kill, bool quarantine) {
    trader_fault *f = &set->faults[index];
    bool is_new;
    pthread_mutex_lock(&set->lock);
    f->n_errors++;
    f->n_kills += is_kill;
    f->last_ms = wall_ms();
    if (!f->first_ms) f->first_ms = f->last_ms;
    f->open_ms = open_ms;
    snprintf(f->symbol, sizeof f->symbol, "%s", symbol);
    snprintf(f->message, sizeof f->message, "%s", message);
    snprintf(f->trace, sizeof f->trace, "%s", trace);
    is_new = quarantine && !atomic_exchange(&f->is_quarantined, 1);
    pthread_mutex_unlock(&set->lock);
    return is_new;
}

uint32_t trader_set_intervals(const trader_set *set, int32_t depth[N_INTERVALS]) {
    uint32_t mask = 0;
    for (int32_t i = 0; i < N_INTERVALS; i++) depth[i] = 0;
    for (int32_t t = 0; t < set->count; t++) {
        mask |= set->specs[t]->interval_mask;
        for (int32_t i = 0; i < N_INTERVALS; i++)
            if (set->specs[t]->history[i] > depth[i]) depth[i] = set->specs[t]->history[i];
    }
    return mask;
}
