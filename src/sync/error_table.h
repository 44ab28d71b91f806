/* The table `trader_errors` of the local database: what went wrong with the traders, and whether it is past.
 * Threads, errors: as local_db.h. */
#pragma once
#include "base/errors.h"
#include "screener/trader_error.h"
#include <stddef.h>

typedef struct local_db local_db;

enum { TRADER_ERROR_PAGE_MAX = 500 };

typedef struct trader_error_filter {
    char trader[TRADER_KEY_BYTES]; /* key or UUID; empty: any */
    uint32_t limit;                /* 1..TRADER_ERROR_PAGE_MAX */
} trader_error_filter;

typedef struct trader_error_list {
    trader_error_row *rows; /* newest `last_ms` first */
    size_t count;
} trader_error_list;

void trader_error_list_deinit(trader_error_list *list);

/* One transaction. A row that is like a stored one replaces its count, place and times, but for the first one; when it is
 * newer than that one's end it is not past any more. */
MUST_CHECK err error_table_put(local_db *db, const trader_error_row *rows, size_t n_rows, diag *why);
/* All of the trader is past since `now_ms`. */
MUST_CHECK err error_table_resolve(local_db *db, const char *trader_id, int64_t now_ms, diag *why);
MUST_CHECK err error_table_read(local_db *db, const trader_error_filter *filter, trader_error_list *out, diag *why);
