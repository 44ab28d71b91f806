/* The table `traders` of a SQLite file, with the names of Supabase's: what a machine of the cloud runs is kept there for
 * starts without Supabase, and traders are carried from one place to another in it.
 * Threads: one at a time. Ownership: the database is the caller's. All fail with ERR_DATABASE and a sentence. */
#pragma once
#include "sync/trader_row.h"
#include <sqlite3.h>

/* One statement. JSON columns are texts; times as Supabase writes them. */
#define TRADER_TABLE_SCHEMA \
    "CREATE TABLE IF NOT EXISTS traders (" \
    " id TEXT PRIMARY KEY NOT NULL, user_id TEXT, name TEXT NOT NULL, description TEXT NOT NULL DEFAULT ''," \
    " enabled INTEGER NOT NULL DEFAULT 1, filter TEXT NOT NULL, language TEXT, access_tier TEXT NOT NULL," \
    " cloud_config TEXT, inputs TEXT, error TEXT, version INTEGER NOT NULL DEFAULT 1, created_at TEXT," \
    " updated_at TEXT) WITHOUT ROWID;"

MUST_CHECK err trader_table_create(sqlite3 *db, diag *why);
/* The user of rows that a machine without a cloud runs. */
#define TRADER_LOCAL_USER "local"

/* All rows, in the order of their ids. Appends. */
MUST_CHECK err trader_table_read(sqlite3 *db, trader_row_list *list, diag *why);
/* Only those of TRADER_LOCAL_USER, or only those of others. */
MUST_CHECK err trader_table_read_some(sqlite3 *db, bool is_local, trader_row_list *list, diag *why);
/* One transaction: these rows from now on, and no others but those of TRADER_LOCAL_USER. */
MUST_CHECK err trader_table_replace(sqlite3 *db, const trader_row_list *list, diag *why);
/* One row; one that has its id goes. */
MUST_CHECK err trader_table_put(sqlite3 *db, const trader_row *row, diag *why);
/* The row goes, if it is there. */
MUST_CHECK err trader_table_remove(sqlite3 *db, const char *id, diag *why);
