/* See trader_table.h. Rows cross as the JSON that PostgREST speaks, so that there is one reader and one writer of them. */
#include "sync/trader_table.h"
#include <stdlib.h>
#include <string.h>

static const char READ[] =
    "SELECT json_group_array(json_object('id', id, 'user_id', user_id, 'name', name, 'description', description,"
    " 'enabled', json(iif(enabled, 'true', 'false')), 'filter', json(filter), 'language', language,"
    " 'access_tier', access_tier, 'cloud_config', json(cloud_config), 'inputs', json(inputs), 'error', error,"
    " 'version', version, 'created_at', created_at, 'updated_at', updated_at)) FROM (SELECT * FROM traders"
    " WHERE ?1 IS NULL OR ?1 = (user_id IS '" TRADER_LOCAL_USER "') ORDER BY id)";

static const char PUT[] =
    "INSERT OR REPLACE INTO traders (id, user_id, name, description, enabled, filter, language, access_tier,"
    " cloud_config, inputs, error, version, created_at, updated_at) SELECT value ->> 'id', value ->> 'user_id',"
    " ifnull(value ->> 'name', ''), value ->> 'description', value ->> 'enabled', value -> 'filter',"
    " value ->> 'language', value ->> 'access_tier', value -> 'cloud_config', nullif(value -> 'inputs', 'null'),"
    " value ->> 'error', value ->> 'version', value ->> 'created_at', value ->> 'updated_at' FROM json_each(?1)";

static err fail(sqlite3 *db, diag *why) {
    return diag_set(why, ERR_DATABASE, "%s: traders: %s", sqlite3_db_filename(db, NULL), sqlite3_errmsg(db));
}

static err execute(sqlite3 *db, const char *sql, diag *why) {
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? OK : fail(db, why);
}

err trader_table_create(sqlite3 *db, diag *why) { return execute(db, TRADER_TABLE_SCHEMA, why); }

/* `is_local` -1: all. */
static err read_some(sqlite3 *db, int is_local, trader_row_list *list, diag *why) {
    sqlite3_stmt *s = NULL;
    err e;
    if (sqlite3_prepare_v2(db, READ, -1, &s, NULL) != SQLITE_OK ||
        (is_local >= 0 && sqlite3_bind_int(s, 1, is_local) != SQLITE_OK) || sqlite3_step(s) != SQLITE_ROW) {
        e = fail(db, why);
    } else {
        const char *json = (const char *)sqlite3_column_text(s, 0);
        e = json ? trader_row_parse(json, (size_t)sqlite3_column_bytes(s, 0), list, why) : fail(db, why);
        if (e == ERR_SYNTAX) e = ERR_DATABASE;
    }
    sqlite3_finalize(s);
    return e;
}

err trader_table_read(sqlite3 *db, trader_row_list *list, diag *why) { return read_some(db, -1, list, why); }

err trader_table_read_some(sqlite3 *db, bool is_local, trader_row_list *list, diag *why) {
    return read_some(db, is_local, list, why);
}

/* `json`: a list of rows. */
static err put(sqlite3 *db, const char *json, diag *why) {
    sqlite3_stmt *s = NULL;
    err e = OK;
    if (sqlite3_prepare_v2(db, PUT, -1, &s, NULL) != SQLITE_OK ||
        sqlite3_bind_text(s, 1, json, -1, SQLITE_STATIC) != SQLITE_OK || sqlite3_step(s) != SQLITE_DONE)
        e = fail(db, why);
    sqlite3_finalize(s);
    return e;
}

static err put_rows(sqlite3 *db, const trader_row *rows, size_t n, diag *why) {
    json_writer w;
    json_writer_init(&w);
    json_write_array(&w);
    for (size_t i = 0; i < n; i++) trader_row_write(&rows[i], &w);
    json_write_array_end(&w);
    const char *json = json_writer_text(&w);
    err e = json ? put(db, json, why) : diag_set(why, ERR_NO_MEMORY, "out of memory");
    json_writer_deinit(&w);
    return e;
}

err trader_table_put(sqlite3 *db, const trader_row *row, diag *why) { return put_rows(db, row, 1, why); }

err trader_table_replace(sqlite3 *db, const trader_row_list *list, diag *why) {
    err e = execute(db, "SAVEPOINT traders", why);
    if (e != OK) return e;
    e = execute(db, "DELETE FROM traders WHERE user_id IS NOT '" TRADER_LOCAL_USER "'", why);
    if (e == OK) e = put_rows(db, list->items, list->count, why);
    if (e != OK) (void)sqlite3_exec(db, "ROLLBACK TO traders", NULL, NULL, NULL);
    err released = execute(db, "RELEASE traders", e == OK ? why : NULL);
    return e == OK ? released : e;
}

err trader_table_remove(sqlite3 *db, const char *id, diag *why) {
    sqlite3_stmt *s = NULL;
    err e = OK;
    if (sqlite3_prepare_v2(db, "DELETE FROM traders WHERE id = ?1", -1, &s, NULL) != SQLITE_OK ||
        sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC) != SQLITE_OK || sqlite3_step(s) != SQLITE_DONE)
        e = fail(db, why);
    sqlite3_finalize(s);
    return e;
}
