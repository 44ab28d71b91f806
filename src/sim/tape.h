/* The market's history played in order: which bars form, grow and close at which instant.
 *
 * Every base bar has `n_updates` forming states before its end, each consistent with its final values, and then closes;
 * higher intervals are folded along. The tape knows nothing of clocks and sockets: it says when its next instant is and
 * plays it when told to. At one instant all closes come first, of all symbols and intervals; event times never decrease.
 * Threads: one. Ownership: the source is borrowed. */
#pragma once
#include "sim/source.h"

typedef struct tape tape;

/* The rolling 24 hours of one symbol up to now. */
typedef struct tape_ticker {
    int64_t open_ms, close_ms; /* of the window */
    double open, high, low, last, previous_close;
    double volume, quote_volume, trades;
    double last_quantity; /* volume of the newest bar's newest part */
    int64_t first_id, last_id;
} tape_ticker;

/* Who listens. Bars are borrowed; event_ms is the frame's E. */
typedef struct tape_sink {
    void *context;
    void (*on_kline)(void *context, uint32_t symbol, enum interval interval, const kline *bar, bool is_closed,
                     int64_t event_ms);
    /* After all bars of the instant, once for each symbol that had any. */
    void (*on_symbol)(void *context, uint32_t symbol, int64_t event_ms);
    /* After all symbols. */
    void (*on_instant)(void *context, int64_t event_ms);
} tape_sink;

/* Plays from `from_ms` to `to_ms`: bars that end by `from_ms` are history, instants after `to_ms` do not happen. */
MUST_CHECK err tape_new(source *s, int64_t from_ms, int64_t to_ms, uint32_t n_updates, tape **out);
void tape_free(tape *t);

/* Time of the next instant; INT64_MAX at the end. */
int64_t tape_next_ms(const tape *t);
/* Play the next instant. */
MUST_CHECK err tape_step(tape *t, const tape_sink *sink);
/* The instant that was played last (from_ms before the first) and the newest event time. */
int64_t tape_at_ms(const tape *t);
int64_t tape_event_ms(const tape *t);
/* Nothing is played after it. */
int64_t tape_to_ms(const tape *t);
/* When no symbol has a bar now: the time to which a clock may jump; else tape_at_ms. */
int64_t tape_skip_to_ms(const tape *t);
/* Closing frames that were played, base interval only. */
uint64_t tape_closed_count(const tape *t);

/* The source has other bars of the symbol than before, from the first that opens at or after `now_ms`. */
MUST_CHECK err tape_reload(tape *t, uint32_t symbol, int64_t now_ms);

/* From now on the interval's bars are given to the sink. Idempotent. */
MUST_CHECK err tape_track(tape *t, uint32_t symbol, enum interval interval);

/* What REST would show now: bars that open in [start_ms, end_ms], the forming one included. `newest`: the last `max` of
 * them, else the first; oldest first in both cases. */
MUST_CHECK err tape_klines(tape *t, uint32_t symbol, enum interval interval, int64_t start_ms, int64_t end_ms,
                           bool newest, kline *out, size_t max, size_t *count);
/* False when the symbol has had no bar yet. */
bool tape_ticker_of(const tape *t, uint32_t symbol, tape_ticker *out);
