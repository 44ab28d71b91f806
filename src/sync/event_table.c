#include "sync/event_table.h"
#include "sync/local_db_body.h"
#include <inttypes.h>

enum { SQL_BYTES = 512 };

static err prepare(local_db *db, const event_filter *f, sqlite3_stmt **out, diag *why) {
    char sql[SQL_BYTES];
    snprintf(sql, sizeof sql,
             "SELECT id, event_type, severity, message, iif(json_valid(details), details, 'null'), created_at"
             " FROM cloud_events WHERE true%s%s ORDER BY created_at DESC, id DESC LIMIT ?1",
             f->before_ms > 0 ? " AND (created_at, id) < (?2, ?3)" : "", f->type[0] ? " AND event_type = ?4" : "");
    if (sqlite3_prepare_v2(db->handle, sql, -1, out, NULL) != SQLITE_OK) return local_db_fail(db, why, "read it");
    sqlite3_bind_int64(*out, 1, (int64_t)f->limit + 1);
    if (f->before_ms > 0) {
        sqlite3_bind_int64(*out, 2, f->before_ms);
        bind_text(*out, 3, f->before_id);
    }
    if (f->type[0]) bind_text(*out, 4, f->type);
    return OK;
}

static void write_event(sqlite3_stmt *row, json_writer *w) {
    json_write_object(w);
    json_put_text(w, "id", text_at(row, 0));
    json_put_text(w, "type", text_at(row, 1));
    json_put_text(w, "severity", text_at(row, 2));
    json_put_text(w, "message", text_at(row, 3));
    json_put_raw(w, "details", text_at(row, 4));
    json_put_integer(w, "created", sqlite3_column_int64(row, 5));
    json_write_object_end(w);
}

err event_table_write(local_db *db, const event_filter *filter, json_writer *w, diag *why) {
    char next[EVENT_CURSOR_BYTES] = "", last[EVENT_CURSOR_BYTES] = "";
    sqlite3_stmt *s = NULL;
    uint32_t n = 0;
    int code = SQLITE_DONE;
    err e = prepare(db, filter, &s, why);
    json_write_key(w, "events");
    json_write_array(w);
    while (e == OK && !next[0] && (code = sqlite3_step(s)) == SQLITE_ROW) {
        if (n++ == filter->limit) { /* one more than asked for: there are more */
            snprintf(next, sizeof next, "%s", last);
            continue;
        }
        write_event(s, w);
        snprintf(last, sizeof last, "%" PRId64 ":%s", (int64_t)sqlite3_column_int64(s, 5), text_at(s, 0));
    }
    if (e == OK && code != SQLITE_DONE && code != SQLITE_ROW) e = local_db_fail(db, why, "read it");
    sqlite3_finalize(s);
    json_write_array_end(w);
    json_put_text(w, "next", next[0] ? next : NULL);
    return e;
}
