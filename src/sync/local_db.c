/* SQLite behind a dozen prepared statements. The idea is that nothing above knows SQL and nothing here knows threads.
 *
 * WAL, because a commit then is one sequential write and the shell can read beside it. synchronous=NORMAL does not
 * sync the log at every commit: what a killed process has written is with the kernel and safe; FULL syncs, for the
 * loss of the host. Checkpoints are not left to SQLite, which would run them inside the commit that crosses its
 * limit, in the middle of a burst. */
#include "sync/local_db.h"
#include "base/fault.h"
#include "sync/analysis_table.h"
#include "sync/data_folder.h"
#include "sync/local_db_body.h"
#include "sync/schema.h"
#include "sync/signal_table.h"
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { BUSY_TIMEOUT_MS = 2000 };

static const char *const statement_sql[N_STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [PUT_SIGNAL] =
        "INSERT INTO signals (id, user_id, trader_id, symbol, interval, timestamp, price, price_at_signal,"
        " change_percent_at_signal, volume_at_signal, matched_conditions, machine_id, metadata, created_at,"
        " indicator_data, status)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) ON CONFLICT (id) DO NOTHING",
    [GET_SIGNAL] = "SELECT " SIGNAL_COLUMNS " FROM signals WHERE id = ?1",
    [REVISE_SIGNAL] = "UPDATE signals SET metadata = json_set(metadata, '$.revised', json('true')) WHERE id = ?1",
    [SETTLE_SIGNALS] =
        "UPDATE signals SET metadata = json_set(metadata, '$.state', ?5),"
        " status = CASE WHEN ?5 = 'withdrawn' AND status = 'new' THEN 'expired' ELSE status END"
        " WHERE trader_id = ?1 AND symbol = ?2 AND interval = ?3 AND timestamp = ?4 AND state = 'provisional'"
        " RETURNING id",
    [REVISE_SIGNALS] = "UPDATE signals SET metadata = json_set(metadata, '$.revised', json('true'))"
                       " WHERE trader_id = ?1 AND symbol = ?2 AND interval = ?3 AND timestamp >= ?4 AND timestamp < ?5"
                       " AND json_extract(metadata, '$.revised') IS NULL RETURNING id, state",
    [PUT_WATERMARK] = "INSERT INTO watermarks (symbol, interval, open_ms) VALUES (?1, ?2, ?3)"
                      " ON CONFLICT (symbol, interval) DO UPDATE SET open_ms = excluded.open_ms"
                      " WHERE excluded.open_ms > open_ms",
    [CLEAR_OWED] = "DELETE FROM owed WHERE symbol = ?1 AND interval = ?2",
    [PUT_OWED] = "INSERT OR REPLACE INTO owed (symbol, interval, trader_id, cursor_ms) VALUES (?1, ?2, ?3, ?4)",
    [PUT_EDGE] = "INSERT OR REPLACE INTO edges (trader_id, symbol, revision, start_ms, run_open_ms, signal_open_ms,"
                 " is_matching, has_run, is_tick, n_ticks, tick_open_ms)"
                 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    [PUT_EPOCH] = ("INSERT INTO epochs (symbol, key, epoch_ms) VALUES (?1, ?2, ?3)"
                   " ON CONFLICT (symbol, key) DO UPDATE SET epoch_ms = excluded.epoch_ms"),
    [PUT_CANDLES] = "INSERT OR REPLACE INTO candles (symbol, interval, open_ms, packed) VALUES (?1, ?2, ?3, ?4)",
    [GET_CANDLES] = "SELECT packed FROM candles WHERE symbol = ?1 AND interval = ?2 AND open_ms = ?3",
    [PUT_EVENT] = "INSERT OR IGNORE INTO cloud_events (id, user_id, event_type, severity, message, details, created_at)"
                  " VALUES (?1, ?2, ?3, 'info', ?4, ?5, ?6)",
    [PUT_OUTBOX] = "INSERT OR REPLACE INTO outbox (destination, key, op) VALUES (?1, ?2, ?3)",
    [OWE_PROMPT] = "INSERT OR IGNORE INTO owed_prompts (signal_id) VALUES (?1)",
    [TAKE_OWED_PROMPT] = "DELETE FROM owed_prompts WHERE signal_id = ?1",
};

static err configure(local_db *db, bool sync_full, diag *why);
static err migrate(local_db *db, diag *why);
static err prepare_statements(local_db *db, diag *why);
static err execute(local_db *db, const char *sql, const char *doing, diag *why);
static int on_wal_grown(void *context, sqlite3 *handle, const char *name, int n_pages);

err local_db_open(const local_db_config *config, local_db **out, diag *why) {
    err failed = OK;
    local_db *db = calloc(1, sizeof *db);
    if (!db) return diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
    int length = snprintf(db->path, sizeof db->path, "%s/trademind.db", config->folder);
    if (length < 0 || (size_t)length >= sizeof db->path) {
        failed = diag_set(why, ERR_TOO_BIG, "DATA_DIR is a path of %d bytes; expected fewer than %d", length,
                          DATABASE_PATH_BYTES);
        goto out;
    }
    failed = data_folder_make(config->folder, why);
    if (failed) goto out;
    const char *machine_id = config->machine_id && config->machine_id[0] ? config->machine_id : NULL;
    db->has_cloud = config->has_cloud;
    db->has_notices = config->has_notices;
    db->user_id = strdup(config->user_id ? config->user_id : "local");
    db->machine_id = machine_id ? strdup(machine_id) : NULL;
    if (!db->user_id || (machine_id && !db->machine_id)) {
        failed = diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
        goto out;
    }
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(db->path, &db->handle, flags, NULL) != SQLITE_OK) {
        failed = local_db_fail(db, why, "open it");
        goto out;
    }
    failed = configure(db, config->sync_full, why);
    if (!failed) failed = migrate(db, why);
    if (!failed) failed = prepare_statements(db, why);

out:
    if (failed)
        local_db_close(db);
    else
        *out = db;
    return failed;
}

/* The log belongs to the file: without it what is in it would be gone, and with another file it would do harm. */
err local_db_set_aside(const char *folder, int64_t now_ms, char *path, size_t path_bytes, diag *why) {
    static const char *const parts[] = {"", "-wal", "-shm"};
    char from[DATABASE_PATH_BYTES], to[DATABASE_PATH_BYTES];
    snprintf(path, path_bytes, "%s/trademind.db.damaged-%" PRId64, folder, now_ms);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        snprintf(from, sizeof from, "%s/trademind.db%s", folder, parts[i]);
        snprintf(to, sizeof to, "%s%s", path, parts[i]);
        if (rename(from, to) != 0 && errno != ENOENT)
            return diag_set(why, ERR_IO, "%s: cannot be set aside: %s", from, strerror(errno));
    }
    return OK;
}

void local_db_close(local_db *db) {
    if (!db) return;
    for (int i = 0; i < N_STATEMENTS; i++) sqlite3_finalize(db->statements[i]);
    sqlite3_close(db->handle);
    free(db->machine_id);
    free(db->user_id);
    free(db);
}

static err configure(local_db *db, bool sync_full, diag *why) {
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    err failed = execute(db, "PRAGMA journal_mode = WAL", "switch it to write-ahead logging", why);
    if (failed) return failed;
    failed = execute(db, sync_full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", "configure it", why);
    /* A log that a long burst has blown up is cut back at the next restart of the log. */
    if (!failed) failed = execute(db, "PRAGMA journal_size_limit = 16777216", "configure it", why);
    sqlite3_wal_hook(db->handle, on_wal_grown, db); /* also switches automatic checkpoints off */
    return failed;
}

static int on_wal_grown(void *context, sqlite3 *handle, const char *name, int n_pages) {
    (void)handle;
    (void)name;
    ((local_db *)context)->wal_pages = (uint32_t)n_pages;
    return SQLITE_OK;
}

/* ---- errors ---- */

static bool is_damaged(int code) { return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB; }

static const char *advice(int code) {
    switch (code & 0xff) {
    case SQLITE_FULL: return "; make room on the disk";
    case SQLITE_BUSY: return "; another program holds it locked";
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY: return "; the file and its folder must be writable by this user";
    default: return "";
    }
}

err local_db_fail(local_db *db, diag *why, const char *doing) {
    int code = db->handle ? sqlite3_extended_errcode(db->handle) : SQLITE_NOMEM;
    const char *text = db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code);
    if (is_damaged(code))
        return diag_set(why, ERR_DAMAGED,
                        "%s is damaged or no database (%s); move it away to start with an empty one "
                        "(`sqlite3 FILE .recover` saves what can be read)",
                        db->path, text);
    return diag_set(why, ERR_DATABASE, "%s: cannot %s: %s (SQLite code %d)%s", db->path, doing, text, code,
                    advice(code));
}

static err execute(local_db *db, const char *sql, const char *doing, diag *why) {
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? OK : local_db_fail(db, why, doing);
}

/* ---- schema ---- */

static err read_integer(local_db *db, const char *sql, int64_t *out, diag *why) {
    sqlite3_stmt *statement = NULL;
    err failed = OK;
    if (sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        *out = sqlite3_column_int64(statement, 0);
    else
        failed = local_db_fail(db, why, "read it");
    sqlite3_finalize(statement);
    return failed;
}

static err apply_migration(local_db *db, int number, diag *why) {
    char done[64];
    snprintf(done, sizeof done, "PRAGMA user_version = %d", number);
    err failed = execute(db, schema_migrations[number - 1], "bring its schema up to date", why);
    return failed ? failed : execute(db, done, "bring its schema up to date", why);
}

/* In one transaction, so that a process killed on the way leaves the old schema. */
static err migrate(local_db *db, diag *why) {
    int64_t version = 0, n_tables = 0;
    err failed = execute(db, "BEGIN IMMEDIATE", "lock it", why);
    if (!failed) failed = read_integer(db, "PRAGMA user_version", &version, why);
    if (!failed) failed = read_integer(db, "SELECT count(*) FROM sqlite_schema", &n_tables, why);
    if (failed) return failed;
    if (version > schema_version)
        return diag_set(why, ERR_UNSUPPORTED,
                        "%s was made by a newer trademind (schema %" PRId64 ", this one knows up to %d); "
                        "run that version or use another DATA_DIR",
                        db->path, version, schema_version);
    if (version == 0 && n_tables > 0)
        return diag_set(why, ERR_UNSUPPORTED, "%s belongs to another program; use another DATA_DIR", db->path);
    for (int number = (int)version + 1; !failed && number <= schema_version; number++)
        failed = apply_migration(db, number, why);
    return failed ? failed : execute(db, "COMMIT", "bring its schema up to date", why);
}

static err prepare_statements(local_db *db, diag *why) {
    for (int i = 0; i < N_STATEMENTS; i++)
        if (sqlite3_prepare_v3(db->handle, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &db->statements[i], NULL))
            return local_db_fail(db, why, "prepare its statements");
    return OK;
}

/* ---- commit ---- */

err local_db_run(local_db *db, sqlite3_stmt *statement, diag *why) {
    err failed = sqlite3_step(statement) == SQLITE_DONE ? OK : local_db_fail(db, why, "write to it");
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return failed;
}

static err put_watermark(local_db *db, const pass *p, diag *why) {
    sqlite3_stmt *put = db->statements[PUT_WATERMARK];
    bind_text(put, 1, p->symbol);
    bind_text(put, 2, interval_name(p->interval));
    sqlite3_bind_int64(put, 3, p->open_ms);
    return local_db_run(db, put, why);
}

static err put_owed(local_db *db, const pass *p, diag *why) {
    sqlite3_stmt *clear = db->statements[CLEAR_OWED], *put = db->statements[PUT_OWED];
    bind_text(clear, 1, p->symbol);
    bind_text(clear, 2, interval_name(p->interval));
    err failed = local_db_run(db, clear, why);
    for (uint32_t i = 0; !failed && i < p->n_owed; i++) {
        bind_text(put, 1, p->symbol);
        bind_text(put, 2, interval_name(p->interval));
        bind_text(put, 3, p->owed[i].trader_id);
        sqlite3_bind_int64(put, 4, p->owed[i].cursor_ms);
        failed = local_db_run(db, put, why);
    }
    return failed;
}

static err put_edges(local_db *db, const pass *p, diag *why) {
    sqlite3_stmt *put = db->statements[PUT_EDGE];
    err failed = OK;
    for (uint32_t i = 0; !failed && i < p->n_edges; i++) {
        const edge_row *edge = &p->edges[i];
        bind_text(put, 1, edge->trader_id);
        bind_text(put, 2, p->symbol);
        bind_text(put, 3, edge->revision);
        sqlite3_bind_int64(put, 4, edge->start_ms);
        sqlite3_bind_int64(put, 5, edge->run_open_ms);
        sqlite3_bind_int64(put, 6, edge->signal_open_ms);
        sqlite3_bind_int(put, 7, edge->is_matching);
        sqlite3_bind_int(put, 8, edge->has_run);
        sqlite3_bind_int(put, 9, edge->is_tick);
        sqlite3_bind_int(put, 10, edge->n_ticks);
        sqlite3_bind_int64(put, 11, edge->tick_open_ms);
        failed = local_db_run(db, put, why);
    }
    return failed;
}

static err put_epochs(local_db *db, const pass *p, diag *why) {
    sqlite3_stmt *put = db->statements[PUT_EPOCH];
    err failed = OK;
    for (uint32_t i = 0; !failed && i < p->n_epochs; i++) {
        bind_text(put, 1, p->symbol);
        bind_text(put, 2, p->epochs[i].key);
        sqlite3_bind_int64(put, 3, p->epochs[i].epoch_ms);
        failed = local_db_run(db, put, why);
    }
    return failed;
}

static err put_pass(local_db *db, pass *p, uint32_t *n_new, diag *why) {
    bool moves_watermark = p->open_ms > 0 && !p->is_tick;
    err failed = signal_table_put(db, p, n_new, why);
    fault("commit.middle");
    for (uint32_t i = 0; !failed && i < p->n_prompts; i++) failed = analysis_table_prompt(db, p, &p->prompts[i], why);
    if (!failed) failed = put_edges(db, p, why);
    if (!failed) failed = put_epochs(db, p, why);
    if (!failed && moves_watermark) failed = put_owed(db, p, why);
    if (!failed && moves_watermark) failed = put_watermark(db, p, why);
    return failed;
}

err local_db_begin(local_db *db, diag *why) { return local_db_run(db, db->statements[BEGIN], why); }

err local_db_end(local_db *db, err failed, diag *why) {
    if (!failed) failed = local_db_run(db, db->statements[COMMIT], why);
    /* After some errors SQLite has rolled back by itself. */
    if (failed && !sqlite3_get_autocommit(db->handle)) {
        diag ignored; /* the first sentence is the one that tells */
        if (local_db_run(db, db->statements[ROLLBACK], &ignored) != OK) assert(sqlite3_get_autocommit(db->handle));
    }
    return failed;
}

err local_db_commit(local_db *db, pass *const *passes, size_t n_passes, uint32_t *n_new, diag *why) {
    err failed = local_db_begin(db, why);
    if (failed) return failed;
    for (size_t i = 0; !failed && i < n_passes; i++) failed = put_pass(db, passes[i], &n_new[i], why);
    fault("commit.before");
    failed = local_db_end(db, failed, why);
    fault("commit.after");
    return failed;
}

uint32_t local_db_wal_pages(const local_db *db) { return db->wal_pages; }

err local_db_checkpoint(local_db *db, diag *why) {
    /* PASSIVE: takes what no reader still needs and waits for nobody. */
    if (sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) != SQLITE_OK)
        return local_db_fail(db, why, "checkpoint it");
    db->wal_pages = 0;
    return OK;
}

/* ---- restore ---- */

typedef err (*row_fn)(memory *m, sqlite3_stmt *row);

static int32_t interval_at(sqlite3_stmt *row, int column) {
    const char *name = text_at(row, column);
    return interval_parse(name, strlen(name));
}

static err restore_watermark(memory *m, sqlite3_stmt *row) {
    return memory_add_watermark(m, text_at(row, 0), interval_at(row, 1), sqlite3_column_int64(row, 2));
}

static err restore_owed(memory *m, sqlite3_stmt *row) {
    owed_row owed = {.cursor_ms = sqlite3_column_int64(row, 3)};
    copy_text(owed.trader_id, sizeof owed.trader_id, row, 2);
    return memory_add_owed(m, text_at(row, 0), interval_at(row, 1), &owed);
}

static err restore_edge(memory *m, sqlite3_stmt *row) {
    edge_row edge = {.start_ms = sqlite3_column_int64(row, 3),
                     .run_open_ms = sqlite3_column_int64(row, 4),
                     .signal_open_ms = sqlite3_column_int64(row, 5),
                     .is_matching = sqlite3_column_int(row, 6) != 0,
                     .has_run = sqlite3_column_int(row, 7) != 0,
                     .is_tick = sqlite3_column_int(row, 8) != 0,
                     .n_ticks = sqlite3_column_int(row, 9),
                     .tick_open_ms = sqlite3_column_int64(row, 10)};
    copy_text(edge.trader_id, sizeof edge.trader_id, row, 0);
    copy_text(edge.revision, sizeof edge.revision, row, 2);
    return memory_add_edge(m, text_at(row, 1), &edge);
}

static err restore_epoch(memory *m, sqlite3_stmt *row) {
    return memory_add_epoch(m, text_at(row, 0), text_at(row, 1), sqlite3_column_int64(row, 2));
}

static err each_row(local_db *db, const char *sql, row_fn on_row, memory *m, diag *why) {
    sqlite3_stmt *statement = NULL;
    err failed = OK;
    if (sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL) != SQLITE_OK)
        return local_db_fail(db, why, "read it");
    int code;
    while (!failed && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        failed = on_row(m, statement);
        if (failed) diag_set(why, failed, "%s: cannot restore from it: %s", db->path, error_text(failed));
    }
    if (!failed && code != SQLITE_DONE) failed = local_db_fail(db, why, "read it");
    sqlite3_finalize(statement);
    return failed;
}

err local_db_restore(local_db *db, memory *m, diag *why) {
    static const struct {
        const char *sql;
        row_fn on_row;
    } tables[] = {
        {"SELECT symbol, interval, open_ms FROM watermarks", restore_watermark},
        {"SELECT symbol, interval, trader_id, cursor_ms FROM owed", restore_owed},
        {"SELECT trader_id, symbol, revision, start_ms, run_open_ms, signal_open_ms, is_matching, has_run, is_tick,"
         " n_ticks, tick_open_ms FROM edges",
         restore_edge},
        {"SELECT symbol, key, epoch_ms FROM epochs ORDER BY n", restore_epoch},
    };
    err failed = OK;
    for (size_t i = 0; !failed && i < sizeof tables / sizeof tables[0]; i++)
        failed = each_row(db, tables[i].sql, tables[i].on_row, m, why);
    return failed;
}

/* ---- settings ---- */

err local_db_setting(local_db *db, const char *key, char *value, size_t value_bytes, diag *why) {
    sqlite3_stmt *get = NULL;
    if (sqlite3_prepare_v2(db->handle, "SELECT value FROM settings WHERE key = ?1", -1, &get, NULL) != SQLITE_OK)
        return local_db_fail(db, why, "read it");
    bind_text(get, 1, key);
    int code = sqlite3_step(get);
    err failed = OK;
    if (code == SQLITE_DONE)
        failed = diag_set(why, ERR_NOT_FOUND, "%s: no setting \"%s\"", db->path, key);
    else if (code != SQLITE_ROW)
        failed = local_db_fail(db, why, "read it");
    else if ((size_t)sqlite3_column_bytes(get, 0) >= value_bytes)
        failed = diag_set(why, ERR_TOO_BIG, "%s: setting \"%s\" is too long", db->path, key);
    else
        copy_text(value, value_bytes, get, 0);
    sqlite3_finalize(get);
    return failed;
}

err local_db_set_setting(local_db *db, const char *key, const char *value, diag *why) {
    sqlite3_stmt *put = NULL;
    const char *sql = "INSERT OR REPLACE INTO settings (key, value) VALUES (?1, ?2)";
    if (sqlite3_prepare_v2(db->handle, sql, -1, &put, NULL) != SQLITE_OK) return local_db_fail(db, why, "write to it");
    bind_text(put, 1, key);
    bind_text(put, 2, value);
    err failed = local_db_run(db, put, why);
    sqlite3_finalize(put);
    return failed;
}

sqlite3 *local_db_handle(local_db *db) { return db->handle; }

bool local_db_has_cloud(const local_db *db) { return db->has_cloud; }
