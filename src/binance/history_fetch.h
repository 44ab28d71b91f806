/* Brings the history of symbols and intervals into the history store (market/history_folder.h), part by part, a few parts
 * at a time: from the public dumps and from REST, as history_plan.h says.
 *
 * What is in the store is not asked for again, so a run that was stopped, killed or failed goes on where it was. A part is
 * written when a dump has been read into it, when it is whole, and every few pages in between. A part that cannot be
 * read is set aside (.damaged) and fetched anew.
 *
 * A failure that concerns one symbol or one dump is kept with its series, and the others go on; a disk that cannot be
 * written and an exchange that cannot be reached end all of it.
 * Threads: the loop's; files are read and written in it, too. Ownership: what the options point to is borrowed and must
 * outlive the fetch; no callback comes from inside history_fetch_start. */
#pragma once
#include "base/http.h"
#include "binance/history_plan.h"
#include "binance/rest.h"
#include "market/history_folder.h"

typedef struct history_wish {
    history_series series;
    int64_t from_ms, to_ms; /* bars that open in [from_ms, to_ms) and have closed */
} history_wish;

/* What has become of one wish. Counts are of this run. */
typedef struct history_result {
    int64_t first_ms; /* of the first bar that the exchange has; the wish's from_ms when it has not been asked */
    int64_t to_ms;    /* end of the last bar that could be fetched */
    int64_t n_wanted, n_left;      /* bars' places from first_ms on; of them neither there nor known to be a hole */
    int64_t n_new, n_from_dumps;   /* bars that were brought, and of them out of dumps */
    int64_t n_changed;             /* bars that were there with other values */
    int64_t n_refused, n_repeated; /* rows that were no bars, or came twice */
    span_list holes;               /* that this run has found */
    size_t n_errors;
    diag error; /* the first */
} history_result;

typedef struct history_progress {
    int64_t n_bars, n_bars_done; /* asked for in all; there, or known not to exist */
    uint64_t n_new, body_bytes;
    int64_t began_ms; /* monotonic */
} history_progress;

typedef struct history_fetch_options {
    uv_loop_t *loop;
    http_client *http;
    rest *rest; /* NULL: dumps only */
    const venue *venue;
    const char *dumps_url;     /* no slash at the end */
    const char *market_folder; /* is there */
    history_origin origin;
    int64_t now_ms; /* the exchange's time: only what has closed by then is fetched */
    uint64_t seed;
    const history_wish *wishes;
    size_t n_wishes;
    /* All is done, or has been stopped, or `why` (else NULL) has ended it; everything that came is on the disk. */
    void (*on_done)(void *context, const char *why);
    void *context;
} history_fetch_options;

typedef struct history_fetch history_fetch;

MUST_CHECK err history_fetch_start(const history_fetch_options *options, history_fetch **out);
/* Writes what has come and ends, soon: on_done comes. */
void history_fetch_stop(history_fetch *f);
/* After on_done; the loop must run until its handles are gone. Frees it. */
void history_fetch_close(history_fetch *f);

const history_result *history_fetch_result(const history_fetch *f, size_t wish);
const history_progress *history_fetch_progress(const history_fetch *f);
