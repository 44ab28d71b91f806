/* See orchestrator_look.h. */
#include "orchestrator_look.h"
#include "base/log.h"
#include "screener/tracked.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct look {
    struct look *next;
    char id[TRADER_ID_MAX], revision[TRADER_REVISION_MAX], name[TRADER_NAME_MAX];
    bool is_expected;
    int32_t n_hits, n_symbols, n_wanted;
    uint64_t has_hit[SYMBOL_MAX / 64]; /* by symbol */
} look;

struct orchestrator_look {
    const symbol_table *symbols;
    look *first;
    bool is_counting;
};

err orchestrator_look_new(const symbol_table *symbols, orchestrator_look **out) {
    orchestrator_look *l = calloc(1, sizeof *l);
    if (!l) return ERR_NO_MEMORY;
    l->symbols = symbols;
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

void orchestrator_look_free(orchestrator_look *l) {
    if (l) forget(l);
    free(l);
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
    if (symbol_table_find(l->symbols, symbol, strlen(symbol), &id) != OK || one->has_hit[id / 64] >> id % 64 & 1)
        return;
    one->has_hit[id / 64] |= (uint64_t)1 << id % 64;
    one->n_symbols++;
}

bool orchestrator_look_note(orchestrator_look *l, const pass *p) {
    bool has_hits = false;
    for (uint32_t i = 0; l->is_counting && i < p->n_signals; i++) {
        const signal_row *s = &p->signals[i];
        look *one = s->state == SIGNAL_HISTORICAL ? look_of(l, s->trader_id, s->revision) : NULL;
        if (one) count(l, one, s->symbol);
        has_hits = has_hits || one;
    }
    return has_hits;
}

void orchestrator_look_expect(orchestrator_look *l, const trader_spec *spec) {
    look *one = look_of(l, spec->id, spec->revision);
    for (look *other = l->first; other; other = other->next) /* an edit that came before the first look was through */
        if (strcmp(other->id, spec->id) == 0) other->is_expected = false;
    if (!one) return;
    one->is_expected = true;
    snprintf(one->name, sizeof one->name, "%s", spec->key);
    one->n_wanted = 0;
    for (uint32_t id = 0; id < symbol_table_count(l->symbols); id++) {
        const symbol_info *symbol = symbol_table_get(l->symbols, id);
        one->n_wanted += trader_spec_wants(spec, symbol->name, symbol->quote);
    }
}

bool orchestrator_look_is_open(const orchestrator_look *l) {
    for (const look *one = l->first; one; one = one->next)
        if (one->is_expected) return true;
    return false;
}

void orchestrator_look_finish(orchestrator_look *l) {
    for (const look *one = l->first; one; one = one->next)
        if (one->is_expected)
            log_info("traders", "first look: %s: %d hits on %d of %d symbols in the last %d bars", one->name,
                     one->n_hits, one->n_symbols, one->n_wanted, SILENT_BARS);
    forget(l);
    l->is_counting = false;
}
