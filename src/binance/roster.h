/* Who is in the universe, as it is now and as it changes: keeps what the exchange has said last, chooses from it
 * (universe.h), and brings the symbol table up to date.
 *
 *   roster_begin -> roster_add ... -> roster_set_volume ... -> roster_choose       at the start, and again and again
 *
 * Threads: one. Ownership: policy texts and symbol table are borrowed and must outlive it. */
#pragma once
#include "binance/universe.h"

typedef struct roster roster;

typedef struct roster_stats {
    size_t n_members;
    size_t n_added, n_removed;             /* the last time that it was chosen anew */
    uint64_t n_added_ever, n_removed_ever; /* after the first choice */
    uint64_t n_choices, n_refused;         /* refused: nothing could be chosen, the members stayed */
    int64_t chosen_ms;                     /* market time of the last choice; 0: none yet */
} roster_stats;

enum { ROSTER_MAX = SYMBOL_MAX };

MUST_CHECK err roster_new(const universe_policy *policy, symbol_table *symbols, roster **out);
void roster_free(roster *r);

/* A new list; what was there counts until roster_choose. Also ends one that was begun before. */
void roster_begin(roster *r);
/* ERR_NO_MEMORY; past ROSTER_MAX symbols are left out. */
MUST_CHECK err roster_add(roster *r, const symbol_info *info);
/* All have been added. */
void roster_sort(roster *r);
/* Of an unknown symbol: nothing. */
void roster_set_volume(roster *r, const char *name, size_t name_bytes, double quote_volume_24h);
/* The list counts from here on: volumes and states of all symbols of the table follow it, members come and go, which is
 * logged. Those that the policy names stay even when they do not trade. Fails like universe_choose, and with ERR_FULL when the table has
 * no room: then the members are those from before. */
MUST_CHECK err roster_choose(roster *r, int64_t market_ms, diag *why);

/* Ids, the most traded first (or in the order of the policy's names). */
const uint32_t *roster_members(const roster *r, size_t *n);
bool roster_is_member(const roster *r, uint32_t id);
/* Any symbol of the exchange; one that is new to the table enters it as one outside of the universe. ERR_NOT_FOUND. */
MUST_CHECK err roster_find(roster *r, const char *name, uint32_t *id);
roster_stats roster_get_stats(const roster *r);
