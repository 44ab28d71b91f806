/* The history of one symbol and interval over one period, which is what one file of the history store holds: a calendar
 * month, or a day of one-second bars.
 *
 * Every moment of it is in one of three states: there is a bar, the exchange has said that there is none (a *hole*), or
 * it is *missing*: nobody has asked yet.
 * Threads: any; plain data owned by the caller. */
#pragma once
#include "market/kline_list.h"
#include "market/span_list.h"
#include "market/symbol.h"

enum { HISTORY_MARKET_BYTES = 16 };

typedef struct history_part {
    char market[HISTORY_MARKET_BYTES]; /* spot, usdm */
    char symbol[SYMBOL_BYTES];
    int32_t interval;
    int64_t from_ms, to_ms; /* the period; its bars open in [from_ms, to_ms) */
    kline_list bars;
    span_list holes; /* on the interval's grid, without bars in them */
} history_part;

typedef struct history_change {
    size_t n_new, n_changed; /* bars */
} history_change;

/* Start of the period that holds `ms`, and of the one after the period that starts at `from_ms`. */
int64_t history_period_floor(int32_t interval, int64_t ms);
int64_t history_period_next(int32_t interval, int64_t from_ms);
/* Open time of the first bar that opens at or after `ms`. */
int64_t history_first_open(int32_t interval, int64_t ms);

/* Empty, of the period that holds `ms`. */
void history_part_init(history_part *p, const char *market, const char *symbol, int32_t interval, int64_t ms);
void history_part_deinit(history_part *p); /* a zeroed one is fine */

/* Takes in bars of the period, oldest first. A bar that is there with other values is replaced: the newer word counts.
 * What was a hole is none any more. ERR_INVALID: not of the period, or out of order; ERR_NO_MEMORY. */
MUST_CHECK err history_part_add(history_part *p, const kline *bars, size_t n, history_change *change);
/* The exchange has no bar in [from_ms, to_ms) but those that are there. ERR_NO_MEMORY. */
MUST_CHECK err history_part_close(history_part *p, int64_t from_ms, int64_t to_ms);
/* Adds to `out` what of [from_ms, to_ms) is missing, on the interval's grid and within the period. ERR_NO_MEMORY. */
MUST_CHECK err history_part_missing(const history_part *p, int64_t from_ms, int64_t to_ms, span_list *out);
