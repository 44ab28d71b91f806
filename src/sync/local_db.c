/* SQLite behind nine prepared statements. The idea is that nothing above knows SQL and nothing here knows threads.
 *
 * WAL, because a commit then is one sequential write and the shell can read beside it. synchronous=NORMAL does not
 * sync the log at every commit: what a killed process has written is with the kernel and safe; FULL syncs, for the
 * loss of the host. Checkpoints are not left to SQLite, which would run them inside the commit that crosses its
 * limit, in the middle of a burst. */
#include "sync/local_db.h"
#include "base/fault.h"
#include "base/json_writer.h"
#include "screener/signal_json.h"
#include "sync/data_folder.h"
#include "sync/schema.h"
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUSY_TIMEOUT_MS = 2000, PATH_BYTES = 4096, SQL_BYTES = 1024 };

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    PUT_SIGNAL,
    PUT_WATERMARK,
    CLEAR_OWED,
    PUT_OWED,
    PUT_EDGE,
    PUT_EPOCH,
    N_STATEMENTS
};

static const char *const statement_sql[N_STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [PUT_SIGNAL] =
        "INSERT INTO signals (id, user_id, trader_id, symbol, interval, timestamp, price, price_at_signal,"
        " change_percent_at_signal, volume_at_signal, matched_conditions, machine_id, metadata, created_at,"
        " indicator_data)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT (id) DO NOTHING",
    [PUT_WATERMARK] = "INSERT INTO watermarks (symbol, interval, open_ms) VALUES (?1, ?2, ?3)"
                      " ON CONFLICT (symbol, interval) DO UPDATE SET open_ms = excluded.open_ms"
                      " WHERE excluded.open_ms > open_ms",
    [CLEAR_OWED] = "DELETE FROM owed WHERE symbol = ?1 AND interval = ?2",
    [PUT_OWED] = "INSERT OR REPLACE INTO owed (symbol, interval, trader_id, cursor_ms) VALUES (?1, ?2, ?3, ?4)",
    [PUT_EDGE] = "INSERT OR REPLACE INTO edges (trader_id, symbol, revision, start_ms, run_open_ms, signal_open_ms,"
                 " is_matching, has_run) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [PUT_EPOCH] = "INSERT INTO epochs (symbol, key, epoch_ms) VALUES (?1, ?2, ?3)"
                  " ON CONFLICT (symbol, key) DO UPDATE SET epoch_ms = excluded.epoch_ms",
};

struct local_db {
    sqlite3 *handle;
    sqlite3_stmt *statements[N_STATEMENTS];
    char path[PATH_BYTES];
    char *user_id, *machine_id;
    uint32_t wal_pages;
};

static err configure(local_db *db, bool sync_full, diag *why);
static err migrate(local_db *db, diag *why);
static err prepare_statements(local_db *db, diag *why);
static err fail(local_db *db, diag *why, const char *doing);
static err execute(local_db *db, const char *sql, const char *doing, diag *why);
static int on_wal_grown(void *context, sqlite3 *handle, const char *name, int n_pages);

err local_db_open(const local_db_config *config, local_db **out, diag *why) {
    err failed = OK;
    local_db *db = calloc(1, sizeof *db);
    if (!db) return diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
    int length = snprintf(db->path, sizeof db->path, "%s/trademind.db", config->folder);
    if (length < 0 || (size_t)length >= sizeof db->path) {
        failed =
            diag_set(why, ERR_TOO_BIG, "DATA_DIR is a path of %d bytes; expected fewer than %d", length, PATH_BYTES);
        goto out;
    }
    failed = data_folder_make(config->folder, why);
    if (failed) goto out;
    const char *machine_id = config->machine_id && config->machine_id[0] ? config->machine_id : NULL;
    db->user_id = strdup(config->user_id ? config->user_id : "local");
    db->machine_id = machine_id ? strdup(machine_id) : NULL;
    if (!db->user_id || (machine_id && !db->machine_id)) {
        failed = diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
        goto out;
    }
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(db->path, &db->handle, flags, NULL) != SQLITE_OK) {
        failed = fail(db, why, "open it");
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

static err fail(local_db *db, diag *why, const char *doing) {
    int code = db->handle ? sqlite3_extended_errcode(db->handle) : SQLITE_NOMEM;
    const char *text = db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code);
    if (is_damaged(code))
        return diag_set(why, ERR_DATABASE,
                        "%s is damaged or no database (%s); move it away to start with an empty one "
                        "(`sqlite3 FILE .recover` saves what can be read)",
                        db->path, text);
    return diag_set(why, ERR_DATABASE, "%s: cannot %s: %s (SQLite code %d)%s", db->path, doing, text, code,
                    advice(code));
}

static err execute(local_db *db, const char *sql, const char *doing, diag *why) {
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? OK : fail(db, why, doing);
}

/* ---- schema ---- */

static err read_integer(local_db *db, const char *sql, int64_t *out, diag *why) {
    sqlite3_stmt *statement = NULL;
    err failed = OK;
    if (sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        *out = sqlite3_column_int64(statement, 0);
    else
        failed = fail(db, why, "read it");
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
            return fail(db, why, "prepare its statements");
    return OK;
}

/* ---- commit ---- */

static void bind_text(sqlite3_stmt *s, int at, const char *text) { sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC); }

/* Runs a statement that gives no rows. Its bindings are borrowed and dropped here. */
static err run(local_db *db, sqlite3_stmt *statement, diag *why) {
    err failed = sqlite3_step(statement) == SQLITE_DONE ? OK : fail(db, why, "write to it");
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return failed;
}

static err metadata_of(const signal_row *s, char **out) {
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "trader", s->trader);
    json_put_text(&w, "trader_name", s->trader_name);
    json_put_text(&w, "revision", s->revision);
    json_put_text(&w, "side", signal_side_name(s->side));
    json_put_number(&w, "score", s->score);
    json_put_number(&w, "stop", s->stop);
    json_write_key(&w, "target");
    json_write_array(&w);
    for (int32_t i = 0; i < s->n_targets; i++) json_write_number(&w, s->target[i]);
    json_write_array_end(&w);
    json_put_raw(&w, "tags", s->tags);
    json_put_raw(&w, "values", s->values ? s->values : "{}");
    json_put_bool(&w, "late", s->late);
    json_put_text(&w, "state", signal_state_name(s->state));
    json_write_object_end(&w);
    return json_writer_take(&w, out, NULL);
}

static err put_signal(local_db *db, const signal_row *s, bool *is_new, diag *why) {
    assert(s->conditions && s->tags);
    sqlite3_stmt *put = db->statements[PUT_SIGNAL];
    char *metadata = NULL, *indicator_data = NULL;
    err failed = metadata_of(s, &metadata);
    if (!failed && s->plots && asprintf(&indicator_data, "{\"plots\":%s}", s->plots) < 0) failed = ERR_NO_MEMORY;
    if (failed) {
        free(metadata);
        return diag_set(why, failed, "signal %s: %s", s->id, error_text(failed));
    }
    bind_text(put, 1, s->id);
    bind_text(put, 2, db->user_id);
    bind_text(put, 3, s->trader_id);
    bind_text(put, 4, s->symbol);
    bind_text(put, 5, interval_name(s->interval));
    sqlite3_bind_int64(put, 6, s->open_ms);
    sqlite3_bind_double(put, 7, s->price);
    sqlite3_bind_double(put, 8, s->change_pct);
    sqlite3_bind_double(put, 9, s->volume);
    bind_text(put, 10, s->conditions);
    bind_text(put, 11, db->machine_id);
    bind_text(put, 12, metadata);
    sqlite3_bind_int64(put, 13, s->created_ms);
    if (s->plots) bind_text(put, 14, indicator_data);
    failed = run(db, put, why);
    *is_new = !failed && sqlite3_changes(db->handle) == 1;
    free(indicator_data);
    free(metadata);
    return failed;
}

/* Moves row `from` down to place `to` and those between one up. */
static void move_row(signal_row *rows, uint32_t from, uint32_t to) {
    if (from == to) return;
    signal_row moved = rows[from];
    memmove(&rows[to + 1], &rows[to], (from - to) * sizeof *rows);
    rows[to] = moved;
}

static err put_signals(local_db *db, pass *p, uint32_t *n_new, diag *why) {
    *n_new = 0;
    for (uint32_t i = 0; i < p->n_signals; i++) {
        bool is_new = false;
        err failed = put_signal(db, &p->signals[i], &is_new, why);
        if (failed) return failed;
        if (is_new) move_row(p->signals, i, (*n_new)++);
    }
    return OK;
}

static err put_watermark(local_db *db, const pass *p, diag *why) {
    sqlite3_stmt *put = db->statements[PUT_WATERMARK];
    bind_text(put, 1, p->symbol);
    bind_text(put, 2, interval_name(p->interval));
    sqlite3_bind_int64(put, 3, p->open_ms);
    return run(db, put, why);
}

static err put_owed(local_db *db, const pass *p, diag *why) {
    sqlite3_stmt *clear = db->statements[CLEAR_OWED], *put = db->statements[PUT_OWED];
    bind_text(clear, 1, p->symbol);
    bind_text(clear, 2, interval_name(p->interval));
    err failed = run(db, clear, why);
    for (uint32_t i = 0; !failed && i < p->n_owed; i++) {
        bind_text(put, 1, p->symbol);
        bind_text(put, 2, interval_name(p->interval));
        bind_text(put, 3, p->owed[i].trader_id);
        sqlite3_bind_int64(put, 4, p->owed[i].cursor_ms);
        failed = run(db, put, why);
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
        failed = run(db, put, why);
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
        failed = run(db, put, why);
    }
    return failed;
}

static err put_pass(local_db *db, pass *p, uint32_t *n_new, diag *why) {
    err failed = put_signals(db, p, n_new, why);
    fault("commit.middle");
    if (!failed) failed = put_edges(db, p, why);
    if (!failed) failed = put_epochs(db, p, why);
    if (!failed && p->open_ms > 0) failed = put_owed(db, p, why);
    if (!failed && p->open_ms > 0) failed = put_watermark(db, p, why);
    return failed;
}

err local_db_commit(local_db *db, pass *const *passes, size_t n_passes, uint32_t *n_new, diag *why) {
    err failed = run(db, db->statements[BEGIN], why);
    if (failed) return failed;
    for (size_t i = 0; !failed && i < n_passes; i++) failed = put_pass(db, passes[i], &n_new[i], why);
    fault("commit.before");
    if (!failed) failed = run(db, db->statements[COMMIT], why);
    fault("commit.after");
    /* After some errors SQLite has rolled back by itself. */
    if (failed && !sqlite3_get_autocommit(db->handle)) {
        diag ignored; /* the first sentence is the one that tells */
        if (run(db, db->statements[ROLLBACK], &ignored) != OK) assert(sqlite3_get_autocommit(db->handle));
    }
    return failed;
}

uint32_t local_db_wal_pages(const local_db *db) { return db->wal_pages; }

err local_db_checkpoint(local_db *db, diag *why) {
    /* PASSIVE: takes what no reader still needs and waits for nobody. */
    if (sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) != SQLITE_OK)
        return fail(db, why, "checkpoint it");
    db->wal_pages = 0;
    return OK;
}

/* ---- restore ---- */

typedef err (*row_fn)(memory *m, sqlite3_stmt *row);

static const char *text_at(sqlite3_stmt *row, int column) {
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text ? text : "";
}

static int32_t interval_at(sqlite3_stmt *row, int column) {
    const char *name = text_at(row, column);
    return interval_parse(name, strlen(name));
}

static void copy_text(char *to, size_t to_bytes, sqlite3_stmt *row, int column) {
    snprintf(to, to_bytes, "%s", text_at(row, column));
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
                     .has_run = sqlite3_column_int(row, 7) != 0};
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
    if (sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL) != SQLITE_OK) return fail(db, why, "read it");
    int code;
    while (!failed && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        failed = on_row(m, statement);
        if (failed) diag_set(why, failed, "%s: cannot restore from it: %s", db->path, error_text(failed));
    }
    if (!failed && code != SQLITE_DONE) failed = fail(db, why, "read it");
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
        {"SELECT trader_id, symbol, revision, start_ms, run_open_ms, signal_open_ms, is_matching, has_run FROM edges",
         restore_edge},
        {"SELECT symbol, key, epoch_ms FROM epochs ORDER BY n", restore_epoch},
    };
    err failed = OK;
    for (size_t i = 0; !failed && i < sizeof tables / sizeof tables[0]; i++)
        failed = each_row(db, tables[i].sql, tables[i].on_row, m, why);
    return failed;
}

/* ---- signals ---- */

void signal_list_deinit(signal_list *list) {
    if (!list) return;
    for (size_t i = 0; i < list->count; i++) signal_row_deinit(&list->rows[i]);
    free(list->rows);
    *list = (signal_list){0};
}

void signal_cursor_format(const signal_row *row, char out[SIGNAL_CURSOR_BYTES]) {
    snprintf(out, SIGNAL_CURSOR_BYTES, "%" PRId64 ":%s", row->created_ms, row->id);
}

static bool is_uuid(const char *text) {
    for (int i = 0; i < ID_BYTES - 1; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? text[i] != '-' : !text[i] || !strchr("0123456789abcdef", text[i])) return false;
    }
    return text[ID_BYTES - 1] == 0;
}

err signal_cursor_parse(const char *text, signal_filter *filter) {
    char *end = NULL;
    if (text[0] < '0' || text[0] > '9') return ERR_SYNTAX;
    errno = 0;
    int64_t before_ms = strtoll(text, &end, 10);
    if (errno || before_ms <= 0 || *end != ':' || !is_uuid(end + 1)) return ERR_SYNTAX;
    filter->before_ms = before_ms;
    snprintf(filter->before_id, sizeof filter->before_id, "%s", end + 1);
    return OK;
}

static double number_at(sqlite3_stmt *row, int column) {
    return sqlite3_column_type(row, column) == SQLITE_NULL ? NAN : sqlite3_column_double(row, column);
}

static double number_of(const json_t *value) { return json_is_number(value) ? json_number_value(value) : NAN; }

static void text_of(char *to, size_t to_bytes, const json_t *value) {
    snprintf(to, to_bytes, "%s", json_is_string(value) ? json_string_value(value) : "");
}

static void read_targets(signal_row *s, const json_t *targets) {
    size_t most = sizeof s->target / sizeof s->target[0];
    for (size_t i = 0; i < most; i++) s->target[i] = number_of(json_array_get(targets, i));
    size_t count = json_array_size(targets);
    s->n_targets = (int32_t)(count < most ? count : most);
}

/* NULL for an empty one. */
static char *dump_object(const json_t *object) {
    return json_object_size(object) > 0 ? json_dumps(object, JSON_COMPACT) : NULL;
}

static err read_metadata(signal_row *s, const char *text) {
    json_t *metadata = json_loads(text, 0, NULL);
    if (!json_is_object(metadata)) {
        json_decref(metadata);
        return ERR_SYNTAX;
    }
    text_of(s->trader, sizeof s->trader, json_object_get(metadata, "trader"));
    text_of(s->trader_name, sizeof s->trader_name, json_object_get(metadata, "trader_name"));
    text_of(s->revision, sizeof s->revision, json_object_get(metadata, "revision"));
    s->side = signal_side_parse(json_string_value(json_object_get(metadata, "side")));
    s->score = number_of(json_object_get(metadata, "score"));
    s->stop = number_of(json_object_get(metadata, "stop"));
    read_targets(s, json_object_get(metadata, "target"));
    s->late = json_is_true(json_object_get(metadata, "late"));
    const char *state = json_string_value(json_object_get(metadata, "state"));
    s->state = state ? signal_state_of(state) : SIGNAL_CONFIRMED;
    const json_t *tags = json_object_get(metadata, "tags");
    s->tags = json_is_array(tags) ? json_dumps(tags, JSON_COMPACT) : strdup("[]");
    s->values = dump_object(json_object_get(metadata, "values"));
    json_decref(metadata);
    return s->tags ? OK : ERR_NO_MEMORY;
}

/* {"plots": [...]} */
static void read_indicator_data(signal_row *s, const char *text) {
    json_t *data = *text ? json_loads(text, 0, NULL) : NULL;
    const json_t *plots = json_object_get(data, "plots");
    s->plots = json_is_array(plots) ? json_dumps(plots, JSON_COMPACT) : NULL;
    json_decref(data);
}

static err read_signal(signal_row *s, sqlite3_stmt *row) {
    *s = (signal_row){0};
    copy_text(s->id, sizeof s->id, row, 0);
    copy_text(s->trader_id, sizeof s->trader_id, row, 1);
    copy_text(s->symbol, sizeof s->symbol, row, 2);
    s->interval = interval_at(row, 3);
    if (s->interval < 0) return ERR_INVALID;
    s->open_ms = sqlite3_column_int64(row, 4);
    s->close_ms = interval_next(s->interval, s->open_ms);
    s->price = number_at(row, 5);
    s->change_pct = number_at(row, 6);
    s->volume = number_at(row, 7);
    s->created_ms = sqlite3_column_int64(row, 10);
    s->conditions = strdup(text_at(row, 8));
    read_indicator_data(s, text_at(row, 11));
    return s->conditions ? read_metadata(s, text_at(row, 9)) : ERR_NO_MEMORY;
}

/* One row more than asked for is read, to know whether there are more. */
static err prepare_signals(local_db *db, const signal_filter *filter, sqlite3_stmt **out, diag *why) {
    char sql[SQL_BYTES];
    snprintf(sql, sizeof sql,
             "SELECT id, trader_id, symbol, interval, timestamp, price_at_signal, change_percent_at_signal,"
             " volume_at_signal, matched_conditions, metadata, created_at, indicator_data FROM signals WHERE true%s%s%s"
             " ORDER BY created_at DESC, id DESC LIMIT ?1",
             filter->before_ms > 0 ? " AND (created_at, id) < (?2, ?3)" : "",
             filter->symbol[0] ? " AND symbol = ?4" : "",
             !filter->trader[0]        ? ""
             : is_uuid(filter->trader) ? " AND trader_id = ?5"
                                       : " AND trader = ?5");
    if (sqlite3_prepare_v2(db->handle, sql, -1, out, NULL) != SQLITE_OK) return fail(db, why, "read it");
    sqlite3_bind_int64(*out, 1, (int64_t)filter->limit + 1);
    if (filter->before_ms > 0) {
        sqlite3_bind_int64(*out, 2, filter->before_ms);
        bind_text(*out, 3, filter->before_id);
    }
    if (filter->symbol[0]) bind_text(*out, 4, filter->symbol);
    if (filter->trader[0]) bind_text(*out, 5, filter->trader);
    return OK;
}

err local_db_signals(local_db *db, const signal_filter *filter, signal_list *out, diag *why) {
    assert(filter->limit >= 1 && filter->limit <= SIGNAL_PAGE_MAX);
    sqlite3_stmt *statement = NULL;
    signal_list list = {.rows = calloc(filter->limit, sizeof(signal_row))};
    if (!list.rows) return diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
    err failed = prepare_signals(db, filter, &statement, why);
    int code = SQLITE_DONE;
    while (!failed && (code = sqlite3_step(statement)) == SQLITE_ROW && !list.has_more) {
        if (list.count == filter->limit) {
            list.has_more = true;
            continue;
        }
        failed = read_signal(&list.rows[list.count++], statement);
        if (failed)
            diag_set(why, failed, "%s: cannot read signal %s: %s", db->path, text_at(statement, 0), error_text(failed));
    }
    if (!failed && code != SQLITE_DONE && code != SQLITE_ROW) failed = fail(db, why, "read it");
    sqlite3_finalize(statement);
    if (failed)
        signal_list_deinit(&list);
    else
        *out = list;
    return failed;
}

/* ---- settings ---- */

err local_db_setting(local_db *db, const char *key, char *value, size_t value_bytes, diag *why) {
    sqlite3_stmt *get = NULL;
    if (sqlite3_prepare_v2(db->handle, "SELECT value FROM settings WHERE key = ?1", -1, &get, NULL) != SQLITE_OK)
        return fail(db, why, "read it");
    bind_text(get, 1, key);
    int code = sqlite3_step(get);
    err failed = OK;
    if (code == SQLITE_DONE)
        failed = diag_set(why, ERR_NOT_FOUND, "%s: no setting \"%s\"", db->path, key);
    else if (code != SQLITE_ROW)
        failed = fail(db, why, "read it");
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
    if (sqlite3_prepare_v2(db->handle, sql, -1, &put, NULL) != SQLITE_OK) return fail(db, why, "write to it");
    bind_text(put, 1, key);
    bind_text(put, 2, value);
    err failed = run(db, put, why);
    sqlite3_finalize(put);
    return failed;
}
