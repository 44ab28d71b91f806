/* One file of the history store: SYMBOL-INTERVAL-2025-01.csv.zst, or -2025-01-31 for one-second bars.
 *
 * Its rows are those of kline_csv.h behind a line of names, packed by zstd, so `zstd -dc`, pandas and DuckDB read it as
 * it is. Before them stands a zstd frame that readers skip: the SHA-256 of all that follows, and as
 * JSON what the file is of, how many bars it has and where its holes are.
 * It is written aside, flushed and renamed: after a crash or on a full disk the file before is still there.
 * Threads: any one at a time. Ownership: the part is the caller's. */
#pragma once
#include "market/history_part.h"

/* The name of the part's file; 160 bytes are enough. */
enum { HISTORY_NAME_BYTES = 160 };
extern const char history_file_ending[]; /* .csv.zst */
void history_file_name(const history_part *p, char out[HISTORY_NAME_BYTES]);

/* What is wrong with a file, one sentence at a time: path, line of the rows (names are line 1), found, expected. False: no
 * more of them are wanted. */
typedef bool (*history_finding_fn)(void *context, const char *sentence);

/* Every byte and every row is checked; the first fault is ERR_INVALID with its sentence, and nothing is read.
 * ERR_NOT_FOUND, ERR_IO, ERR_TOO_BIG, ERR_NO_MEMORY. `out` is initialised by it. */
MUST_CHECK err history_file_read(const char *path, history_part *out, diag *why);
/* The same of bytes that were read from `path`. */
MUST_CHECK err history_file_decode(const unsigned char *data, size_t bytes, const char *path, history_part *out,
                                   diag *why);
/* All faults; what is sound is in `out`, which may be empty. OK also with findings; else as history_file_read. */
MUST_CHECK err history_file_check(const char *path, history_finding_fn on_finding, void *context, history_part *out,
                                  diag *why);
/* What the file says it is of, for a name that does not tell. ERR_INVALID, ERR_IO. */
MUST_CHECK err history_file_interval(const char *path, int32_t *interval, diag *why);

MUST_CHECK err history_file_encode(const history_part *p, unsigned char **data, size_t *bytes);
/* Into `folder`, which is there. ERR_IO (the disk is full, say), ERR_NO_MEMORY; then nothing has changed. `bytes` may be
 * NULL. */
MUST_CHECK err history_file_write(const char *folder, const history_part *p, size_t *bytes, diag *why);
