/* The bars before those that are looked at are walked through for the memory only, as far as the daemon would have. */
#include "check/study_look.h"
#include "base/clock.h"
#include "check/study_body.h"
#include "screener/firing.h"
#include "screener/tracked.h"
#include "script/calls.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COSTS_MOST = 100000, ERRORS_IN_ROW = 5 };

/* CPU time that one look may take: hundreds of symbols of a sane script take less than a second. */
static const int64_t PATIENCE_NS = 5000000000;

static void note_cost(study *s, int64_t ns) {
    if (s->n_costs == s->costs_room) {
        size_t room = s->costs_room ? s->costs_room * 2 : 1024;
        int64_t *more = room <= COSTS_MOST ? realloc(s->costs_ns, room * sizeof *more) : NULL;
        if (!more) return;
        s->costs_ns = more;
        s->costs_room = room;
    }
    s->costs_ns[s->n_costs++] = ns;
}

static void note_error(study *s, const char *symbol, int64_t open_ms, const char *message) {
    study_error *e = &s->errors[s->n_errors];
    if (s->n_errors == STUDY_ERRORS_MAX) return;
    snprintf(e->symbol, sizeof e->symbol, "%s", symbol);
    snprintf(e->message, sizeof e->message, "%s", message);
    e->open_ms = open_ms;
    s->n_errors++;
}

static study_match *oldest_of(study *s) {
    study_match *oldest = &s->matches[0];
    for (size_t i = 1; i < s->n_kept; i++)
        if (s->matches[i].open_ms < oldest->open_ms) oldest = &s->matches[i];
    return oldest;
}

/* Where the next one goes; NULL: it is older than all that are kept. */
static study_match *place_for(study *s, int64_t open_ms) {
    if (s->n_kept == STUDY_MATCHES_MAX) {
        study_match *oldest = oldest_of(s);
        if (oldest->open_ms >= open_ms) return NULL;
        free(oldest->conditions);
        return oldest;
    }
    if (s->n_kept == s->room) {
        size_t room = s->room ? s->room * 2 : 64;
        study_match *more = realloc(s->matches, room * sizeof *more);
        if (!more) return NULL;
        s->matches = more;
        s->room = room;
    }
    return &s->matches[s->n_kept++];
}

/* Which conditions hold is asked for as of a signal: see script_state_describe. */
static err note_match(study *s, const script_view *view, script_result *r, bool fires, diag *why) {
    study_match *m;
    err e = OK;
    s->n_matches++;
    m = place_for(s, view->open_ms);
    if (!m) return OK;
    *m = (study_match){.open_ms = view->open_ms, .fires = fires};
    snprintf(m->symbol, sizeof m->symbol, "%s", view->symbol->name);
    const kline_series *bars = view->bars[s->spec->interval];
    m->price = kline_series_field(bars, FIELD_CLOSE)[kline_series_find(bars, view->open_ms)];
    if (fires) e = script_state_describe(s->probe.state, 0, view, r, why);
    m->conditions = strdup(r->conditions ? r->conditions : s->spec->conditions);
    return e == ERR_RUNAWAY ? e : OK;
}

/* One bar; what fails or is warming up leaves the memory as it is. */
static err step(study *s, const script_view *view, edge_row *edge, bool is_shown, int32_t *n_in_row,
                script_outcome *outcome, diag *why) {
    script_result r;
    int64_t began_ns = thread_cpu_ns();
    err e = script_state_evaluate(s->probe.state, 0, view, &r, why);
    began_ns = thread_cpu_ns() - began_ns;
    s->spent_ns += began_ns;
    if (is_shown) note_cost(s, began_ns);
    *outcome = e == OK ? r.outcome : SCRIPT_NO_MATCH;
    *n_in_row = e == ERR_SCRIPT ? *n_in_row + 1 : 0;
    if (e == ERR_SCRIPT && is_shown) note_error(s, view->symbol->name, view->open_ms, why->text);
    if (e == OK && r.outcome != SCRIPT_WARMING) {
        bool is_match = r.outcome == SCRIPT_MATCH, fires = firing_step(edge, s->spec, view->open_ms, is_match);
        if (is_match && is_shown) e = note_match(s, view, &r, fires, why);
    }
    script_result_deinit(&r);
    return e == ERR_SCRIPT ? OK : e;
}

static err walk(study *s, probe_market *m, int32_t from, diag *why) {
    int32_t interval = s->spec->interval, n = probe_market_count(m, interval), n_in_row = 0;
    int32_t begin = from > SILENT_BARS ? from - SILENT_BARS : 0;
    uint32_t others = s->spec->interval_mask & ~(1u << interval);
    script_outcome outcome = SCRIPT_WARMING;
    edge_row edge = {.has_run = false};
    err e = OK;
    for (int32_t i = begin; i < n && e == OK && n_in_row < ERRORS_IN_ROW && s->spent_ns < PATIENCE_NS; i++) {
        script_view view;
        probe_market_view(m, interval, i, &view);
        if (probe_market_stale(m, others, &view, NULL) >= 0) continue;
        e = step(s, &view, &edge, i >= from, &n_in_row, &outcome, why);
    }
    s->n_warming += outcome == SCRIPT_WARMING;
    return e;
}

err study_look_at(study *s, const study_bars *at, int32_t n_bars, diag *why) {
    probe_market *m = NULL;
    int32_t from = 0;
    if (s->spent_ns >= PATIENCE_NS) {
        s->n_skipped++;
        return OK;
    }
    err e = study_market(s, at, n_bars, &m, &from, why);
    if (e == OK) {
        s->n_symbols++;
        e = walk(s, m, from, why);
    } else if (e == ERR_NOT_FOUND) {
        s->n_skipped++;
        e = OK;
    }
    probe_market_free(m);
    return e;
}

void study_look_skip(study *s) { s->n_skipped++; }

/* ---- told ---- */

static int newest_first(const void *a, const void *b) {
    const study_match *x = a, *y = b;
    if (x->open_ms != y->open_ms) return x->open_ms < y->open_ms ? 1 : -1;
    return strcmp(x->symbol, y->symbol);
}

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void write_matches(study *s, json_writer *w) {
    if (s->n_kept) qsort(s->matches, s->n_kept, sizeof *s->matches, newest_first);
    json_write_key(w, "matches");
    json_write_array(w);
    for (size_t i = 0; i < s->n_kept; i++) {
        const study_match *m = &s->matches[i];
        json_write_object(w);
        json_put_text(w, "symbol", m->symbol);
        json_put_text(w, "interval", interval_name(s->spec->interval));
        json_put_integer(w, "time", m->open_ms);
        json_put_number(w, "price", m->price);
        json_put_raw(w, "conditions", m->conditions ? m->conditions : "[]");
        json_put_bool(w, "fires", m->fires);
        json_write_object_end(w);
    }
    json_write_array_end(w);
}

void study_look_write(study *s, json_writer *w) {
    double median_us = NAN;
    if (s->n_costs) {
        qsort(s->costs_ns, s->n_costs, sizeof *s->costs_ns, by_size);
        size_t middle = s->n_costs / 2;
        median_us = (double)s->costs_ns[middle] / 1000;
    }
    write_matches(s, w);
    json_put_integer(w, "n_matches", (int64_t)s->n_matches);
    json_put_bool(w, "truncated", s->n_matches > s->n_kept || s->spent_ns >= PATIENCE_NS);
    json_put_integer(w, "symbols", s->n_symbols);
    json_put_integer(w, "skipped", s->n_skipped);
    json_put_integer(w, "warming", s->n_warming);
    json_put_number(w, "cost_us", median_us);
    json_write_key(w, "errors");
    json_write_array(w);
    for (int32_t i = 0; i < s->n_errors; i++) {
        json_write_object(w);
        json_put_text(w, "symbol", s->errors[i].symbol);
        json_put_integer(w, "time", s->errors[i].open_ms);
        json_put_text(w, "message", s->errors[i].message);
        json_write_object_end(w);
    }
    json_write_array_end(w);
}
