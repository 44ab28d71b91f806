/* Cross-section: all symbols of a trader with `rank` are scored at a close; when everybody has had a say, they are
 * ranked, and each learns its place.
 *
 * A symbol speaks for a trader in the order of its bars: a score, or nothing (it has no bar there, is warming up, has
 * failed). What it says of one close also says that it has no more to say of earlier ones. A close is complete when all
 * members have said something of it or of a later one; or when it is closed for being overdue: who is missing then is
 * left out and named. Ties are broken by the symbol's name, so the places do not depend on who spoke first.
 * Threads: the feed's. */
#pragma once
#include "market/symbol.h"
#include "script/state.h"

typedef struct ranking ranking; /* of one trader */

typedef struct rank_word {
    uint32_t symbol;
    int64_t close_ms;
    double score, change_pct; /* NaN: none */
    bool has_score;           /* false: nothing to say up to close_ms */
} rank_word;

/* `rank.rank`: the place from 1; 0: it has no place (NaN); RANK_LEFT_OUT: the close was closed before it spoke. */
enum { RANK_LEFT_OUT = -1 };
typedef void (*rank_told_fn)(void *context, uint32_t symbol, int64_t close_ms, const script_rank *rank);

MUST_CHECK err ranking_new(const symbol_table *symbols, const char *trader, ranking **out);
void ranking_free(ranking *r);
/* The symbol is (or is no longer) among those that are ranked. */
MUST_CHECK err ranking_set_member(ranking *r, uint32_t symbol, bool is_member);
/* Takes what a symbol says; tells places as closes become complete, oldest first. ERR_NO_MEMORY. */
MUST_CHECK err ranking_say(ranking *r, const rank_word *word, int64_t now_ns, rank_told_fn told, void *context);
/* Tells what has become complete without a word: a member has left. */
MUST_CHECK err ranking_complete(ranking *r, rank_told_fn told, void *context);
/* Closes what is overdue: those closes that had ended `grace_ms` before `market_ms` and that have been open for as long
 * (monotonic), unless is_loading says that a missing member's history is still under way. */
MUST_CHECK err ranking_expire(ranking *r, int64_t market_ms, int64_t now_ns, int64_t grace_ms,
                              bool (*is_loading)(void *context, uint32_t symbol), rank_told_fn told, void *context);
bool ranking_is_open(const ranking *r); /* some close waits for somebody */
