/* The table `signals` of the local database: written in the transaction of a pass, read in pages.
 *
 * A row is written once. A signal whose id is there already changes nothing, but for one mark: when its values are other
 * ones now (its bar was corrected and evaluated anew), or when its bar was corrected while the daemon ran (the pass's
 * revises), `metadata.revised` is set. A provisional one is settled in place.
 * What nobody is to act upon any more (historical, withdrawn) has status `expired`, the others begin as `new`.
 *
 * Threads, errors: as local_db.h. */
#pragma once
#include "base/errors.h"
#include "screener/pass.h"

typedef struct local_db local_db;

enum { SIGNAL_PAGE_MAX = 500, SIGNAL_CURSOR_BYTES = 64 };

/* Which signals to read, newest first. Order: (created_ms, id), descending, so that a page never moves. */
typedef struct signal_filter {
    char trader[TRADER_KEY_BYTES];    /* key or UUID; empty: any */
    char symbol[SYMBOL_BYTES];        /* empty: any */
    char status[SIGNAL_STATUS_BYTES]; /* empty: any */
    bool has_interval;
    int32_t interval;       /* has_interval: only these */
    int64_t from_ms, to_ms; /* open time of the bar, half-open; 0: no end */
    bool has_state;
    signal_state state; /* has_state: only these */
    int64_t before_ms;  /* with before_id: only what comes after that signal in this order; 0: all */
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

/* Within a transaction. Of the pass, the signals that were not known before are moved to the front (order kept) and
 * counted in `n_new`; what its settles have changed is in its updates afterwards. */
MUST_CHECK err signal_table_put(local_db *db, pass *p, uint32_t *n_new, diag *why);
/* `out` is zero, or to be deinited, also after a failure. ERR_NOT_FOUND. */
MUST_CHECK err signal_table_get(local_db *db, const char *id, signal_row *out, diag *why);
MUST_CHECK err signal_table_read(local_db *db, const signal_filter *filter, signal_list *out, diag *why);
/* Signals of the trader that somebody may still act upon: neither expired nor archived. */
MUST_CHECK err signal_table_count_open(local_db *db, const char *trader_id, int64_t *count, diag *why);
