/* The table `candles` of the local database: the last bars at a bar that has signals, once for all of them, compressed.
 * Threads, errors: as local_db.h. */
#pragma once
#include "base/json_writer.h"
#include "screener/pass.h"

typedef struct local_db local_db;

/* Within a transaction. Those of the same bar are replaced: it may have been a forming one. */
MUST_CHECK err candle_table_put(local_db *db, const char *symbol, int32_t interval, const candles_row *row, diag *why);
/* Writes an array of {x, o, h, l, c, v}, x being the open time, ms; [] when there are none. */
MUST_CHECK err candle_table_write(local_db *db, const char *symbol, const char *interval, int64_t open_ms,
                                  json_writer *w, diag *why);
/* The same as an array of [open time, open, high, low, close, volume]. */
MUST_CHECK err candle_table_write_rows(local_db *db, const char *symbol, const char *interval, int64_t open_ms,
                                       json_writer *w, diag *why);
