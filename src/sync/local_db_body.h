/* The inside of the local database, shared by local_db.c and the tables that have files of their own, and by nobody else. */
#pragma once
#include "sync/local_db.h"
#include <sqlite3.h>
#include <stdio.h>

enum { DATABASE_PATH_BYTES = 4096 };

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    PUT_SIGNAL,
    GET_SIGNAL,
    REVISE_SIGNAL,
    SETTLE_SIGNALS,
    REVISE_SIGNALS,
    PUT_WATERMARK,
    CLEAR_OWED,
    PUT_OWED,
    PUT_EDGE,
    PUT_EPOCH,
    PUT_CANDLES,
    GET_CANDLES,
    PUT_EVENT,
    PUT_OUTBOX,
    OWE_PROMPT,
    TAKE_OWED_PROMPT,
    N_STATEMENTS
};

/* As signal_table.c reads them. */
#define SIGNAL_COLUMNS \
    "id, trader_id, symbol, interval, timestamp, price_at_signal, change_percent_at_signal, volume_at_signal," \
    " matched_conditions, metadata, created_at, indicator_data, status"

struct local_db {
    sqlite3 *handle;
    sqlite3_stmt *statements[N_STATEMENTS];
    char path[DATABASE_PATH_BYTES];
    char *user_id, *machine_id;
    bool has_cloud, has_notices;
    uint32_t wal_pages;
};

/* ERR_DATABASE and a sentence of what SQLite said last. */
err local_db_fail(local_db *db, diag *why, const char *doing);
/* Runs a statement that gives no rows. Its bindings are borrowed and dropped. */
MUST_CHECK err local_db_run(local_db *db, sqlite3_stmt *statement, diag *why);
MUST_CHECK err local_db_begin(local_db *db, diag *why);
/* Commits unless `failed`, else rolls back; gives what became of it. */
MUST_CHECK err local_db_end(local_db *db, err failed, diag *why);

static inline void bind_text(sqlite3_stmt *s, int at, const char *text) {
    sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

static inline const char *text_at(sqlite3_stmt *row, int column) {
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text ? text : "";
}

static inline void copy_text(char *to, size_t to_bytes, sqlite3_stmt *row, int column) {
    snprintf(to, to_bytes, "%s", text_at(row, column));
}
