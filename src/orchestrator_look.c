/* See orchestrator_look.h. */
#include "orchestrator_look.h"
#include "base/log.h"
#include "screener/tracked.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 50, QUIET_LOOKS = 2 };

typedef struct look {
    struct look *next;
    char id[TRADER_ID_MAX], revision[TRADER_REVISION_MAX], name[TRADER_NAME_MAX];
    bool is_expected;
    int32_t n_hits, n_symbols, n_wanted;
    uint64_t has_hit[SYMBOL_MAX / 64]; /* by symbol */
} look;

typedef enum look_stage { LOOK_NONE, LOOK_WORK, LOOK_BARRIER, LOOK_COMMIT } look_stage;

struct orchestrator_look {
    orchestrator_look_config config;
    uv_timer_t timer;
    look *first;
    bool is_counting;
    look_stage stage;
    int n_quiet;         /* looks in a row at which nothing waited to be committed, since the last hit */
    bool is_barrier_old; /* it was asked for before the newest traders were there */
};

err orchestrator_look_open(const orchestrator_look_config *config, orchestrator_look **out) {
    orchestrator_look *l = calloc(1, sizeof *l);
    if (!l) return ERR_NO_MEMORY;
    l->config = *config;
    uv_timer_init(config->loop, &l->timer);
    l->timer.data = l;
    *out = l;
    return OK;
}

static void forget(orchestrator_look *l) {
    for (look *one = l->first, *next; one; one = next) {
        next = one->next;
        free(one);
    }
    l->first = NULL;
}

void orchestrator_look_start(orchestrator_look *l) { l->is_counting = true; }

/* NULL without memory: then that trader is not told of. */
static look *look_of(orchestrator_look *l, const char *id, const char *revision) {
    look *one = l->first;
    while (one && (strcmp(one->id, id) != 0 || strcmp(one->revision, revision) != 0)) one = one->next;
    if (one || !(one = calloc(1, sizeof *one))) return one;
    snprintf(one->id, sizeof one->id, "%s", id);
    snprintf(one->revision, sizeof one->revision, "%s", revision);
    one->next = l->first;
    l->first = one;
    return one;
}

static void count(const orchestrator_look *l, look *one, const char *symbol) {
    uint32_t id;
    one->n_hits++;
    if (symbol_table_find(l->config.symbols, symbol, strlen(symbol), &id) != OK || one->has_hit[id / 64] >> id % 64 & 1)
        return;
    one->has_hit[id / 64] |= (uint64_t)1 << id % 64;
    one->n_symbols++;
}

void orchestrator_look_note(orchestrator_look *l, const pass *p) {
    for (uint32_t i = 0; l->is_counting && i < p->n_signals; i++) {
        const signal_row *s = &p->signals[i];
        look *one = s->state == SIGNAL_HISTORICAL ? look_of(l, s->trader_id, s->revision) : NULL;
        if (!one) continue;
        count(l, one, s->symbol);
        l->n_quiet = 0;
    }
}

void orchestrator_look_expect(orchestrator_look *l, const trader_spec *spec) {
    look *one = look_of(l, spec->id, spec->revision);
    for (look *other = l->first; other; other = other->next) /* an edit that came before the first look was through */
        if (strcmp(other->id, spec->id) == 0) other->is_expected = false;
    if (!one) return;
    one->is_expected = true;
    snprintf(one->name, sizeof one->name, "%s", spec->key);
    one->n_wanted = 0;
    for (uint32_t id = 0; id < symbol_table_count(l->config.symbols); id++) {
        const symbol_info *symbol = symbol_table_get(l->config.symbols, id);
        one->n_wanted += !symbol->is_alias && (!symbol->is_outside || trader_spec_names(spec, symbol->name)) &&
                         trader_spec_wants(spec, symbol->name, symbol->quote);
    }
}

static bool is_open(const orchestrator_look *l) {
    for (const look *one = l->first; one; one = one->next)
        if (one->is_expected) return true;
    return false;
}

static void finish(orchestrator_look *l) {
    for (const look *one = l->first; one; one = one->next)
        if (one->is_expected)
            log_info("traders", "first look: %s: %d hits on %d of %d symbols in the last %d bars", one->name,
                     one->n_hits, one->n_symbols, one->n_wanted, SILENT_BARS);
    forget(l);
    l->is_counting = false;
}

static void look_at(orchestrator_look *l) {
    bool is_working = l->config.work_left(l->config.context) > 0;
    storage_stats st;
    if (l->stage == LOOK_WORK && !is_working) {
        l->is_barrier_old = false;
        l->stage = screener_barrier(l->config.screener) == OK ? LOOK_BARRIER : LOOK_WORK;
    } else if (l->stage == LOOK_COMMIT && is_working) {
        l->stage = LOOK_WORK; /* the history was not all there was to ask for */
    } else if (l->stage == LOOK_COMMIT) {
        storage_read_stats(l->config.storage, &st);
        l->n_quiet = st.n_queued ? 0 : l->n_quiet + 1;
        if (l->n_quiet < QUIET_LOOKS) return;
        finish(l);
        l->stage = LOOK_NONE;
        uv_timer_stop(&l->timer);
    }
}

static void on_timer(uv_timer_t *timer) { look_at(timer->data); }

void orchestrator_look_go_on(orchestrator_look *l) {
    if (!is_open(l)) {
        if (l->stage == LOOK_NONE) finish(l); /* hits of what was there before */
        return;
    }
    l->is_barrier_old = l->stage == LOOK_BARRIER;
    if (!l->is_barrier_old) l->stage = LOOK_WORK;
    uv_timer_start(&l->timer, on_timer, 0, LOOK_MS);
}

void orchestrator_look_passed_barrier(orchestrator_look *l) {
    if (l->stage != LOOK_BARRIER) return;
    l->stage = l->is_barrier_old ? LOOK_WORK : LOOK_COMMIT;
    l->n_quiet = 0;
}

static void on_closed(uv_handle_t *handle) {
    orchestrator_look *l = handle->data;
    forget(l);
    free(l);
}

void orchestrator_look_close(orchestrator_look *l) {
    if (l) uv_close((uv_handle_t *)&l->timer, on_closed);
}
