/* What is inside an indicator_set: for the files that it is made of, and indicator_set_save.c, which writes it down and makes one of
 * what was written. See indicator_set.c for the drawing.
 * Threads: the symbol's owner. */
#pragma once
#include "indicator/anchors.h"
#include "indicator/column.h"
#include "indicator/indicator_set.h"

enum {
    N_CHECKPOINTS = 2,
    RUN_BARS = 256,                         /* of one call of a kernel */
    SHORT_LEAST = 136,                      /* values of a short column: of 100 bars seen at the start, and a usual
                                               look back from there */
    STATES_STEP = 256,                      /* bytes */
    SHORT_SLACK = 32,                       /* and of bars until it slides */
    ROUNDS_MAX = REBUILD_BARS / ANCHOR_BARS /* of what is made of others: how often a floor may be rounded up */
};

typedef struct instance {
    int32_t id;
    const kernel *kernel;
    const indicator_spec *spec;
    column values;
    int32_t least;         /* values of a short column */
    int32_t chain, rounds; /* bars before the oldest kept that a value may depend on, without its state; see floor_of */
    bool may_be_short;
    int64_t floor;              /* bars from here on can have values */
    int64_t asked_life;         /* when the whole column was asked for last; -1: never */
    size_t state;               /* where its state begins */
    size_t state_bytes, anchor; /* where its state begins in an anchor */
    int64_t asked_ms;           /* epoch asked for; 0: the first bar that comes */
    int64_t epoch_ms;           /* first bar seen; 0: none yet */
    int64_t first_life;         /* its life number */
    int64_t told_ms;            /* epoch that was told */
    bool is_deferred;
    bool is_stale;                        /* only while a reference is linked: what it rests on is another one now */
    int64_t life;                         /* deferred: bars up to here (exclusive) have values */
    int32_t source_at[INDICATOR_SOURCES]; /* instances in this set; -1: a field, or elsewhere */
    int32_t slow_at;                      /* of `align`: instance in the set of its source; -1: a field, or not there */
    bool has_slow;                        /* of `align`: the set of its source is there */
} instance;

/* Another symbol that series are aligned from. */
typedef struct reference {
    int32_t symbol;
    indicator_set *const *sets;       /* NULL: not there */
    int64_t n_corrected[N_INTERVALS]; /* corrections of its sets that have been taken over */
} reference;

enum { CORRECTIONS = 8 };

typedef struct checkpoint {
    int64_t life; /* bars up to here (exclusive) are in the states; -1: none */
    char *states;
} checkpoint;

/* What the values of the forming bar were computed from; they stand as long as it is the same. */
typedef struct peeked {
    int64_t updates, life, n_moves, n_corrected, count;
} peeked;

struct indicator_set {
    peeked peeked;
    kline_series *bars;
    const registry *registry;
    indicator_set *const *linked; /* by interval; NULL: not linked */
    kernel_input in;              /* of the run under way */
    instance *items;
    char *states, *scratch; /* scratch: of peek and lengthen; NULL until it is wanted */
    checkpoint checkpoints[N_CHECKPOINTS];
    anchors anchors;
    int32_t count, capacity, n_deferred;
    size_t used, room, scratch_room; /* bytes */
    int32_t reach;                   /* longest window, bars */
    int64_t life;                    /* bars up to here (exclusive) have been seen */
    int64_t dropped;                 /* of the bars, as the columns stand */
    int64_t slide_life;              /* when a short column will be full */
    int64_t number, number_life;     /* of one bar: its number, its life number; -1: of none */
    int64_t n_new_epochs, n_begun, n_moves;
    spare_blocks spare;
    reference *references;
    int32_t n_references;
    int64_t n_corrected, corrected_ms[CORRECTIONS]; /* ever; open times of the last of them */
};

static inline int32_t short_room(const instance *item) { return item->least + SHORT_SLACK + 1; }

/* One instance over the bars with life numbers [from, to), which it has not seen or sees again. */
void indicator_set_run_bars(indicator_set *set, const instance *item, char *state, int64_t from, int64_t to);
/* The same, from its epoch on, which may begin here. */
void indicator_set_run(indicator_set *set, int32_t i, char *state, int64_t from, int64_t to);
/* Room for more: ERR_NO_MEMORY. */
MUST_CHECK err indicator_set_grow_items(indicator_set *set);
MUST_CHECK err indicator_set_grow_states(indicator_set *set, size_t bytes);
MUST_CHECK err indicator_set_grow_scratch(indicator_set *set, size_t bytes);
