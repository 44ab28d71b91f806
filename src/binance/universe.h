/* Which symbols to watch. Pure: a list of what the exchange has, a policy and who was in so far; a choice out.
 * Threads: none shared. Ownership: all memory is the caller's. */
#pragma once
#include "base/errors.h"
#include "market/symbol.h"

typedef struct universe_policy {
    const char *const *names;       /* exactly these, in this order; letter case of a-z does not matter */
    size_t n_names;                 /* 0: choose by volume */
    const char *quote;              /* quote asset, such as "USDT" */
    size_t count;                   /* at most so many */
    double min_quote_volume;        /* 24 h, quote asset */
    bool has_leveraged, has_stable; /* these kinds are chosen by volume, too */
} universe_policy;

/* Into name order, which the rest needs. */
void universe_sort(symbol_info *symbols, size_t n);
/* NULL when unknown. */
symbol_info *universe_find(symbol_info *symbols, size_t n, const char *name, size_t name_bytes);

/* A token that follows another one with a lever: its base is another listed base and UP, DOWN, BULL or BEAR (BTCUP,
 * ADABEAR). JUP, SUPER and SYRUP are none: nothing is called J or SYR. Behind a base of one or two letters the opposite
 * must be listed as well, since S and SUP are two coins of their own. */
bool universe_is_leveraged(const symbol_info *symbols, size_t n, const char *base);
/* What keeps the price of a currency: dollar coins, euro coins, and the currencies themselves. Their pairs have
 * high volume and next to no movement. Gold is none. */
bool universe_is_stable(const char *base);

/* Indices into `symbols` (in name order) to `chosen`, which has room for max(n_names, n).
 *
 * By volume: trading symbols of the quote asset with the least volume, largest 24 h quote volume first, ties by name.
 * `is_member` (by index; NULL: nobody) says who was in so far, so that the border does not flap: a member leaves when it
 * falls more than a tenth of `count` below the last place, or below 80 % of the least volume; another one comes in when
 * it is a tenth of `count` above the last place, or a place is free.
 * By name: those named, each once, trading or not (the caller may warn).
 * ERR_NOT_FOUND: an unknown name, with the nearest known one, or no symbol at all. ERR_NO_MEMORY. */
MUST_CHECK err universe_choose(const symbol_info *symbols, size_t n, const universe_policy *policy,
                               const bool *is_member, uint32_t *chosen, size_t *n_chosen, diag *why);
