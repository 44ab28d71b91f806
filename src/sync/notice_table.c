/* Statements are prepared at each use: these are tens a minute, not thousands. */
#include "sync/notice_table.h"
#include "base/fault.h"
#include "sync/analysis_table.h"
#include "sync/candle_table.h"
#include "sync/local_db_body.h"
#include "sync/signal_table.h"
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int64_t WEEK_MS = 7 * 86400000LL, HOUR_MS = 3600000;

static const char PUT[] = "INSERT INTO notices (event, signal_id, analysis_id) VALUES (?1, ?2, ?3)";
static const char READ[] = "SELECT n, event, signal_id, analysis_id FROM notices ORDER BY n LIMIT ?1";
static const char EXPAND[] =
    "INSERT INTO deliveries (id, service, event, signal_id, trader_id, close_ms, state, created_at, body)"
    " SELECT ?1, ?2, ?3, ?4, ?5, ?6, CASE WHEN ?7 > 0 AND (SELECT count(*) FROM deliveries WHERE trader_id = ?5"
    " AND service = ?2 AND created_at > ?8 - ?10 AND state <> 'limited') >= ?7 THEN 'limited' ELSE 'waiting' END, ?8, "
    "?9"
    " WHERE ?3 <> 'withdrawn' OR EXISTS (SELECT 1 FROM deliveries WHERE signal_id = ?4 AND service = ?2"
    " AND event = 'provisional' AND state IN ('waiting', 'sent')) ON CONFLICT (id) DO NOTHING";
static const char END_LIMITED[] = "UPDATE deliveries SET ended_at = created_at, body = NULL WHERE state = 'limited'"
                                  " AND ended_at IS NULL";
static const char DROP[] = "DELETE FROM notices WHERE n = ?1";
static const char DUE[] = "SELECT n, id, event, signal_id, trader_id, close_ms, tries, next_at, body FROM deliveries"
                          " WHERE service = ?1 AND state = 'waiting' AND next_at <= ?2 ORDER BY n LIMIT ?3";
static const char NEXT[] = "SELECT min(next_at) FROM deliveries WHERE service = ?1 AND state = 'waiting'"
                           " AND next_at > ?2";
static const char NOTE[] = "UPDATE deliveries SET state = ?2, tries = ?3, next_at = ?4, why = ?5,"
                           " ended_at = CASE WHEN ?2 = 'waiting' THEN NULL ELSE ?6 END,"
                           " body = CASE WHEN ?2 = 'waiting' THEN body END WHERE n = ?1";
static const char COUNT[] = "SELECT service, count(*) FROM deliveries WHERE state = 'waiting' GROUP BY service";
static const char COUNT_NOTICES[] = "SELECT count(*) FROM notices";
static const char PRUNE[] = "DELETE FROM deliveries WHERE ended_at < ?1";

static err prepare(local_db *db, const char *sql, sqlite3_stmt **out, diag *why) {
    return sqlite3_prepare_v2(db->handle, sql, -1, out, NULL) == SQLITE_OK ? OK : local_db_fail(db, why, "read it");
}

err notice_table_put(local_db *db, notice_event event, const char *signal_id, const char *analysis_id, diag *why) {
    sqlite3_stmt *put = NULL;
    err e = OK;
    if (!db->has_notices) return OK;
    e = prepare(db, PUT, &put, why);
    if (e != OK) return e;
    bind_text(put, 1, notice_event_name(event));
    bind_text(put, 2, signal_id);
    if (analysis_id) bind_text(put, 3, analysis_id);
    e = local_db_run(db, put, why);
    sqlite3_finalize(put);
    fault("notice.put");
    return e;
}

/* ---- read ---- */

void notice_list_deinit(notice_list *list) {
    for (size_t i = 0; i < list->count; i++) notice_deinit(&list->items[i]);
    free(list->items);
    *list = (notice_list){0};
}

void delivery_list_deinit(delivery_list *list) {
    for (size_t i = 0; i < list->count; i++) delivery_deinit(&list->items[i]);
    free(list->items);
    *list = (delivery_list){0};
}

static double number_of(const json_t *value) { return json_is_number(value) ? json_number_value(value) : NAN; }

/* The last of the candles that are kept with the signal. */
static err read_bar(local_db *db, const signal_row *s, candle *out, diag *why) {
    json_writer w;
    json_writer_init(&w);
    *out = (candle){s->open_ms, NAN, NAN, NAN, NAN, NAN};
    err e = candle_table_write(db, s->symbol, interval_name(s->interval), s->open_ms, &w, why);
    json_t *bars = e == OK && json_writer_text(&w) ? json_loads(json_writer_text(&w), 0, NULL) : NULL;
    const json_t *bar = json_array_size(bars) ? json_array_get(bars, json_array_size(bars) - 1) : NULL;
    if (bar && json_integer_value(json_object_get(bar, "x")) == s->open_ms)
        *out = (candle){s->open_ms,
                        number_of(json_object_get(bar, "o")),
                        number_of(json_object_get(bar, "h")),
                        number_of(json_object_get(bar, "l")),
                        number_of(json_object_get(bar, "c")),
                        number_of(json_object_get(bar, "v"))};
    json_decref(bars);
    json_writer_deinit(&w);
    return e;
}

static err read_notice(local_db *db, sqlite3_stmt *row, notice *out, diag *why) {
    bool has_analysis = sqlite3_column_type(row, 3) != SQLITE_NULL;
    *out = (notice){.n = sqlite3_column_int64(row, 0), .event = notice_event_parse(text_at(row, 1))};
    err e = out->event < N_NOTICE_EVENTS ? signal_table_get(db, text_at(row, 2), &out->signal, why) : ERR_NOT_FOUND;
    if (e == OK && has_analysis) e = analysis_table_get(db, text_at(row, 3), &out->analysis, why);
    if (e == OK) e = read_bar(db, &out->signal, &out->bar, why);
    if (e == OK) return OK;
    notice left = {.n = out->n};
    notice_deinit(out);
    *out = left;
    return e == ERR_NOT_FOUND ? diag_set(why, OK, "%s", "") : e;
}

err notice_table_read(local_db *db, size_t most, notice_list *out, diag *why) {
    sqlite3_stmt *read = NULL;
    int code = SQLITE_DONE;
    *out = (notice_list){.items = calloc(most, sizeof *out->items)};
    if (!out->items) return diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
    err e = prepare(db, READ, &read, why);
    if (e == OK) sqlite3_bind_int64(read, 1, (int64_t)most);
    while (e == OK && (code = sqlite3_step(read)) == SQLITE_ROW)
        e = read_notice(db, read, &out->items[out->count++], why);
    if (e == OK && code != SQLITE_DONE) e = local_db_fail(db, why, "read it");
    sqlite3_finalize(read);
    if (e != OK) notice_list_deinit(out);
    return e;
}

/* ---- worded ---- */

static err put_delivery(local_db *db, sqlite3_stmt *put, const delivery *d, int64_t now_ms, diag *why) {
    bind_text(put, 1, d->id);
    bind_text(put, 2, notice_service_name(d->service));
    bind_text(put, 3, notice_event_name(d->event));
    bind_text(put, 4, d->signal_id);
    bind_text(put, 5, d->trader_id);
    sqlite3_bind_int64(put, 6, d->close_ms);
    sqlite3_bind_int(put, 7, d->most_in_hour);
    sqlite3_bind_int64(put, 8, now_ms);
    bind_text(put, 9, d->body);
    sqlite3_bind_int64(put, 10, HOUR_MS);
    return local_db_run(db, put, why);
}

err notice_table_expand(local_db *db, const notice_list *from, const delivery_list *to, int64_t now_ms, diag *why) {
    sqlite3_stmt *put = NULL, *drop = NULL, *limited = NULL;
    err e = local_db_begin(db, why);
    if (e != OK) return e;
    e = prepare(db, EXPAND, &put, why);
    if (e == OK) e = prepare(db, DROP, &drop, why);
    if (e == OK) e = prepare(db, END_LIMITED, &limited, why);
    for (size_t i = 0; e == OK && i < to->count; i++) e = put_delivery(db, put, &to->items[i], now_ms, why);
    for (size_t i = 0; e == OK && i < from->count; i++) {
        sqlite3_bind_int64(drop, 1, from->items[i].n);
        e = local_db_run(db, drop, why);
    }
    if (e == OK) e = local_db_run(db, limited, why);
    fault("notice.expand");
    sqlite3_finalize(put);
    sqlite3_finalize(drop);
    sqlite3_finalize(limited);
    e = local_db_end(db, e, why);
    fault("notice.expanded");
    return e;
}

/* ---- sent ---- */

static err read_delivery(sqlite3_stmt *row, notice_service service, delivery *out) {
    *out = (delivery){.n = sqlite3_column_int64(row, 0),
                      .service = service,
                      .event = notice_event_parse(text_at(row, 2)),
                      .close_ms = sqlite3_column_int64(row, 5),
                      .n_tries = sqlite3_column_int(row, 6),
                      .next_ms = sqlite3_column_int64(row, 7),
                      .body = strdup(text_at(row, 8))};
    copy_text(out->id, sizeof out->id, row, 1);
    copy_text(out->signal_id, sizeof out->signal_id, row, 3);
    copy_text(out->trader_id, sizeof out->trader_id, row, 4);
    return out->body ? OK : ERR_NO_MEMORY;
}

static err read_next(local_db *db, notice_service service, int64_t now_ms, int64_t *next_ms, diag *why) {
    sqlite3_stmt *next = NULL;
    err e = prepare(db, NEXT, &next, why);
    if (e != OK) return e;
    bind_text(next, 1, notice_service_name(service));
    sqlite3_bind_int64(next, 2, now_ms);
    if (sqlite3_step(next) == SQLITE_ROW)
        *next_ms = sqlite3_column_int64(next, 0);
    else
        e = local_db_fail(db, why, "read it");
    sqlite3_finalize(next);
    return e;
}

err delivery_table_read(local_db *db, notice_service service, size_t most, int64_t now_ms, delivery_list *out,
                        int64_t *next_ms, diag *why) {
    sqlite3_stmt *due = NULL;
    int code = SQLITE_DONE;
    *next_ms = 0;
    *out = (delivery_list){.items = calloc(most, sizeof *out->items)};
    if (!out->items) return diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
    err e = prepare(db, DUE, &due, why);
    if (e == OK) {
        bind_text(due, 1, notice_service_name(service));
        sqlite3_bind_int64(due, 2, now_ms);
        sqlite3_bind_int64(due, 3, (int64_t)most);
    }
    while (e == OK && (code = sqlite3_step(due)) == SQLITE_ROW) {
        e = read_delivery(due, service, &out->items[out->count++]);
        if (e != OK) diag_set(why, e, "%s", error_text(e));
    }
    if (e == OK && code != SQLITE_DONE) e = local_db_fail(db, why, "read it");
    sqlite3_finalize(due);
    if (e == OK) e = read_next(db, service, now_ms, next_ms, why);
    if (e != OK) delivery_list_deinit(out);
    return e;
}

err delivery_table_note(local_db *db, const delivery *d, const char *reason, int64_t now_ms, diag *why) {
    sqlite3_stmt *note = NULL;
    err e = prepare(db, NOTE, &note, why);
    if (e != OK) return e;
    fault("delivery.sent");
    sqlite3_bind_int64(note, 1, d->n);
    bind_text(note, 2, delivery_state_name(d->state));
    sqlite3_bind_int(note, 3, d->n_tries);
    sqlite3_bind_int64(note, 4, d->next_ms);
    if (reason) bind_text(note, 5, reason);
    sqlite3_bind_int64(note, 6, now_ms);
    e = local_db_run(db, note, why);
    sqlite3_finalize(note);
    return e;
}

/* ---- numbers ---- */

err delivery_table_count(local_db *db, delivery_counts *out, diag *why) {
    sqlite3_stmt *count = NULL;
    int code = SQLITE_DONE;
    *out = (delivery_counts){0};
    err e = prepare(db, COUNT, &count, why);
    while (e == OK && (code = sqlite3_step(count)) == SQLITE_ROW) {
        notice_service service = notice_service_parse(text_at(count, 0));
        if (service < N_NOTICE_SERVICES) out->n_waiting[service] = (uint64_t)sqlite3_column_int64(count, 1);
    }
    if (e == OK && code != SQLITE_DONE) e = local_db_fail(db, why, "read it");
    sqlite3_finalize(count);
    count = NULL;
    if (e == OK) e = prepare(db, COUNT_NOTICES, &count, why);
    if (e == OK && sqlite3_step(count) == SQLITE_ROW) out->n_notices = (uint64_t)sqlite3_column_int64(count, 0);
    sqlite3_finalize(count);
    return e;
}

err delivery_table_prune(local_db *db, int64_t now_ms, diag *why) {
    sqlite3_stmt *prune = NULL;
    err e = prepare(db, PRUNE, &prune, why);
    if (e != OK) return e;
    sqlite3_bind_int64(prune, 1, now_ms - WEEK_MS);
    e = local_db_run(db, prune, why);
    sqlite3_finalize(prune);
    return e;
}
