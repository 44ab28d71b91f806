/* Asks models about signals, within limits, and says what came of it.
 *
 *   signal with a prompt ──► queue ──► provider ──► reply ──► opinion ──► verdict ──► on_row (done, failed, expired)
 *                              ▲                                            │ wait
 *                              └──── the next closes of its interval ◄──────┘
 *
 * Nothing here delays a signal: it is published before its analysis is begun. A row is given to on_row whenever it is to be kept: a
 * later look when it is queued, and every look at its end. First looks are kept with their signal, by whoever commits it.
 * Decisions are analysis_queue's, verdict's and watch's; here is the I/O.
 * Threads: the loop's. Ownership: rows are copied in, and borrowed by on_row. */
#pragma once
#include "analyzer/analysis_task.h"
#include "base/clock.h"
#include <uv.h>

typedef struct analyzer analyzer;

typedef struct analyzer_config {
    uv_loop_t *loop;
    const market_clock *clock;
    const char *user_agent;
    provider providers[PROVIDERS_MAX]; /* in the order of preference */
    analysis_limits limits;            /* n_providers: of them */
    analysis_manner manner;            /* providers, n_providers: filled in by the analyzer */
    int64_t timeout_ms;
    int32_t looks_max; /* later looks at a signal that is to wait */
    uint64_t seed;
    void (*on_row)(void *context, const analysis_row *row);
    /* A request is on its way: a queued row with what all of them will have cost at the most, should the run end before the answer.
     * NULL: nobody keeps that. */
    void (*on_asked)(void *context, const analysis_row *row);
    void *context;
} analyzer_config;

/* ERR_INVALID and a sentence: a model has no price although there is a budget in dollars. ERR_NO_MEMORY. */
MUST_CHECK err analyzer_new(const analyzer_config *config, analyzer **out, diag *why);

/* Of a run before, before the first add: what has been spent today, in all and by trader; queued rows are added. */
void analyzer_restore(analyzer *a, const spending_amount *spent, int64_t market_ms);
void analyzer_restore_trader(analyzer *a, const char *trader_id, int32_t n_started, int64_t market_ms);
/* The newest look at a signal that is being watched, with the prompt of its first. ERR_NO_MEMORY. */
MUST_CHECK err analyzer_restore_watch(analyzer *a, const analysis_row *row);

/* A queued row. ERR_INVALID: its prompt is not of the form; ERR_NO_MEMORY. */
MUST_CHECK err analyzer_add(analyzer *a, const analysis_row *row);
/* The same for somebody who waits for it, and `on_row` is given the row at once. What would not be asked today is not taken: ERR_EXISTS: a
 * look at the signal is at work; ERR_FULL and a sentence: the budget of the day, or the trader's share of it (max_per_day), is
 * used up; ERR_UNSUPPORTED and a sentence: its model has no price; ERR_CLOSED: nothing has told the time yet. */
MUST_CHECK err analyzer_ask(analyzer *a, const analysis_row *row, diag *why);
/* The signal was withdrawn: what waits of it is recorded as expired. */
void analyzer_withdraw(analyzer *a, const char *signal_id);
/* A bar has closed. */
void analyzer_bar(analyzer *a, const char *symbol, int32_t interval, const kline *bar);
/* Whether analyzer_bar has a use for bars of this symbol and interval. */
bool analyzer_wants_bar(const analyzer *a, const char *symbol, int32_t interval);

/* False: all providers are limited, failing or denied, or the budget is used up. `why`: a sentence. */
bool analyzer_is_serving(const analyzer *a, char *why, size_t bytes);
int32_t analyzer_depth(const analyzer *a); /* waiting and running */
/* One object: waiting, running, watched, requests, answers, failures, expired, spent today, hindrance, providers. */
void analyzer_write(const analyzer *a, json_writer *w);

/* Cancels what runs: it stays queued for the next run, and nothing more is given to on_row. Frees it once the loop has closed its
 * handles. NULL: nothing. */
void analyzer_close(analyzer *a, void (*on_closed)(void *context), void *context);
