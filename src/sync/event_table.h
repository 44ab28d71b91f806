/* The table `cloud_events` of the local database, read in pages: what has happened to the machine.
 * Threads, errors: as local_db.h. */
#pragma once
#include "base/json_writer.h"
#include "screener/signal.h"

typedef struct local_db local_db;

enum { EVENT_PAGE_MAX = 500, EVENT_TYPE_BYTES = 64, EVENT_CURSOR_BYTES = 64 };

/* Which events to read, newest first. Order: (created_at, id), descending. */
typedef struct event_filter {
    char type[EVENT_TYPE_BYTES]; /* empty: any */
    int64_t before_ms;           /* with before_id: only what comes after that one in this order; 0: all */
    char before_id[ID_BYTES];
    uint32_t limit; /* 1..EVENT_PAGE_MAX */
} event_filter;

/* Writes the members `events`, a list of {id, type, severity, message, details, created}, and `next`, a cursor or null. */
MUST_CHECK err event_table_write(local_db *db, const event_filter *filter, json_writer *w, diag *why);
