/* See orchestrator_traders_tell.h. */
#include "orchestrator_traders_tell.h"
#include "orchestrator_traders_body.h"
#include <math.h>
#include <string.h>

static trader_state state_of(const trader *one, int64_t market_ms, bool is_starting) {
    if (!one->spec->is_enabled) return TRADER_PAUSED;
    if (trader_is_stopped(one, market_ms)) return TRADER_QUARANTINED;
    int32_t have, need;
    return is_starting || trader_is_warming(one, &have, &need) ? TRADER_WARMING : TRADER_RUNNING;
}

/* Of one whose newest version does not load that is the last error. */
static void count_symbols(const orchestrator_traders *t, const trader *one, trader_status *status) {
    status->warning = one->warning;
    for (uint32_t id = 0; id < symbol_table_count(t->config.symbols); id++) {
        if (!screener_is_tracked(t->screener, id)) continue;
        bool is_wanted = trader_wants(one, symbol_table_get(t->config.symbols, id));
        status->n_symbols += is_wanted;
        status->n_skipped += !is_wanted;
    }
}

/* Of those evaluations that were timed. */
static double cost_of(const trader *one) {
    int64_t n = atomic_load_explicit(&((trader *)one)->n_timed, memory_order_relaxed);
    return n ? (double)atomic_load_explicit(&((trader *)one)->timed_ns, memory_order_relaxed) / (double)n / 1000 : NAN;
}

static void write_running(const orchestrator_traders *t, trader *one, trader_state state, json_writer *w) {
    const trader_spec *spec = one->spec;
    const trader_fault *f = &one->fault;
    const problem *unreadable = orchestrator_problems_find(&t->files, one->source->key),
                  *unusable = orchestrator_problems_find(&t->loads, one->source->key),
                  *newer = unreadable ? unreadable : unusable;
    trader_error_row load_error;
    trader_status status = {.trader = spec->key,
                            .id = spec->id,
                            .name = spec->name,
                            .interval = spec->interval,
                            .is_enabled = spec->is_enabled,
                            .description = spec->description,
                            .timeframes = spec->interval_mask & ~(1u << spec->interval),
                            .parameters = spec->inputs,
                            .inputs = one->source->inputs,
                            .cost_us = cost_of(one),
                            .n_signals = one->n_told,
                            .error = newer ? newer->why.text : NULL,
                            .state = state};
    if (t->config.describe)
        t->config.describe(t->config.scan_context, one->source->key, one->source, newer != NULL, &status);
    count_symbols(t, one, &status);
    if (state == TRADER_WARMING) (void)trader_is_warming(one, &status.have, &status.need);
    if (status.state == TRADER_QUARANTINED) status.until_ms = atomic_load(&one->stopped_until_ms);
    pthread_mutex_lock(&one->lock);
    status.n_errors = f->n_errors;
    status.n_kills = f->n_kills;
    status.first_ms = f->first_ms;
    status.last_ms = f->last_ms;
    status.last = f->n_rows ? &f->rows[f->last] : NULL;
    if (newer) {
        orchestrator_problems_fill(newer, &load_error);
        status.last = &load_error;
        status.n_errors++;
    }
    trader_status_write_json(w, &status);
    pthread_mutex_unlock(&one->lock);
}

static void write_problem(const orchestrator_traders *t, const problem *p, json_writer *w) {
    trader_error_row last;
    trader_status status = {.trader = p->key,
                            .id = p->id,
                            .name = p->key,
                            .is_enabled = true,
                            .state = TRADER_FAILED,
                            .cost_us = NAN,
                            .error = p->why.text,
                            .n_errors = 1,
                            .last = &last};
    orchestrator_problems_fill(p, &last);
    if (t->config.describe) t->config.describe(t->config.scan_context, p->key, NULL, true, &status);
    trader_status_write_json(w, &status);
}

/* Those of which nothing runs. */
static void write_problems(const orchestrator_traders *t, const problem_list *list, json_writer *w) {
    for (int32_t i = 0; i < list->count; i++)
        if (!list->items[i].has_last_good) write_problem(t, &list->items[i], w);
}

void orchestrator_traders_write(const orchestrator_traders *t, int64_t market_ms, bool is_starting, json_writer *w) {
    const trader_set *set = screener_traders(t->screener);
    for (int32_t i = 0; set && i < set->count; i++)
        if (set->traders[i]) write_running(t, set->traders[i], state_of(set->traders[i], market_ms, is_starting), w);
    write_problems(t, &t->loads, w);
    write_problems(t, &t->files, w);
}

/* ---- one of them ---- */

const trader *orchestrator_traders_running(const orchestrator_traders *t, const char *key) {
    const trader_set *set = screener_traders(t->screener);
    for (int32_t i = 0; set && i < set->count; i++)
        if (set->traders[i] && strcmp(set->traders[i]->source->key, key) == 0) return set->traders[i];
    return NULL;
}

static bool is_called(const char *name, const char *key, const char *id) {
    return strcmp(name, key) == 0 || strcmp(name, id) == 0;
}

static const problem *find_problem(const problem_list *list, const char *name) {
    for (int32_t i = 0; i < list->count; i++)
        if (is_called(name, list->items[i].key, list->items[i].id)) return &list->items[i];
    return NULL;
}

bool orchestrator_traders_find(const orchestrator_traders *t, const char *name, found_trader *out) {
    const trader_set *set = screener_traders(t->screener);
    *out = (found_trader){.running = NULL};
    for (int32_t i = 0; set && i < set->count && !out->running; i++) {
        const trader *one = set->traders[i];
        if (one && (is_called(name, one->spec->key, one->spec->id) || strcmp(name, one->source->key) == 0))
            out->running = one;
    }
    if (out->running) {
        out->key = out->running->source->key;
        out->id = out->running->spec->id;
        return true;
    }
    const problem *p = find_problem(&t->loads, name);
    if (!p) p = find_problem(&t->files, name);
    if (!p) return false;
    out->key = p->key;
    out->id = p->id;
    return true;
}

void orchestrator_traders_write_one(const orchestrator_traders *t, const found_trader *one, int64_t market_ms,
                                    bool is_starting, json_writer *w) {
    if (one->running) {
        write_running(t, (trader *)one->running, state_of(one->running, market_ms, is_starting), w);
        return;
    }
    const problem *p = orchestrator_problems_find(&t->loads, one->key);
    if (!p) p = orchestrator_problems_find(&t->files, one->key);
    if (p) write_problem(t, p, w);
}
