/* See rankings.h. */
#include "screener/rankings.h"
#include "base/clock.h"
#include <stdlib.h>

typedef struct ranked {
    const trader *who;
    int32_t place;
    ranking *ranking;
} ranked;

struct rankings {
    const symbol_table *symbols;
    rankings_handlers handlers;
    ranked *items;
    int32_t count;
};

typedef struct telling {
    const rankings *all;
    const ranked *of;
    err failure;
} telling;

err rankings_new(const symbol_table *symbols, const rankings_handlers *handlers, rankings **out) {
    rankings *r = calloc(1, sizeof *r);
    if (!r) return ERR_NO_MEMORY;
    r->symbols = symbols;
    r->handlers = *handlers;
    *out = r;
    return OK;
}

void rankings_free(rankings *r) {
    if (!r) return;
    for (int32_t i = 0; i < r->count; i++) ranking_free(r->items[i].ranking);
    free(r->items);
    free(r);
}

static ranked *find(const rankings *r, const trader *who) {
    for (int32_t i = 0; i < r->count; i++)
        if (r->items[i].who == who) return &r->items[i];
    return NULL;
}

static err set_member(const rankings *r, const ranked *of, uint32_t symbol) {
    return ranking_set_member(of->ranking, symbol, trader_wants(of->who, symbol_table_get(r->symbols, symbol)));
}

static err add(rankings *r, const trader *who, int32_t place) {
    ranked *larger = realloc(r->items, ((size_t)r->count + 1) * sizeof *larger);
    ranked one = {.who = who, .place = place};
    err e = larger ? OK : ERR_NO_MEMORY;
    if (e != OK) return e;
    r->items = larger;
    e = ranking_new(r->symbols, who->spec->key, &one.ranking);
    if (e == OK) r->items[r->count++] = one;
    return e;
}

err rankings_install(rankings *r, const trader_set *set, const uint32_t *symbols, uint32_t n_symbols) {
    err e = OK;
    for (int32_t i = 0; i < set->count && e == OK; i++) {
        const trader *who = set->traders[i];
        if (!who || who->spec->rank_top == 0 || find(r, who)) continue;
        e = add(r, who, i);
        for (uint32_t k = 0; k < n_symbols && e == OK; k++) e = set_member(r, &r->items[r->count - 1], symbols[k]);
    }
    return e;
}

void rankings_drop(rankings *r, const trader_set *set) {
    int32_t n = 0;
    for (int32_t i = 0; i < r->count; i++) {
        if (trader_set_at(set, r->items[i].place) == r->items[i].who)
            r->items[n++] = r->items[i];
        else
            ranking_free(r->items[i].ranking);
    }
    r->count = n;
}

static void tell(void *context, uint32_t symbol, int64_t close_ms, const script_rank *rank) {
    telling *t = context;
    const rankings_handlers *h = &t->all->handlers;
    err e = h->on_rank(h->context, t->of->who, t->of->place, symbol, close_ms, rank);
    if (e != OK) t->failure = e;
}

static err complete(const rankings *r, const ranked *of) {
    telling t = {.all = r, .of = of};
    err e = ranking_complete(of->ranking, tell, &t);
    return e == OK ? t.failure : e;
}

err rankings_join(rankings *r, uint32_t symbol) {
    err e = OK;
    for (int32_t i = 0; i < r->count && e == OK; i++) e = set_member(r, &r->items[i], symbol);
    return e;
}

err rankings_leave(rankings *r, uint32_t symbol) {
    err e = OK;
    for (int32_t i = 0; i < r->count && e == OK; i++) {
        e = ranking_set_member(r->items[i].ranking, symbol, false);
        if (e == OK) e = complete(r, &r->items[i]);
    }
    return e;
}

err rankings_choose(rankings *r, const uint32_t *symbols, uint32_t n_symbols) {
    err e = OK;
    for (int32_t i = 0; i < r->count && e == OK; i++) {
        for (uint32_t k = 0; k < n_symbols && e == OK; k++) e = set_member(r, &r->items[i], symbols[k]);
        if (e == OK) e = complete(r, &r->items[i]);
    }
    return e;
}

err rankings_say(rankings *r, const trader *who, const rank_word *word) {
    telling t = {.all = r, .of = find(r, who)};
    err e = t.of ? ranking_say(t.of->ranking, word, monotonic_ns(), tell, &t) : OK;
    return e == OK ? t.failure : e;
}

static bool is_loading(void *context, uint32_t symbol) {
    const rankings_handlers *h = &((telling *)context)->all->handlers;
    return h->is_loading(h->context, symbol);
}

err rankings_expire(rankings *r, int64_t market_ms, int64_t grace_ms) {
    err e = OK;
    for (int32_t i = 0; i < r->count && e == OK; i++) {
        telling t = {.all = r, .of = &r->items[i]};
        e = ranking_expire(r->items[i].ranking, market_ms, monotonic_ns(), grace_ms, is_loading, tell, &t);
        if (e == OK) e = t.failure;
    }
    return e;
}
