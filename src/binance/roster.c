/* See roster.h. Two lists: `now` is what counts, `next` is being filled; a list that breaks off half way does no harm. */
#include "binance/roster.h"
#include "base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMED_MOST = 12 }; /* symbols in one line of the log */

typedef struct list {
    symbol_info *items;
    size_t n, capacity;
} list;

struct roster {
    universe_policy policy;
    symbol_table *symbols;
    list now, next;
    uint32_t members[ROSTER_MAX];
    size_t n_members;
    bool is_member[SYMBOL_MAX];
    roster_stats stats;
};

err roster_new(const universe_policy *policy, symbol_table *symbols, roster **out) {
    roster *r = calloc(1, sizeof *r);
    if (!r) return ERR_NO_MEMORY;
    r->policy = *policy;
    r->symbols = symbols;
    *out = r;
    return OK;
}

void roster_free(roster *r) {
    if (!r) return;
    free(r->now.items);
    free(r->next.items);
    free(r);
}

/* ---- the new list ---- */

void roster_begin(roster *r) { r->next.n = 0; }

err roster_add(roster *r, const symbol_info *info) {
    list *l = &r->next;
    if (l->n == ROSTER_MAX) return OK;
    if (l->n == l->capacity) {
        size_t capacity = l->capacity ? l->capacity * 2 : 256;
        symbol_info *items = realloc(l->items, capacity * sizeof *items);
        if (!items) return ERR_NO_MEMORY;
        l->items = items;
        l->capacity = capacity;
    }
    l->items[l->n++] = *info;
    return OK;
}

void roster_sort(roster *r) { universe_sort(r->next.items, r->next.n); }

void roster_set_volume(roster *r, const char *name, size_t name_bytes, double quote_volume_24h) {
    symbol_info *info = universe_find(r->next.items, r->next.n, name, name_bytes);
    if (info) info->quote_volume_24h = quote_volume_24h;
}

/* ---- what is said of it ---- */

/* "BTCUSDT, ETHUSDT, ..." of those that `in` has and `out` has not. */
static size_t name_differences(const roster *r, const bool *in, const bool *out, char *text, size_t bytes) {
    size_t n = 0, at = 0;
    text[0] = 0;
    for (uint32_t id = 0; id < symbol_table_count(r->symbols); id++) {
        if (!in[id] || out[id]) continue;
        const symbol_info *info = symbol_table_get(r->symbols, id);
        if (n++ < NAMED_MOST)
            at += (size_t)snprintf(text + at, bytes - at, "%s%s%s", n > 1 ? ", " : "", info->name,
                                   info->is_trading ? "" : " (does not trade)");
    }
    if (n > NAMED_MOST) snprintf(text + at, bytes - at, ", ...");
    return n;
}

static void note_changes(roster *r, const bool *before) {
    char added[NAMED_MOST * (SYMBOL_BYTES + 24)], removed[sizeof added];
    roster_stats *s = &r->stats;
    s->n_added = name_differences(r, r->is_member, before, added, sizeof added);
    s->n_removed = name_differences(r, before, r->is_member, removed, sizeof removed);
    s->n_added_ever += s->n_added;
    s->n_removed_ever += s->n_removed;
    if (s->n_added || s->n_removed)
        log_info("binance", "universe: %zu symbols; joined: %s; left: %s", r->n_members, s->n_added ? added : "none",
                 s->n_removed ? removed : "none");
}

/* ---- the choice ---- */

/* The table follows the list. A symbol that the exchange does not list any more does not trade. */
static void refresh_table(roster *r) {
    bool is_first = r->stats.n_choices == 0;
    for (uint32_t id = 0; id < symbol_table_count(r->symbols); id++) {
        const symbol_info *known = symbol_table_get(r->symbols, id);
        const symbol_info *info = universe_find(r->now.items, r->now.n, known->name, strlen(known->name));
        bool is_trading = info && info->is_trading;
        if (known->is_alias) continue;
        if (!is_first && known->is_trading && !is_trading)
            log_warn("binance", "%s does not trade any more (%s)", known->name,
                     !info             ? "the exchange does not list it"
                     : info->status[0] ? info->status
                                       : "no reason given");
        if (!is_first && !known->is_trading && is_trading) log_info("binance", "%s trades again", known->name);
        symbol_table_refresh(r->symbols, id, info ? info->quote_volume_24h : 0, is_trading);
    }
}

static err to_ids(roster *r, uint32_t *chosen, size_t n, diag *why) {
    for (size_t i = 0; i < n; i++) {
        const symbol_info *info = &r->now.items[chosen[i]];
        uint32_t id;
        err e = symbol_table_add(r->symbols, info, &id);
        if (e != OK) return diag_set(why, e, "%s: %s", info->name, error_text(e));
        chosen[i] = id;
    }
    return OK;
}

static void take_members(roster *r, const uint32_t *ids, size_t n) {
    bool before[SYMBOL_MAX];
    bool is_first = r->stats.n_choices == 0;
    memcpy(before, r->is_member, sizeof before);
    memset(r->is_member, 0, sizeof r->is_member);
    memcpy(r->members, ids, n * sizeof *ids);
    r->n_members = n;
    for (size_t i = 0; i < n; i++) {
        const symbol_info *info = symbol_table_get(r->symbols, ids[i]);
        r->is_member[ids[i]] = true;
        if (is_first && !info->is_trading)
            log_warn("binance", "%s is not trading at the moment (%s): it waits", info->name,
                     info->status[0] ? info->status : "no reason given");
    }
    for (uint32_t id = 0; id < symbol_table_count(r->symbols); id++)
        symbol_table_set_outside(r->symbols, id, !r->is_member[id]);
    if (!is_first) note_changes(r, before);
}

/* By index in the list. */
static void mark_members(const roster *r, bool *is_member) {
    for (size_t i = 0; i < r->n_members; i++) {
        const char *name = symbol_table_get(r->symbols, r->members[i])->name;
        symbol_info *info = universe_find(r->now.items, r->now.n, name, strlen(name));
        if (info) is_member[info - r->now.items] = true;
    }
}

err roster_choose(roster *r, int64_t market_ms, diag *why) {
    list old = r->now;
    size_t n_room = (r->policy.n_names > r->next.n ? r->policy.n_names : r->next.n) + 1, n = 0;
    uint32_t *chosen = malloc(n_room * sizeof *chosen);
    bool *is_member = calloc(r->next.n + 1, sizeof *is_member);
    err e = OK;
    if (!chosen || !is_member) {
        e = diag_set(why, ERR_NO_MEMORY, "out of memory");
        goto out;
    }
    r->now = r->next;
    r->next = old;
    roster_begin(r);
    refresh_table(r);
    mark_members(r, is_member);
    e = universe_choose(r->now.items, r->now.n, &r->policy, is_member, chosen, &n, why);
    if (e == OK && n > ROSTER_MAX) e = diag_set(why, ERR_TOO_BIG, "more than %d symbols", ROSTER_MAX);
    if (e == OK) e = to_ids(r, chosen, n, why);
    if (e == OK) {
        take_members(r, chosen, n);
        r->stats.n_choices++;
        r->stats.chosen_ms = market_ms;
    }
out:
    r->stats.n_refused += e != OK;
    free(chosen);
    free(is_member);
    return e;
}

/* ---- answers ---- */

const uint32_t *roster_members(const roster *r, size_t *n) {
    *n = r->n_members;
    return r->members;
}

bool roster_is_member(const roster *r, uint32_t id) { return id < SYMBOL_MAX && r->is_member[id]; }

err roster_find(roster *r, const char *name, uint32_t *id) {
    const symbol_info *info = universe_find(r->now.items, r->now.n, name, strlen(name));
    err e = info ? symbol_table_add(r->symbols, info, id) : ERR_NOT_FOUND;
    if (e == OK && !r->is_member[*id]) symbol_table_set_outside(r->symbols, *id, true);
    return e;
}

roster_stats roster_get_stats(const roster *r) {
    roster_stats stats = r->stats;
    stats.n_members = r->n_members;
    return stats;
}
