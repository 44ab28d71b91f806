/* A local database of its own for each spec of sync: where it is, opened, written to, and altered behind its back. */
#pragma once
#include "spec/c/passes.h"
#include "spec/c/tap.h"
#include "sync/local_db.h"
#include "sync/signal_table.h"
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];

static inline local_db *open_db(void) {
    diag why = {""};
    local_db *db = NULL;
    local_db_config config = {.folder = folder, .user_id = "user-1", .machine_id = "machine-1"};
    err failed = local_db_open(&config, &db, &why);
    if (failed) {
        ok(false, "opening: %s", why.text);
        exit(done());
    }
    return db;
}

static inline void in_folder(char *path, const char *name) { snprintf(path, 128, "%s/%s", folder, name); }

static inline bool commit_one(local_db *db, pass *p, uint32_t *n_new) {
    diag why = {""};
    err failed = local_db_commit(db, &p, 1, n_new, &why);
    if (failed) printf("# %s\n", why.text);
    return failed == OK;
}

static inline void alter(const char *sql) {
    char path[128];
    in_folder(path, "trademind.db");
    sqlite3 *handle = NULL;
    sqlite3_open(path, &handle);
    sqlite3_exec(handle, sql, NULL, NULL, NULL);
    sqlite3_close(handle);
}
