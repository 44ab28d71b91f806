#include "sync/error_table.h"
#include "sync/local_db_body.h"
#include "sync/outbox.h"
#include <assert.h>
#include <stdlib.h>

enum { SQL_BYTES = 512 };

static const char PUT[] =
    "INSERT INTO trader_errors (user_id, trader_id, trader, kind, symbol, bar, message, line, trace, code_hash, count,"
    " first_seen, last_seen) VALUES (?1, ?2, ?3, ?4, nullif(?5, ''), nullif(?6, 0), ?7, ?8, nullif(?9, ''), ?10, ?11,"
    " ?12, ?13) ON CONFLICT (trader_id, code_hash, kind, line, message) DO UPDATE SET symbol = excluded.symbol,"
    " bar = excluded.bar, trace = excluded.trace, count = excluded.count, last_seen = excluded.last_seen,"
    " resolved_at = iif(excluded.last_seen > resolved_at, NULL, resolved_at) RETURNING n";

static const char RESOLVE[] = "UPDATE trader_errors SET resolved_at = ?2 WHERE trader_id = ?1 AND resolved_at IS NULL"
                              " RETURNING n";

void trader_error_list_deinit(trader_error_list *list) {
    if (!list) return;
    free(list->rows);
    *list = (trader_error_list){0};
}

static err prepare(local_db *db, const char *sql, sqlite3_stmt **out, diag *why) {
    return sqlite3_prepare_v2(db->handle, sql, -1, out, NULL) == SQLITE_OK ? OK : local_db_fail(db, why, "read it");
}

/* Runs a statement that gives the `n` of the rows that it has written; they are on their way to the cloud from now on. */
static err run_and_send(local_db *db, sqlite3_stmt *statement, diag *why) {
    err failed = OK;
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW && !failed)
        failed = outbox_put(db, CLOUD_ERRORS, text_at(statement, 0), OUTBOX_INSERT, why);
    if (!failed && code != SQLITE_DONE) failed = local_db_fail(db, why, "write to it");
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return failed;
}

static err put(local_db *db, sqlite3_stmt *statement, const trader_error_row *row, diag *why) {
    bind_text(statement, 1, db->user_id);
    bind_text(statement, 2, row->trader_id);
    bind_text(statement, 3, row->trader);
    bind_text(statement, 4, trader_error_kind_name(row->kind));
    bind_text(statement, 5, row->symbol);
    sqlite3_bind_int64(statement, 6, row->open_ms);
    bind_text(statement, 7, row->message);
    sqlite3_bind_int(statement, 8, row->line);
    bind_text(statement, 9, row->trace);
    bind_text(statement, 10, row->revision);
    sqlite3_bind_int64(statement, 11, (int64_t)row->count);
    sqlite3_bind_int64(statement, 12, row->first_ms);
    sqlite3_bind_int64(statement, 13, row->last_ms);
    return run_and_send(db, statement, why);
}

err error_table_put(local_db *db, const trader_error_row *rows, size_t n_rows, diag *why) {
    sqlite3_stmt *statement = NULL;
    err failed = prepare(db, PUT, &statement, why);
    if (failed) return failed;
    failed = local_db_begin(db, why);
    if (!failed) {
        for (size_t i = 0; !failed && i < n_rows; i++) failed = put(db, statement, &rows[i], why);
        failed = local_db_end(db, failed, why);
    }
    sqlite3_finalize(statement);
    return failed;
}

err error_table_resolve(local_db *db, const char *trader_id, int64_t now_ms, diag *why) {
    sqlite3_stmt *statement = NULL;
    err failed = prepare(db, RESOLVE, &statement, why);
    if (failed) return failed;
    failed = local_db_begin(db, why);
    if (!failed) {
        bind_text(statement, 1, trader_id);
        sqlite3_bind_int64(statement, 2, now_ms);
        failed = local_db_end(db, run_and_send(db, statement, why), why);
    }
    sqlite3_finalize(statement);
    return failed;
}

static void read_row(trader_error_row *e, sqlite3_stmt *row) {
    *e = (trader_error_row){.kind = trader_error_kind_of(text_at(row, 2)),
                            .open_ms = sqlite3_column_int64(row, 4),
                            .line = sqlite3_column_int(row, 6),
                            .count = (uint64_t)sqlite3_column_int64(row, 9),
                            .first_ms = sqlite3_column_int64(row, 10),
                            .last_ms = sqlite3_column_int64(row, 11),
                            .resolved_ms = sqlite3_column_int64(row, 12)};
    copy_text(e->trader_id, sizeof e->trader_id, row, 0);
    copy_text(e->trader, sizeof e->trader, row, 1);
    copy_text(e->symbol, sizeof e->symbol, row, 3);
    copy_text(e->message, sizeof e->message, row, 5);
    copy_text(e->trace, sizeof e->trace, row, 7);
    copy_text(e->revision, sizeof e->revision, row, 8);
}

/* Room is made as rows come: a row is big, and there are few of them as a rule. */
static err add_row(trader_error_list *list, sqlite3_stmt *row) {
    if ((list->count & (list->count - 1)) == 0) { /* 0, 1, 2, 4, ...: full */
        trader_error_row *larger = realloc(list->rows, (list->count ? list->count * 2 : 1) * sizeof *larger);
        if (!larger) return ERR_NO_MEMORY;
        list->rows = larger;
    }
    read_row(&list->rows[list->count++], row);
    return OK;
}

err error_table_read(local_db *db, const trader_error_filter *filter, trader_error_list *out, diag *why) {
    assert(filter->limit >= 1 && filter->limit <= TRADER_ERROR_PAGE_MAX);
    char sql[SQL_BYTES];
    sqlite3_stmt *statement = NULL;
    trader_error_list list = {0};
    int code = SQLITE_DONE;
    snprintf(sql, sizeof sql,
             "SELECT trader_id, trader, kind, symbol, bar, message, line, trace, code_hash, count, first_seen,"
             " last_seen, resolved_at FROM trader_errors%s ORDER BY last_seen DESC, n DESC LIMIT ?1",
             filter->trader[0] ? " WHERE ?2 IN (trader, trader_id)" : "");
    err failed = prepare(db, sql, &statement, why);
    if (failed) return failed;
    sqlite3_bind_int64(statement, 1, filter->limit);
    if (filter->trader[0]) bind_text(statement, 2, filter->trader);
    while (!failed && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        failed = add_row(&list, statement);
        if (failed) diag_set(why, failed, "%s: cannot read the errors of traders: %s", db->path, error_text(failed));
    }
    if (!failed && code != SQLITE_DONE) failed = local_db_fail(db, why, "read it");
    sqlite3_finalize(statement);
    if (failed)
        trader_error_list_deinit(&list);
    else
        *out = list;
    return failed;
}
