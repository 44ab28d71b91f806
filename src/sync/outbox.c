#include "sync/outbox.h"
#include "base/fault.h"
#include "sync/local_db_body.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SQL_BYTES = 3072 };

static const int64_t DAY_MS = 86400000;

static err prepare(local_db *db, const char *sql, sqlite3_stmt **out, diag *why) {
    return sqlite3_prepare_v2(db->handle, sql, -1, out, NULL) == SQLITE_OK ? OK : local_db_fail(db, why, "read it");
}

err outbox_put(local_db *db, cloud_table_id table, const char *key, outbox_op op, diag *why) {
    sqlite3_stmt *put = db->statements[PUT_OUTBOX];
    if (!db->has_cloud) return OK;
    bind_text(put, 1, cloud_table_get(table)->name);
    bind_text(put, 2, key);
    sqlite3_bind_int(put, 3, op);
    err e = local_db_run(db, put, why);
    fault("outbox.put");
    return e;
}

static err put_row(local_db *db, const char *sql, const char *json, diag *why) {
    sqlite3_stmt *put = NULL;
    err e = prepare(db, sql, &put, why);
    if (e != OK) return e;
    bind_text(put, 1, json);
    e = local_db_run(db, put, why);
    sqlite3_finalize(put);
    return e;
}

/* The `id` of the object; outbox_put's parameters are bound by hand, since it is SQL that finds it. */
static err put_entry(local_db *db, cloud_table_id table, const char *json, diag *why) {
    sqlite3_stmt *get = NULL;
    err e = prepare(db, "SELECT json_extract(?1, '$.id')", &get, why);
    if (e != OK) return e;
    bind_text(get, 1, json);
    e = sqlite3_step(get) == SQLITE_ROW ? outbox_put(db, table, text_at(get, 0), OUTBOX_INSERT, why)
                                        : local_db_fail(db, why, "read it");
    sqlite3_finalize(get);
    return e;
}

err outbox_put_row(local_db *db, cloud_table_id table, const char *json, diag *why) {
    char sql[SQL_BYTES];
    cloud_table_put_sql(cloud_table_get(table), sql, sizeof sql);
    err e = local_db_begin(db, why);
    if (e != OK) return e;
    e = put_row(db, sql, json, why);
    if (e == OK) e = put_entry(db, table, json, why);
    return local_db_end(db, e, why);
}

/* ---- sent ---- */

void outbox_batch_deinit(outbox_batch *b) {
    free(b->rows);
    free(b->text);
    *b = (outbox_batch){0};
}

/* One row more than asked for is looked at, to know whether there are more. */
static err read_rows(local_db *db, const outbox_query *q, sqlite3_stmt *select, json_writer *w, outbox_batch *out,
                     diag *why) {
    const cloud_table *t = cloud_table_get(q->table);
    err e = OK;
    int code;
    while ((code = sqlite3_step(select)) == SQLITE_ROW && e == OK) {
        if (out->count == q->most || (out->count && w->bytes >= q->most_bytes)) {
            out->has_more = true;
            return OK;
        }
        size_t before = w->bytes;
        e = cloud_table_write(db, t, select, q->op == OUTBOX_AMEND, q->machine_row, w, why);
        size_t comma = out->count ? 1 : 0; /* which the writer has put */
        out->rows[out->count++] = (outbox_row){.n = sqlite3_column_int64(select, 0),
                                               .at = before + comma,
                                               .bytes = w->bytes - before - comma,
                                               .is_expired = sqlite3_column_int(select, 1) != 0};
    }
    if (e == OK && code != SQLITE_DONE) e = local_db_fail(db, why, "read it");
    return e;
}

err outbox_read(local_db *db, const outbox_query *q, outbox_batch *out, diag *why) {
    char sql[SQL_BYTES];
    sqlite3_stmt *select = NULL;
    json_writer w;
    size_t bytes;
    *out = (outbox_batch){.rows = calloc(q->most, sizeof *out->rows)};
    if (!out->rows) return diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
    cloud_table_select(cloud_table_get(q->table), CLOUD_TABLE_WAITING, sql, sizeof sql);
    err e = prepare(db, sql, &select, why);
    json_writer_init(&w);
    json_write_array(&w); /* for its commas */
    if (e == OK) {
        sqlite3_bind_int(select, 1, q->op);
        sqlite3_bind_int64(select, 2, (int64_t)q->most + 1);
        sqlite3_bind_int64(select, 3, q->skip_from);
        sqlite3_bind_int64(select, 4, q->skip_to);
        e = read_rows(db, q, select, &w, out, why);
    }
    sqlite3_finalize(select);
    json_write_array_end(&w);
    if (e == OK && (e = json_writer_take(&w, &out->text, &bytes)) != OK) (void)diag_set(why, e, "%s", error_text(e));
    json_writer_deinit(&w);
    if (e != OK) outbox_batch_deinit(out);
    return e;
}

err outbox_settle(local_db *db, const int64_t *n, size_t count, diag *why) {
    sqlite3_stmt *settle = NULL;
    err e = prepare(db, "DELETE FROM outbox WHERE n = ?1", &settle, why);
    if (e != OK) return e;
    fault("outbox.settle.before");
    e = local_db_begin(db, why);
    if (e == OK) {
        for (size_t i = 0; e == OK && i < count; i++) {
            sqlite3_bind_int64(settle, 1, n[i]);
            e = local_db_run(db, settle, why);
        }
        e = local_db_end(db, e, why);
    }
    fault("outbox.settle.after");
    sqlite3_finalize(settle);
    return e;
}

/* Copies (unless NULL) and removes, in one transaction. */
static err move(local_db *db, const char *copy, const char *remove, int64_t n, const char *code, const char *reason,
                int64_t now_ms, diag *why) {
    const char *const both[] = {copy, remove};
    err e = local_db_begin(db, why);
    if (e != OK) return e;
    for (size_t i = 0; e == OK && i < 2; i++) {
        sqlite3_stmt *statement = NULL;
        if (!both[i]) continue;
        e = prepare(db, both[i], &statement, why);
        if (e != OK) break;
        sqlite3_bind_int64(statement, 1, n);
        if (i == 0 && code) {
            bind_text(statement, 2, code);
            bind_text(statement, 3, reason);
            sqlite3_bind_int64(statement, 4, now_ms);
        }
        e = local_db_run(db, statement, why);
        sqlite3_finalize(statement);
    }
    fault("outbox.bury");
    return local_db_end(db, e, why);
}

err outbox_bury(local_db *db, int64_t n, const char *code, const char *reason, int64_t now_ms, diag *why) {
    return move(db,
                "INSERT OR REPLACE INTO dead_letters (destination, key, op, code, reason, died_at)"
                " SELECT destination, key, op, ?2, ?3, ?4 FROM outbox WHERE n = ?1",
                "DELETE FROM outbox WHERE n = ?1", n, code, reason, now_ms, why);
}

static err count_lanes(local_db *db, outbox_counts *out, diag *why) {
    sqlite3_stmt *select = NULL;
    err e = prepare(db, "SELECT destination, count(*) FROM outbox GROUP BY destination", &select, why);
    int code = SQLITE_DONE;
    while (e == OK && (code = sqlite3_step(select)) == SQLITE_ROW) {
        const char *name = text_at(select, 0);
        uint64_t count = (uint64_t)sqlite3_column_int64(select, 1);
        out->n_waiting += count;
        for (int i = 0; i < N_CLOUD_TABLES; i++)
            if (strcmp(cloud_table_get(i)->name, name) == 0) out->waiting[i] = count;
    }
    if (e == OK && code != SQLITE_DONE) e = local_db_fail(db, why, "read it");
    sqlite3_finalize(select);
    return e;
}

static err read_number(local_db *db, const char *sql, int64_t *out, diag *why) {
    sqlite3_stmt *select = NULL;
    err e = prepare(db, sql, &select, why);
    int code = e == OK ? sqlite3_step(select) : SQLITE_DONE;
    *out = code == SQLITE_ROW ? sqlite3_column_int64(select, 0) : 0;
    if (e == OK && code != SQLITE_ROW && code != SQLITE_DONE) e = local_db_fail(db, why, "read it");
    sqlite3_finalize(select);
    return e;
}

err outbox_count(local_db *db, outbox_counts *out, diag *why) {
    int64_t n_dead = 0;
    *out = (outbox_counts){0};
    err e = count_lanes(db, out, why);
    if (e == OK) e = read_number(db, "SELECT count(*) FROM dead_letters", &n_dead, why);
    out->n_dead = (uint64_t)n_dead;
    if (e == OK)
        e = read_number(
            db,
            "SELECT t.created_at FROM outbox o JOIN signals t ON t.id = o.key WHERE o.destination = 'signals'"
            " ORDER BY o.n LIMIT 1",
            &out->oldest_ms, why);
    return e;
}

/* ---- dead letters ---- */

static err write_dead_row(local_db *db, const char *destination, int64_t n, json_writer *w, diag *why) {
    const cloud_table *t = cloud_table_find(destination);
    char sql[SQL_BYTES];
    sqlite3_stmt *select = NULL;
    if (!t) {
        json_write_null(w);
        return OK;
    }
    cloud_table_select(t, CLOUD_TABLE_DEAD, sql, sizeof sql);
    err e = prepare(db, sql, &select, why);
    if (e != OK) return e;
    sqlite3_bind_int64(select, 1, n);
    if (sqlite3_step(select) == SQLITE_ROW)
        e = cloud_table_write(db, t, select, false, NULL, w, why);
    else
        json_write_null(w);
    sqlite3_finalize(select);
    return e;
}

static err list_letter(local_db *db, sqlite3_stmt *row, outbox_letter_fn on_letter, void *context, diag *why) {
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_integer(&w, "n", sqlite3_column_int64(row, 0));
    json_put_text(&w, "table", text_at(row, 1));
    json_put_text(&w, "key", text_at(row, 2));
    json_put_text(&w, "code", text_at(row, 3));
    json_put_text(&w, "reason", text_at(row, 4));
    json_put_integer(&w, "diedAt", sqlite3_column_int64(row, 5));
    json_write_key(&w, "row");
    err e = write_dead_row(db, text_at(row, 1), sqlite3_column_int64(row, 0), &w, why);
    json_write_object_end(&w);
    if (e == OK && !json_writer_text(&w)) e = diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
    if (e == OK) on_letter(context, json_writer_text(&w));
    json_writer_deinit(&w);
    return e;
}

err outbox_list_dead(local_db *db, outbox_letter_fn on_letter, void *context, diag *why) {
    sqlite3_stmt *select = NULL;
    err e = prepare(db, "SELECT n, destination, key, code, reason, died_at FROM dead_letters ORDER BY n", &select, why);
    int code = SQLITE_DONE;
    while (e == OK && (code = sqlite3_step(select)) == SQLITE_ROW) e = list_letter(db, select, on_letter, context, why);
    if (e == OK && code != SQLITE_DONE) e = local_db_fail(db, why, "read it");
    sqlite3_finalize(select);
    return e;
}

static err take_dead(local_db *db, const char *copy, int64_t n, uint64_t *count, diag *why) {
    err e = move(db, copy, "DELETE FROM dead_letters WHERE ?1 IN (0, n)", n, NULL, NULL, 0, why);
    *count = e == OK ? (uint64_t)sqlite3_changes(db->handle) : 0;
    return e;
}

err outbox_retry(local_db *db, int64_t n, uint64_t *count, diag *why) {
    return take_dead(db,
                     "INSERT OR REPLACE INTO outbox (destination, key, op)"
                     " SELECT destination, key, op FROM dead_letters WHERE ?1 IN (0, n)",
                     n, count, why);
}

err outbox_drop(local_db *db, int64_t n, uint64_t *count, diag *why) { return take_dead(db, NULL, n, count, why); }

/* ---- old rows ---- */

/* Rows that are in the outbox, or refused, are needed; candles while any signal is. */
err outbox_prune(local_db *db, int64_t now_ms, diag *why) {
    static const char unneeded[] = " NOT EXISTS (SELECT 1 FROM outbox o WHERE o.destination = '%s'%s) AND"
                                   " NOT EXISTS (SELECT 1 FROM dead_letters o WHERE o.destination = '%s'%s)";
    static const struct {
        const char *table, *time, *destination, *same_row;
        int days;
    } old[] = {{"cloud_metrics", "recorded_at", "cloud_metrics", " AND o.key = t.id", 30},
               {"cloud_events", "created_at", "cloud_events", " AND o.key = t.id", 90},
               {"candles", "open_ms", "signals", "", 30}};
    err e = OK;
    for (size_t i = 0; e == OK && i < sizeof old / sizeof *old; i++) {
        char condition[320], sql[512];
        sqlite3_stmt *statement = NULL;
        snprintf(condition, sizeof condition, unneeded, old[i].destination, old[i].same_row, old[i].destination,
                 old[i].same_row);
        snprintf(sql, sizeof sql, "DELETE FROM %s AS t WHERE %s < ?1 AND%s", old[i].table, old[i].time, condition);
        e = prepare(db, sql, &statement, why);
        if (e != OK) break;
        sqlite3_bind_int64(statement, 1, now_ms - old[i].days * DAY_MS);
        e = local_db_run(db, statement, why);
        sqlite3_finalize(statement);
    }
    return e;
}
