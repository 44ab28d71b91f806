/* Recorded bars of several symbols and intervals, played in the order of (close time, interval, symbol).
 *
 * Higher intervals are made from a symbol's smallest file. The tape also answers for REST: any range of what it holds.
 * Threads: one. Ownership: the tape owns the bars; `symbols` is borrowed and filled. */
#pragma once
#include "base/errors.h"
#include "market/kline_file.h"
#include "market/symbol.h"

typedef struct tape tape;

/* Loads the files of `names` (all of the folder when n is 0) for the intervals of `mask`. What a symbol has no bars
 * for (its smallest file is larger) is said in the log and simply missing. */
MUST_CHECK err tape_open(const char *folder, const char *const *names, size_t n_names, uint32_t mask,
                         symbol_table *symbols, tape **out, diag *why);
void tape_free(tape *t);

/* Open time of the oldest bar, and end of the newest. */
void tape_span(const tape *t, int64_t *from_ms, int64_t *to_ms);
/* The next bar will be the first one that opens at or after `from_ms`; none at or after `to_ms` will come. */
void tape_seek(tape *t, int64_t from_ms, int64_t to_ms);
/* False at the end. */
bool tape_next(tape *t, uint32_t *symbol, int32_t *interval, kline *bar);
/* Bars of [from_ms, to_ms); NULL and 0 when there are none. Borrowed. */
const kline *tape_range(const tape *t, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms,
                        size_t *count);
/* Whether the symbol has a bar of `interval` that closes at `close_ms`. */
bool tape_has_close(const tape *t, uint32_t symbol, int32_t interval, int64_t close_ms);
