#include "serve/http_signals.h"
#include "screener/signal_json.h"
#include "serve/http_query.h"
#include "sync/candle_table.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANALYSES_OF_SIGNAL = 100 };

/* ---- a page of signals ---- */

static void write_signals(json_writer *w, const signal_list *signals) {
    char next[SIGNAL_CURSOR_BYTES];
    json_write_object(w);
    json_write_key(w, "signals");
    json_write_array(w);
    for (size_t i = 0; i < signals->count; i++) signal_write_json(w, &signals->rows[i]);
    json_write_array_end(w);
    if (signals->has_more) signal_cursor_format(&signals->rows[signals->count - 1], next);
    json_put_text(w, "next", signals->has_more ? next : NULL);
    json_write_object_end(w);
}

static void on_signals(void *context, err error, const char *why, const signal_list *signals) {
    http_request_state *r = context;
    json_writer w;
    if (!http_request_resume_with(r, error, why)) return;
    json_writer_init(&w);
    write_signals(&w, signals);
    http_answer_json(&r->answer, 200, &w);
}

void http_signals_list(http_api *api, http_request_state *r) {
    signal_filter filter;
    const char *problem = http_query_signals(r->wsi, &filter);
    if (problem)
        http_answer_problem(&r->answer, 400, "%s", problem);
    else
        http_request_await(r, api->providers.query_signals(api->providers.context, &filter, on_signals, r), "signals");
}

/* ---- one of them, with what belongs to it ---- */

typedef struct one_signal {
    http_read read;
    char id[HTTP_NAME_BYTES];
} one_signal;

static void write_analyses(json_writer *w, const analysis_list *analyses) {
    json_write_key(w, "analyses");
    json_write_array(w);
    for (size_t i = 0; i < analyses->count; i++) analysis_write_json(w, &analyses->rows[i]);
    json_write_array_end(w);
}

static err write_details(local_db *db, const signal_row *s, json_writer *w, diag *why) {
    analysis_filter of_signal = {.limit = ANALYSES_OF_SIGNAL};
    analysis_list analyses = {0};
    snprintf(of_signal.signal_id, sizeof of_signal.signal_id, "%s", s->id);
    err e = analysis_table_read(db, &of_signal, &analyses, why);
    if (e != OK) return e;
    json_write_object(w);
    signal_write_members(w, s);
    json_write_key(w, "candles");
    e = candle_table_write_rows(db, s->symbol, interval_name(s->interval), s->open_ms, w, why);
    write_analyses(w, &analyses);
    json_write_object_end(w);
    analysis_list_deinit(&analyses);
    return e;
}

static err read_one(local_db *db, void *context, diag *why) {
    one_signal *one = context;
    signal_row row = {0};
    err e = signal_table_get(db, one->id, &row, why);
    if (e == ERR_NOT_FOUND) diag_set(why, e, "there is no signal \"%s\"", one->id);
    if (e == OK) e = write_details(db, &row, &one->read.w, why);
    signal_row_deinit(&row);
    return e;
}

void http_signals_one(http_api *api, http_request_state *r) {
    one_signal *one = calloc(1, sizeof *one);
    if (one) snprintf(one->id, sizeof one->id, "%s", r->name);
    http_request_read(api, r, one ? &one->read : NULL, read_one, "signals");
}

void http_signals_analyze(http_api *api, http_request_state *r) {
    if (api->providers.analyze_signal)
        api->providers.analyze_signal(api->providers.context, r->name, http_request_reply(r));
    else
        http_request_refuse(r);
}

/* ---- analyses ---- */

typedef struct analysis_page {
    http_read read;
    analysis_filter filter;
} analysis_page;

static err read_analyses(local_db *db, void *context, diag *why) {
    analysis_page *page = context;
    json_writer *w = &page->read.w;
    analysis_list list = {0};
    char next[SIGNAL_CURSOR_BYTES] = "";
    err e = analysis_table_read(db, &page->filter, &list, why);
    if (e != OK) return e;
    json_write_object(w);
    write_analyses(w, &list);
    if (list.has_more) {
        const analysis_row *last = &list.rows[list.count - 1];
        snprintf(next, sizeof next, "%" PRId64 ":%s", last->created_ms, last->id);
    }
    json_put_text(w, "next", list.has_more ? next : NULL);
    json_write_object_end(w);
    analysis_list_deinit(&list);
    return OK;
}

void http_signals_analyses(http_api *api, http_request_state *r) {
    analysis_page *page = calloc(1, sizeof *page);
    const char *problem = page ? http_query_analyses(r->wsi, &page->filter) : NULL;
    if (problem) {
        http_answer_problem(&r->answer, 400, "%s", problem);
        free(page);
        return;
    }
    http_request_read(api, r, page ? &page->read : NULL, read_analyses, "analyses");
}
