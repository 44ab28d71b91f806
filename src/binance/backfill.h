/* Closed bars from REST: any number of requested ranges, page by page, a few requests at a time, until each is done.
 *
 * A range ends in one EVENT_RANGE_DONE whose bar.open_ms is the first open time asked for and whose to_ms is the end of
 * what was covered: the end asked for, or the end of the last bar that had closed when the last page was asked for.
 * Every closed bar that the exchange has in between was sent before it as EVENT_HISTORY, oldest first. Bars that are
 * still open are never sent. Ranges of different symbols and intervals interleave.
 *
 * Who comes first (docs/decisions/007-backfill-order.md): *live* ranges, which begin where an earlier one of the same
 * symbol and interval had ended (a gap, a missing close), the shortest first; then history, copies of reference symbols
 * before all others, the others in the order of their ids, and the shorter ranges of a symbol before its longer ones.
 *
 * Failures are retried for ever with backoff and jitter; refusals that a retry will hardly cure (418, 403, 451 and
 * other 4xx) are retried slowly and told through on_state.
 * Threads: the loop's; handlers are never called from inside backfill_request or backfill_cancel. A handler may call
 * backfill_request and backfill_resume, but neither backfill_cancel nor backfill_close.
 * Ownership: rest, clock and symbol table are borrowed and must outlive it. */
#pragma once
#include "base/clock.h"
#include "base/errors.h"
#include "binance/rest.h"
#include "market/event.h"
#include "market/symbol.h"
#include <uv.h>

typedef struct backfill backfill;

typedef struct backfill_handlers {
    /* False: the receiver is full. Nothing more is sent before backfill_resume; this event will be sent again. */
    bool (*on_event)(void *context, const market_event *event);
    /* The exchange began to fail (why: a sentence) or answers again (why NULL). May be NULL. */
    void (*on_state)(void *context, bool is_failing, const char *why);
    void *context;
} backfill_handlers;

typedef struct backfill_options {
    uv_loop_t *loop;
    rest *rest;
    market_clock *clock; /* decides which bars have closed; set from /api/v3/time when nobody has told it the time */
    const symbol_table *symbols;
    backfill_handlers handlers;
    uint64_t seed; /* of the jitter */
    /* For tests; 0 takes the default in brackets. */
    int64_t retry_base_ms, retry_cap_ms; /* [500, 30000] */
    int64_t slow_base_ms, slow_cap_ms;   /* [60000, 600000] after a refusal */
    int page_bars;                       /* [the venue's] */
} backfill_options;

enum { BACKFILL_MAX_CALLS = 6, BACKFILL_MORE_LIVE_CALLS = 2 }; /* at a time; live ranges may add some */

typedef struct backfill_stats {
    uint64_t n_ranges, n_merged, n_done, n_cancelled; /* ranges: asked for, of them merged; finished; given up */
    uint64_t n_pages, n_bars, n_refused_rows, n_retries;
    size_t n_under_way;
    size_t n_live; /* of them */
} backfill_stats;

/* Since it last had nothing to do. Bars count as done when they were asked for, there or not. */
typedef struct backfill_progress {
    uint64_t n_ranges, n_ranges_done;
    int64_t n_bars, n_bars_done;
    int64_t began_ms; /* monotonic */
} backfill_progress;

MUST_CHECK err backfill_new(const backfill_options *options, backfill **out);
/* No handler is called any more; `on_closed` when the last handle is gone, then it is freed. */
void backfill_close(backfill *b, void (*on_closed)(void *context), void *context);

/* Open times [from_ms, to_ms), both on the interval's grid. A range within one of the same symbol and interval that is
 * under way is merged into it, one that continues it extends it: a single EVENT_RANGE_DONE then covers both.
 * ERR_INVALID, ERR_NO_MEMORY, ERR_CLOSED. */
MUST_CHECK err backfill_request(backfill *b, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms);
/* Forgets all ranges of a symbol: no event of it comes any more. */
void backfill_cancel(backfill *b, uint32_t symbol);
/* The receiver has room again. */
void backfill_resume(backfill *b);

const backfill_stats *backfill_get_stats(const backfill *b);
const backfill_progress *backfill_get_progress(const backfill *b);
