#include "sync/analysis_table.h"
#include "abi.h"
#include "base/clock.h"
#include "base/fault.h"
#include "sync/local_db_body.h"
#include "sync/notice_table.h"
#include "sync/outbox.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_SQL_BYTES = 2048 };

#define COLUMNS \
    "id, signal_id, trader_id, symbol, interval, open_ms, close_ms, look, prompt, status, follow_up, created_at," \
    " finished_at, day, latency_ms, requests, tokens_in, tokens_cached, tokens_out, cost_usd, provider, model, " \
    "decision," \
    " side, confidence, reasoning, key_levels, trade_plan, context, notes, raw, error, asked"
#define PLACES \
    "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24," \
    " ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33"

static const char INSERT[] = "INSERT OR IGNORE INTO analyses (" COLUMNS ") VALUES (" PLACES ")";
static const char REPLACE[] = "INSERT OR REPLACE INTO analyses (" COLUMNS ") VALUES (" PLACES ")";
static const char VERDICT[] =
    "INSERT OR REPLACE INTO signal_analyses (id, signal_id, trader_id, user_id, decision, confidence, reasoning,"
    " key_levels, trade_plan, technical_indicators, raw_ai_response, analysis_latency_ms, gemini_tokens_used, "
    "model_name,"
    " created_at) SELECT id, signal_id, trader_id, ?2, decision, confidence, reasoning, key_levels, trade_plan,"
    " json_set(context, '$.side', side, '$.notes', json(notes), '$.costUsd', cost_usd), raw, latency_ms,"
    " tokens_in + tokens_out, model, finished_at FROM analyses WHERE id = ?1";
static const char STATUS[] = "UPDATE signals SET status = ?2 WHERE id = ?1 AND status IN ('new', 'monitoring', 'ready',"
                             " 'expired')";
static const char ASKED[] =
    "UPDATE analyses SET day = ?2, requests = ?3, tokens_in = ?4, tokens_cached = ?5, tokens_out = ?6, cost_usd = ?7"
    " WHERE id = ?1 AND status = 'queued'";
/* A prompt is big: it is kept while somebody may ask it. */
static const char FORGET[] = "UPDATE analyses SET prompt = NULL WHERE signal_id = ?1 AND status <> 'queued'";
static const char ONE[] = "SELECT " COLUMNS " FROM analyses WHERE id = ?1";
static const char QUEUED[] = "SELECT " COLUMNS " FROM analyses WHERE status = 'queued'";
static const char IS_OWED[] = "SELECT 1 FROM owed_prompts WHERE signal_id = ?1";
static const char OWED[] =
    "SELECT s.id, s.trader_id, s.symbol, s.interval, s.timestamp, s.created_at FROM owed_prompts o"
    " JOIN signals s ON s.id = o.signal_id ORDER BY s.created_at, s.id";
static const char WATCHED[] =
    "SELECT a.id, a.signal_id, a.trader_id, a.symbol, a.interval, a.open_ms, a.close_ms, a.look, f.prompt, a.status,"
    " a.follow_up, a.created_at, a.finished_at, a.day, a.latency_ms, a.requests, a.tokens_in, a.tokens_cached,"
    " a.tokens_out, a.cost_usd, a.provider, a.model, a.decision, a.side, a.confidence, a.reasoning, a.key_levels,"
    " a.trade_plan, a.context, a.notes, a.raw, a.error, a.asked FROM analyses a JOIN analyses f ON f.signal_id = "
    "a.signal_id AND"
    " f.look = (SELECT min(look) FROM analyses p WHERE p.signal_id = a.signal_id AND p.prompt IS NOT NULL) WHERE "
    "a.follow_up = 'monitoring' AND a.status <> 'queued' AND f.prompt IS NOT NULL AND a.look ="
    " (SELECT max(look) FROM analyses l WHERE l.signal_id = a.signal_id AND l.status <> 'queued')";
static const char SPENT[] =
    "SELECT day, sum(requests), sum(tokens_in + tokens_out), sum(cost_usd) FROM analyses WHERE day ="
    " (SELECT max(day) FROM analyses) GROUP BY day";
static const char SPENDERS[] =
    "SELECT trader_id, count(*) FROM analyses WHERE day = ?1 AND (look = 0 OR asked) AND status <> 'queued' GROUP BY"
    " trader_id";

static err prepare(local_db *db, const char *sql, sqlite3_stmt **out, diag *why) {
    return sqlite3_prepare_v2(db->handle, sql, -1, out, NULL) == SQLITE_OK ? OK : local_db_fail(db, why, "read it");
}

/* ---- written ---- */

static void bind_row(sqlite3_stmt *s, const analysis_row *row) {
    int at = 0;
    const char *const names[] = {row->id, row->signal_id, row->trader_id, row->symbol, interval_name(row->interval)};
    const int64_t counts[] = {row->created_ms, row->finished_ms, row->day,           row->latency_ms,
                              row->n_requests, row->tokens_in,   row->tokens_cached, row->tokens_out};
    const char *const texts[] = {row->reasoning, row->key_levels, row->trade_plan, row->context,
                                 row->notes,     row->raw,        row->error};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) bind_text(s, ++at, names[i]);
    sqlite3_bind_int64(s, ++at, row->open_ms);
    sqlite3_bind_int64(s, ++at, row->close_ms);
    sqlite3_bind_int(s, ++at, row->look);
    bind_text(s, ++at, row->prompt);
    bind_text(s, ++at, analysis_status_name(row->status));
    bind_text(s, ++at, follow_up_name(row->follow_up));
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) sqlite3_bind_int64(s, ++at, counts[i]);
    sqlite3_bind_double(s, ++at, row->cost_usd);
    bind_text(s, ++at, row->provider);
    bind_text(s, ++at, row->model);
    bind_text(s, ++at, row->decision);
    bind_text(s, ++at, row->side);
    sqlite3_bind_double(s, ++at, row->confidence); /* NaN becomes NULL */
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) bind_text(s, ++at, texts[i]);
    sqlite3_bind_int(s, ++at, row->is_asked);
}

static err put_row(local_db *db, const char *sql, const analysis_row *row, diag *why) {
    sqlite3_stmt *put = NULL;
    err e = prepare(db, sql, &put, why);
    if (e != OK) return e;
    bind_row(put, row);
    e = local_db_run(db, put, why);
    sqlite3_finalize(put);
    return e;
}

static err run_with(local_db *db, const char *sql, const char *first, const char *second, diag *why) {
    sqlite3_stmt *statement = NULL;
    err e = prepare(db, sql, &statement, why);
    if (e != OK) return e;
    bind_text(statement, 1, first);
    if (second) bind_text(statement, 2, second);
    e = local_db_run(db, statement, why);
    sqlite3_finalize(statement);
    return e;
}

err analysis_table_queue(local_db *db, const signal_row *s, diag *why) {
    analysis_row row;
    err e = analysis_row_of_signal(s, &row);
    if (e != OK) return diag_set(why, e, "analysis of signal %s: %s", s->id, error_text(e));
    e = put_row(db, INSERT, &row, why);
    analysis_row_deinit(&row);
    return e;
}

static err run_owed(local_db *db, enum statement which, const char *signal_id, diag *why) {
    bind_text(db->statements[which], 1, signal_id);
    return local_db_run(db, db->statements[which], why);
}

err analysis_table_owe(local_db *db, const char *signal_id, diag *why) {
    return run_owed(db, OWE_PROMPT, signal_id, why);
}

err analysis_table_prompt(local_db *db, const pass *p, prompt_row *made, diag *why) {
    analysis_row row;
    err e = run_owed(db, TAKE_OWED_PROMPT, made->signal_id, why);
    made->is_taken = e == OK && sqlite3_changes(db->handle) == 1;
    if (!made->is_taken) return e;
    e = analysis_row_of_prompt(p, made, &row);
    if (e != OK) return diag_set(why, e, "analysis of signal %s: %s", made->signal_id, error_text(e));
    e = put_row(db, INSERT, &row, why);
    analysis_row_deinit(&row);
    return e;
}

err analysis_table_is_owed(local_db *db, const char *signal_id, bool *is_owed, diag *why) {
    sqlite3_stmt *find = NULL;
    int code;
    err e = prepare(db, IS_OWED, &find, why);
    if (e != OK) return e;
    bind_text(find, 1, signal_id);
    code = sqlite3_step(find);
    *is_owed = code == SQLITE_ROW;
    if (code != SQLITE_ROW && code != SQLITE_DONE) e = local_db_fail(db, why, "read it");
    sqlite3_finalize(find);
    return e;
}

err analysis_table_asked(local_db *db, const analysis_row *row, diag *why) {
    const int64_t counts[] = {row->day, row->n_requests, row->tokens_in, row->tokens_cached, row->tokens_out};
    sqlite3_stmt *update = NULL;
    int at = 0;
    err e = prepare(db, ASKED, &update, why);
    if (e != OK) return e;
    bind_text(update, ++at, row->id);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) sqlite3_bind_int64(update, ++at, counts[i]);
    sqlite3_bind_double(update, ++at, row->cost_usd);
    e = local_db_run(db, update, why);
    sqlite3_finalize(update);
    return e;
}

static err put_end(local_db *db, const analysis_row *row, diag *why) {
    bool is_done = row->status == ANALYSIS_DONE;
    err e = is_done ? run_with(db, VERDICT, row->id, db->user_id, why) : OK;
    if (e == OK && is_done) e = outbox_put(db, CLOUD_ANALYSES, row->id, OUTBOX_INSERT, why);
    if (e == OK && is_done) e = notice_table_put(db, NOTICE_ANALYSIS, row->signal_id, row->id, why);
    if (e == OK && row->follow_up != FOLLOW_NEW)
        e = run_with(db, STATUS, row->signal_id, follow_up_name(row->follow_up), why);
    if (e == OK && row->follow_up != FOLLOW_MONITORING) e = run_with(db, FORGET, row->signal_id, NULL, why);
    return e;
}

err analysis_table_put(local_db *db, const analysis_row *row, diag *why) {
    err e = local_db_begin(db, why);
    if (e != OK) return e;
    e = row->look == 0 ? run_owed(db, TAKE_OWED_PROMPT, row->signal_id, why) : OK;
    if (e == OK) e = put_row(db, REPLACE, row, why);
    fault("analysis.put");
    if (e == OK && row->status != ANALYSIS_QUEUED) e = put_end(db, row, why);
    e = local_db_end(db, e, why);
    fault("analysis.kept");
    return e;
}

/* ---- read ---- */

static analysis_status status_of(const char *name) {
    for (analysis_status s = ANALYSIS_QUEUED; s <= ANALYSIS_EXPIRED; s++)
        if (strcmp(analysis_status_name(s), name) == 0) return s;
    return ANALYSIS_FAILED;
}

static follow_up follow_up_of(const char *name) {
    for (follow_up f = FOLLOW_NEW; f <= FOLLOW_EXPIRED; f++)
        if (strcmp(follow_up_name(f), name) == 0) return f;
    return FOLLOW_NEW;
}

/* NULL stays NULL. */
static err read_text(sqlite3_stmt *s, int column, char **out) {
    const char *text = (const char *)sqlite3_column_text(s, column);
    *out = text ? strdup(text) : NULL;
    return text && !*out ? ERR_NO_MEMORY : OK;
}

static err read_texts(sqlite3_stmt *s, analysis_row *row) {
    char **texts[] = {&row->reasoning, &row->key_levels, &row->trade_plan, &row->context,
                      &row->notes,     &row->raw,        &row->error};
    err e = read_text(s, 8, &row->prompt);
    for (size_t i = 0; i < sizeof texts / sizeof *texts && e == OK; i++) e = read_text(s, 25 + (int)i, texts[i]);
    return e;
}

static err read_row(sqlite3_stmt *s, analysis_row *row) {
    const char *interval = text_at(s, 4);
    int64_t *const counts[] = {&row->created_ms, &row->finished_ms, &row->day, &row->latency_ms};
    *row = (analysis_row){.interval = interval_parse(interval, strlen(interval)),
                          .open_ms = sqlite3_column_int64(s, 5),
                          .close_ms = sqlite3_column_int64(s, 6),
                          .look = sqlite3_column_int(s, 7),
                          .status = status_of(text_at(s, 9)),
                          .follow_up = follow_up_of(text_at(s, 10)),
                          .n_requests = sqlite3_column_int(s, 15),
                          .tokens_in = sqlite3_column_int64(s, 16),
                          .tokens_cached = sqlite3_column_int64(s, 17),
                          .tokens_out = sqlite3_column_int64(s, 18),
                          .cost_usd = sqlite3_column_double(s, 19),
                          .confidence = sqlite3_column_type(s, 24) == SQLITE_NULL ? NAN : sqlite3_column_double(s, 24)};
    for (int i = 0; i < 4; i++) *counts[i] = sqlite3_column_int64(s, 11 + i);
    row->is_asked = sqlite3_column_int(s, 32);
    copy_text(row->id, sizeof row->id, s, 0);
    copy_text(row->signal_id, sizeof row->signal_id, s, 1);
    copy_text(row->trader_id, sizeof row->trader_id, s, 2);
    copy_text(row->symbol, sizeof row->symbol, s, 3);
    copy_text(row->provider, sizeof row->provider, s, 20);
    copy_text(row->model, sizeof row->model, s, 21);
    copy_text(row->decision, sizeof row->decision, s, 22);
    copy_text(row->side, sizeof row->side, s, 23);
    return read_texts(s, row);
}

err analysis_table_get(local_db *db, const char *id, analysis_row *out, diag *why) {
    sqlite3_stmt *get = NULL;
    err e = prepare(db, ONE, &get, why);
    if (e != OK) return e;
    bind_text(get, 1, id);
    int code = sqlite3_step(get);
    if (code == SQLITE_DONE)
        e = diag_set(why, ERR_NOT_FOUND, "%s: no analysis %s", db->path, id);
    else if (code != SQLITE_ROW)
        e = local_db_fail(db, why, "read it");
    else if ((e = read_row(get, out)) != OK)
        diag_set(why, e, "%s", error_text(e));
    sqlite3_finalize(get);
    return e;
}

typedef err (*row_reader)(sqlite3_stmt *s, analysis_row *row);

static err take_rows(local_db *db, sqlite3_stmt *s, row_reader read, analysis_row **rows, size_t *n, diag *why) {
    int code = SQLITE_DONE;
    err e = OK;
    while (e == OK && (code = sqlite3_step(s)) == SQLITE_ROW) {
        analysis_row *more = realloc(*rows, (*n + 1) * sizeof *more);
        if (!more) {
            e = diag_set(why, ERR_NO_MEMORY, "out of memory");
            break;
        }
        *rows = more;
        e = read(s, &more[(*n)++]);
        if (e != OK) diag_set(why, e, "out of memory");
    }
    if (e == OK && code != SQLITE_DONE) e = local_db_fail(db, why, "read it");
    return e;
}

/* The first look at a signal, without its prompt: see OWED. */
static err read_owed(sqlite3_stmt *s, analysis_row *row) {
    const char *interval = text_at(s, 3);
    *row = (analysis_row){.interval = interval_parse(interval, strlen(interval)),
                          .open_ms = sqlite3_column_int64(s, 4),
                          .created_ms = sqlite3_column_int64(s, 5),
                          .confidence = NAN};
    row->close_ms = interval_next(row->interval, row->open_ms);
    copy_text(row->signal_id, sizeof row->signal_id, s, 0);
    copy_text(row->trader_id, sizeof row->trader_id, s, 1);
    copy_text(row->symbol, sizeof row->symbol, s, 2);
    analysis_id(row->signal_id, 0, row->id);
    return OK;
}

static err read_rows(local_db *db, const char *sql, row_reader read, analysis_row **rows, size_t *n, diag *why) {
    sqlite3_stmt *s = NULL;
    err e = prepare(db, sql, &s, why);
    if (e == OK) e = take_rows(db, s, read, rows, n, why);
    sqlite3_finalize(s);
    return e;
}

static err read_spent(local_db *db, analysis_past *out, diag *why) {
    sqlite3_stmt *s = NULL;
    int code;
    err e = prepare(db, SPENT, &s, why);
    if (e != OK) return e;
    code = sqlite3_step(s);
    if (code == SQLITE_ROW) {
        out->day = sqlite3_column_int64(s, 0);
        out->n_requests = sqlite3_column_int64(s, 1);
        out->n_tokens = sqlite3_column_int64(s, 2);
        out->usd = sqlite3_column_double(s, 3);
    } else if (code != SQLITE_DONE) {
        e = local_db_fail(db, why, "read it");
    }
    sqlite3_finalize(s);
    return e;
}

static err read_spenders(local_db *db, analysis_past *out, diag *why) {
    sqlite3_stmt *s = NULL;
    int code = SQLITE_DONE;
    err e = out->day ? prepare(db, SPENDERS, &s, why) : OK;
    if (s) sqlite3_bind_int64(s, 1, out->day);
    while (e == OK && s && (code = sqlite3_step(s)) == SQLITE_ROW) {
        analysis_spender *more = realloc(out->spenders, (out->n_spenders + 1) * sizeof *more);
        if (!more) {
            e = diag_set(why, ERR_NO_MEMORY, "out of memory");
            break;
        }
        out->spenders = more;
        copy_text(more[out->n_spenders].trader_id, ID_BYTES, s, 0);
        more[out->n_spenders++].n_started = sqlite3_column_int(s, 1);
    }
    if (e == OK && code != SQLITE_DONE) e = local_db_fail(db, why, "read it");
    sqlite3_finalize(s);
    return e;
}

err analysis_table_past(local_db *db, analysis_past *out, diag *why) {
    err e;
    *out = (analysis_past){0};
    e = read_rows(db, QUEUED, read_row, &out->queued, &out->n_queued, why);
    if (e == OK) e = read_rows(db, OWED, read_owed, &out->queued, &out->n_queued, why);
    if (e == OK) e = read_rows(db, WATCHED, read_row, &out->watched, &out->n_watched, why);
    if (e == OK) e = read_spent(db, out, why);
    if (e == OK) e = read_spenders(db, out, why);
    if (e != OK) analysis_past_deinit(out);
    return e;
}

void analysis_past_deinit(analysis_past *past) {
    for (size_t i = 0; i < past->n_queued; i++) analysis_row_deinit(&past->queued[i]);
    for (size_t i = 0; i < past->n_watched; i++) analysis_row_deinit(&past->watched[i]);
    free(past->queued);
    free(past->watched);
    free(past->spenders);
    *past = (analysis_past){0};
}

/* ---- pages ---- */

/* One row more than asked for is read, to know whether there are more. */
static err prepare_page(local_db *db, const analysis_filter *f, sqlite3_stmt **out, diag *why) {
    char sql[PAGE_SQL_BYTES];
    snprintf(sql, sizeof sql,
             "SELECT " COLUMNS " FROM analyses WHERE true%s%s%s%s%s ORDER BY created_at DESC, id DESC LIMIT ?1",
             f->before_ms > 0 ? " AND (created_at, id) < (?2, ?3)" : "", f->signal_id[0] ? " AND signal_id = ?4" : "",
             f->trader_id[0] ? " AND trader_id = ?5" : "", f->symbol[0] ? " AND symbol = ?6" : "",
             f->decision[0] ? " AND decision = ?7" : "");
    err e = prepare(db, sql, out, why);
    if (e != OK) return e;
    sqlite3_bind_int64(*out, 1, (int64_t)f->limit + 1);
    if (f->before_ms > 0) {
        sqlite3_bind_int64(*out, 2, f->before_ms);
        bind_text(*out, 3, f->before_id);
    }
    if (f->signal_id[0]) bind_text(*out, 4, f->signal_id);
    if (f->trader_id[0]) bind_text(*out, 5, f->trader_id);
    if (f->symbol[0]) bind_text(*out, 6, f->symbol);
    if (f->decision[0]) bind_text(*out, 7, f->decision);
    return OK;
}

err analysis_table_read(local_db *db, const analysis_filter *filter, analysis_list *out, diag *why) {
    sqlite3_stmt *s = NULL;
    analysis_list list = {0};
    err e = prepare_page(db, filter, &s, why);
    if (e == OK) e = take_rows(db, s, read_row, &list.rows, &list.count, why);
    sqlite3_finalize(s);
    if (list.count > filter->limit) {
        list.has_more = true;
        analysis_row_deinit(&list.rows[--list.count]);
    }
    if (e == OK)
        *out = list;
    else
        analysis_list_deinit(&list);
    return e;
}

void analysis_list_deinit(analysis_list *list) {
    for (size_t i = 0; i < list->count; i++) analysis_row_deinit(&list->rows[i]);
    free(list->rows);
    *list = (analysis_list){0};
}
