/* A client of Supabase's PostgREST, and of what else stands behind the same address and key.
 *
 * Many rows are one statement: all or nothing. Whether a write has happened is not known when its answer is lost, so a
 * write that may be repeated names what to do with rows that are there (`resolution`).
 * Threads: the loop's. Ownership: what is passed in is copied; an answer is borrowed for the callback, which comes exactly
 * once for every accepted call, never from inside it. */
#pragma once
#include "sync/postgrest_answer.h"
#include <uv.h>

typedef struct postgrest postgrest;

typedef void (*postgrest_fn)(void *context, const postgrest_answer *answer);

typedef struct postgrest_config {
    uv_loop_t *loop;
    const char *url;    /* of the project, no slash at the end */
    const char *key;    /* as service_key_check lets pass */
    int64_t timeout_ms; /* of one call; 0: 20000 */
} postgrest_config;

/* ERR_INVALID: not a key; ERR_NO_MEMORY. */
MUST_CHECK err postgrest_new(const postgrest_config *config, postgrest **out, diag *why);
/* Calls from now on use it. */
MUST_CHECK err postgrest_set_key(postgrest *p, const char *key, diag *why);
/* Its callbacks come with POSTGREST_CANCELLED; then `on_closed` (may be NULL), and it is freed. */
void postgrest_close(postgrest *p, void (*on_closed)(void *context), void *context);

typedef enum postgrest_resolution {
    RESOLUTION_REFUSE, /* a row that is there is an error */
    RESOLUTION_IGNORE, /* ... stays as it is */
    RESOLUTION_MERGE   /* ... takes the values of `columns` */
} postgrest_resolution;

typedef struct postgrest_rows {
    const char *table;
    const char *columns;     /* with commas; only these are written, whatever else the rows hold */
    const char *on_conflict; /* the unique columns that say that a row is there; NULL: its primary key */
    postgrest_resolution resolution;
    const char *rows; /* a JSON array of objects */
    size_t rows_bytes;
} postgrest_rows;

/* All of these: ERR_INVALID (too long), ERR_CLOSED, ERR_NO_MEMORY. */
MUST_CHECK err postgrest_insert(postgrest *p, const postgrest_rows *rows, postgrest_fn on_done, void *context);

/* Rows of the filter get the values of `changes`, an object. The answer's body is the rows changed, of `select` columns; NULL:
 * none are sent back. */
MUST_CHECK err postgrest_update(postgrest *p, const char *table, const char *filter, const char *changes,
                                const char *select, postgrest_fn on_done, void *context);

/* Rows of the filter go. */
MUST_CHECK err postgrest_delete(postgrest *p, const char *table, const char *filter, postgrest_fn on_done,
                                void *context);

/* The answer's body is an array of at most `limit` rows. For pages, `query` orders by a key and asks for what comes behind the
 * last one; a server gives 1000 at most. */
MUST_CHECK err postgrest_select(postgrest *p, const char *table, const char *query, uint32_t limit,
                                postgrest_fn on_done, void *context);

/* POST of a JSON body to any path of the project, "/rest/v1/rpc/..." or "/realtime/v1/..." say. */
MUST_CHECK err postgrest_post(postgrest *p, const char *path, const char *json, postgrest_fn on_done, void *context);

/* Appends `text` to a query, percent-encoded; `used` moves on. False when there is no room. */
bool postgrest_escape(const char *text, char *out, size_t out_bytes, size_t *used);
