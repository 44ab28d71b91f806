/* See tape.h. A cursor per (symbol, interval), the earliest on top of a binary heap. */
#include "backtest/tape.h"
#include "base/log.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct cursor {
    uint32_t symbol;
    int32_t interval;
    kline_list list;
    size_t at, end;
} cursor;

struct tape {
    cursor *cursors;
    size_t n_cursors;
    size_t *heap; /* indices of cursors that are not at their end */
    size_t n_heap;
    int32_t *place; /* symbol * N_INTERVALS + interval -> cursor; -1: none */
    uint32_t n_places;
};

/* ---- loading ---- */

static err load_symbol(tape *t, const char *folder, const char *name, uint32_t mask, symbol_table *symbols, diag *why) {
    enum interval smallest;
    char path[512];
    kline_list base = {0};
    symbol_info info = {.is_trading = true};
    uint32_t id;
    err e = kline_file_smallest(folder, name, &smallest, path, sizeof path);
    assert(t->cursors && t->place);
    if (e != OK) return diag_set(why, e, "%s: no file of %s; expected %s-INTERVAL.csv or .csv.gz", folder, name, name);
    e = kline_file_read(path, smallest, &base, why);
    if (e != OK) goto out;
    snprintf(info.name, sizeof info.name, "%s", name);
    symbol_guess_assets(&info);
    e = symbol_table_add(symbols, &info, &id);
    for (int32_t i = 0; i < N_INTERVALS && e == OK; i++) {
        cursor *c = &t->cursors[t->n_cursors];
        if (!(mask >> i & 1)) continue;
        *c = (cursor){.symbol = id, .interval = i};
        if (i != (int32_t)smallest && !interval_divides((int32_t)smallest, i)) {
            log_warn("replay", "%s has %s bars only; traders on %s do not see it", name,
                     interval_name((int32_t)smallest), interval_name(i));
            continue;
        }
        if (i == (int32_t)smallest) {
            for (size_t k = 0; k < base.count && e == OK; k++) e = kline_list_push(&c->list, &base.bars[k]);
        } else {
            e = kline_resample(&base, smallest, (enum interval)i, &c->list);
        }
        t->place[id * N_INTERVALS + (uint32_t)i] = (int32_t)t->n_cursors++;
    }
    if (e != OK) diag_set(why, e, "%s: %s", path, error_text(e));
out:
    kline_list_free(&base);
    return e;
}

err tape_open(const char *folder, const char *const *names, size_t n_names, uint32_t mask, symbol_table *symbols,
              tape **out, diag *why) {
    char **all = NULL;
    size_t n_all = 0;
    tape *t = calloc(1, sizeof *t);
    err e = OK;
    if (!t) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    if (n_names == 0) {
        e = kline_file_symbols(folder, &all, &n_all, why);
        names = (const char *const *)all;
        n_names = n_all;
        if (e == OK && n_all == 0)
            e = diag_set(why, ERR_NOT_FOUND, "%s: no kline files; expected SYMBOL-INTERVAL.csv or .csv.gz", folder);
    }
    if (e == OK) {
        t->n_places = (uint32_t)n_names * N_INTERVALS;
        t->cursors = calloc((size_t)t->n_places + 1, sizeof *t->cursors);
        t->heap = calloc((size_t)t->n_places + 1, sizeof *t->heap);
        t->place = malloc(((size_t)t->n_places + 1) * sizeof *t->place);
        if (!t->cursors || !t->heap || !t->place)
            e = diag_set(why, ERR_NO_MEMORY, "out of memory");
        else
            memset(t->place, -1, t->n_places * sizeof *t->place);
    }
    for (size_t i = 0; i < n_names && e == OK; i++) e = load_symbol(t, folder, names[i], mask, symbols, why);
    if (all) kline_file_free_symbols(all, n_all);
    if (e == OK)
        *out = t;
    else
        tape_free(t);
    return e;
}

void tape_free(tape *t) {
    if (!t) return;
    for (size_t i = 0; i < t->n_cursors; i++) kline_list_free(&t->cursors[i].list);
    free(t->cursors);
    free(t->heap);
    free(t->place);
    free(t);
}

void tape_span(const tape *t, int64_t *from_ms, int64_t *to_ms) {
    *from_ms = INT64_MAX;
    *to_ms = 0;
    for (size_t i = 0; i < t->n_cursors; i++) {
        const cursor *c = &t->cursors[i];
        int64_t end;
        if (!c->list.count) continue;
        end = interval_next(c->interval, c->list.bars[c->list.count - 1].open_ms);
        if (c->list.bars[0].open_ms < *from_ms) *from_ms = c->list.bars[0].open_ms;
        if (end > *to_ms) *to_ms = end;
    }
}

/* ---- playing ---- */

static bool is_before(const tape *t, size_t a, size_t b) {
    const cursor *x = &t->cursors[a], *y = &t->cursors[b];
    int64_t close_x = interval_next(x->interval, x->list.bars[x->at].open_ms);
    int64_t close_y = interval_next(y->interval, y->list.bars[y->at].open_ms);
    if (close_x != close_y) return close_x < close_y;
    return x->interval != y->interval ? x->interval < y->interval : x->symbol < y->symbol;
}

static void sink(tape *t, size_t i) {
    for (;;) {
        size_t least = i, swap;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < t->n_heap; child++)
            if (is_before(t, t->heap[child], t->heap[least])) least = child;
        if (least == i) return;
        swap = t->heap[i], t->heap[i] = t->heap[least], t->heap[least] = swap;
        i = least;
    }
}

void tape_seek(tape *t, int64_t from_ms, int64_t to_ms) {
    t->n_heap = 0;
    for (size_t i = 0; i < t->n_cursors; i++) {
        cursor *c = &t->cursors[i];
        /* what closes after the start has not been history */
        c->at = kline_list_find(&c->list, interval_floor(c->interval, from_ms));
        c->end = kline_list_find(&c->list, to_ms);
        if (c->at < c->end) t->heap[t->n_heap++] = i;
    }
    for (size_t i = t->n_heap; i-- > 0;) sink(t, i);
}

bool tape_next(tape *t, uint32_t *symbol, int32_t *interval, kline *bar) {
    cursor *c;
    if (!t->n_heap) return false;
    c = &t->cursors[t->heap[0]];
    *symbol = c->symbol;
    *interval = c->interval;
    *bar = c->list.bars[c->at++];
    if (c->at == c->end) t->heap[0] = t->heap[--t->n_heap];
    sink(t, 0);
    return true;
}

static const cursor *cursor_of(const tape *t, uint32_t symbol, int32_t interval) {
    uint32_t place = symbol * N_INTERVALS + (uint32_t)interval;
    return place < t->n_places && t->place[place] >= 0 ? &t->cursors[t->place[place]] : NULL;
}

const kline *tape_range(const tape *t, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms,
                        size_t *count) {
    const cursor *c = cursor_of(t, symbol, interval);
    size_t from, to;
    *count = 0;
    if (!c) return NULL;
    from = kline_list_find(&c->list, from_ms);
    to = kline_list_find(&c->list, to_ms);
    if (from >= to) return NULL;
    *count = to - from;
    return &c->list.bars[from];
}

bool tape_has_close(const tape *t, uint32_t symbol, int32_t interval, int64_t close_ms) {
    size_t count;
    tape_range(t, symbol, interval, interval_add(interval, close_ms, -1), close_ms, &count);
    return count > 0;
}
