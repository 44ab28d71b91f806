/* Events for one worker that its inbox cannot take now. Closed bars and everything else are kept in order; an update of a
 * forming bar replaces an earlier state of the same bar. A ticker is not kept: the next one comes within a second or two.
 * Threads: the feed's. */
#pragma once
#include "base/errors.h"
#include "market/event.h"
#include "market/symbol.h"

typedef struct backlog {
    market_event *events; /* a ring: number `first` + k is at (first + k) % capacity */
    uint64_t first, count;
    size_t capacity;
    uint64_t n_replaced; /* updates that a newer one of the same bar took the place of, ever */
    uint64_t *last;      /* by symbol and interval: number + 1 of the newest event; 0: none */
} backlog;

MUST_CHECK err backlog_keep(backlog *b, const market_event *event);
/* The oldest one, until it is dropped; NULL when there is none. */
const market_event *backlog_first(const backlog *b);
void backlog_drop_first(backlog *b);
void backlog_deinit(backlog *b);
