/* The names of all indicators in use: one id for each distinct (interval, kind, sources, parameters), process-wide.
 *
 * The registry only names; values and states belong to each symbol's series (indicator_set). Twenty traders that ask
 * for the same RSI get the same id, so it is computed once per symbol.
 * Threads: any thread may register and look up at any time; a place in the fixed table is claimed by compare-and-swap,
 * entries never change or go away. No lock, no malloc after registry_new. */
#pragma once
#include "abi.h"
#include "base/errors.h"

enum {
    REGISTRY_MAX = 4096,
    INDICATOR_SOURCES = 3,
    INDICATOR_PARAMS = 4,
    INDICATOR_OUTPUTS = 8,
    INDICATOR_KEY_BYTES = 2048,
    REGISTRY_SYMBOLS_MAX = 256, /* other symbols that series are aligned from */
    REGISTRY_SYMBOL_BYTES = 64
};

/* A series of doubles beside the bars: a market field, or an output of an indicator. Negative: none. */
typedef int32_t series_ref;
enum { SERIES_NONE = -1, SERIES_FIRST_OUTPUT = 16 };
static inline series_ref series_of_output(int32_t id, int32_t output) {
    return SERIES_FIRST_OUTPUT + id * INDICATOR_OUTPUTS + output;
}
static inline bool series_is_output(series_ref ref) { return ref >= SERIES_FIRST_OUTPUT; }
static inline int32_t series_indicator(series_ref ref) { return (ref - SERIES_FIRST_OUTPUT) / INDICATOR_OUTPUTS; }
static inline int32_t series_output(series_ref ref) { return (ref - SERIES_FIRST_OUTPUT) % INDICATOR_OUTPUTS; }

typedef struct indicator_spec {
    int32_t kind;     /* enum indicator_kind */
    int32_t interval; /* enum interval */
    series_ref source[INDICATOR_SOURCES];
    double param[INDICATOR_PARAMS]; /* unused ones are 0 */
} indicator_spec;

typedef struct registry registry;

MUST_CHECK err registry_new(registry **out);
void registry_free(registry *r);
/* Finds or adds; the id, or -1 when REGISTRY_MAX is reached, or -2 when its canonical text would not fit into
 * INDICATOR_KEY_BYTES (an expression of too many parts). The spec must be valid (kernel_check). */
int32_t registry_claim(registry *r, const indicator_spec *spec);
/* The number of a symbol that series are aligned from (parameter 1 of `align`; 0: the symbol itself), from 1 on; -1 when
 * there are too many, or the name is empty or too long. */
int32_t registry_symbol(registry *r, const char *name, size_t bytes);
/* NULL for an id that was never given out. */
const indicator_spec *registry_get(const registry *r, int32_t id);
int32_t registry_count(const registry *r);
/* Canonical text such as "5m sma(rsi(close,14),9)" or "5m align(BTCUSDT/1h:close)", the same in every process. */
void registry_key(const registry *r, int32_t id, char out[INDICATOR_KEY_BYTES]);
/* The id of a canonical text, registering what is missing; ERR_INVALID when this version has no such indicator. */
MUST_CHECK err registry_parse(registry *r, const char *key, int32_t *id);
/* Bars that must have been seen before the value counts: windowed = length, recursive = 10 x length (25 x for
 * Wilder's), at least 250; session VWAP = the session; a source's own depth in front. */
int32_t registry_depth(const registry *r, int32_t id);
/* Whether it is an author's own series, or made of one. */
bool registry_needs_own(const registry *r, int32_t id);
