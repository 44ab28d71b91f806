/* Symbols on which a bar has closed and that wait for each other, to be evaluated in one go (evaluation_run).
 *
 * At the end of a minute the bars of all symbols are in the inbox at once. A trader that is run over many of them in a row
 * finds its code in the caches, which a hundred traders on one symbol after the other do not.
 * Only what makes no difference is put off: a plain new bar that is not late, on a symbol of which nothing waits for
 * anything; of one symbol only bars that close at one and the same instant. For everything else the batch is evaluated first.
 * Threads: the worker's. Ownership: the symbols are borrowed. */
#pragma once
#include "market/event.h"
#include "screener/evaluation.h"

typedef struct batch_item {
    tracked *symbol;
    int64_t close_ms;    /* of its bars */
    int64_t as_of_ms;    /* market time of the newest event */
    int64_t received_ns; /* monotonic: when that was taken from the inbox */
    int64_t spent_ns;    /* to take the bars in */
} batch_item;

typedef struct batch {
    int32_t count;
    batch_item items[EVALUATIONS_MAX];
} batch;

/* Whether the event may be applied to `f` of `t` before the batch has been evaluated; if so, batch_add is next. */
bool batch_admits(const batch *b, const tracked *t, const timeframe *f, const market_event *event);
/* The event has been applied, by now (monotonic). */
void batch_add(batch *b, tracked *t, const market_event *event, int64_t received_ns, int64_t now_ns);
bool batch_is_full(const batch *b);
