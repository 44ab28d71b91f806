/* The tables that the machine fills in the cloud, each with a table of the same name in the local database: which columns
 * go there, and in what form. Pure data, and a row of the local table as the object that PostgREST takes. */
#pragma once
#include "base/json_writer.h"

typedef struct local_db local_db;
typedef struct sqlite3_stmt sqlite3_stmt;

typedef enum column_kind {
    COLUMN_TEXT,
    COLUMN_NUMBER,
    COLUMN_TIME,       /* ms here, ISO 8601 there */
    COLUMN_JSON,       /* text here */
    COLUMN_MACHINE,    /* not here: the id of this machine's row in cloud_machines */
    COLUMN_INDICATORS, /* the plots here; with the candles there */
    COLUMN_ERROR_ID    /* not here: made of what makes the row unique */
} column_kind;

typedef struct cloud_column {
    const char *name;
    column_kind kind;
    bool is_first_only; /* belongs to others once the row is there: not sent again with an amendment */
} cloud_column;

typedef struct cloud_table {
    const char *name;
    const char *key;       /* SQL of the local row that an entry of the outbox (o) names, e.g. "t.id = o.key" */
    const char *condition; /* SQL, " AND ...", of what must hold before the row is sent; "" */
    bool is_merged;        /* a row that is there takes the new values; else it stays as it is */
    bool is_newest_first;
    const cloud_column *columns;
    size_t n_columns;
} cloud_table;

typedef enum cloud_table_id {
    CLOUD_SIGNALS,
    CLOUD_ANALYSES,
    CLOUD_EVENTS,
    CLOUD_ERRORS,
    CLOUD_METRICS,
    CLOUD_COSTS,
    N_CLOUD_TABLES
} cloud_table_id;

const cloud_table *cloud_table_get(cloud_table_id id);
/* By name; NULL. */
const cloud_table *cloud_table_find(const char *name);

/* The `columns` parameter of an insert, or of an amendment. */
void cloud_table_columns(const cloud_table *t, bool amends, char *out, size_t bytes);

typedef enum cloud_table_part { CLOUD_TABLE_WAITING, CLOUD_TABLE_DEAD } cloud_table_part;

/* "SELECT n, ..." of the table's rows in the outbox with ?1 = op, at most ?2, without those from n = ?3 to ?4, in their order; or of dead letter
 * ?1. */
void cloud_table_select(const cloud_table *t, cloud_table_part part, char *out, size_t bytes);
/* A row of that select as an object; `machine_row` may be NULL. */
MUST_CHECK err cloud_table_write(local_db *db, const cloud_table *t, sqlite3_stmt *row, bool amends,
                                 const char *machine_row, json_writer *w, diag *why);
/* "INSERT OR REPLACE" of a row from the JSON object ?1, its members named as the columns, times in ms. */
void cloud_table_put_sql(const cloud_table *t, char *out, size_t bytes);
