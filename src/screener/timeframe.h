/* One series of a tracked symbol with its indicators, and the bars that wait behind a gap.
 *
 * A closed bar that skips bars opens a gap: it waits (sorted) until the range before it has been asked for, so nothing
 * is evaluated out of order and nothing that the stream delivered is lost meanwhile. A range that the exchange lacks
 * becomes a hole. At most one range is asked for at a time, and beside it one that is read again (audit.h). Answers have the
 * number of what they answer: only that of the range under way says which bars there are not.
 * A bar that has not come CLOSE_GRACE_MS after its end is asked for, whether anything comes of the symbol or not. When the
 * exchange has none either it is a hole, and asked for again at growing intervals until a later bar is there.
 * An update that shows the forming bar as it was earlier, and a bar from REST that had not all of its trades yet, are
 * refused and counted: nothing goes back.
 * Threads: the symbol's owner. */
#pragma once
#include "indicator/indicator_set.h"
#include "market/event.h"

typedef struct forming_state { /* as market_event_is_older takes it */
    int64_t open_ms, event_ms;
    double trades;
} forming_state;

typedef struct timeframe {
    kline_series *bars;
    indicator_set *set;
    kline *waiting; /* sorted by open time; [first_waiting, n_waiting) */
    int32_t first_waiting, n_waiting, waiting_capacity;
    int64_t asked_to_ms;             /* end of the range under way; 0: none */
    uint64_t inquiry;                /* its number */
    int64_t said_to_ms;              /* up to here what is neither stored nor waits does not exist */
    int64_t left_ms;                 /* bars from here on were too many to wait: they are left to REST; 0: none */
    int64_t wanted_to_ms;            /* end of the range to be asked for next; 0: none. The worker takes it. */
    int64_t recheck_ms;              /* restored: the next range begins here, before the gap; 0: at the gap */
    int64_t n_begun_told;            /* beginnings of states that storage knows of */
    int64_t market_ms;               /* newest market time that the series has been told of */
    forming_state forming;           /* newest state of the forming bar */
    int64_t spacing_ms, again_ms;    /* asking for bars that REST lacks: next time, and how long after the last */
    int64_t audited_to_ms, audit_ms; /* read again up to here; when next, 0: not planned */
    int64_t corrected_from_ms, corrected_to_ms; /* open times of bars that have been corrected, of which nobody was told
                                                 * yet: first and last; 0: none */
    bool has_loaded;                            /* the first range is through */
    int64_t n_closed, n_corrected;
    int64_t n_gaps;    /* behind the first range */
    int64_t n_refused; /* older states, and bars for which it is too late */
    int64_t n_by_rest; /* bars that the stream should have closed */
    int64_t n_audits;
} timeframe;

enum { WAITING_MAX = 65536, CLOSE_GRACE_MS = 3000, AGAIN_BARS = 1000 };

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
/* Ask for everything up to `to_ms` (exclusive), unless a range is under way. */
void timeframe_want(timeframe *t, int64_t to_ms);
/* Somebody has been told of them. */
void timeframe_forget_corrections(timeframe *t);
/* Takes what is wanted: the range [*from_ms, *to_ms) is under way from now on, until the EVENT_RANGE_DONE with that number (not
 * 0). False: nothing. */
bool timeframe_take_want(timeframe *t, uint64_t inquiry, int64_t *from_ms, int64_t *to_ms);
/* Market time at which a bar will be missing unless it has come by then. */
int64_t timeframe_due_ms(const timeframe *t);
/* Wants the bars that are missing at that time; true when there are any. */
bool timeframe_watch(timeframe *t, int64_t market_ms);
