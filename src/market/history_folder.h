/* The history store on the disk:
 *
 *   DATA_DIR/history/spot/BTCUSDT-1m/BTCUSDT-1m-2025-01.csv.zst
 *                    market  series   part
 *
 * A folder of a market is a folder of klines like any other: kline_file.h reads a series as it reads a file.
 * Threads: any. Ownership: lists are the caller's. */
#pragma once
#include "market/history_part.h"

enum { HISTORY_PATH_BYTES = 4096 };

typedef struct history_names {
    char **items; /* sorted */
    size_t count;
} history_names;

typedef struct history_series {
    char symbol[SYMBOL_BYTES];
    int32_t interval;
} history_series;

/* ERR_TOO_BIG with a sentence when the path would be too long. */
MUST_CHECK err history_folder_of_market(const char *data_dir, const char *market, char out[HISTORY_PATH_BYTES],
                                        diag *why);
MUST_CHECK err history_folder_of_series(const char *market_folder, const history_series *s,
                                        char out[HISTORY_PATH_BYTES], diag *why);
/* BTCUSDT-1m: false when the name is no series's. */
bool history_series_of_name(const char *name, history_series *out);

/* All series, by symbol and then by interval; none when the folder is not there. Free `*out`. ERR_IO, ERR_NO_MEMORY. */
MUST_CHECK err history_folder_list(const char *market_folder, history_series **out, size_t *count, diag *why);
/* The names of the files of a series's parts, oldest first; none when the folder is not there. */
MUST_CHECK err history_folder_parts(const char *series_folder, history_names *out, diag *why);
void history_names_free(history_names *names); /* zeroes it */
/* All bars of a series, oldest first. A damaged part is ERR_INVALID with its sentence. */
MUST_CHECK err history_folder_read(const char *series_folder, int32_t interval, kline_list *out, diag *why);

/* The part that holds `ms`; an empty one when it has no file. A file that cannot be read is renamed to FILE.damaged, and
 * `aside` says so (else it is ""). ERR_IO, ERR_NO_MEMORY, ERR_TOO_BIG with a sentence; then there is nothing to free. */
MUST_CHECK err history_folder_load(const char *series_folder, const char *market, const history_series *s, int64_t ms,
                                   history_part *out, diag *aside, diag *why);
/* As history_file_write, into a folder that is made when it is not there. */
MUST_CHECK err history_folder_save(const char *series_folder, const history_part *p, diag *why);
