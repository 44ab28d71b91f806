/* The traders that run. A trader object is one version (code and inputs) of one trader; a set says which of them run
 * from some instant on. Places in a set are stable: an unchanged trader keeps its place in every later set, an edited
 * one takes the place of the version before, a removed one leaves a place empty. So what symbols and states keep by
 * place stays right when others change.
 *
 * Threads: the feed's makes and frees both; sets are immutable. Of a trader only `fault` changes (protected by `lock`;
 * touched when something fails or somebody asks) and `stopped_until_ms` (atomic). Shared by all workers.
 * Ownership: a trader is freed when the last set that holds it is. */
#pragma once
#include "screener/trader_error.h"
#include "script/trader.h"
#include <pthread.h>
#include <stdatomic.h>

enum { FAULT_ROWS_MAX = 8 };

/* What went wrong, alike things together; of more than FAULT_ROWS_MAX kinds the longest unseen is forgotten. */
typedef struct trader_fault {
    uint64_t n_errors, n_kills, n_floods, n_pauses;
    int64_t first_ms, last_ms; /* wall clock */
    trader_error_row *rows;
    bool is_new[FAULT_ROWS_MAX]; /* not taken by trader_take_errors yet */
    int32_t n_rows, last;        /* last: index of the row that came last */
    int32_t level;               /* of the last pause, from 1; 0: none, or long past */
} trader_fault;

typedef struct trader {
    trader_source *source; /* owned, like spec */
    trader_spec *spec;
    int32_t n_sets;
    _Atomic double least_volume; /* 24 h, quote asset: trader_set_choose */
    char warning[256];           /* what the symbols that it names lack; empty: nothing. The feed's thread alone */
    _Atomic uint32_t reference_ids[REFERENCES_MAX]; /* symbols of the copies of its references; 0: not known yet */
    _Atomic int64_t stopped_until_ms; /* market time: bars that close before it are not evaluated; 0: runs */
    _Atomic int64_t hour_ms;          /* market time of the hour that n_signals counts */
    _Atomic int32_t n_signals;
    _Atomic int64_t timed_ns, n_timed; /* of the evaluations that were timed, about one in 64 */
    /* Closes of bars, market time: the newest at which it waited for its depth, with how much of it there was; the newest at which it
     * did not. 0: none. */
    _Atomic int64_t warming_ms, warm_ms;
    _Atomic int32_t have, need;
    uint64_t n_told;        /* signals that are kept, without historical ones. The feed's thread alone, */
    uint64_t n_pauses_told; /* as this */
    pthread_mutex_t lock;
    trader_fault fault;
} trader;

typedef struct trader_set {
    int32_t count;    /* places */
    trader **traders; /* NULL: an empty place */
} trader_set;

/* Takes source and spec over, also when it fails. */
MUST_CHECK err trader_new(trader_source *source, trader_spec *spec, trader **out);
/* For one that no set has taken. */
void trader_free(trader *t);

/* A set of `count` empty places. */
MUST_CHECK err trader_set_new(int32_t count, trader_set **out);
void trader_set_put(trader_set *set, int32_t place, trader *t);
void trader_set_free(trader_set *set);

static inline trader *trader_set_at(const trader_set *set, int32_t place) {
    return set && place < set->count ? set->traders[place] : NULL;
}
/* The place of a trader by its key (id field or file name); -1: none. */
int32_t trader_set_find(const trader_set *set, const char *key);
int32_t trader_set_running(const trader_set *set); /* places that are not empty */

/* Whether a bar that closes at `close_ms` is left out. */
static inline bool trader_is_stopped(const trader *t, int64_t close_ms) {
    return close_ms < atomic_load_explicit(&((trader *)t)->stopped_until_ms, memory_order_relaxed);
}

/* At a close it waited for its depth, `have` of `need` bars (0: unknown); or it did not. Any thread. */
void trader_note_warming(trader *t, int64_t close_ms, int32_t have, int32_t need);
static inline void trader_note_warm(trader *t, int64_t close_ms) {
    if (close_ms > atomic_load_explicit(&t->warm_ms, memory_order_relaxed))
        atomic_store_explicit(&t->warm_ms, close_ms, memory_order_relaxed);
}
/* It waits for its depth on all symbols, as far as is known. */
bool trader_is_warming(const trader *t, int32_t *have, int32_t *need);

/* What went wrong at a bar that closes at `close_ms`. With `stops` the trader pauses in the whole process: 1 minute of
 * market time, then 5, 30, 120, 720, unless it has run well for longer than the last pause, and than an hour, in between.
 * `symbol` may be empty and `open_ms` 0. */
typedef struct trader_trouble {
    trader_error_kind kind;
    const char *symbol;
    int64_t open_ms, close_ms;
    const char *message, *trace;
    bool stops;
} trader_trouble;

/* True when it was running and is stopped now. */
bool trader_fail(trader *t, const trader_trouble *trouble);
/* It can never run, and why. */
void trader_refuse(trader *t, const char *why);
/* Counts a signal at a bar that closes at `close_ms`; with the one above `most` in an hour of market time the trader
 * pauses to the end of that hour: true for that one only. `most` 0: no limit. */
bool trader_floods(trader *t, int64_t close_ms, int32_t most);
/* Whether it has, within the hour of that close. */
bool trader_has_flooded(const trader *t, int64_t close_ms, int32_t most);

/* Copies rows that are new or have changed since they were last taken; their number. */
int32_t trader_take_errors(trader *t, trader_error_row rows[FAULT_ROWS_MAX]);
/* Whether it has been paused since the last call; then what for. The feed's thread. */
bool trader_take_pause(trader *t, trader_error_row *out);

/* Whether the trader looks at this symbol: enabled, by name and quote asset, and by volume where that is known. At one
 * that is outside of the universe only if it names it. */
bool trader_wants(const trader *t, const symbol_info *symbol);
/* Finds the least volume for symbols.min_quote_volume and symbols.top of each trader, from the volumes that the table knows:
 * with `top`, that of the last of the most traded symbols that it looks at otherwise. Traders that are in another set as well have theirs already, and keep it unless `again`: volumes
 * have changed. ERR_NO_MEMORY. */
MUST_CHECK err trader_set_choose(trader_set *set, const symbol_table *symbols, bool again);
/* Union of the intervals in use, and the longest history that is needed of each, bars. */
uint32_t trader_set_intervals(const trader_set *set, int32_t depth[N_INTERVALS]);
/* Intervals whose bars must be fed: those, and the ones of references. */
uint32_t trader_set_feeds(const trader_set *set);
/* Whether one of them may read m.ticker. */
bool trader_set_reads_ticker(const trader_set *set);
/* Intervals of traders that rank. */
uint32_t trader_set_ranked(const trader_set *set);
