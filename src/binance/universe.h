/* Which symbols to watch. Pure: a list of what the exchange has and a policy in, a choice out.
 * Threads: none shared. Ownership: all memory is the caller's. */
#pragma once
#include "base/errors.h"
#include "market/symbol.h"

typedef struct universe_policy {
    const char *const *names; /* exactly these, in this order; letter case of a-z does not matter */
    size_t n_names;           /* 0: choose by volume */
    const char *quote;        /* quote asset, such as "USDT" */
    size_t count;             /* at most so many */
} universe_policy;

/* Into name order, which universe_find needs. */
void universe_sort(symbol_info *symbols, size_t n);
/* NULL when unknown. */
symbol_info *universe_find(symbol_info *symbols, size_t n, const char *name, size_t name_bytes);

/* Indices into `symbols` (in name order) to `chosen`, which has room for max(n_names, n).
 * By volume: trading symbols of the quote asset, largest 24 h quote volume first, ties by name. By name: those named,
 * each once, trading or not (the caller may warn). ERR_NOT_FOUND: an unknown name, with the nearest known one, or no
 * symbol at all of that quote asset. */
MUST_CHECK err universe_choose(const symbol_info *symbols, size_t n, const universe_policy *policy, uint32_t *chosen,
                               size_t *n_chosen, diag *why);
