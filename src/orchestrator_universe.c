/* See orchestrator_universe.h. */
#include "orchestrator_universe.h"
#include "base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct orchestrator_universe {
    symbol_table *symbols;
    bool is_reference[SYMBOL_MAX], is_wanted[SYMBOL_MAX];
    uint32_t fed[SYMBOL_MAX];
    uint32_t n_screened, n_named;
    bool has_begun;
};

err orchestrator_universe_new(symbol_table *symbols, orchestrator_universe **out) {
    orchestrator_universe *u = calloc(1, sizeof *u);
    if (!u) return ERR_NO_MEMORY;
    u->symbols = symbols;
    *out = u;
    return OK;
}

void orchestrator_universe_free(orchestrator_universe *u) { free(u); }

void orchestrator_universe_add_reference(orchestrator_universe *u, uint32_t symbol) { u->is_reference[symbol] = true; }

bool orchestrator_universe_is_fed(const orchestrator_universe *u, uint32_t symbol) {
    return u->is_wanted[symbol] || u->is_reference[symbol];
}

uint32_t orchestrator_universe_count(const orchestrator_universe *u) { return u->n_screened; }

/* ---- what is wanted ---- */

static void want(orchestrator_universe *u, uint32_t symbol) {
    u->n_screened += !u->is_wanted[symbol];
    u->is_wanted[symbol] = true;
}

/* Says what is wrong with a symbol that a trader names, in its status and once in the log. */
static void warn(trader *who, const char *symbol, const char *what, char *text, size_t bytes) {
    size_t n = strlen(text);
    snprintf(text + n, bytes - n, "%s%s %s", n ? "; " : "", symbol, what);
    if (!strstr(who->warning, symbol)) log_warn("traders", "%s: symbols: %s %s", who->spec->key, symbol, what);
}

/* One that the exchange has not has refused the trader already. */
static void look_at_references(const orchestrator_universe *u, trader *who, char *text, size_t bytes) {
    for (int32_t k = 0; k < who->spec->n_references; k++) {
        const char *name = who->spec->references[k];
        uint32_t id;
        if (symbol_table_find(u->symbols, name, strlen(name), &id) == OK &&
            !symbol_table_get(u->symbols, id)->is_trading)
            warn(who, name, "(a reference) does not trade at the moment", text, bytes);
    }
}

static err want_named(orchestrator_universe *u, trader *who, feed *f) {
    char text[sizeof who->warning] = "";
    char *const *names = who->spec->is_enabled ? who->spec->include : NULL;
    look_at_references(u, who, text, sizeof text);
    for (; names && *names; names++) {
        uint32_t id;
        err e = feed_find_symbol(f, *names, &id);
        if (e == ERR_NO_MEMORY) return e;
        if (e != OK) {
            warn(who, *names, e == ERR_NOT_FOUND ? "is not listed by the exchange" : error_text(e), text, sizeof text);
            continue;
        }
        if (!symbol_table_get(u->symbols, id)->is_trading)
            warn(who, *names, "does not trade at the moment", text, sizeof text);
        u->n_named += symbol_table_get(u->symbols, id)->is_outside && !u->is_wanted[id];
        want(u, id);
    }
    memcpy(who->warning, text, sizeof text);
    return OK;
}

static err find_wanted(orchestrator_universe *u, const trader_set *set, feed *f) {
    size_t n_members;
    const uint32_t *members = feed_members(f, &n_members);
    err e = OK;
    memset(u->is_wanted, 0, sizeof u->is_wanted);
    u->n_screened = u->n_named = 0;
    for (size_t i = 0; i < n_members; i++) want(u, members[i]);
    for (int32_t i = 0; set && i < set->count && e == OK; i++)
        if (set->traders[i]) e = want_named(u, set->traders[i], f);
    return e;
}

/* ---- what is done about it ---- */

/* In the order of ids, which at the start is that of volume. */
static err track_and_untrack(const orchestrator_universe *u, screener *s, feed *f) {
    uint32_t n = symbol_table_count(u->symbols);
    err e = OK;
    for (uint32_t id = 0; id < n && e == OK; id++) {
        if (u->is_wanted[id] || !screener_is_tracked(s, id)) continue;
        feed_forget(f, id);
        e = screener_untrack(s, id);
    }
    for (uint32_t id = 0; id < n && e == OK; id++)
        if (u->is_wanted[id] && !screener_is_tracked(s, id))
            e = u->has_begun ? screener_track_late(s, id) : screener_track(s, id);
    return e;
}

static size_t list_fed(orchestrator_universe *u) {
    size_t n = 0;
    for (uint32_t id = 0; id < symbol_table_count(u->symbols); id++)
        if (u->is_wanted[id] || u->is_reference[id]) u->fed[n++] = id;
    return n;
}

err orchestrator_universe_sync(orchestrator_universe *u, screener *s, feed *f, diag *why) {
    const trader_set *set = screener_traders(s);
    uint32_t mask = trader_set_feeds(set);
    err e = find_wanted(u, set, f);
    if (trader_set_reads_ticker(set)) mask |= 1u << TOPIC_TICKER;
    if (e == OK) e = track_and_untrack(u, s, f);
    if (e != OK) return diag_set(why, e, "universe: %s", error_text(e));
    if (u->has_begun) screener_choose(s);
    u->has_begun = true;
    return feed_watch(f, mask, u->fed, list_fed(u), why);
}

void orchestrator_universe_write(const orchestrator_universe *u, const feed *f, json_writer *w) {
    roster_stats r = f ? feed_universe_stats(f) : (roster_stats){0};
    json_write_object(w);
    json_put_integer(w, "symbols", u->n_screened);
    json_put_integer(w, "members", (int64_t)r.n_members);
    json_put_integer(w, "named", u->n_named);
    json_put_integer(w, "added", (int64_t)r.n_added);
    json_put_integer(w, "removed", (int64_t)r.n_removed);
    json_put_integer(w, "addedEver", (int64_t)r.n_added_ever);
    json_put_integer(w, "removedEver", (int64_t)r.n_removed_ever);
    json_put_integer(w, "refused", (int64_t)r.n_refused);
    json_write_key(w, "refreshedAt");
    if (r.chosen_ms)
        json_write_integer(w, r.chosen_ms);
    else
        json_write_null(w);
    json_write_object_end(w);
}
