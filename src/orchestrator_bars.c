/* See orchestrator_bars.h. Intervals are completed one after the other: as a rule there is none, or one. */
#include "orchestrator_bars.h"
#include "orchestrator_body.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct orchestrator_getting {
    struct orchestrator_getting *next;
    orchestrator *o;
    bars_wish wish;
    excerpt *e;
    int32_t at; /* interval */
    err code;
    char trouble[256];
    bars_done_fn on_done;
    void *context;
} getting;

static void forget(getting *g) {
    getting **at = &g->o->gettings;
    while (*at != g) at = &(*at)->next;
    *at = g->next;
    free(g);
}

static void finish(getting *g) {
    bars_done_fn on_done = g->on_done;
    void *context = g->context;
    excerpt *e = g->e;
    char trouble[sizeof g->trouble];
    err code = g->code;
    memcpy(trouble, g->trouble, sizeof trouble);
    forget(g);
    on_done(context, e, code, trouble[0] ? trouble : NULL);
}

/* ---- completed ---- */

/* `older` in front of what is there. */
static err put_before(kline_list *list, const kline *older, size_t n) {
    kline_list all = {0};
    err e = OK;
    int64_t first_ms = list->count ? list->bars[0].open_ms : INT64_MAX;
    for (size_t i = 0; i < n && e == OK && older[i].open_ms < first_ms; i++) e = kline_list_push(&all, &older[i]);
    for (size_t i = 0; i < list->count && e == OK; i++) e = kline_list_push(&all, &list->bars[i]);
    if (e == OK) {
        kline_list_free(list);
        *list = all;
    } else {
        kline_list_free(&all);
    }
    return e;
}

static void go_on(getting *g);

static void note_trouble(getting *g, err code, const char *why) {
    bool is_told = code == ERR_NOT_FOUND || code == ERR_FULL || code == ERR_CLOSED || code == ERR_NO_MEMORY;
    g->code = code;
    snprintf(g->trouble, sizeof g->trouble, "%s%s", is_told ? "" : "the exchange fails or cannot be reached: ", why);
}

static void on_looked_up(void *context, const lookup_answer *a) {
    getting *g = context;
    excerpt *e = g->e;
    int32_t i = g->at++;
    uint32_t bit = 1u << i;
    bool was_empty = e->lists[i].count == 0 && !(e->has_forming & bit);
    err failed = a->error;
    if (failed == OK) failed = put_before(&e->lists[i], a->bars, a->n_bars);
    if (failed == OK && was_empty && a->forming) {
        e->forming[i] = *a->forming;
        e->has_forming |= bit;
    }
    if (failed == OK && (e->lists[i].count > 0 || e->has_forming & bit)) e->completed |= bit;
    if (failed != OK) note_trouble(g, failed, a->error ? a->why : error_text(failed));
    go_on(g);
}

/* How many bars are wanted of the exchange, and before which; 0: none. */
static int32_t missing(const getting *g, int32_t i, int64_t *before_ms) {
    const excerpt *e = g->e;
    const kline_list *list = &e->lists[i];
    int32_t least = g->wish.least[i], n = (int32_t)list->count + (int32_t)(e->has_forming >> i & 1);
    if (least > LOOKUP_WISH_MAX) least = LOOKUP_WISH_MAX;
    if (!g->wish.most[i] || n >= least || (g->wish.trusts_series && e->loaded >> i & 1 && n > 0)) return 0;
    *before_ms = g->wish.before_ms;
    if (e->has_forming >> i & 1) *before_ms = e->forming[i].open_ms;
    if (list->count > 0) *before_ms = list->bars[0].open_ms;
    return least - n;
}

/* Once something has failed nothing more is asked for: the rest would hardly fare better. */
static void go_on(getting *g) {
    for (; g->at < N_INTERVALS && g->code == OK; g->at++) {
        int64_t before_ms = 0;
        err failed = excerpt_make(g->e, g->at);
        int32_t n = failed == OK || failed == ERR_NOT_FOUND ? missing(g, g->at, &before_ms) : 0;
        lookup_wish wish = {.symbol = g->wish.symbol,
                            .interval = g->at,
                            .n_bars = n,
                            .before_ms = before_ms,
                            .closed_only = g->wish.closed_only};
        if (n == 0) continue;
        failed = g->o->is_stopping || !g->o->feed ? ERR_CLOSED : feed_look_up(g->o->feed, &wish, on_looked_up, g);
        if (failed == OK) return;
        note_trouble(g, failed,
                     failed == ERR_FULL ? "too many ask for candles already; try again" : error_text(failed));
    }
    finish(g);
}

/* ---- the beginning ---- */

static void on_excerpt(void *context, excerpt *e) {
    getting *g = context;
    g->e = e;
    if (e->failure == ERR_NOT_FOUND) e->failure = OK; /* the symbol is known: only nobody watches it */
    if (e->failure == OK)
        go_on(g);
    else
        finish(g);
}

static err ask_workers(getting *g, uint32_t id) {
    excerpt *e = NULL;
    err failed = excerpt_new(id, &e);
    if (failed != OK) return failed;
    memcpy(e->most, g->wish.most, sizeof e->most);
    e->before_ms = g->wish.before_ms;
    e->on_done = on_excerpt;
    e->context = g;
    failed = screener_excerpt(g->o->screener, e);
    if (failed != ERR_NOT_FOUND) return failed;
    failed = excerpt_new(id, &e); /* the other one is gone */
    if (failed == OK) {
        memcpy(e->most, g->wish.most, sizeof e->most);
        e->before_ms = g->wish.before_ms;
        on_excerpt(g, e);
    }
    return failed;
}

err orchestrator_bars_get(orchestrator *o, const bars_wish *wish, bars_done_fn on_done, void *context, diag *why) {
    uint32_t id;
    if (o->is_stopping || !o->screener) return diag_set(why, ERR_CLOSED, "the daemon stops");
    if (symbol_table_find(o->symbols, wish->symbol, strlen(wish->symbol), &id) != OK)
        return diag_set(why, ERR_NOT_FOUND, "%s is not under watch", wish->symbol);
    getting *g = calloc(1, sizeof *g);
    if (!g) return diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
    *g = (getting){.next = o->gettings, .o = o, .wish = *wish, .on_done = on_done, .context = context};
    o->gettings = g;
    err failed = ask_workers(g, id);
    if (failed == OK) return OK;
    forget(g);
    return diag_set(why, failed, "%s", error_text(failed));
}

void orchestrator_bars_stop(orchestrator *o) {
    while (o->gettings) /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): whoever is forgotten leaves the list */
        forget(o->gettings);
}
