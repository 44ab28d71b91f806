/* Binance's REST market data over the loop's HTTP client: one GET per call, typed by what it asks for; the answer's
 * body is for the matching function of binance/parse.h.
 *
 * All calls share one address and so one budget of weight and one pause. A call above the budget is held until the
 * exchange's minute turns; after 429 or 418 nothing is sent until Retry-After has passed. A host that fails twice in a
 * row is left for the next one of the list, and tried again later; 451 leads to the hosts of market data alone.
 * Retrying is the caller's business: only it knows whether it still wants the answer.
 * Threads: the loop's. Ownership: arguments are copied; the answer is borrowed by the callback, which is called exactly
 * once, never from inside the call that asked, and never after rest_cancel or rest_close. */
#pragma once
#include "abi.h"
#include "base/clock.h"
#include "base/errors.h"
#include "base/http.h"
#include "binance/venue.h"
#include "binance/weight_budget.h"

typedef struct rest rest;

typedef struct rest_answer {
    err error;       /* OK: HTTP 200 and a whole body */
    const char *why; /* a sentence when error != OK */
    int status;      /* HTTP status, 0 without an answer */
    int64_t code;    /* Binance's code when the body carried one, else 0 */
    bool has_moved;  /* the next call goes to another host than this one did: worth another try at once */
    const char *body;
    size_t body_bytes;
} rest_answer;

typedef void (*rest_done_fn)(void *context, const rest_answer *answer);

typedef struct rest_options {
    uv_loop_t *loop;
    http_client *http; /* borrowed; must outlive the rest */
    const venue *venue;
    const char *const *urls;   /* hosts instead of the venue's own, such as https://api.binance.com; copied */
    size_t n_urls;             /* 0: the venue's own */
    const market_clock *clock; /* when the exchange's minutes turn; borrowed, NULL: unknown */
    int64_t timeout_ms;        /* per call; 0: 15000 (the server gives up after 10 s) */
} rest_options;

typedef struct rest_stats {
    uint64_t n_calls, n_failures, n_pauses, body_bytes;
    uint64_t n_moves;       /* to another host */
    int64_t used_weight;    /* of the last answer: X-MBX-USED-WEIGHT-1M; -1 before the first */
    int64_t limit, allowed; /* weight per minute: the exchange's, and what of it we use */
    size_t n_held;          /* calls that wait for the budget or the end of a pause */
} rest_stats;

MUST_CHECK err rest_new(const rest_options *options, rest **out, diag *why);
/* Forgets every call (no callback comes any more); `on_closed` when the last handle is gone, then it is freed. */
void rest_close(rest *r, void (*on_closed)(void *context), void *context);

/* What exchangeInfo says the limit is, weight per minute, > 0. Before it is called the venue's own number counts. */
void rest_set_limit(rest *r, int64_t weight_per_minute);
/* From here on at most half of the limit is used; before it is called, nine tenths. */
void rest_end_first_start(rest *r);

/* `id` (may be NULL) is for rest_cancel; never 0. Codes: ERR_NO_MEMORY, ERR_CLOSED, ERR_INVALID. */
MUST_CHECK err rest_time(rest *r, rest_done_fn on_done, void *context, uint64_t *id);
MUST_CHECK err rest_exchange_info(rest *r, rest_done_fn on_done, void *context, uint64_t *id);
/* All symbols, in the shortest form that the market has. */
MUST_CHECK err rest_tickers_24h(rest *r, rest_done_fn on_done, void *context, uint64_t *id);

typedef struct rest_page {
    const char *symbol;
    int32_t interval;
    int64_t from_ms, to_ms; /* bars that open in [from_ms, to_ms) */
    int limit;              /* at most so many, 1 to the venue's page_bars */
    weight_class class;
} rest_page;
/* Oldest first. */
MUST_CHECK err rest_klines(rest *r, const rest_page *page, rest_done_fn on_done, void *context, uint64_t *id);
/* Forgets the call: its callback never comes. An id that is gone is ignored. */
void rest_cancel(rest *r, uint64_t id);

/* How long a call made now would be held, ms, as far as is known: 0 when it would be sent. For callers that would
 * rather choose later what to ask. */
int64_t rest_wait(rest *r, int weight, weight_class class);
/* Monotonic ms until which nothing is sent; 0 when not paused. */
int64_t rest_paused_until(const rest *r);
const char *rest_host(const rest *r); /* the one in use; borrowed until rest_close */
const venue *rest_venue(const rest *r);
const rest_stats *rest_get_stats(const rest *r);
