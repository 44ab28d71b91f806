/* What one evaluation pass over a symbol says: the unit of durability.
 *
 * A worker makes it, the storage thread commits it as (part of) one transaction, the I/O thread is told afterwards and
 * publishes its signals. Never split over transactions: a watermark without its signals would lose them, signals
 * without their edges would repeat them.
 * Ownership: moves from worker to storage to I/O thread, which calls pass_release: then it goes back to the worker's pool
 * (pass_pool.h) with its memory. All rows and texts are the pass's own; the texts lie in its blocks, so that a row is
 * never given to signal_row_deinit. */
#pragma once
#include "base/errors.h"
#include "screener/signal.h"

/* Memory of one trader on one symbol (its edge memory), of its evaluations at closes or of those at ticks. Bars are named
 * by open time, ms; 0: never. */
typedef struct edge_row {
    int64_t start_ms;    /* market time at which it was first seen: bars that close up to here are evaluated silently */
    int64_t run_open_ms; /* first bar of the present run of matches */
    int64_t signal_open_ms; /* bar of the last signal */
    int64_t tick_open_ms;
    int32_t n_ticks; /* is_tick: signals so far on the bar tick_open_ms: the next one's number is one more */
    bool is_tick;
    bool is_matching; /* at the last evaluation */
    bool has_run;     /* evaluated at least once (otherwise still warming up) */
    char trader_id[ID_BYTES];
    char revision[REVISION_BYTES];
} edge_row;

/* A trader that could not run at this bar yet (waiting for a timeframe): it goes on after `cursor_ms`. */
typedef struct owed_row {
    char trader_id[ID_BYTES];
    int64_t cursor_ms; /* end of the last bar that it has evaluated; 0: none */
} owed_row;

/* An indicator started on this symbol at this bar. `key` is its canonical text, e.g. "5m sma(rsi(close,14),9)". */
typedef struct epoch_row {
    char *key;
    int64_t epoch_ms;
} epoch_row;

/* The bar has closed: every provisional signal of the trader on it is settled, in place. */
typedef struct settle_row {
    char trader_id[ID_BYTES];
    int64_t open_ms;
    signal_state state; /* SIGNAL_CONFIRMED or SIGNAL_WITHDRAWN */
} settle_row;

/* A bar was corrected: the trader's signals on the symbol that had it as newest one are marked. */
typedef struct revise_row {
    char trader_id[ID_BYTES];
    int32_t interval;       /* of the trader */
    int64_t from_ms, to_ms; /* open times of its bars, half-open */
} revise_row;

/* A bar as people look at it. */
typedef struct candle {
    int64_t open_ms;
    double open, high, low, close, volume;
} candle;

enum { CANDLES_MAX = 100 };

/* The bars up to the one at `open_ms`, which has signals; oldest first. */
typedef struct candles_row {
    int64_t open_ms;
    uint32_t n_bars; /* 1..CANDLES_MAX */
    const candle *bars;
} candles_row;

/* Filled by storage: a signal that was known has another state now, or (is_revised) rests on a bar that was corrected. */
typedef struct update_row {
    char id[ID_BYTES];
    char trader_id[ID_BYTES];
    signal_state state;
    bool is_revised;
} update_row;

/* What an analysis of a signal is to be made of; it follows the signal, since it takes its time. */
typedef struct prompt_row {
    char signal_id[ID_BYTES], trader_id[ID_BYTES];
    int64_t open_ms, close_ms; /* of the signal's bar */
    int64_t created_ms;        /* of the signal; wall clock */
    char *prompt;              /* script_result.prompt; NULL: it failed */
    char *error;               /* a sentence, then */
    bool is_taken;             /* filled by storage: the first look was waiting for it */
} prompt_row;

typedef struct pass_pool pass_pool;

typedef struct pass {
    struct pass *next; /* for whoever holds it */
    pass_pool *pool;   /* where it goes back to; NULL: it stands alone */
    char symbol[SYMBOL_BYTES];
    int32_t interval;
    int64_t open_ms;     /* watermark: newest bar of (symbol, interval) that every trader has evaluated or is owed */
    int64_t received_ns; /* monotonic: when the bar's closing event entered the inbox; for the lag metric */
    uint32_t n_signals, n_edges, n_owed, n_epochs, n_settles, n_revises, n_updates, n_candles, n_prompts;
    bool is_tick; /* of a forming bar: no watermark moves, owed stays */
    signal_row *signals;
    edge_row *edges;
    owed_row *owed; /* the whole list of (symbol, interval): replaces what was stored */
    epoch_row *epochs;
    settle_row *settles;
    revise_row *revises;
    update_row *updates;
    candles_row *candles; /* one for each bar with signals; none for historical ones */
    prompt_row *prompts;
} pass;

/* Empty, of no pool; NULL without memory. Workers take theirs from a pool. */
pass *pass_new(void);
/* Ends its use: back to its pool, or freed. Any thread; `p` may be NULL. */
void pass_release(pass *p);
/* Frees it also when it is of a pool. */
void pass_free(pass *p);

/* Add a row; everything that is passed in is copied. ERR_NO_MEMORY. */
MUST_CHECK err pass_add_signal(pass *p, const signal_row *row);
MUST_CHECK err pass_add_edge(pass *p, const edge_row *row);
MUST_CHECK err pass_add_owed(pass *p, const char *trader_id, int64_t cursor_ms);
MUST_CHECK err pass_add_epoch(pass *p, const char *key, int64_t epoch_ms);
MUST_CHECK err pass_add_settle(pass *p, const char *trader_id, int64_t open_ms, signal_state state);
MUST_CHECK err pass_add_revise(pass *p, const char *trader_id, int32_t interval, int64_t from_ms, int64_t to_ms);
/* Nothing to do when the last one added is of the same bar. */
MUST_CHECK err pass_add_candles(pass *p, const candle *bars, uint32_t n_bars);
MUST_CHECK err pass_add_prompt(pass *p, const prompt_row *row);
MUST_CHECK err pass_add_update(pass *p, const update_row *row);

/* For the pool: as after pass_new, but with the memory that it has; and how much that is. */
void pass_reset(pass *p);
size_t pass_bytes(const pass *p);
