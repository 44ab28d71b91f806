/* What one evaluation pass over a symbol says: the unit of durability.
 *
 * A worker makes it, the storage thread commits it as (part of) one transaction, the I/O thread is told afterwards and
 * publishes its signals. Never split over transactions: a watermark without its signals would lose them, signals
 * without their edges would repeat them.
 * Ownership: heap; moves from worker to storage to I/O thread, which calls pass_free. */
#pragma once
#include "screener/signal.h"

/* Memory of one trader on one symbol (its edge memory), of its evaluations at closes or of those at ticks. Bars are named
 * by open time, ms; 0: never. */
typedef struct edge_row {
    char trader_id[ID_BYTES];
    char revision[REVISION_BYTES];
    bool is_tick;
    int32_t n_ticks; /* is_tick: signals so far on the bar tick_open_ms: the next one's number is one more */
    int64_t tick_open_ms;
    int64_t start_ms;    /* market time at which it was first seen: bars that close up to here are evaluated silently */
    int64_t run_open_ms; /* first bar of the present run of matches */
    int64_t signal_open_ms; /* bar of the last signal */
    bool is_matching;       /* at the last evaluation */
    bool has_run;           /* evaluated at least once (otherwise still warming up) */
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

typedef struct pass {
    struct pass *next; /* for whoever holds it */
    char symbol[SYMBOL_BYTES];
    int32_t interval;
    int64_t open_ms;     /* watermark: newest bar of (symbol, interval) that every trader has evaluated or is owed */
    int64_t received_ns; /* monotonic: when the bar's closing event entered the inbox; for the lag metric */
    uint32_t n_signals, n_edges, n_owed, n_epochs, n_settles;
    bool is_tick; /* of a forming bar: no watermark moves, owed stays */
    signal_row *signals;
    edge_row *edges;
    owed_row *owed; /* the whole list of (symbol, interval): replaces what was stored */
    epoch_row *epochs;
    settle_row *settles;
} pass;

void pass_free(pass *p);
