/* A symbol under watch: its series, and where every trader stands on it. Everything of a symbol that lasts is here, so
 * a killed state loses nothing and a new owner takes the pointer.
 *
 * A trader's place is its cursor: the end of the last bar of its interval that it has seen. Evaluation is "while there
 * is a bar behind the cursor and all that the bar needs is known: evaluate as of that bar's close". Late bars, bars
 * after a restart and the silent pass over the last 100 bars are all the same loop.
 * Threads: the symbol's owner. */
#pragma once
#include "screener/memory.h"
#include "screener/timeframe.h"
#include "screener/trader_set.h"
#include "script/state.h"

enum { SILENT_BARS = 100, GRACE_MS = 1500, BACKFILL_MAX_BARS = 20000, TRACKED_PREFETCH_STEPS = 4 };

/* One trader on this symbol. What an evaluation touches is its first cache line: everything up to the names of the edge. */
typedef struct standing {
    _Alignas(64) int64_t cursor_ms; /* end of the last bar seen; 0: has not begun */
    script_binding *binding;        /* kept for script_state_evaluate; NULL: none yet */
    bool is_wanted;                 /* the trader is there and looks at this symbol */
    bool is_changed;                /* edge differs from what storage knows */
    bool is_owed;                   /* a bar is there, but something that it needs is not known yet */
    bool is_warming, is_tick_changed, has_tick;
    uint16_t n_errors_in_row; /* stays at its largest value */
    edge_row edge;
    edge_row *tick;    /* of a trader with on = "tick" (has_tick); else NULL */
    script_rank *rank; /* of a trader with rank; else NULL */
    /* rank: the close that the symbol was scored at, and its place there once it is known */
    int64_t scored_ms, ranked_ms, spoken_ms; /* spoken: nothing will be said of closes up to here any more */
    int32_t have, need;                      /* while warming up */
} standing;

_Static_assert(offsetof(standing, edge.trader_id) <= 64, "an evaluation touches one line of it");

typedef struct tracked {
    uint32_t id;
    const symbol_info *symbol;
    timeframe *frames[N_INTERVALS];
    indicator_set *sets[N_INTERVALS]; /* of the frames, which are linked through it */
    standing *standings;              /* by place in the trader set; NULL: a copy of a reference */
    int32_t n_standings;
    script_ticker *ticker;        /* the newest one; NULL: none has come, or no trader wants it */
    script_market market;         /* of a copy: what others see */
    int64_t start_ms;             /* market time at which it came under watch */
    int64_t told_ms[N_INTERVALS]; /* newest watermark handed to storage */
    int32_t n_owed_told[N_INTERVALS];
    int64_t ticked_ms[N_INTERVALS]; /* market time of the last evaluation of the forming bar */
    uint32_t ticks_due;             /* bit per interval */
    int32_t n_restored;             /* series that were taken up from a snapshot */
    bool is_copy;                   /* of a reference: no traders look at it by itself */
    bool is_waiting;                /* some trader is owed, or bars wait behind a gap */
    bool is_loading;                /* some trader has not got the history before its first bar */
    memory *kept;                   /* it is under watch no more: what its return begins with; owned; else NULL */
} tracked;

typedef struct tracked_policy {
    int32_t kline_history;        /* least bars kept and asked for */
    int64_t start_ms;             /* market time of the start: bars that close up to here are evaluated silently */
    bool skips_late_bars;         /* after a restart: bars that closed in between are seen silently */
    const memory *memory;         /* of earlier runs; NULL: none */
    const symbol_table *symbols;  /* all there are, for copies of references that are taken up */
    const struct snapshot *saved; /* bars and states of an earlier run; NULL: none */
} tracked_policy;

/* Makes the series that the set needs; their first ranges are wanted at once. */
MUST_CHECK err tracked_new(uint32_t id, const symbol_info *symbol, registry *r, const trader_set *set,
                           const tracked_policy *policy, tracked **out);
void tracked_free(tracked *t);
/* Asks for the memory that an evaluation touches (base/prefetch.h), step by step, each of which looks at what the one before
 * has asked for. */
void tracked_prefetch(const tracked *t, int32_t step);
/* Other traders from now on (market time `start_ms`): series that they need and that are not there yet are made, and
 * wanted. Unchanged traders keep everything; new versions begin with nothing. ERR_NO_MEMORY. */
MUST_CHECK err tracked_install(tracked *t, registry *r, const trader_set *before, const trader_set *set,
                               const tracked_policy *policy);
/* Volumes have changed, or the universe has: traders that want the symbol now begin on it, those that do not any more are
 * forgotten (their provisional signals are the caller's: evaluation_withdraw_unwanted). True: something has changed. */
MUST_CHECK err tracked_choose(tracked *t, const trader_set *set, const tracked_policy *policy, bool *has_changed);
/* Its watch ends: fills `kept` with where its traders stand. `keeps_epochs`: it begins anew at once, and its indicators where they
 * began; else (NULL) what comes back begins with the bars of then. ERR_NO_MEMORY. */
MUST_CHECK err tracked_keep(tracked *t, const trader_set *set, const registry *keeps_epochs);
/* The trader has not seen all bars up to the watermark: it waits for a timeframe, or its bars have not come since the
 * start, or it has not begun (so that a run which ends now is not taken for one that has). */
bool tracked_is_owed(const tracked *t, const standing *s, int32_t interval);
/* A worker's own copy of the symbol `name` for those traders of the set that name it as a reference: the series that they
 * need, with the indicators that their dry evaluations have used begun. Grows with later sets. */
MUST_CHECK err tracked_new_copy(uint32_t id, const symbol_info *symbol, registry *r, const trader_set *set,
                                const tracked_policy *policy, tracked **out);
MUST_CHECK err tracked_install_copy(tracked *t, registry *r, const trader_set *set, const tracked_policy *policy);
/* The name under which storage keeps the epochs of a copy: the symbol itself may be under watch with others. */
void tracked_copy_name(const tracked *t, char out[SYMBOL_BYTES]);
/* Forgets what belongs to one worker (its state, its copies of references): before another one takes it over, and binds it to
 * its own copies, which are in `symbols` by id. ERR_NO_MEMORY. */
MUST_CHECK err tracked_bind(tracked *t, registry *r, const trader_set *set, tracked *const *symbols);
MUST_CHECK err tracked_unbind(tracked *t);

typedef enum tracked_step { STEP_NONE, STEP_EVALUATE, STEP_SCORE, STEP_SKIP } tracked_step;

/* One go over all traders of a symbol, during which no bar is applied: what they share is looked up once. */
typedef struct tracked_round {
    script_view view;        /* of the step that tracked_next answered */
    uint32_t known, stale;   /* bit per interval, as of view.close_ms; see tracked.c */
    tracked *const *symbols; /* of the worker, by id: where copies of references are */
    int64_t market_ms;
    bool is_paused; /* a bar that is there is owed */
} tracked_round;

/* `market_ms`: for asking after the grace. */
void tracked_round_begin(tracked_round *round, const tracked *t, tracked *const *symbols, int64_t market_ms);
/* What is next for trader `index`: nothing (owed, paused or up to date), an evaluation (the view is filled), a score for its rank (the
 * view is filled; it is asked for again once the place is known), or a bar that cannot be evaluated because a timeframe's
 * bar of the same close does not exist (moved past, counted by the caller). */
tracked_step tracked_next(tracked *t, const trader_set *set, int32_t index, tracked_round *round);
/* The view of a bar that trader `index` has seen already; false: the bar, or a reference, is not kept any more. The place in a
 * ranking is the caller's to add. */
bool tracked_recall(tracked *t, const trader_set *set, int32_t index, int64_t open_ms, tracked_round *round);
/* The forming bar of `interval` for trader `index`, which must have seen all closed ones; false: it has not, or there is no
 * forming bar. */
bool tracked_tick(tracked *t, const trader_set *set, int32_t index, tracked_round *round);
