/* Binance's REST market data over the loop's HTTP client: one GET per call, typed by what it asks for; the answer's
 * body is for the matching function of binance/parse.h.
 *
 * All calls share one address and so one pause: after 429 or 418 nothing is sent until Retry-After has passed; calls
 * made meanwhile are held and sent then. Retrying is the caller's business: only it knows whether it still wants the answer.
 * Threads: the loop's. Ownership: arguments are copied; the answer is borrowed by the callback, which is called exactly
 * once, never from inside the call that asked, and never after rest_cancel or rest_close. */
#pragma once
#include "abi.h"
#include "base/errors.h"
#include "base/http.h"

typedef struct rest rest;

typedef struct rest_answer {
    err error;       /* OK: HTTP 200 and a whole body */
    const char *why; /* a sentence when error != OK */
    int status;      /* HTTP status, 0 without an answer */
    int64_t code;    /* Binance's code when the body carried one, else 0 */
    const char *body;
    size_t body_bytes;
} rest_answer;

typedef void (*rest_done_fn)(void *context, const rest_answer *answer);

typedef struct rest_options {
    uv_loop_t *loop;
    http_client *http;    /* borrowed; must outlive the rest */
    const char *base_url; /* such as https://api.binance.com; copied, a slash at the end is dropped */
    int64_t timeout_ms;   /* per call; 0: 15000 (the server gives up after 10 s) */
} rest_options;

typedef struct rest_stats {
    uint64_t n_calls, n_failures, n_pauses, body_bytes;
    int64_t used_weight; /* of the last answer: X-MBX-USED-WEIGHT-1M; -1 before the first */
} rest_stats;

enum { REST_MAX_KLINES = 1000 };

MUST_CHECK err rest_new(const rest_options *options, rest **out, diag *why);
/* Forgets every call (no callback comes any more); `on_closed` when the last handle is gone, then it is freed. */
void rest_close(rest *r, void (*on_closed)(void *context), void *context);

/* `id` (may be NULL) is for rest_cancel; never 0. Codes: ERR_NO_MEMORY, ERR_CLOSED, ERR_INVALID. */
MUST_CHECK err rest_time(rest *r, rest_done_fn on_done, void *context, uint64_t *id);
MUST_CHECK err rest_exchange_info(rest *r, rest_done_fn on_done, void *context, uint64_t *id);
/* All symbols, short form (no book prices). */
MUST_CHECK err rest_tickers_24h(rest *r, rest_done_fn on_done, void *context, uint64_t *id);
/* Bars that open in [from_ms, to_ms), oldest first, at most `limit` (1 to REST_MAX_KLINES). */
MUST_CHECK err rest_klines(rest *r, const char *symbol, int32_t interval, int64_t from_ms, int64_t to_ms, int limit,
                           rest_done_fn on_done, void *context, uint64_t *id);
/* Forgets the call: its callback never comes. An id that is gone is ignored. */
void rest_cancel(rest *r, uint64_t id);

/* Monotonic ms until which nothing is sent; 0 when not paused. */
int64_t rest_paused_until(const rest *r);
const rest_stats *rest_get_stats(const rest *r);
