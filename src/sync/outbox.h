/* The outbox: what is written here and is still to be written to the cloud, in the tables `outbox` and `dead_letters` of the
 * local database.
 *
 *   a pass, a row ──(same transaction)──► outbox ──(sent, settled)──► nothing
 *                                           ▲ │
 *                                     retry │ └──(refused for good)──► dead_letters ──drop──► nothing
 *
 * An entry names a row of a local table and holds no copy: what is sent is the row as it is then, and a row that changes
 * while it waits is sent once. A row that changes while it is being sent has a new entry, which settling the old one leaves
 * alone. An entry goes only after the cloud has said that it has the row, so one may be sent twice; rows have ids of their
 * own, by which the second is known.
 * Threads, errors: as local_db.h. */
#pragma once
#include "base/json_writer.h"
#include "sync/cloud_table.h"
#include <stddef.h>

typedef struct local_db local_db;

typedef enum outbox_op { OUTBOX_INSERT, OUTBOX_AMEND } outbox_op;

/* Within a transaction. Does nothing where there is no cloud. */
MUST_CHECK err outbox_put(local_db *db, cloud_table_id table, const char *key, outbox_op op, diag *why);
/* One transaction: the row (a JSON object with an `id`, members named as the columns, times in ms) into its local table, and
 * its entry. A row that is there is replaced. */
MUST_CHECK err outbox_put_row(local_db *db, cloud_table_id table, const char *json, diag *why);

typedef struct outbox_row {
    int64_t n;
    size_t at, bytes; /* of its object in `text` */
    bool is_expired;  /* a signal that nobody is to act upon any more */
} outbox_row;

typedef struct outbox_batch {
    outbox_row *rows;
    size_t count;
    bool has_more;
    char *text; /* the objects, with commas between them */
} outbox_batch;

void outbox_batch_deinit(outbox_batch *b);

typedef struct outbox_query {
    cloud_table_id table;
    outbox_op op;
    uint32_t most;              /* rows, 1.. */
    size_t most_bytes;          /* of all objects; one row is read whatever its size */
    const char *machine_row;    /* for machine_id; NULL: null */
    int64_t skip_from, skip_to; /* entries that another batch has; 0, 0: none */
} outbox_query;

MUST_CHECK err outbox_read(local_db *db, const outbox_query *query, outbox_batch *out, diag *why);
/* These have arrived. One transaction. */
MUST_CHECK err outbox_settle(local_db *db, const int64_t *n, size_t count, diag *why);
/* This one is refused for good: it becomes a dead letter. */
MUST_CHECK err outbox_bury(local_db *db, int64_t n, const char *code, const char *reason, int64_t now_ms, diag *why);

typedef struct outbox_counts {
    uint64_t waiting[N_CLOUD_TABLES], n_waiting, n_dead;
    int64_t oldest_ms; /* created_at of the signal that has waited longest; 0: none waits */
} outbox_counts;

MUST_CHECK err outbox_count(local_db *db, outbox_counts *out, diag *why);

/* ---- dead letters, for people ---- */

/* Each as an object: n, table, key, code, reason, diedAt (ms), row (the object that was refused). */
typedef void (*outbox_letter_fn)(void *context, const char *json);
MUST_CHECK err outbox_list_dead(local_db *db, outbox_letter_fn on_letter, void *context, diag *why);
/* Back into the outbox, or forgotten (the local row stays). `n` 0: all. `count`: how many. */
MUST_CHECK err outbox_retry(local_db *db, int64_t n, uint64_t *count, diag *why);
MUST_CHECK err outbox_drop(local_db *db, int64_t n, uint64_t *count, diag *why);

/* Local rows that are neither waiting nor young: metrics of 30 days, events of 90 (as the cloud keeps them), candles of 30. */
MUST_CHECK err outbox_prune(local_db *db, int64_t now_ms, diag *why);
