/* See orchestrator_errors.h. */
#include "orchestrator_errors.h"
#include "base/clock.h"
#include "base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAITING_MAX = 1024 };

typedef struct report {
    struct report *next;
    bool is_end; /* of all errors of row.trader_id */
    trader_error_row row;
} report;

struct orchestrator_errors {
    storage *storage;
    report *first, **end;
    size_t n_waiting;
    trader_error_row taken[FAULT_ROWS_MAX];
    log_repeater lost;
};

err orchestrator_errors_new(storage *s, orchestrator_errors **out) {
    orchestrator_errors *e = calloc(1, sizeof *e);
    if (!e) return ERR_NO_MEMORY;
    e->storage = s;
    e->end = &e->first;
    *out = e;
    return OK;
}

void orchestrator_errors_free(orchestrator_errors *e) {
    if (!e) return;
    if (e->n_waiting) log_warn("traders", "%zu notes about traders were not written before the stop", e->n_waiting);
    for (report *r = e->first, *next; r; r = next) {
        next = r->next;
        free(r);
    }
    free(e);
}

static void add(orchestrator_errors *e, bool is_end, const trader_error_row *row) {
    report *r = e->n_waiting < WAITING_MAX ? malloc(sizeof *r) : NULL;
    if (!r) {
        log_repeat(&e->lost, LOG_WARN, "traders", "an error of a trader is not stored: too many wait for the disk");
        return;
    }
    *r = (report){.is_end = is_end, .row = *row};
    *e->end = r;
    e->end = &r->next;
    e->n_waiting++;
}

/* What storage does not take stays with the traders: their counts are totals. */
void orchestrator_errors_collect(orchestrator_errors *e, const trader_set *set) {
    for (int32_t i = 0; set && i < set->count && e->n_waiting + FAULT_ROWS_MAX < WAITING_MAX; i++) {
        int32_t n = set->traders[i] ? trader_take_errors(set->traders[i], e->taken) : 0;
        for (int32_t k = 0; k < n; k++) add(e, false, &e->taken[k]);
    }
}

void orchestrator_errors_load(orchestrator_errors *e, const char *trader_id, const char *key, const char *revision,
                              const char *message) {
    int64_t now_ms = wall_ms();
    trader_error_row row = {.kind = TRADER_ERROR_LOAD,
                            .line = trader_error_line(message),
                            .count = 1,
                            .first_ms = now_ms,
                            .last_ms = now_ms};
    snprintf(row.trader_id, sizeof row.trader_id, "%s", trader_id);
    snprintf(row.trader, sizeof row.trader, "%s", key);
    snprintf(row.revision, sizeof row.revision, "%s", revision);
    snprintf(row.message, sizeof row.message, "%s", message);
    add(e, false, &row);
}

void orchestrator_errors_resolve(orchestrator_errors *e, const char *trader_id) {
    trader_error_row row = {.count = 0};
    snprintf(row.trader_id, sizeof row.trader_id, "%s", trader_id);
    add(e, true, &row);
}

static err hand_over(orchestrator_errors *e, const report *r) {
    return r->is_end ? storage_resolve_trader_errors(e->storage, r->row.trader_id)
                     : storage_put_trader_errors(e->storage, &r->row, 1);
}

size_t orchestrator_errors_flush(orchestrator_errors *e) {
    report *r;
    while ((r = e->first) && hand_over(e, r) == OK) {
        e->first = r->next;
        if (!e->first) e->end = &e->first;
        e->n_waiting--;
        free(r);
    }
    return e->n_waiting;
}
