/* The symbols that traders name in `references`. Every worker has a copy of its own of each, under one further id, `copy`.
 * Threads: the feed's. Plain data; all zeros: none. */
#pragma once
#include "market/symbol.h"
#include "screener/trader_set.h"

enum { REFERENCE_SYMBOLS_MAX = 64 };

typedef struct reference {
    uint32_t symbol, copy;
    const symbol_info *info;
    int64_t start_ms; /* market time when the first copies were made: those of later workers begin there too */
} reference;

typedef struct references {
    reference items[REFERENCE_SYMBOLS_MAX];
    int32_t count;
    uint8_t at[SYMBOL_MAX];      /* index + 1 of the reference that this symbol is; 0: none */
    uint8_t copy_at[SYMBOL_MAX]; /* likewise for ids of copies */
} references;

/* NULL: it is none, or none yet. */
const reference *references_find(const references *r, const char *name);
const reference *references_of(const references *r, uint32_t symbol);
bool references_is_copy(const references *r, uint32_t id);
/* ERR_FULL. */
MUST_CHECK err references_add(references *r, const reference *what);
/* Those that are there already: a trader must know them when it is installed, since nothing may come that it could wait for. */
void references_attach(const references *r, const trader_set *set);
/* The trader names what does not exist (why) and can never run. */
void references_refuse(trader *who, const char *name, err why);
