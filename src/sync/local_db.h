/* The local database: FOLDER/trademind.db, SQLite in WAL mode, readable with the sqlite3 shell while the daemon runs.
 * It keeps the signals (signal_table.h), the errors of traders (error_table.h) and what the screener must know after a restart (watermarks, owed evaluations, edges, epochs).
 * Tables and columns have the names of the cloud's where both exist.
 *
 * Threads: one at a time; the storage thread, once it runs. Ownership: nothing that is passed in is kept.
 * Fails with ERR_DATABASE (disk full, I/O error, locked, damaged), ERR_IO (folder), ERR_UNSUPPORTED (made by a newer
 * version) and a sentence. */
#pragma once
#include "base/errors.h"
#include "screener/memory.h"
#include "screener/pass.h"

typedef struct local_db local_db;

typedef struct local_db_config {
    const char *folder;     /* made when it is not there */
    const char *user_id;    /* in every row; NULL: "local" */
    const char *machine_id; /* in every row; NULL or empty: unknown */
    bool sync_full;         /* a commit also survives the loss of the host, not only of the process */
    bool has_cloud;         /* what is written is put into the outbox, too */
    bool has_notices;       /* somebody is to be told of it: notice_table.h */
} local_db_config;

/* Makes the folder and the file when missing, and brings an older schema up to date. */
MUST_CHECK err local_db_open(const local_db_config *config, local_db **out, diag *why);
/* A closed database that is damaged: gets another name, `path`, with its log. ERR_IO. */
MUST_CHECK err local_db_set_aside(const char *folder, int64_t now_ms, char *path, size_t path_bytes, diag *why);
void local_db_close(local_db *db);

MUST_CHECK err local_db_restore(local_db *db, memory *m, diag *why);

/* One transaction: all passes or none. Of every pass, the signals that were not known before are moved to the front
 * (order kept) and counted in n_new[i], and its updates are those that its settles have changed (signal_table.h).
 * A pass of a tick, or with open_ms 0, leaves the watermark and what is owed as they are; a watermark never goes back.
 * The same passes again change nothing. */
MUST_CHECK err local_db_commit(local_db *db, pass *const *passes, size_t n_passes, uint32_t *n_new, diag *why);

/* Pages in the write-ahead log that are not in the database file yet, and the way to move them there: between bursts,
 * since it writes and syncs the main file. */
uint32_t local_db_wal_pages(const local_db *db);
MUST_CHECK err local_db_checkpoint(local_db *db, diag *why);

/* ERR_NOT_FOUND when there is none; ERR_TOO_BIG when it does not fit. */
MUST_CHECK err local_db_setting(local_db *db, const char *key, char *value, size_t value_bytes, diag *why);
MUST_CHECK err local_db_set_setting(local_db *db, const char *key, const char *value, diag *why);

bool local_db_has_cloud(const local_db *db);
/* For the tables that know no more of it than its handle; borrowed. */
struct sqlite3 *local_db_handle(local_db *db);
