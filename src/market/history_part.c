/* See history_part.h. */
#include "market/history_part.h"
#include "market/interval.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int32_t period_interval(int32_t interval) { return interval == INTERVAL_1S ? INTERVAL_1D : INTERVAL_1MO; }

int64_t history_period_floor(int32_t interval, int64_t ms) { return interval_floor(period_interval(interval), ms); }

int64_t history_period_next(int32_t interval, int64_t from_ms) {
    return interval_next(period_interval(interval), from_ms);
}

int64_t history_first_open(int32_t interval, int64_t ms) {
    int64_t open_ms = interval_floor(interval, ms);
    return open_ms == ms ? ms : interval_next(interval, open_ms);
}

void history_part_init(history_part *p, const char *market, const char *symbol, int32_t interval, int64_t ms) {
    *p = (history_part){.interval = interval, .from_ms = history_period_floor(interval, ms)};
    p->to_ms = history_period_next(interval, p->from_ms);
    snprintf(p->market, sizeof p->market, "%s", market);
    snprintf(p->symbol, sizeof p->symbol, "%s", symbol);
}

void history_part_deinit(history_part *p) {
    kline_list_free(&p->bars);
    span_list_free(&p->holes);
}

static err check_order(const history_part *p, const kline *bars, size_t n) {
    for (size_t i = 0; i < n; i++) {
        int64_t open_ms = bars[i].open_ms;
        if (open_ms < p->from_ms || open_ms >= p->to_ms || interval_floor(p->interval, open_ms) != open_ms ||
            (i > 0 && open_ms <= bars[i - 1].open_ms))
            return ERR_INVALID;
    }
    return OK;
}

err history_part_add(history_part *p, const kline *bars, size_t n, history_change *change) {
    kline_list merged = {0};
    size_t old = 0;
    *change = (history_change){0};
    err e = check_order(p, bars, n);
    for (size_t i = 0; i < n && e == OK; i++) {
        while (old < p->bars.count && p->bars.bars[old].open_ms < bars[i].open_ms && e == OK)
            e = kline_list_push(&merged, &p->bars.bars[old++]);
        bool is_there = old < p->bars.count && p->bars.bars[old].open_ms == bars[i].open_ms;
        if (is_there && !kline_has_same_values(&p->bars.bars[old], &bars[i])) change->n_changed++;
        change->n_new += !is_there;
        old += is_there;
        if (e == OK) e = kline_list_push(&merged, &bars[i]);
        if (e == OK) e = span_list_remove(&p->holes, bars[i].open_ms, interval_next(p->interval, bars[i].open_ms));
    }
    while (old < p->bars.count && e == OK) e = kline_list_push(&merged, &p->bars.bars[old++]);
    if (e != OK) {
        kline_list_free(&merged);
        return e;
    }
    kline_list_free(&p->bars);
    p->bars = merged;
    return OK;
}

err history_part_close(history_part *p, int64_t from_ms, int64_t to_ms) {
    span_list missing = {0};
    err e = history_part_missing(p, from_ms, to_ms, &missing);
    for (size_t i = 0; i < missing.count && e == OK; i++)
        e = span_list_add(&p->holes, missing.items[i].from_ms, missing.items[i].to_ms);
    span_list_free(&missing);
    return e;
}

/* One step from `at_ms`: over what is there, or over what is not, whose end is the next bar or hole. */
err history_part_missing(const history_part *p, int64_t from_ms, int64_t to_ms, span_list *out) {
    int64_t at_ms = history_first_open(p->interval, from_ms > p->from_ms ? from_ms : p->from_ms);
    int64_t end_ms = to_ms < p->to_ms ? to_ms : p->to_ms;
    size_t bar = kline_list_find(&p->bars, at_ms), hole = span_list_find(&p->holes, at_ms);
    err e = OK;
    while (at_ms < end_ms && e == OK) {
        int64_t bar_ms = bar < p->bars.count ? p->bars.bars[bar].open_ms : INT64_MAX;
        int64_t hole_ms = hole < p->holes.count ? p->holes.items[hole].from_ms : INT64_MAX;
        if (bar_ms == at_ms) {
            at_ms = interval_next(p->interval, at_ms);
            bar++;
        } else if (hole_ms <= at_ms) {
            at_ms = p->holes.items[hole++].to_ms;
        } else {
            int64_t until_ms = bar_ms < hole_ms ? bar_ms : hole_ms;
            until_ms = until_ms < end_ms ? until_ms : history_first_open(p->interval, end_ms);
            e = span_list_add(out, at_ms, until_ms);
            at_ms = until_ms;
        }
    }
    return e;
}
