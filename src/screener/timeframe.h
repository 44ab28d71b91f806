/* One series of a tracked symbol with its indicators, and the bars that wait behind a gap.
 *
 * A closed bar that skips bars opens a gap: it waits (sorted) until the range before it has been asked for, so nothing
 * is evaluated out of order and nothing that the stream delivered is lost meanwhile. A range that the exchange lacks
 * becomes a hole. At most one range is asked for at a time.
 * Threads: the symbol's owner. */
#pragma once
#include "indicator/indicator_set.h"
#include "market/event.h"

typedef struct timeframe {
    kline_series *bars;
    indicator_set *set;
    kline *waiting; /* sorted by open time; [first_waiting, n_waiting) */
    int32_t first_waiting, n_waiting, waiting_capacity;
    int64_t asked_to_ms;  /* end of the range under way; 0: none */
    int64_t wanted_to_ms; /* end of the range to be asked for next; 0: none. The worker takes it. */
    int64_t recheck_ms;   /* restored: the next range begins here, before the gap; 0: at the gap */
    int64_t n_begun_told; /* beginnings of states that storage knows of */
    int64_t n_closed, n_corrected, n_refused, n_gaps;
} timeframe;

enum { WAITING_MAX = 65536 };

/* `from_ms`: open time of the first bar that will be stored. */
MUST_CHECK err timeframe_new(const registry *r, int32_t interval, int32_t keep, int64_t from_ms, timeframe **out);
/* On bars that are there; takes them, also when it fails. ERR_NO_MEMORY. */
MUST_CHECK err timeframe_new_of(const registry *r, kline_series *bars, timeframe **out);
void timeframe_free(timeframe *t);

/* Applies one event; what may be evaluated afterwards is in `bars`. `hold_ms`: bars that open at or after it must wait
 * (they would push bars out of the window that are still to be evaluated); INT64_MAX: none. ERR_NO_MEMORY only. */
MUST_CHECK err timeframe_apply(timeframe *t, const market_event *event, int64_t hold_ms);
/* Waiting bars that may be applied now. */
MUST_CHECK err timeframe_drain(timeframe *t, int64_t hold_ms);
/* Where the range that is asked for next begins. Once. */
int64_t timeframe_take_from(timeframe *t);
/* Ask for everything up to `to_ms` (exclusive), unless a range is under way. */
void timeframe_want(timeframe *t, int64_t to_ms);
