/* See probe.h. */
#include "script/probe.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEEP_LEAST = LENGTH_MAX + 4 * CHECKPOINT_BARS }; /* the longest window fits, however few the bars are */

struct probe_market {
    script_market own;
    probe_market *references[REFERENCES_MAX];
    int32_t n_references;
};

/* ---- where scripts run ---- */

err probe_open(probe *p, const script_limits *limits, diag *why) {
    err e = watchdog_start(&p->dog);
    p->limits = *limits;
    if (e == OK) e = guard_attach(p->dog, &p->guard);
    if (e == OK) e = registry_new(&p->registry);
    if (e != OK) return diag_set(why, e, "scripts cannot run here: %s", error_text(e));
    return script_state_new(p->registry, p->guard, &p->limits, &p->state, why);
}

void probe_close(probe *p) {
    script_state_free(p->state);
    registry_free(p->registry);
    if (p->guard) guard_detach(p->guard);
    if (p->dog) watchdog_stop(p->dog);
    *p = (probe){0};
}

err probe_renew(probe *p, diag *why) {
    script_state_free(p->state);
    p->state = NULL;
    return script_state_new(p->registry, p->guard, &p->limits, &p->state, why);
}

/* ---- bars ---- */

err probe_bars_read(probe_bars *out, const char *path, int32_t interval, uint32_t mask, diag *why) {
    err e;
    *out = (probe_bars){.mask = mask | 1u << interval};
    for (int32_t i = 0; i < N_INTERVALS; i++)
        if ((mask >> i & 1) && i != interval && !interval_divides(interval, i))
            return diag_set(why, ERR_INVALID,
                            "%s: has %s bars, of which no %s bars can be made; expected a larger interval", path,
                            interval_name(interval), interval_name(i));
    e = kline_file_read(path, (enum interval)interval, &out->lists[interval], why);
    for (int32_t i = 0; i < N_INTERVALS && e == OK; i++) {
        if (!(mask >> i & 1) || i == interval) continue;
        e = kline_resample(&out->lists[interval], (enum interval)interval, (enum interval)i, &out->lists[i]);
        if (e != OK) diag_set(why, e, "%s: %s", path, error_text(e));
    }
    if (e != OK) probe_bars_free(out);
    return e;
}

void probe_bars_free(probe_bars *bars) {
    for (int32_t i = 0; i < N_INTERVALS; i++) kline_list_free(&bars->lists[i]);
    bars->mask = 0;
}

err probe_references_read(probe_references *out, const char *folder, char *const *names, int32_t count, uint32_t mask,
                          diag *why) {
    err e = OK;
    *out = (probe_references){.count = 0};
    for (int32_t k = 0; k < count && e == OK; k++) {
        enum interval smallest;
        char path[512];
        e = kline_file_smallest(folder, names[k], &smallest, path, sizeof path);
        if (e != OK) {
            e = diag_set(why, e, "%s has no file of %s, which is referred to; expected %s-INTERVAL.csv or .csv.gz",
                         folder, names[k], names[k]);
            break;
        }
        snprintf(out->symbols[k].name, sizeof out->symbols[k].name, "%s", names[k]);
        symbol_guess_assets(&out->symbols[k]);
        e = probe_bars_read(&out->bars[k], path, (int32_t)smallest, mask, why);
        out->count = k + 1;
    }
    if (e != OK) probe_references_free(out);
    return e;
}

void probe_references_free(probe_references *r) {
    for (int32_t k = 0; k < r->count; k++) probe_bars_free(&r->bars[k]);
    r->count = 0;
}

err probe_folder_read(const char *folder, const char *symbol, const trader_spec *spec, symbol_info *info,
                      probe_bars *bars, probe_references *references, diag *why) {
    enum interval smallest;
    char path[512];
    err e = kline_file_smallest(folder, symbol, &smallest, path, sizeof path);
    if (e != OK)
        return diag_set(why, e, "%s has no file of %s; expected %s-INTERVAL.csv or .csv.gz", folder, symbol, symbol);
    snprintf(info->name, sizeof info->name, "%s", symbol);
    symbol_guess_assets(info);
    e = probe_bars_read(bars, path, (int32_t)smallest, spec->interval_mask, why);
    if (e != OK) return e;
    return probe_references_read(references, folder, spec->references, spec->n_references, spec->reference_mask, why);
}

/* ---- a market ---- */

static err fill(probe_market *m, const registry *r, int32_t interval, const kline_list *list, const probe_cut *cut) {
    size_t from = cut ? kline_list_find(list, cut->from_ms[interval]) : 0, to = list->count;
    int64_t first_ms;
    while (cut && cut->to_ms > 0 && to > from && interval_next(interval, list->bars[to - 1].open_ms) > cut->to_ms) to--;
    if (to - from > INT32_MAX / 4) return ERR_TOO_BIG;
    first_ms = to > from ? list->bars[from].open_ms : 0;
    m->own.bars[interval] =
        kline_series_new(interval, to - from > KEEP_LEAST ? (int32_t)(to - from) : KEEP_LEAST, first_ms);
    if (!m->own.bars[interval]) return ERR_NO_MEMORY;
    for (size_t i = from; i < to; i++) {
        kline_series_known(m->own.bars[interval], list->bars[i].open_ms); /* what the list skips does not exist */
        if (kline_series_close(m->own.bars[interval], &list->bars[i], NULL) != KLINE_APPENDED) return ERR_INVALID;
    }
    return indicator_set_new(m->own.bars[interval], r, &m->own.sets[interval]);
}

/* Up to the end of the newest bar there is nothing but what is there: a slower bar that a hole has swallowed does not
 * exist. */
static void know_all(probe_market *m) {
    int64_t end_ms = 0;
    for (int32_t i = 0; i < N_INTERVALS; i++)
        if (m->own.bars[i] && kline_series_known_to(m->own.bars[i]) > end_ms)
            end_ms = kline_series_known_to(m->own.bars[i]);
    for (int32_t i = 0; i < N_INTERVALS; i++)
        if (m->own.bars[i]) kline_series_known(m->own.bars[i], interval_floor(i, end_ms));
}

err probe_market_new(const registry *r, const symbol_info *symbol, uint32_t symbol_id, const probe_bars *bars,
                     const probe_cut *cut, probe_market **out) {
    probe_market *m = calloc(1, sizeof *m);
    err e = m ? OK : ERR_NO_MEMORY;
    if (!m) return e;
    m->own.symbol = symbol;
    m->own.symbol_id = symbol_id;
    for (int32_t i = 0; i < N_INTERVALS && e == OK; i++)
        if (bars->mask >> i & 1) e = fill(m, r, i, &bars->lists[i], cut);
    know_all(m);
    for (int32_t i = 0; i < N_INTERVALS && e == OK; i++)
        if (m->own.sets[i]) indicator_set_link(m->own.sets[i], m->own.sets);
    if (e == OK)
        *out = m;
    else
        probe_market_free(m);
    return e;
}

err probe_market_refer(probe_market *m, const registry *r, const probe_references *references, const probe_cut *cut) {
    for (int32_t k = 0; k < references->count; k++) {
        err e = probe_market_new(r, &references->symbols[k], m->own.symbol_id + 1 + (uint32_t)k, &references->bars[k],
                                 cut, &m->references[k]);
        if (e != OK) return e;
        m->n_references = k + 1;
    }
    return OK;
}

void probe_market_free(probe_market *m) {
    if (!m) return;
    for (int32_t k = 0; k < m->n_references; k++) probe_market_free(m->references[k]);
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        indicator_set_free(m->own.sets[i]);
        kline_series_free(m->own.bars[i]);
    }
    free(m);
}

int32_t probe_market_count(const probe_market *m, int32_t interval) {
    return m->own.bars[interval] ? kline_series_count(m->own.bars[interval]) : 0;
}

int64_t probe_market_open_ms(const probe_market *m, int32_t interval, int32_t index) {
    return kline_series_open_ms(m->own.bars[interval])[index];
}

const kline_series *probe_market_bars(const probe_market *m, int32_t interval) { return m->own.bars[interval]; }

void probe_market_view(probe_market *m, int32_t interval, int32_t index, script_view *view) {
    *view = (script_view){
        .symbol = m->own.symbol, .symbol_id = m->own.symbol_id, .open_ms = probe_market_open_ms(m, interval, index)};
    view->close_ms = interval_next(interval, view->open_ms);
    memcpy(view->bars, m->own.bars, sizeof view->bars);
    memcpy(view->sets, m->own.sets, sizeof view->sets);
    for (int32_t k = 0; k < m->n_references; k++) view->references[k] = &m->references[k]->own;
}

int32_t probe_market_stale(const probe_market *m, uint32_t mask, const script_view *view, const char **symbol) {
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        if (!(mask >> i & 1) || !m->own.bars[i] || interval_floor(i, view->close_ms) != view->close_ms) continue;
        if (kline_series_find(m->own.bars[i], interval_add(i, view->close_ms, -1)) < 0) return i;
    }
    for (int32_t k = 0; k < m->n_references; k++) {
        int32_t found = probe_market_stale(m->references[k], UINT32_MAX, view, NULL);
        if (found >= 0 && symbol) *symbol = m->references[k]->own.symbol->name;
        if (found >= 0) return found;
    }
    return -1;
}
