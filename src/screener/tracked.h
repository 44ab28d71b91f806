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

enum { SILENT_BARS = 100, GRACE_MS = 1500, BACKFILL_MAX_BARS = 20000 };

typedef struct standing { /* one trader on this symbol */
    edge_row edge;
    int64_t cursor_ms; /* end of the last bar seen; 0: has not begun */
    bool is_wanted;    /* the trader is there and looks at this symbol */
    bool is_changed;   /* edge differs from what storage knows */
    bool is_owed;      /* a bar is there, but something that it needs is not known yet */
    bool is_warming;
    int32_t have, need; /* while warming up */
    int32_t n_errors_in_row;
    script_binding *binding; /* kept for script_state_evaluate; NULL: none yet */
} standing;

typedef struct tracked {
    uint32_t id;
    const symbol_info *symbol;
    timeframe *frames[N_INTERVALS];
    indicator_set *sets[N_INTERVALS]; /* of the frames, which are linked through it */
    standing *standings;              /* by place in the trader set */
    int32_t n_standings;
    int64_t start_ms;             /* market time at which it came under watch */
    int64_t told_ms[N_INTERVALS]; /* newest watermark handed to storage */
    int32_t n_owed_told[N_INTERVALS];
    bool is_waiting; /* some trader is owed, or bars wait behind a gap */
} tracked;

typedef struct tracked_policy {
    int32_t kline_history; /* least bars kept and asked for */
    int64_t start_ms;      /* market time of the start: bars that close up to here are evaluated silently */
    bool skips_late_bars;  /* after a restart: bars that closed in between are seen silently */
    const memory *memory;  /* of earlier runs; NULL: none */
} tracked_policy;

/* Makes the series that the set needs; their first ranges are wanted at once. */
MUST_CHECK err tracked_new(uint32_t id, const symbol_info *symbol, registry *r, const trader_set *set,
                           const tracked_policy *policy, tracked **out);
void tracked_free(tracked *t);
/* Other traders from now on (market time `start_ms`): series that they need and that are not there yet are made, and
 * wanted. Unchanged traders keep everything; new versions begin with nothing. ERR_NO_MEMORY. */
MUST_CHECK err tracked_install(tracked *t, registry *r, const trader_set *before, const trader_set *set,
                               const tracked_policy *policy);
/* Forgets what belongs to the state of one thread: before another one takes it over. */
void tracked_unbind(tracked *t);

/* Bars of `interval` that open at or after this would push bars out that some trader must still see. */
int64_t tracked_hold_ms(const tracked *t, const trader_set *set, int32_t interval);

typedef enum tracked_step { STEP_NONE, STEP_EVALUATE, STEP_SKIP } tracked_step;

/* One go over all traders of a symbol, during which no bar is applied: what they share is looked up once. */
typedef struct tracked_round {
    script_view view;      /* of the step that tracked_next answered */
    uint32_t known, stale; /* bit per interval, as of view.close_ms; see tracked.c */
    int64_t market_ms;
} tracked_round;

/* `market_ms`: for asking after the grace. */
void tracked_round_begin(tracked_round *round, const tracked *t, int64_t market_ms);
/* What is next for trader `index`: nothing (owed or up to date), an evaluation (the view is filled), or a bar that cannot
 * be evaluated because a timeframe's bar of the same close does not exist (moved past, counted by the caller). */
tracked_step tracked_next(tracked *t, const trader_set *set, int32_t index, tracked_round *round);
