/* One kline as a line of text, the form of all files of klines:
 *
 *   open_time,open,high,low,close,volume,close_time,quote_volume,trades,taker_base,taker_quote
 *
 * Times are Unix ms. Decimals are the shortest that read back the same, so writing and reading changes no bit.
 * Threads: pure. Ownership: all of it is the caller's. */
#pragma once
#include "abi.h"
#include "base/errors.h"

enum { KLINE_CSV_ROW_BYTES = 512, KLINE_CSV_NUMBER_BYTES = 32 };

extern const char kline_csv_names[]; /* the first line, without its end */

typedef struct kline_csv_place {
    const char *path;
    size_t line; /* from 1 */
    diag *why;
} kline_csv_place;

/* Strict. ERR_SYNTAX with path, line, what was found and what was expected. */
MUST_CHECK err kline_csv_read(const kline_csv_place *at, int32_t interval, const char *line, size_t bytes, kline *bar);
/* That sentence for any other fault of the line; returns ERR_SYNTAX. */
MUST_CHECK err kline_csv_refuse(const kline_csv_place *at, const char *found, size_t found_bytes, const char *expected);
/* The row with its line end, without a zero; returns the number of bytes. */
size_t kline_csv_write(int32_t interval, const kline *bar, char out[KLINE_CSV_ROW_BYTES]);
/* A finite number, without a zero behind it; returns the number of bytes. */
size_t kline_csv_number(double value, char out[KLINE_CSV_NUMBER_BYTES]);
