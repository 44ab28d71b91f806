/* What the workers have asked REST for, and which answer is whose.
 *
 * Of a series one range is under way at a time; what is asked for meanwhile waits, and goes out as one range where it overlaps
 * or touches. So an answer is known by its series and its beginning, and everybody who asked gets the bars of their own
 * range and nothing else, in order, then the word that it is through, each with the number of their own inquiry.
 *
 *   worker 1, its copy of BTCUSDT   [10 ........ 20)          ─┐                     ┌─► bars 10 .. 19 for worker 1
 *   worker 2, its copy of BTCUSDT          [15 ........ 25)   ─┴─► REST: [10, 25) ───┴─► bars 15 .. 24 for worker 2
 *
 * Threads: the feed's. Ownership: nothing of the caller's is kept. */
#pragma once
#include "base/errors.h"
#include "market/event.h"

typedef struct inquiry {
    uint64_t number; /* the asker's own; never 0 */
    int32_t worker;
    uint32_t symbol;
    int32_t interval;
    int64_t from_ms, to_ms; /* by open time, half-open */
    bool is_audit;          /* of bars that are there already */
} inquiry;

typedef struct inquiries_handlers {
    /* REST is to be asked. It may be answered at once. */
    void (*on_range)(void *context, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms);
    /* For the asker. */
    err (*on_answer)(void *context, const inquiry *whose, const market_event *event);
    void *context;
} inquiries_handlers;

typedef struct inquiries inquiries;

MUST_CHECK err inquiries_new(const inquiries_handlers *handlers, inquiries **out);
void inquiries_free(inquiries *q);

/* ERR_NO_MEMORY. */
MUST_CHECK err inquiries_add(inquiries *q, const inquiry *what);
/* An event from REST (EVENT_HISTORY, EVENT_RANGE_DONE) for those who wait for it. `*is_awaited` false: nobody does. The
 * error is that of on_answer. */
MUST_CHECK err inquiries_answer(inquiries *q, const market_event *event, bool *is_awaited);
/* Nobody asks for this symbol any more; no answer to what was asked will come. */
void inquiries_forget(inquiries *q, uint32_t symbol);
/* Some bars of the symbol are not known yet. */
bool inquiries_has(const inquiries *q, uint32_t symbol);
