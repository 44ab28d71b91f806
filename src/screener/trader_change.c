/* See trader_change.h. */
#include "screener/trader_change.h"
#include "base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_same(const trader_source *a, const trader_source *b) {
    return strcmp(a->key, b->key) == 0 && strcmp(a->revision, b->revision) == 0 && strcmp(a->name, b->name) == 0 &&
           a->is_variant == b->is_variant && a->enabled == b->enabled;
}

/* The place whose trader is unchanged by this source; -1: it is new or edited. */
static int32_t unchanged_place(const trader_change *c, const trader_source *source) {
    for (int32_t i = 0; c->before && i < c->before->count; i++)
        if (c->before->traders[i] && !c->keeps[i] && is_same(c->before->traders[i]->source, source)) return i;
    return -1;
}

err trader_change_begin(const trader_set *before, trader_source **sources, int32_t count, trader_change *out) {
    trader_change c = {.before = before, .job = {.sources = sources}};
    int32_t n_places = before ? before->count : 0;
    c.keeps = calloc((size_t)n_places + 1, sizeof *c.keeps);
    c.job.specs = calloc((size_t)count + 1, sizeof *c.job.specs);
    c.job.diags = calloc((size_t)count + 1, sizeof *c.job.diags);
    c.failures = calloc((size_t)count + 1, sizeof *c.failures);
    for (int32_t i = 0; i < count; i++) {
        int32_t place = c.keeps ? unchanged_place(&c, sources[i]) : -1;
        if (place < 0) {
            sources[c.job.count++] = sources[i];
            continue;
        }
        c.keeps[place] = true;
        trader_source_free(sources[i]);
    }
    if (!c.keeps || !c.job.specs || !c.job.diags || !c.failures) {
        trader_change_deinit(&c);
        return ERR_NO_MEMORY;
    }
    *out = c;
    return OK;
}

/* ---- the next set ---- */

static int32_t place_of_id(const trader_set *set, int32_t count, const char *id) {
    for (int32_t i = 0; set && i < count; i++)
        if (set->traders[i] && strcmp(set->traders[i]->spec->id, id) == 0) return i;
    return -1;
}

static int32_t place_of_source(const trader_set *set, const char *key) {
    for (int32_t i = 0; set && i < set->count; i++)
        if (set->traders[i] && strcmp(set->traders[i]->source->key, key) == 0) return i;
    return -1;
}

static bool is_known(const trader_change *c, const trader_failure *f) {
    for (int32_t i = 0; i < c->n_known; i++)
        if (strcmp(c->known[i].chunk, f->chunk) == 0 && strcmp(c->known[i].key, f->key) == 0 &&
            strcmp(c->known[i].revision, f->revision) == 0 && strcmp(c->known[i].why.text, f->why.text) == 0)
            return true;
    return false;
}

/* Says why source `index` does not run; what ran in its place goes on. */
static void refuse(trader_change *c, int32_t index, const diag *why) {
    const trader_source *source = c->job.sources[index];
    trader_failure *f = &c->failures[c->n_failures++];
    int32_t place = place_of_source(c->before, source->key);
    snprintf(f->key, sizeof f->key, "%s", source->key);
    snprintf(f->chunk, sizeof f->chunk, "%s", source->chunk);
    snprintf(f->revision, sizeof f->revision, "%s", source->revision);
    f->why = *why;
    f->has_last_good = place >= 0;
    trader_id_of(source->key, f->id);
    if (c->before && place >= 0) {
        snprintf(f->id, sizeof f->id, "%s", c->before->traders[place]->spec->id);
        c->keeps[place] = true;
    }
    if (!is_known(c, f)) log_error("screener", "%s%s", why->text, place >= 0 ? " (the version before it runs on)" : "");
}

/* An id belongs to one trader: to the one that has it already, else to the first of the list. */
static bool is_taken(const trader_change *c, int32_t index) {
    const char *id = c->job.specs[index]->id;
    int32_t place = place_of_id(c->before, c->before ? c->before->count : 0, id);
    if (place >= 0 && c->keeps[place]) return true;
    for (int32_t i = 0; i < index; i++)
        if (c->job.specs[i] && strcmp(c->job.specs[i]->id, id) == 0) return true;
    return false;
}

static void sift(trader_change *c) {
    for (int32_t i = 0; i < c->job.count; i++)
        if (!c->job.specs[i]) refuse(c, i, &c->job.diags[i]);
    for (int32_t i = 0; i < c->job.count; i++) {
        diag why;
        if (!c->job.specs[i] || !is_taken(c, i)) continue;
        (void)diag_set(&why, ERR_EXISTS, "%s: its id %s is that of another trader; expected one of its own",
                       c->job.sources[i]->chunk, c->job.specs[i]->key);
        refuse(c, i, &why);
        trader_spec_free(c->job.specs[i]);
        c->job.specs[i] = NULL;
    }
}

static int32_t free_place(const trader_set *set) {
    int32_t i = 0;
    while (set->traders[i]) i++;
    return i;
}

static err put_new(trader_change *c, trader_set *set, int32_t index) {
    int32_t n_before = c->before ? c->before->count : 0;
    int32_t place = place_of_id(c->before, n_before, c->job.specs[index]->id);
    trader *t;
    err e = trader_new(c->job.sources[index], c->job.specs[index], &t);
    c->job.sources[index] = NULL;
    c->job.specs[index] = NULL;
    if (e != OK) return e;
    c->n_changed += place >= 0;
    c->n_added += place < 0;
    trader_set_put(set, place >= 0 ? place : free_place(set), t);
    return OK;
}

/* Edited traders first: the places of those that are gone are for new ones. */
static err fill(trader_change *c, trader_set *set) {
    int32_t n_before = c->before ? c->before->count : 0;
    err e = OK;
    for (int32_t i = 0; i < n_before; i++)
        if (c->keeps[i]) trader_set_put(set, i, c->before->traders[i]);
    for (int pass = 0; pass < 2; pass++)
        for (int32_t i = 0; i < c->job.count && e == OK; i++)
            if (c->job.specs[i] && (pass == 1 || place_of_id(c->before, n_before, c->job.specs[i]->id) >= 0))
                e = put_new(c, set, i);
    for (int32_t i = 0; i < n_before; i++) c->n_removed += c->before->traders[i] && !c->keeps[i];
    c->n_removed -= c->n_changed;
    while (set->count > 0 && !set->traders[set->count - 1]) set->count--;
    return e;
}

err trader_change_finish(trader_change *c, trader_set **set) {
    trader_set *next;
    int32_t n_before = c->before ? c->before->count : 0;
    err e;
    *set = NULL;
    sift(c);
    e = trader_set_new(n_before + c->job.count, &next);
    if (e != OK) return e;
    e = fill(c, next);
    if (e == OK && (!c->before || c->n_added || c->n_changed || c->n_removed))
        *set = next;
    else
        trader_set_free(next);
    return e;
}

void trader_change_deinit(trader_change *c) {
    for (int32_t i = 0; i < c->job.count; i++) {
        trader_source_free(c->job.sources[i]);
        if (c->job.specs) trader_spec_free(c->job.specs[i]);
    }
    free(c->job.sources);
    free(c->job.specs);
    free(c->job.diags);
    free(c->keeps);
    free(c->failures);
    *c = (trader_change){0};
}
