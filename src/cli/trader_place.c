/* See trader_place.h. */
#include "cli/trader_place.h"
#include "sync/trader_table.h"
#include <string.h>
#include <unistd.h>

enum { BUSY_MS = 5000 }; /* a daemon may be writing to the file */

static bool ends_in(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

err trader_place_parse(const char *text, const config *cfg, trader_place *out, diag *why) {
    *out = (trader_place){PLACE_FOLDER, text, cfg};
    if (ends_in(text, ".db") || ends_in(text, ".sqlite")) out->kind = PLACE_DATABASE;
    if (strcmp(text, "supabase") != 0) return OK;
    out->kind = PLACE_SUPABASE;
    return cfg->is_cloud ? OK
                         : diag_set(why, ERR_INVALID,
                                    "supabase: expected the settings USER_ID, SUPABASE_URL and SUPABASE_SERVICE_KEY");
}

/* ---- a SQLite file ---- */

static err open_database(const char *path, int flags, sqlite3 **db, diag *why) {
    if (sqlite3_open_v2(path, db, flags, NULL) == SQLITE_OK) {
        sqlite3_busy_timeout(*db, BUSY_MS);
        return OK;
    }
    err e = diag_set(why, ERR_DATABASE, "%s: %s", path, *db ? sqlite3_errmsg(*db) : "out of memory");
    sqlite3_close(*db);
    *db = NULL;
    return e;
}

static err read_database(const trader_place *p, bool is_target, trader_row_list *out, diag *why) {
    sqlite3 *db;
    if (is_target && access(p->path, F_OK) != 0) return OK;
    err e = open_database(p->path, is_target ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY, &db, why);
    if (e != OK) return e;
    if (is_target) e = trader_table_create(db, why);
    if (e == OK) e = trader_table_read(db, out, why);
    sqlite3_close(db);
    return e;
}

static err put_into_database(const trader_place *p, const trader_row *row, diag *why) {
    sqlite3 *db;
    err e = open_database(p->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &db, why);
    if (e != OK) return e;
    e = trader_table_create(db, why);
    if (e == OK) e = trader_table_put(db, row, why);
    sqlite3_close(db);
    return e;
}

/* ---- any place ---- */

err trader_place_read(const trader_place *p, bool is_target, trader_row_list *out, place_problem_fn on_problem,
                      void *context, diag *why) {
    err e = p->kind == PLACE_FOLDER     ? trader_files_read(p, is_target, out, on_problem, context, why)
            : p->kind == PLACE_DATABASE ? read_database(p, is_target, out, why)
                                        : trader_cloud_read(p, out, why);
    if (e == OK) trader_row_list_sort(out);
    return e;
}

err trader_place_put(const trader_place *p, const trader_row *row, const trader_row *before, diag *why) {
    if (p->kind == PLACE_FOLDER) return trader_files_put(p, row, why);
    if (p->kind == PLACE_DATABASE) return put_into_database(p, row, why);
    return trader_cloud_put(p, row, before, why);
}
