/* Columns that come from a script's numbers carry no NOT NULL: SQLite has no NaN and stores NULL for it, and one odd
 * row must never hold up all others. `signals.trader` is computed, since the cloud's table has no such column. */
#include "sync/schema.h"

const char *const schema_migrations[] = {
    "CREATE TABLE signals ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " user_id TEXT NOT NULL,"
    " trader_id TEXT NOT NULL,"
    " symbol TEXT NOT NULL,"
    " interval TEXT NOT NULL,"
    " timestamp INTEGER NOT NULL," /* open time of the bar, ms */
    " price REAL,"
    " price_at_signal REAL,"
    " change_percent_at_signal REAL,"
    " volume_at_signal REAL,"
    " matched_conditions TEXT NOT NULL DEFAULT '[]',"
    " status TEXT NOT NULL DEFAULT 'new',"
    " source TEXT NOT NULL DEFAULT 'cloud',"
    " machine_id TEXT,"
    " indicator_data TEXT,"
    " metadata TEXT NOT NULL DEFAULT '{}',"
    " created_at INTEGER NOT NULL," /* wall clock, ms */
    " trader TEXT GENERATED ALWAYS AS (json_extract(metadata, '$.trader')) VIRTUAL"
    ") WITHOUT ROWID;"
    "CREATE INDEX signals_by_time ON signals (created_at, id);"
    "CREATE INDEX signals_by_symbol ON signals (symbol, created_at, id);"
    "CREATE INDEX signals_by_trader ON signals (trader, created_at, id);"
    "CREATE INDEX signals_by_trader_id ON signals (trader_id, created_at, id);"
    "CREATE TABLE watermarks ("
    " symbol TEXT NOT NULL, interval TEXT NOT NULL, open_ms INTEGER NOT NULL,"
    " PRIMARY KEY (symbol, interval)) WITHOUT ROWID;"
    "CREATE TABLE owed ("
    " symbol TEXT NOT NULL, interval TEXT NOT NULL, trader_id TEXT NOT NULL, cursor_ms INTEGER NOT NULL,"
    " PRIMARY KEY (symbol, interval, trader_id)) WITHOUT ROWID;"
    "CREATE TABLE edges ("
    " trader_id TEXT NOT NULL, symbol TEXT NOT NULL, revision TEXT NOT NULL, start_ms INTEGER NOT NULL,"
    " run_open_ms INTEGER NOT NULL, signal_open_ms INTEGER NOT NULL, is_matching INTEGER NOT NULL,"
    " has_run INTEGER NOT NULL, PRIMARY KEY (trader_id, symbol)) WITHOUT ROWID;"
    "CREATE TABLE epochs ("
    " n INTEGER PRIMARY KEY," /* the order in which the indicators started */
    " symbol TEXT NOT NULL, key TEXT NOT NULL, epoch_ms INTEGER NOT NULL, UNIQUE (symbol, key));"
    "CREATE TABLE settings (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) WITHOUT ROWID;",
};

const int schema_version = (int)(sizeof schema_migrations / sizeof schema_migrations[0]);
