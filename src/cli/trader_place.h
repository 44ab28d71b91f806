/* Where traders are: a folder of files, a SQLite file (sync/trader_table.h), or the user's rows in Supabase. `import` and
 * `export` carry them from one to another.
 *
 * Threads: the main thread, before any other. Ownership: places borrow the configuration. */
#pragma once
#include "config.h"
#include "sync/trader_row.h"

typedef enum place_kind { PLACE_FOLDER, PLACE_DATABASE, PLACE_SUPABASE } place_kind;

typedef struct trader_place {
    place_kind kind;
    const char *path; /* of a folder or a file */
    const config *cfg;
} trader_place;

/* A trader that cannot be read: what it is called, and why. */
typedef void (*place_problem_fn)(void *context, const char *name, const char *why);

/* "supabase", a path that ends in .db or .sqlite, or a folder. ERR_INVALID: Supabase without its settings. */
MUST_CHECK err trader_place_parse(const char *text, const config *cfg, trader_place *out, diag *why);
/* Its traders, sorted by id; of Supabase the user's own ones. `is_target`: to compare with, so that files are not compiled,
 * and a place that is not there yet has none. */
MUST_CHECK err trader_place_read(const trader_place *p, bool is_target, trader_row_list *out,
                                 place_problem_fn on_problem, void *context, diag *why);
/* The row is written: as a new one with `before` NULL, else in the place of that one. */
MUST_CHECK err trader_place_put(const trader_place *p, const trader_row *row, const trader_row *before, diag *why);

/* Its parts, one for each kind. */
MUST_CHECK err trader_files_read(const trader_place *p, bool is_target, trader_row_list *out,
                                 place_problem_fn on_problem, void *context, diag *why);
MUST_CHECK err trader_files_put(const trader_place *p, const trader_row *row, diag *why);
MUST_CHECK err trader_cloud_read(const trader_place *p, trader_row_list *out, diag *why);
MUST_CHECK err trader_cloud_put(const trader_place *p, const trader_row *row, const trader_row *before, diag *why);
