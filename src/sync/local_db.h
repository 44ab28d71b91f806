/* The local database: FOLDER/trademind.db, SQLite in WAL mode, readable with the sqlite3 shell while the daemon runs.
 * It keeps the signals and what the screener must know after a restart (watermarks, owed evaluations, edges, epochs).
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
} local_db_config;

enum { SIGNAL_PAGE_MAX = 500, SIGNAL_CURSOR_BYTES = 64 };

/* Which signals to read, newest first. Order: (created_ms, id), descending, so that a page never moves. */
typedef struct signal_filter {
    char trader[TRADER_KEY_BYTES]; /* key or UUID; empty: any */
    char symbol[SYMBOL_BYTES];     /* empty: any */
    int64_t before_ms;             /* with before_id: only what comes after that signal in this order; 0: all */
    char before_id[ID_BYTES];
    uint32_t limit; /* 1..SIGNAL_PAGE_MAX */
} signal_filter;

typedef struct signal_list {
    signal_row *rows;
    size_t count;
    bool has_more;
} signal_list;

void signal_list_deinit(signal_list *list);
/* The cursor of a row as one text ("created_ms:id") and back; ERR_SYNTAX when it is none. */
void signal_cursor_format(const signal_row *row, char out[SIGNAL_CURSOR_BYTES]);
MUST_CHECK err signal_cursor_parse(const char *text, signal_filter *filter);

/* Makes the folder and the file when missing, and brings an older schema up to date. */
MUST_CHECK err local_db_open(const local_db_config *config, local_db **out, diag *why);
void local_db_close(local_db *db);

MUST_CHECK err local_db_restore(local_db *db, memory *m, diag *why);

/* One transaction: all passes or none. Of every pass, the signals that were not known before are moved to the front
 * (order kept) and counted in n_new[i]; a signal whose id is there already changes nothing.
 * A pass with open_ms 0 leaves the watermark and what is owed as they are; a watermark never goes back. */
MUST_CHECK err local_db_commit(local_db *db, pass *const *passes, size_t n_passes, uint32_t *n_new, diag *why);

/* Pages in the write-ahead log that are not in the database file yet, and the way to move them there: between bursts,
 * since it writes and syncs the main file. */
uint32_t local_db_wal_pages(const local_db *db);
MUST_CHECK err local_db_checkpoint(local_db *db, diag *why);

MUST_CHECK err local_db_signals(local_db *db, const signal_filter *filter, signal_list *out, diag *why);

/* ERR_NOT_FOUND when there is none; ERR_TOO_BIG when it does not fit. */
MUST_CHECK err local_db_setting(local_db *db, const char *key, char *value, size_t value_bytes, diag *why);
MUST_CHECK err local_db_set_setting(local_db *db, const char *key, const char *value, diag *why);
