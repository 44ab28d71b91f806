/* Columns that come from a script's numbers carry no NOT NULL: SQLite has no NaN and stores NULL for it, and one odd
 * row must never hold up all others. `signals.trader` and `signals.state` are computed, since
 * the cloud's table has no such columns. */
#include "sync/schema.h"
#include "sync/notice_table.h"
#include "sync/trader_table.h"

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

    /* 2: signals of ticks and their settling; errors of traders */
    "ALTER TABLE signals ADD COLUMN state TEXT GENERATED ALWAYS AS (json_extract(metadata, '$.state')) VIRTUAL;"
    "CREATE INDEX signals_by_state ON signals (state, created_at, id);"
    "CREATE INDEX signals_provisional ON signals (trader_id, symbol, interval, timestamp) WHERE state = 'provisional';"
    "ALTER TABLE edges RENAME TO edges_1;"
    "CREATE TABLE edges ("
    " trader_id TEXT NOT NULL, symbol TEXT NOT NULL, is_tick INTEGER NOT NULL, revision TEXT NOT NULL,"
    " start_ms INTEGER NOT NULL, run_open_ms INTEGER NOT NULL, signal_open_ms INTEGER NOT NULL,"
    " is_matching INTEGER NOT NULL, has_run INTEGER NOT NULL, n_ticks INTEGER NOT NULL,"
    " tick_open_ms INTEGER NOT NULL, PRIMARY KEY (trader_id, symbol, is_tick)) WITHOUT ROWID;"
    "INSERT INTO edges SELECT trader_id, symbol, 0, revision, start_ms, run_open_ms, signal_open_ms, is_matching,"
    " has_run, 0, 0 FROM edges_1;"
    "DROP TABLE edges_1;"
    "CREATE TABLE trader_errors ("
    " n INTEGER PRIMARY KEY,"
    " user_id TEXT NOT NULL,"
    " trader_id TEXT NOT NULL,"
    " trader TEXT NOT NULL,"
    " kind TEXT NOT NULL," /* error, kill, load, flood */
    " symbol TEXT,"
    " bar INTEGER," /* open time, ms */
    " message TEXT NOT NULL,"
    " line INTEGER NOT NULL," /* 0: unknown */
    " trace TEXT,"
    " code_hash TEXT NOT NULL,"
    " count INTEGER NOT NULL,"
    " first_seen INTEGER NOT NULL," /* wall clock, ms; so are the next two */
    " last_seen INTEGER NOT NULL,"
    " resolved_at INTEGER,"
    " UNIQUE (trader_id, code_hash, kind, line, message));"
    "CREATE INDEX trader_errors_by_time ON trader_errors (last_seen, n);",

    /* 3: what is on its way to the cloud, and the rows of the machine. An entry of the outbox names a row: what is sent is
     * the row as it is then. `n` is never given twice, so that what comes in while a row is being sent is not taken for
     * what was sent. `op`: 0 to be inserted, 1 there already and to be amended. */
    "CREATE TABLE outbox ("
    " n INTEGER PRIMARY KEY AUTOINCREMENT,"
    " destination TEXT NOT NULL,"
    " key TEXT NOT NULL,"
    " op INTEGER NOT NULL,"
    " UNIQUE (destination, key));"
    "CREATE INDEX outbox_by_lane ON outbox (destination, op, n);"
    "CREATE TABLE dead_letters ("
    " n INTEGER PRIMARY KEY AUTOINCREMENT,"
    " destination TEXT NOT NULL,"
    " key TEXT NOT NULL,"
    " op INTEGER NOT NULL,"
    " code TEXT NOT NULL,"
    " reason TEXT NOT NULL,"
    " died_at INTEGER NOT NULL," /* wall clock, ms */
    " UNIQUE (destination, key));"
    "CREATE TABLE candles ("
    " symbol TEXT NOT NULL, interval TEXT NOT NULL, open_ms INTEGER NOT NULL,"
    " packed BLOB NOT NULL," /* candle_pack.h */
    " PRIMARY KEY (symbol, interval, open_ms));"
    "CREATE TABLE signal_analyses ("
    " id TEXT PRIMARY KEY NOT NULL, signal_id TEXT NOT NULL, trader_id TEXT NOT NULL, user_id TEXT NOT NULL,"
    " decision TEXT NOT NULL, confidence REAL, reasoning TEXT, key_levels TEXT, trade_plan TEXT,"
    " technical_indicators TEXT, raw_ai_response TEXT, analysis_latency_ms INTEGER, gemini_tokens_used INTEGER,"
    " model_name TEXT, created_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX signal_analyses_by_signal ON signal_analyses (signal_id);"
    "CREATE TABLE cloud_machines ("
    " machine_id TEXT PRIMARY KEY NOT NULL, user_id TEXT NOT NULL, region TEXT, status TEXT NOT NULL,"
    " cpus INTEGER, memory_mb INTEGER, started_at INTEGER, stopped_at INTEGER, error_message TEXT,"
    " updated_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE cloud_metrics ("
    " id TEXT PRIMARY KEY NOT NULL, cpu_usage_vcpus REAL, memory_used_mb INTEGER, memory_total_mb INTEGER,"
    " active_signals INTEGER, analysis_queue_depth INTEGER, websocket_latency_ms INTEGER,"
    " filter_execution_time_ms INTEGER, ai_analysis_time_ms INTEGER, signals_created_count INTEGER,"
    " analyses_completed_count INTEGER, errors_count INTEGER, recorded_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX cloud_metrics_by_time ON cloud_metrics (recorded_at);"
    "CREATE TABLE cloud_events ("
    " id TEXT PRIMARY KEY NOT NULL, user_id TEXT NOT NULL, event_type TEXT NOT NULL, severity TEXT NOT NULL,"
    " message TEXT NOT NULL, details TEXT, created_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX cloud_events_by_time ON cloud_events (created_at);"
    "CREATE TABLE cloud_costs ("
    " id TEXT PRIMARY KEY NOT NULL, user_id TEXT NOT NULL, vcpu_hours REAL NOT NULL, cost_per_vcpu_hour REAL NOT NULL,"
    " total_cost_usd REAL NOT NULL, period_start INTEGER NOT NULL, period_end INTEGER NOT NULL, region TEXT,"
    " created_at INTEGER NOT NULL) WITHOUT ROWID;",

    /* 4: the traders of a machine of the cloud */
    TRADER_TABLE_SCHEMA,

    /* 5: analyses from the moment that they are wanted; signal_analyses has those that came to a verdict. `day`: of market
     * time, days since 1970, on which a model was asked; 0: none was. */
    "CREATE TABLE analyses ("
    " id TEXT PRIMARY KEY NOT NULL, signal_id TEXT NOT NULL, trader_id TEXT NOT NULL, symbol TEXT NOT NULL,"
    " interval TEXT NOT NULL, open_ms INTEGER NOT NULL, close_ms INTEGER NOT NULL, look INTEGER NOT NULL, prompt TEXT,"
    " status TEXT NOT NULL,"    /* queued, done, failed, expired */
    " follow_up TEXT NOT NULL," /* of the signal: new, monitoring, ready, expired */
    " created_at INTEGER NOT NULL, finished_at INTEGER NOT NULL, day INTEGER NOT NULL, latency_ms INTEGER NOT NULL,"
    " requests INTEGER NOT NULL, tokens_in INTEGER NOT NULL, tokens_cached INTEGER NOT NULL,"
    " tokens_out INTEGER NOT NULL, cost_usd REAL NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,"
    " decision TEXT NOT NULL, side TEXT NOT NULL, confidence REAL, reasoning TEXT, key_levels TEXT, trade_plan TEXT,"
    " context TEXT, notes TEXT, raw TEXT, error TEXT) WITHOUT ROWID;"
    "CREATE INDEX analyses_by_status ON analyses (status);"
    "CREATE INDEX analyses_by_signal ON analyses (signal_id, look);"
    "CREATE INDEX analyses_by_day ON analyses (day);",

    /* 6: what people are to be told, and what was sent of it */
    NOTICE_TABLE_SCHEMA,

    /* 7: signals whose first look waits for its prompt, which follows in a later transaction */
    "CREATE TABLE owed_prompts (signal_id TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID;",

    /* 8: looks that somebody has asked for */
    "ALTER TABLE analyses ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;",
};

const int schema_version = (int)(sizeof schema_migrations / sizeof schema_migrations[0]);
