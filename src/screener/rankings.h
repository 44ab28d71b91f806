/* The rankings of all traders with `rank`: who is a member of which, and what they say.
 * Threads: the feed's. */
#pragma once
#include "screener/ranking.h"
#include "screener/trader_set.h"

typedef struct rankings_handlers {
    /* The place of a symbol among those of the trader at `place` of the set. */
    err (*on_rank)(void *context, const trader *who, int32_t place, uint32_t symbol, int64_t close_ms,
                   const script_rank *rank);
    bool (*is_loading)(void *context, uint32_t symbol); /* see ranking_expire */
    void *context;
} rankings_handlers;

typedef struct rankings rankings;

MUST_CHECK err rankings_new(const symbol_table *symbols, const rankings_handlers *handlers, rankings **out);
void rankings_free(rankings *r);

/* Those of the set that are not there yet are made, with the members that they want of these symbols. ERR_NO_MEMORY. */
MUST_CHECK err rankings_install(rankings *r, const trader_set *set, const uint32_t *symbols, uint32_t n_symbols);
/* Those that are not in the set end. */
void rankings_drop(rankings *r, const trader_set *set);

/* A symbol comes, for whoever wants it; or leaves. The errors are on_rank's, or ERR_NO_MEMORY; so below. */
MUST_CHECK err rankings_join(rankings *r, uint32_t symbol);
MUST_CHECK err rankings_leave(rankings *r, uint32_t symbol);
/* Traders may want other ones of these symbols now. */
MUST_CHECK err rankings_choose(rankings *r, const uint32_t *symbols, uint32_t n_symbols);

MUST_CHECK err rankings_say(rankings *r, const trader *who, const rank_word *word);
MUST_CHECK err rankings_expire(rankings *r, int64_t market_ms, int64_t grace_ms);
