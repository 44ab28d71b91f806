/* Notices and deliveries in the local database (screener/notice.h): the outbox of notifications.
 *
 *   signal, its end, a verdict ──(same transaction)──► notices ──(worded: one transaction)──► deliveries ──(sent)──► kept a week
 *
 * So nothing is lost by a kill, and what was sent at the moment of one is sent again, by the same id.
 * Threads, errors: as local_db.h. */
#pragma once
#include "screener/notice.h"
#include "sync/local_db.h"

#define NOTICE_TABLE_SCHEMA \
    "CREATE TABLE notices (" \
    " n INTEGER PRIMARY KEY AUTOINCREMENT," \
    " event TEXT NOT NULL," \
    " signal_id TEXT NOT NULL," \
    " analysis_id TEXT);" \
    "CREATE TABLE deliveries (" \
    " n INTEGER PRIMARY KEY AUTOINCREMENT," \
    " id TEXT NOT NULL UNIQUE," \
    " service TEXT NOT NULL," /* webhook, telegram, discord */ \
    " event TEXT NOT NULL," \
    " signal_id TEXT NOT NULL," \
    " trader_id TEXT NOT NULL," \
    " close_ms INTEGER NOT NULL," \
    " state TEXT NOT NULL," /* waiting, sent, refused, expired, limited */ \
    " tries INTEGER NOT NULL DEFAULT 0," \
    " created_at INTEGER NOT NULL," /* wall clock, ms; so are the next two */ \
    " next_at INTEGER NOT NULL DEFAULT 0," \
    " ended_at INTEGER," \
    " why TEXT," \
    " body TEXT);" /* NULL: it has ended */ \
    "CREATE INDEX deliveries_waiting ON deliveries (service, n) WHERE state = 'waiting';" \
    "CREATE INDEX deliveries_by_trader ON deliveries (trader_id, service, created_at);" \
    "CREATE INDEX deliveries_by_signal ON deliveries (signal_id);" \
    "CREATE INDEX deliveries_by_end ON deliveries (ended_at);"

/* Within a transaction; does nothing when nobody is to be told of anything. `analysis_id`: of NOTICE_ANALYSIS, else NULL. */
MUST_CHECK err notice_table_put(local_db *db, notice_event event, const char *signal_id, const char *analysis_id,
                                diag *why);

typedef struct notice_list {
    notice *items;
    size_t count;
} notice_list;

void notice_list_deinit(notice_list *list);
/* The oldest ones. A notice of a signal or an analysis that is not there any more has an empty signal.id. */
MUST_CHECK err notice_table_read(local_db *db, size_t most, notice_list *out, diag *why);

typedef struct delivery_list {
    delivery *items;
    size_t count;
} delivery_list;

void delivery_list_deinit(delivery_list *list);
/* One transaction: the notices go, and the deliveries are there in their place. One whose id is there already changes nothing;
 * one of a withdrawn signal of which that service was told nothing is left out; one beyond its trader's limit begins as limited. */
MUST_CHECK err notice_table_expand(local_db *db, const notice_list *from, const delivery_list *to, int64_t now_ms,
                                   diag *why);
/* The oldest ones of a service that wait and are due. `next_ms`: when the next one is, that is not due yet; 0: there is none. */
MUST_CHECK err delivery_table_read(local_db *db, notice_service service, size_t most, int64_t now_ms,
                                   delivery_list *out, int64_t *next_ms, diag *why);
/* A try has ended: `state`, `n_tries` and `next_ms` of `d` are the new ones; `reason` is for people, NULL: none. */
MUST_CHECK err delivery_table_note(local_db *db, const delivery *d, const char *reason, int64_t now_ms, diag *why);

typedef struct delivery_counts {
    uint64_t n_waiting[N_NOTICE_SERVICES], n_notices;
} delivery_counts;

MUST_CHECK err delivery_table_count(local_db *db, delivery_counts *out, diag *why);
/* Forgets what has ended more than a week ago. */
MUST_CHECK err delivery_table_prune(local_db *db, int64_t now_ms, diag *why);
