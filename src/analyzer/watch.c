#include "analyzer/watch.h"
#include "analyzer/later_look.h"
#include "base/clock.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct watch watch;
struct watch {
    watch *next;
    analysis_row first; /* look 0, its prompt */
    int32_t look;       /* the last one that has ended */
    bool is_under_way;  /* the next one */
    kline *bars;        /* since look 0, as far as they were seen */
    size_t n_bars;
};

struct watch_list {
    watch *first;
    int32_t count, looks_max;
};

err watch_list_new(int32_t looks_max, watch_list **out) {
    *out = calloc(1, sizeof **out);
    if (!*out) return ERR_NO_MEMORY;
    (*out)->looks_max = looks_max;
    return OK;
}

static void watch_free(watch *w) {
    analysis_row_deinit(&w->first);
    free(w->bars);
    free(w);
}

void watch_list_free(watch_list *list) {
    if (!list) return;
    for (watch *w = list->first, *next; w; w = next) {
        next = w->next;
        watch_free(w);
    }
    free(list);
}

static watch **place_of(watch_list *list, const char *signal_id) {
    watch **at = &list->first;
    while (*at && strcmp((*at)->first.signal_id, signal_id) != 0) at = &(*at)->next;
    return at;
}

void watch_list_forget(watch_list *list, const char *signal_id) {
    watch **at = place_of(list, signal_id), *w = *at;
    if (!w) return;
    *at = w->next;
    list->count--;
    watch_free(w);
}

void watch_list_mark(watch_list *list, const char *signal_id) {
    watch *w = *place_of(list, signal_id);
    if (w) w->is_under_way = true;
}

static follow_up follow_up_of(const watch_list *list, const analysis_row *row) {
    if (row->status == ANALYSIS_DONE && strcmp(row->decision, "enter_trade") == 0) return FOLLOW_READY;
    if (row->status == ANALYSIS_DONE && strcmp(row->decision, "bad_setup") == 0) return FOLLOW_EXPIRED;
    if (row->status != ANALYSIS_DONE && row->look == 0) return FOLLOW_NEW; /* nobody has said anything of it */
    return row->look < list->looks_max ? FOLLOW_MONITORING : FOLLOW_EXPIRED;
}

static err begin(watch_list *list, const analysis_row *row, const char *first_prompt) {
    watch *w = calloc(1, sizeof *w);
    analysis_row first = *row;
    if (!w) return ERR_NO_MEMORY;
    first.prompt = (char *)(first_prompt ? first_prompt : row->prompt);
    first.reasoning = first.key_levels = first.trade_plan = first.context = first.notes = first.raw = first.error =
        NULL;
    if (analysis_row_copy(&first, &w->first) != OK) {
        free(w);
        return ERR_NO_MEMORY;
    }
    w->look = row->look;
    w->next = list->first;
    list->first = w;
    list->count++;
    return OK;
}

err watch_list_settle(watch_list *list, analysis_row *row, const char *first_prompt) {
    watch *w = *place_of(list, row->signal_id);
    /* A look that somebody asked for, at a signal that is not watched, and of which nothing came: all stays as it was. */
    if (row->status == ANALYSIS_DONE || row->look == 0 || w) row->follow_up = follow_up_of(list, row);
    if (row->follow_up == FOLLOW_MONITORING && !w && row->status != ANALYSIS_DONE) return OK;
    if (row->follow_up != FOLLOW_MONITORING) {
        watch_list_forget(list, row->signal_id);
        return OK;
    }
    if (!w) return begin(list, row, first_prompt);
    w->look = row->look;
    w->is_under_way = false;
    return OK;
}

/* ---- later looks ---- */

static err later_prompt(const watch *w, char **out) {
    char heading[96];
    snprintf(heading, sizeof heading, "look %d at this signal; the answers before were to wait", w->look + 2);
    return later_look_prompt(w->first.prompt, heading, w->bars, w->n_bars, out);
}

static err look_again(watch *w, const kline *bar, watch_due_fn on_due, void *context) {
    analysis_row look = w->first;
    err e;
    look.look = w->look + 1;
    look.is_asked = false;
    look.status = ANALYSIS_QUEUED;
    look.follow_up = FOLLOW_MONITORING;
    look.open_ms = bar->open_ms;
    look.close_ms = interval_next(look.interval, bar->open_ms);
    look.created_ms = wall_ms();
    look.finished_ms = look.day = look.latency_ms = look.tokens_in = look.tokens_cached = look.tokens_out = 0;
    look.n_requests = 0;
    look.cost_usd = 0;
    look.provider[0] = look.model[0] = look.decision[0] = look.side[0] = 0;
    look.confidence = NAN;
    analysis_id(look.signal_id, look.look, look.id);
    e = later_prompt(w, &look.prompt);
    if (e != OK) return e;
    w->is_under_way = true;
    on_due(context, &look);
    free(look.prompt);
    return OK;
}

static err note_bar(watch *w, const kline *bar) {
    kline *more;
    if (bar->open_ms <= w->first.open_ms) return OK; /* known already */
    if (w->n_bars && bar->open_ms <= w->bars[w->n_bars - 1].open_ms) return OK;
    more = realloc(w->bars, (w->n_bars + 1) * sizeof *more);
    if (!more) return ERR_NO_MEMORY;
    w->bars = more;
    w->bars[w->n_bars++] = *bar;
    return OK;
}

static bool is_of(const watch *w, const char *symbol, int32_t interval) {
    return w->first.interval == interval && strcmp(w->first.symbol, symbol) == 0;
}

err watch_list_bar(watch_list *list, const char *symbol, int32_t interval, const kline *bar, watch_due_fn on_due,
                   void *context) {
    err result = OK;
    for (watch *w = list->first, *next; w; w = next) {
        size_t n_before = w->n_bars;
        err e;
        next = w->next;
        if (!is_of(w, symbol, interval)) continue;
        e = note_bar(w, bar);
        if (e == OK && w->n_bars > n_before && !w->is_under_way) e = look_again(w, bar, on_due, context);
        if (e != OK) result = e;
    }
    return result;
}

int32_t watch_list_count(const watch_list *list) { return list->count; }

bool watch_list_wants(const watch_list *list, const char *symbol, int32_t interval) {
    for (const watch *w = list->first; w; w = w->next)
        if (is_of(w, symbol, interval)) return true;
    return false;
}
