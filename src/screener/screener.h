/* The parallel screener, seen from the thread that feeds it: workers, who owns which symbol, what goes in and comes out.
 *
 *     feed thread (I/O, or a replay) ── screener_push ──► inbox of the owner
 *                                    ◄── screener_poll ── notes: ranges to ask for, answers, faults
 *     workers ── submit ──► storage (or the replay)
 *
 * Threads: every function on the feed thread. It never waits for a worker: what an inbox cannot take is kept in a
 * backlog (updates of the same forming bar replace each other there, closed bars are all kept) and goes in later.
 * Ownership: the screener owns workers, registry and the installed trader set. */
#pragma once
#include "screener/trader_change.h"
#include "screener/worker.h"

typedef struct screener screener;

typedef struct screener_config {
    int32_t n_workers;
    const symbol_table *symbols;
    script_limits limits;
    int32_t max_errors_in_row, kline_history;
    int32_t max_signals_per_hour; /* of one trader; 0: no limit */
    int64_t tick_ms;              /* least market time between two looks of on = "tick" traders at a symbol; 0: none */
    bool watches_closes;          /* see worker_shared; so the next */
    int64_t audit_period_ms;
    bool waits_for_ranks;  /* a close is ranked when all have spoken, however long it takes */
    bool shows_first_look; /* what a new trader's silent bars hit becomes historical signals */
    const char *user, *market;
    bool is_paused;           /* from the beginning: see screener_set_paused */
    const memory *memory;     /* NULL: none */
    bool skips_late_bars;     /* LATE_BARS=skip */
    const cpu_places *places; /* borrowed for its life; NULL: workers run where the system puts them */
    void (*submit)(void *context, int32_t worker, pass *p);
    void (*flush)(void *context, int32_t worker);    /* see worker_shared; NULL: `submit` needs no such word */
    bool (*is_taken)(void *context, int32_t worker); /* see worker_shared; NULL: what is submitted is in order anyway */
    void *submit_context;
    void (*notify)(void *context); /* any worker thread: call screener_poll soon */
    void *notify_context;
} screener_config;

typedef struct screener_handlers {
    /* REST is to be asked for the bars of [from_ms, to_ms); answer with EVENT_HISTORY and EVENT_RANGE_DONE. */
    void (*on_range)(void *context, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms);
    /* A screener_load is through: its traders run on all workers, those that failed are in screener_failures. */
    void (*on_loaded)(void *context, const trader_set *set);
    void (*on_resized)(void *context, int32_t n_workers); /* may be NULL */
    /* A trader names this symbol as a reference: `symbol` is its id (its bars are to be pushed under it, whether it is under
     * watch or not), `copy` a further one of it, which only on_range and what answers it will see. ERR_NOT_FOUND: there
     * is no such symbol. NULL: there are no references. */
    err (*on_reference)(void *context, const char *name, uint32_t *symbol, uint32_t *copy);
    void (*on_killed)(void *context);
    void (*on_failed)(void *context);
    void (*on_barrier)(void *context); /* all workers have passed the barrier */
    void (*on_paused)(void *context);  /* all workers know of the last screener_set_paused; may be NULL */
    /* Answers screener_save; takes `saved`, which is NULL when the symbol could not be written down. May be NULL. */
    void (*on_saved)(void *context, saved_symbol *saved);
    /* Answers screener_quote; takes `quotes`, which is NULL without memory. May be NULL. */
    void (*on_quotes)(void *context, quote_list *quotes);
    /* What an earlier run has written down of a symbol, packed, by the name in it; NULL: nothing. A handler that is NULL has
     * nothing. */
    saved_symbol *(*find_saved)(void *context, const char *name);
    void *context;
} screener_handlers;

MUST_CHECK err screener_new(const screener_config *config, const screener_handlers *handlers, screener **out);
MUST_CHECK err screener_start(screener *s);
/* These are the traders that are to run: new and edited ones are compiled and installed, unchanged ones keep all they
 * have, the others end. One that does not compile leaves the version before it running. Any time; says so through
 * on_loaded, once for the newest list when several come at once. Takes the sources (and frees the array). */
MUST_CHECK err screener_load(screener *s, trader_source **sources, int32_t count);
/* 1 .. WORKERS_MAX from now on: symbols change hands one by one, with all that they have. Says so through on_resized. */
MUST_CHECK err screener_resize(screener *s, int32_t n_workers);
/* Market time of the start: bars that close up to here are evaluated silently. Before the first symbol. */
void screener_set_start(screener *s, int64_t start_ms);
MUST_CHECK err screener_track(screener *s, uint32_t symbol);
/* For a symbol that joins (or comes back) later: bars that closed before now are seen silently, whatever
 * skips_late_bars says; where its traders stood when it left is remembered, so that nothing fires twice. */
MUST_CHECK err screener_track_late(screener *s, uint32_t symbol);
/* Its watch ends: what was pushed so far is evaluated and submitted, its provisional signals are withdrawn, and once
 * whoever takes the passes has them its memory is freed. What its traders waited for (a range, a rank) is owed, as at a
 * stop: the caller forgets the ranges that were asked for, so that no word of them comes into a new watch. Events that
 * come later are dropped. It may be tracked again at any time: then its new watch begins when the old one is over. No
 * effect on one that is not tracked. */
MUST_CHECK err screener_untrack(screener *s, uint32_t symbol);
bool screener_is_tracked(const screener *s, uint32_t symbol);
/* The table's volumes, or who is outside of the universe, have changed: traders may want other symbols. */
void screener_choose(screener *s);
MUST_CHECK err screener_push(screener *s, const market_event *event);
/* Moves backlog into inboxes; true when nothing is left. */
bool screener_flush(screener *s);
size_t screener_backlog(const screener *s);
/* Updates that no worker has seen because a newer one of the same bar came while it was busy, ever. */
uint64_t screener_replaced(const screener *s);
/* Delivers notes to the handlers; also flushes. */
void screener_poll(screener *s);
/* What can be written down: symbols under watch, and one copy of each reference; numbered from 0. */
uint32_t screener_n_saved(const screener *s);
/* Its owner writes that one down between two events, and goes on: see on_saved. ERR_NO_MEMORY. */
MUST_CHECK err screener_save(screener *s, uint32_t at);
/* The same at once, after screener_stop. NULL: there is no memory, or it was changing hands. */
saved_symbol *screener_save_stopped(screener *s, uint32_t at);
/* From now on no trader is evaluated: bars come in, indicators go on, and what was to be evaluated is owed. Or they go on where
 * they were: bars that have closed meanwhile are evaluated late, or (skips_late_bars) seen silently. on_paused comes once it is
 * so. Signals that are provisional wait for the end of the pause. ERR_NO_MEMORY. */
MUST_CHECK err screener_set_paused(screener *s, bool is_paused);
/* A copy of bars, for e->on_done; takes `e`, also when it fails: ERR_NOT_FOUND (nobody watches e->symbol), ERR_NO_MEMORY. It
 * stands behind the events that were pushed before. */
MUST_CHECK err screener_excerpt(screener *s, excerpt *e);
/* What each symbol under watch costs now: once through on_quotes for each worker, of which `*n` are asked. ERR_NO_MEMORY. */
MUST_CHECK err screener_quote(screener *s, int32_t *n);
/* on_barrier comes after every event pushed so far has been evaluated. */
MUST_CHECK err screener_barrier(screener *s);
/* Everything pushed so far is evaluated and submitted, then the threads end. What has not been by `let_go_ms` (monotonic time;
 * 0: no limit) is left out, and counted: after a stop it is as if it had not come yet. */
uint64_t screener_stop(screener *s, int64_t let_go_ms);
void screener_free(screener *s);

const trader_set *screener_traders(const screener *s); /* NULL before on_loaded */
/* Those of the last screener_load that do not run (or not in their newest version). */
const trader_failure *screener_failures(const screener *s, int32_t *count);
/* Every symbol under watch has begun: what it lacks is among the notes of the next screener_poll at the latest. */
bool screener_has_begun(const screener *s);
int32_t screener_restored(const screener *s); /* series taken up from a snapshot, ever; without copies of references */
uint64_t screener_moves(const screener *s);   /* symbols that have changed their worker, ever */
registry *screener_registry(screener *s);
int32_t screener_workers(const screener *s);
/* Events in its inbox and before it. */
size_t screener_worker_backlog(const screener *s, int32_t index);
const worker_stats *screener_stats(const screener *s, int32_t index);
