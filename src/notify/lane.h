/* Sends the deliveries of one service, one at a time and in their order, no faster than its rate.
 *
 *   batch ──► next delivery ──(too old?)──► request ──► verdict ──► on_done ──► next ... ──► on_empty
 *                   ^            rate, waits, backoff after failures
 *                   └─── a failed one is due again later: those behind it are not held up by it alone
 *
 * It knows no database: whoever owns it gives it what is due and keeps what has become of it.
 * Threads: the loop's. Ownership: a batch moves in; `d` of on_done is borrowed for the call. */
#pragma once
#include "base/clock.h"
#include "base/http.h"
#include "notify/service.h"

typedef struct lane lane;

typedef struct lane_config {
    uv_loop_t *loop;
    http_client *client;       /* outlives it */
    const market_clock *clock; /* the same */
    notice_service service;
    service_options options; /* texts are borrowed */
    int64_t per_minute;      /* requests; 0: no limit */
    int64_t max_age_ms;      /* from the end of a signal's bar, market time; 0: any */
    uint64_t seed;
    /* `d` has its new state, n_tries and next_ms; `why` is a sentence, or NULL. */
    void (*on_done)(void *context, const delivery *d, const char *why);
    /* All of the batch are through; not from inside lane_give. */
    void (*on_empty)(void *context, notice_service service);
    void *context;
} lane_config;

typedef struct lane_stats {
    uint64_t n_sent, n_failed, n_refused, n_expired; /* n_failed: tries */
    int64_t last_sent_ms;                            /* wall clock; 0: never */
    bool is_failing;                                 /* the last try was in vain */
    char why[SERVICE_WHY_BYTES];                     /* of the last failure; empty: it works */
} lane_stats;

MUST_CHECK err lane_new(const lane_config *config, lane **out);
/* A batch in the order in which it is to be sent; only while there is none. Takes `items` and what they hold. */
void lane_give(lane *l, delivery *items, size_t count);
void lane_get_stats(const lane *l, lane_stats *out);
/* Cancels what is under way: it is told of nothing any more. Freed when its handles are closed. May be NULL. */
void lane_close(lane *l);
