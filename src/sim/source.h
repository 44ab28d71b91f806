/* Where the simulated exchange has its bars from: recorded files or the market model, behind one face.
 * A symbol has bars of one base interval; everything larger is folded from those.
 * Threads: one. Ownership: the source owns all that it lends. */
#pragma once
#include "abi.h"
#include "base/errors.h"
#include "market/symbol.h"

typedef struct source source;

typedef struct source_symbol {
    symbol_info info;
    enum interval base;
    int64_t first_ms;          /* open time of the first bar */
    int64_t end_ms;            /* end of the last bar */
    char stream[SYMBOL_BYTES]; /* the name in lower case, as stream names have it */
    bool is_hidden;            /* not listed yet: nobody has heard of it */
} source_symbol;

/* `symbols`: comma-separated, NULL for all that have a file. */
MUST_CHECK err source_open_files(const char *folder, const char *symbols, source **out, diag *why);
/* `symbols`: a number, or comma-separated names. */
MUST_CHECK err source_open_market(const char *symbols, uint64_t seed, source **out, diag *why);
void source_free(source *s);

uint32_t source_count(const source *s);
const source_symbol *source_at(const source *s, uint32_t symbol);
/* By name in upper case; ERR_NOT_FOUND. */
MUST_CHECK err source_find(const source *s, const char *name, size_t bytes, uint32_t *symbol);
/* By name in lower case. */
MUST_CHECK err source_find_stream(const source *s, const char *name, size_t bytes, uint32_t *symbol);

/* The base bars that open in [from_ms, to_ms) do not exist, for anybody; INT64_MAX: from then on. */
MUST_CHECK err source_add_hole(source *s, uint32_t symbol, int64_t from_ms, int64_t to_ms);
/* Trading stops at `ms` (a hole without an end begins), or goes on (it ends). */
MUST_CHECK err source_set_trading(source *s, uint32_t symbol, bool is_trading, int64_t ms);
void source_set_hidden(source *s, uint32_t symbol, bool is_hidden);

/* Open time of the first base bar at or after `ms`; INT64_MAX when there is none. */
int64_t source_next_open(const source *s, uint32_t symbol, int64_t ms);
/* Open time of the last base bar before `ms`; INT64_MIN when there is none. */
int64_t source_previous_open(const source *s, uint32_t symbol, int64_t ms);
/* The base bar that opens at `open_ms`, which one of the two functions above has named. */
MUST_CHECK err source_bar(source *s, uint32_t symbol, int64_t open_ms, kline *out);
/* Fold the base bars that open in [from_ms, to_ms); `count` 0 when there are none. `out->open_ms` is the first one's. */
MUST_CHECK err source_fold(source *s, uint32_t symbol, int64_t from_ms, int64_t to_ms, kline *out, size_t *count);
