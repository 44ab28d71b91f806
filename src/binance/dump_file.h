/* The public dumps of klines (data.binance.vision), out of bytes that nobody vouches for: a ZIP archive of one CSV file,
 * and beside it a text with its SHA-256.
 *
 * The CSV has the twelve columns of a REST row, with a line of column names (newer files of the futures) or without one.
 * Its times are ms, or microseconds (spot from 2025 on); one file has one unit. A row that breaks a rule of bars is refused
 * and counted, as in parse.h; one that stands twice counts once. Rows that are no rows, go back in time, differ from
 * the same bar before or belong to another period make the file ERR_SYNTAX, with line, found and expected.
 * Threads: pure. Ownership: arguments are borrowed, the list is the caller's. */
#pragma once
#include "base/sha256.h"
#include "market/kline_file.h"

typedef struct dump_period {
    int32_t interval;
    int64_t from_ms, to_ms; /* its bars open in [from_ms, to_ms) */
} dump_period;

typedef struct dump_notes {
    bool has_names; /* a line of column names */
    bool has_microseconds;
    size_t n_refused, n_repeated; /* rows */
    size_t refused_line;          /* of the first refused row, from 1 */
    const char *refused_rule;     /* what it lacks; a constant */
} dump_notes;

/* The CHECKSUM file of the archive `name`: 64 digits, blanks, the name. ERR_SYNTAX. */
MUST_CHECK err dump_checksum_read(const char *text, size_t bytes, const char *name, unsigned char out[SHA256_BYTES],
                                  diag *why);
/* Whether the archive has that SHA-256. ERR_INVALID when it has another, ERR_NO_MEMORY. */
MUST_CHECK err dump_checksum_compare(const void *archive, size_t bytes, const unsigned char wanted[SHA256_BYTES],
                                     diag *why);
/* The bars of the archive's file, which must be called `name` with .csv in place of .zip. Also ERR_UNSUPPORTED,
 * ERR_TOO_BIG, ERR_NO_MEMORY; after a failure the list is empty. */
MUST_CHECK err dump_file_read(const void *archive, size_t bytes, const char *name, const dump_period *period,
                              kline_list *out, dump_notes *notes, diag *why);
/* The same of the CSV alone. */
MUST_CHECK err dump_rows_read(const char *text, size_t bytes, const dump_period *period, kline_list *out,
                              dump_notes *notes, diag *why);
