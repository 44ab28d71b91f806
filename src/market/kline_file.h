/* Recorded klines from files SYMBOL-INTERVAL.csv or .csv.gz in one folder, and higher intervals made from them. Lines
 * are those of kline_csv.h; bad ones end the load with file, line, found, expected. A folder SYMBOL-INTERVAL of the
 * history store (history_folder.h) counts as a file, and so does one of its parts when its path is given.
 * Threads: any; plain data owned by the caller. */
#pragma once
#include "market/kline_list.h"

/* One file, strict. */
MUST_CHECK err kline_file_read(const char *path, enum interval interval, kline_list *out, diag *why);
/* The interval of a file: of its name, SYMBOL-INTERVAL.csv or .csv.gz, else of its first bar, or of a part's heading. ERR_SYNTAX and a sentence
 * when neither says so. */
MUST_CHECK err kline_file_interval(const char *path, enum interval *interval, diag *why);
/* The smallest interval for which `symbol` has a file in `folder`; ERR_NOT_FOUND when none. */
MUST_CHECK err kline_file_smallest(const char *folder, const char *symbol, enum interval *interval, char *path,
                                   size_t path_bytes);
/* All symbols that have a file, sorted; caller frees with kline_file_free_symbols. */
MUST_CHECK err kline_file_symbols(const char *folder, char ***names, size_t *count, diag *why);
void kline_file_free_symbols(char **names, size_t count);

/* Fold the bar that follows into one that is being built; `into` keeps its open and open time. Sums stay on the
 * exchange's grid of 8 decimals, so a bar that is printed with 8 decimals and read back has the same bits. */
void kline_merge(kline *into, const kline *next);

/* Bars of `to` made exactly from closed bars of the smaller interval `from` (open of the first, high, low, close of
 * the last, sums of the rest in order). A bar of `to` whose span holds no bar of `from` does not exist; one at either
 * edge is included only when the input reaches that edge (first bar of `from` starts the span; last one ends it).
 * A span with a hole inside exists and is made of what is there. ERR_INVALID when `from` does not divide `to`. */
MUST_CHECK err kline_resample(const kline_list *from_bars, enum interval from, enum interval to, kline_list *out);
