/* The same evaluation as `run`, fed from files at top speed.
 *
 * Bars come from a folder of kline files (market/kline_file.h); events are ordered by (close time, interval, symbol).
 * Bars that open before `from_ms` are history only, as many as a cold start's backfill would ask for; a bar that the
 * files lack is known to be missing at once. Traders with on = "tick" are evaluated at closes only. Ids are those that
 * `run` gives to the same bars with the same code and equal epochs, however many workers there are.
 * Threads: called on the main thread; starts its own workers and joins them before it returns. `on_signal` comes on
 * the calling thread. Ownership: everything is borrowed for the call. */
#pragma once
#include "base/errors.h"
#include "config.h"
#include "screener/signal.h"

/* Called for every signal as soon as its pass is complete; an error stops the replay and is returned. */
typedef err (*replay_signal_fn)(void *context, const signal_row *signal);

typedef struct replay_options {
    const char *data;           /* folder */
    int64_t from_ms;            /* first bar that is evaluated, by open time; 0: the oldest there is */
    int64_t to_ms;              /* bars that open at or after it are left out; 0: to the end */
    const char *const *symbols; /* those that are evaluated; each must have a file */
    size_t n_symbols;           /* 0: all that have a file */
    const char *traders;        /* folder of the trader files */
    const char *const *inputs;  /* TRADER.NAME=VALUE */
    size_t n_inputs;
    int64_t workers; /* 1..MAX_WORKERS */
    replay_signal_fn on_signal;
    void *context; /* for on_signal */
} replay_options;

typedef struct replay_report {
    uint64_t n_bars;        /* closed bars that were evaluated, history not counted */
    uint64_t n_evaluations; /* of a trader on a bar */
    uint64_t n_warming;     /* of these, before the trader had its depth: its filter was not called */
    uint64_t n_signals;
    uint64_t n_errors; /* evaluations that failed, and traders that could not be loaded */
    double seconds;    /* wall time */
} replay_report;

/* `report` is filled also on failure, as far as it went. ERR_NOT_FOUND (no folder, no file for a symbol, no traders),
 * ERR_SYNTAX (a bad line in a file), ERR_SCRIPT (no trader could be loaded), ERR_IO, ERR_NO_MEMORY, and whatever
 * on_signal returned; all with a sentence in `why` except the last. */
MUST_CHECK err replay_run(const config *cfg, const replay_options *options, replay_report *report, diag *why);
