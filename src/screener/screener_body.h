/* The inside of a screener, shared by screener.c, inboxes.c, installing.c and moving.c and by nobody else.
 * Threads: the feed's. */
#pragma once
#include "screener/backlog.h"
#include "screener/inquiries.h"
#include "screener/rankings.h"
#include "screener/references.h"
#include "screener/screener.h"

enum { NOBODY = 255 };

typedef enum phase { PHASE_IDLE, PHASE_LOADING, PHASE_INSTALLING, PHASE_MOVING } phase;

enum { DEEPENING_AT_ONCE = 4 };

/* A symbol that begins anew with older bars: until those that it has asked for are there. */
typedef struct deepening {
    uint32_t symbol;
    bool has_asked;
} deepening;

struct screener {
    worker_shared shared;
    screener_handlers handlers;
    worker *workers[WORKERS_MAX]; /* made when first needed; kept until the end */
    backlog backlogs[WORKERS_MAX];
    bool is_started, is_running[WORKERS_MAX];
    int32_t n_workers; /* those that have symbols, or are to have */
    int32_t n_wanted;  /* after screener_resize */
    int32_t n_told;    /* through on_resized */
    const memory *memory;
    phase phase;
    /* traders */
    trader_loader *loader;
    trader_set *set, *next;
    trader_change change;
    trader_source **wanted; /* the newest list that has not been begun with */
    int32_t n_sources;
    bool has_wanted;
    trader_failure *failures;
    int32_t n_failures;
    int32_t n_installing;
    /* symbols */
    uint8_t owner[SYMBOL_MAX], target[SYMBOL_MAX]; /* target: NOBODY unless on the way */
    /* Leaving: from untracking to NOTE_UNTRACKED. Back: tracked anew meanwhile, which begins then. */
    bool is_tracked[SYMBOL_MAX], is_leaving[SYMBOL_MAX], is_back[SYMBOL_MAX];
    int32_t n_leaving, n_back;
    /* Those that are to begin anew with older bars; that are leaving for it; that are under way to it. */
    bool is_shallow[SYMBOL_MAX], is_deepening[SYMBOL_MAX];
    deepening deepening[DEEPENING_AT_ONCE];
    int32_t n_shallow, n_deepening;
    int64_t tracked_ms[SYMBOL_MAX]; /* market time when its watch was asked for */
    bool wants_choice;
    memory *kept[SYMBOL_MAX];                /* of those that were tracked before; NULL: none */
    uint32_t tracked[SYMBOL_MAX], n_tracked; /* in the order of their coming */
    int64_t cost_seen_ns[SYMBOL_MAX], cost_ns[SYMBOL_MAX];
    references references;
    rankings *rankings;
    inquiries *inquiries;
    bool waits_for_ranks, has_begun;
    backlog held; /* events of symbols on their way */
    int32_t n_moving;
    uint64_t n_moves, n_closed, n_closed_balanced;
    int64_t balanced_ms; /* monotonic time of the last look at the balance; 0: none yet */
    int64_t market_ms, start_ms;
    /* barrier */
    int32_t n_barriers;
    uint64_t n_ranks_told, n_told_before; /* places that were told, ever; when the barrier was sent */
    bool wants_barrier;
    /* pause */
    bool is_paused;
    int32_t n_pausing; /* answers that are still to come */
};

/* It cannot go on: says so. */
void screener_give_up(screener *s);
/* What begins now is silent up to here. */
int64_t screener_now_ms(const screener *s);
