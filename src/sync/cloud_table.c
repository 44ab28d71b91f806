#include "sync/cloud_table.h"
#include "abi.h"
#include "base/time_text.h"
#include "sync/candle_table.h"
#include "sync/local_db_body.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* What a row of the select begins with; the columns follow. */
enum { FIRST_COLUMN = 2, ID_NAME_BYTES = 2048 };

static const cloud_column SIGNALS[] = {
    {"id", COLUMN_TEXT, false},
    {"user_id", COLUMN_TEXT, false},
    {"trader_id", COLUMN_TEXT, false},
    {"symbol", COLUMN_TEXT, false},
    {"interval", COLUMN_TEXT, false},
    {"timestamp", COLUMN_TIME, false},
    {"price", COLUMN_NUMBER, false},
    {"price_at_signal", COLUMN_NUMBER, false},
    {"change_percent_at_signal", COLUMN_NUMBER, false},
    {"volume_at_signal", COLUMN_NUMBER, false},
    {"matched_conditions", COLUMN_JSON, false},
    {"status", COLUMN_TEXT, true}, /* the analyses and the browser go on with it */
    {"source", COLUMN_TEXT, false},
    {"machine_id", COLUMN_MACHINE, false},
    {"indicator_data", COLUMN_INDICATORS, false},
    {"metadata", COLUMN_JSON, false},
    {"created_at", COLUMN_TIME, false},
};

static const cloud_column ANALYSES[] = {
    {"id", COLUMN_TEXT, false},
    {"signal_id", COLUMN_TEXT, false},
    {"trader_id", COLUMN_TEXT, false},
    {"user_id", COLUMN_TEXT, false},
    {"decision", COLUMN_TEXT, false},
    {"confidence", COLUMN_NUMBER, false},
    {"reasoning", COLUMN_TEXT, false},
    {"key_levels", COLUMN_JSON, false},
    {"trade_plan", COLUMN_JSON, false},
    {"technical_indicators", COLUMN_JSON, false},
    {"raw_ai_response", COLUMN_TEXT, false},
    {"analysis_latency_ms", COLUMN_NUMBER, false},
    {"gemini_tokens_used", COLUMN_NUMBER, false},
    {"model_name", COLUMN_TEXT, false},
    {"created_at", COLUMN_TIME, false},
};

static const cloud_column EVENTS[] = {
    {"id", COLUMN_TEXT, false},         {"machine_id", COLUMN_MACHINE, false}, {"user_id", COLUMN_TEXT, false},
    {"event_type", COLUMN_TEXT, false}, {"severity", COLUMN_TEXT, false},      {"message", COLUMN_TEXT, false},
    {"details", COLUMN_JSON, false},    {"created_at", COLUMN_TIME, false},
};

static const cloud_column ERRORS[] = {
    {"id", COLUMN_ERROR_ID, false},     {"user_id", COLUMN_TEXT, false},   {"trader_id", COLUMN_TEXT, false},
    {"trader", COLUMN_TEXT, false},     {"kind", COLUMN_TEXT, false},      {"symbol", COLUMN_TEXT, false},
    {"bar", COLUMN_TIME, false},        {"message", COLUMN_TEXT, false},   {"line", COLUMN_NUMBER, false},
    {"trace", COLUMN_TEXT, false},      {"code_hash", COLUMN_TEXT, false}, {"count", COLUMN_NUMBER, false},
    {"first_seen", COLUMN_TIME, false}, {"last_seen", COLUMN_TIME, false}, {"resolved_at", COLUMN_TIME, false},
};

static const cloud_column METRICS[] = {
    {"id", COLUMN_TEXT, false},
    {"machine_id", COLUMN_MACHINE, false},
    {"cpu_usage_vcpus", COLUMN_NUMBER, false},
    {"memory_used_mb", COLUMN_NUMBER, false},
    {"memory_total_mb", COLUMN_NUMBER, false},
    {"active_signals", COLUMN_NUMBER, false},
    {"analysis_queue_depth", COLUMN_NUMBER, false},
    {"websocket_latency_ms", COLUMN_NUMBER, false},
    {"filter_execution_time_ms", COLUMN_NUMBER, false},
    {"ai_analysis_time_ms", COLUMN_NUMBER, false},
    {"signals_created_count", COLUMN_NUMBER, false},
    {"analyses_completed_count", COLUMN_NUMBER, false},
    {"errors_count", COLUMN_NUMBER, false},
    {"recorded_at", COLUMN_TIME, false},
};

static const cloud_column COSTS[] = {
    {"id", COLUMN_TEXT, false},
    {"user_id", COLUMN_TEXT, false},
    {"machine_id", COLUMN_MACHINE, false},
    {"vcpu_hours", COLUMN_NUMBER, false},
    {"cost_per_vcpu_hour", COLUMN_NUMBER, false},
    {"total_cost_usd", COLUMN_NUMBER, false},
    {"period_start", COLUMN_TIME, false},
    {"period_end", COLUMN_TIME, false},
    {"region", COLUMN_TEXT, false},
    {"created_at", COLUMN_TIME, false},
};

#define COLUMNS(list) .columns = (list), .n_columns = sizeof(list) / sizeof *(list)

static const cloud_table TABLES[N_CLOUD_TABLES] = {
    [CLOUD_SIGNALS] =
        {.name = "signals", .key = "t.id = o.key", .condition = "", .is_newest_first = true, COLUMNS(SIGNALS)},
    [CLOUD_ANALYSES] = {.name = "signal_analyses",
                        .key = "t.id = o.key",
                        .condition =
                            " AND NOT EXISTS (SELECT 1 FROM outbox p WHERE p.destination = 'signals' AND p.key ="
                            " t.signal_id)",
                        COLUMNS(ANALYSES)},
    [CLOUD_EVENTS] = {.name = "cloud_events", .key = "t.id = o.key", .condition = "", COLUMNS(EVENTS)},
    [CLOUD_ERRORS] = {.name = "trader_errors",
                      .key = "t.n = CAST(o.key AS INTEGER)",
                      .condition = "",
                      .is_merged = true,
                      COLUMNS(ERRORS)},
    [CLOUD_METRICS] = {.name = "cloud_metrics", .key = "t.id = o.key", .condition = "", COLUMNS(METRICS)},
    [CLOUD_COSTS] = {.name = "cloud_costs", .key = "t.id = o.key", .condition = "", .is_merged = true, COLUMNS(COSTS)},
};

const cloud_table *cloud_table_get(cloud_table_id id) { return &TABLES[id]; }

const cloud_table *cloud_table_find(const char *name) {
    for (int i = 0; i < N_CLOUD_TABLES; i++)
        if (strcmp(TABLES[i].name, name) == 0) return &TABLES[i];
    return NULL;
}

static bool is_sent(const cloud_column *c, bool amends) { return !(amends && c->is_first_only); }
static bool is_local(const cloud_column *c) { return c->kind != COLUMN_MACHINE && c->kind != COLUMN_ERROR_ID; }

void cloud_table_columns(const cloud_table *t, bool amends, char *out, size_t bytes) {
    size_t used = 0;
    *out = 0;
    for (size_t i = 0; i < t->n_columns && used < bytes; i++)
        if (is_sent(&t->columns[i], amends))
            used += (size_t)snprintf(out + used, bytes - used, "%s%s", used ? "," : "", t->columns[i].name);
}

void cloud_table_select(const cloud_table *t, cloud_table_part part, char *out, size_t bytes) {
    size_t used =
        (size_t)snprintf(out, bytes, "SELECT o.n, %s", t == &TABLES[CLOUD_SIGNALS] ? "t.status = 'expired'" : "0");
    for (size_t i = 0; i < t->n_columns && used < bytes; i++)
        used += (size_t)snprintf(out + used, bytes - used, is_local(&t->columns[i]) ? ", t.%s" : ", NULL AS %s",
                                 t->columns[i].name);
    if (used < bytes && part == CLOUD_TABLE_DEAD)
        snprintf(out + used, bytes - used, " FROM dead_letters o JOIN %s t ON %s WHERE o.n = ?1", t->name, t->key);
    else if (used < bytes)
        snprintf(out + used, bytes - used,
                 " FROM outbox o JOIN %s t ON %s WHERE o.destination = '%s' AND o.op = ?1 AND o.n NOT BETWEEN ?3 AND "
                 "?4%s ORDER BY o.n%s LIMIT ?2",
                 t->name, t->key, t->name, t->condition, t->is_newest_first ? " DESC" : "");
}

void cloud_table_put_sql(const cloud_table *t, char *out, size_t bytes) {
    size_t used = (size_t)snprintf(out, bytes, "INSERT OR REPLACE INTO %s (", t->name), n = 0;
    for (size_t i = 0; i < t->n_columns && used < bytes; i++)
        if (is_local(&t->columns[i]))
            used += (size_t)snprintf(out + used, bytes - used, "%s%s", n++ ? ", " : "", t->columns[i].name);
    if (used < bytes) used += (size_t)snprintf(out + used, bytes - used, ") VALUES (");
    n = 0;
    for (size_t i = 0; i < t->n_columns && used < bytes; i++)
        if (is_local(&t->columns[i]))
            used += (size_t)snprintf(out + used, bytes - used, "%sjson_extract(?1, '$.%s')", n++ ? ", " : "",
                                     t->columns[i].name);
    if (used < bytes) snprintf(out + used, bytes - used, ")");
}

/* ---- a row as an object ---- */

static int place_of(const cloud_table *t, const char *name) {
    for (size_t i = 0; i < t->n_columns; i++)
        if (strcmp(t->columns[i].name, name) == 0) return (int)i + FIRST_COLUMN;
    return -1;
}

static void write_time(sqlite3_stmt *row, int at, json_writer *w) {
    char text[TIME_TEXT_BYTES];
    time_text_format(sqlite3_column_int64(row, at), text);
    json_write_text(w, text);
}

static void write_number(sqlite3_stmt *row, int at, json_writer *w) {
    if (sqlite3_column_type(row, at) == SQLITE_INTEGER)
        json_write_integer(w, sqlite3_column_int64(row, at));
    else
        json_write_number(w, sqlite3_column_double(row, at));
}

/* {"plots": [...], "klines": [...]}; what stands here is {"plots": [...]} or nothing. */
static err write_indicators(local_db *db, const cloud_table *t, sqlite3_stmt *row, int at, json_writer *w, diag *why) {
    const char *plots = text_at(row, at);
    json_write_object(w);
    if (*plots) {
        json_t *data = json_loads(plots, 0, NULL);
        char *list = json_dumps(json_object_get(data, "plots"), JSON_COMPACT);
        json_put_raw(w, "plots", list ? list : "[]");
        free(list);
        json_decref(data);
    }
    json_write_key(w, "klines");
    err e = candle_table_write(db, text_at(row, place_of(t, "symbol")), text_at(row, place_of(t, "interval")),
                               sqlite3_column_int64(row, place_of(t, "timestamp")), w, why);
    json_write_object_end(w);
    return e;
}

/* Errors that are alike are one row here; so they are there, whatever machine tells them. */
static err write_error_id(const cloud_table *t, sqlite3_stmt *row, json_writer *w) {
    static const char *const parts[] = {"user_id", "trader_id", "code_hash", "kind", "line", "message"};
    char name[ID_NAME_BYTES] = "error", id[ID_BYTES];
    size_t used = strlen(name);
    for (size_t i = 0; i < sizeof parts / sizeof *parts && used < sizeof name; i++)
        used += (size_t)snprintf(name + used, sizeof name - used, "|%s", text_at(row, place_of(t, parts[i])));
    if (uuid5(SIGNAL_NAMESPACE, name, strlen(name), id) != 0) return ERR_INVALID;
    json_write_text(w, id);
    return OK;
}

static err write_value(local_db *db, const cloud_table *t, sqlite3_stmt *row, size_t i, const char *machine_row,
                       json_writer *w, diag *why) {
    int at = (int)i + FIRST_COLUMN;
    column_kind kind = t->columns[i].kind;
    if (kind == COLUMN_MACHINE) {
        json_write_text(w, machine_row);
        return OK;
    }
    if (kind == COLUMN_ERROR_ID) return write_error_id(t, row, w);
    if (kind == COLUMN_INDICATORS) return write_indicators(db, t, row, at, w, why);
    if (sqlite3_column_type(row, at) == SQLITE_NULL)
        json_write_null(w);
    else if (kind == COLUMN_TEXT)
        json_write_text(w, text_at(row, at));
    else if (kind == COLUMN_JSON)
        json_write_raw(w, text_at(row, at));
    else if (kind == COLUMN_TIME)
        write_time(row, at, w);
    else
        write_number(row, at, w);
    return OK;
}

err cloud_table_write(local_db *db, const cloud_table *t, sqlite3_stmt *row, bool amends, const char *machine_row,
                      json_writer *w, diag *why) {
    err e = OK;
    json_write_object(w);
    for (size_t i = 0; e == OK && i < t->n_columns; i++) {
        if (!is_sent(&t->columns[i], amends)) continue;
        json_write_key(w, t->columns[i].name);
        e = write_value(db, t, row, i, machine_row, w, why);
    }
    json_write_object_end(w);
    return e;
}
