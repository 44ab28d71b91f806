/* What storage remembers of earlier runs, handed to the screener before its first evaluation. Read-only afterwards.
 * Look-ups are by text and happen when a symbol or a trader is first seen, never on the hot path. */
#pragma once
#include "base/errors.h"
#include "screener/pass.h"

typedef struct memory memory;

MUST_CHECK err memory_new(memory **out);
void memory_free(memory *m);

/* Filled by storage. Strings are copied. */
MUST_CHECK err memory_add_watermark(memory *m, const char *symbol, int32_t interval, int64_t open_ms);
MUST_CHECK err memory_add_owed(memory *m, const char *symbol, int32_t interval, const owed_row *owed);
MUST_CHECK err memory_add_edge(memory *m, const char *symbol, const edge_row *edge);
MUST_CHECK err memory_add_epoch(memory *m, const char *symbol, const char *key, int64_t epoch_ms);

/* Watermark of (symbol, interval); 0 when there is none. */
int64_t memory_watermark(const memory *m, const char *symbol, int32_t interval);
/* NULL when the trader owes nothing there. */
const owed_row *memory_owed(const memory *m, const char *symbol, int32_t interval, const char *trader_id);
/* Of its evaluations at closes, or (is_tick) of those at ticks. NULL when the trader (with this revision) has no such
 * memory of the symbol. */
const edge_row *memory_edge(const memory *m, const char *symbol, const char *trader_id, const char *revision,
                            bool is_tick);
/* Of the indicator with this canonical text; 0: none is known. */
int64_t memory_epoch(const memory *m, const char *symbol, const char *key);
/* Calls `each` for every memory of evaluations at closes, of all symbols, in no order. */
void memory_each_edge(const memory *m, void (*each)(void *context, const char *symbol, const edge_row *edge),
                      void *context);
/* Calls `each` for every indicator epoch of the symbol in the order in which they were added. */
void memory_each_epoch(const memory *m, const char *symbol,
                       void (*each)(void *context, const char *key, int64_t epoch_ms), void *context);
