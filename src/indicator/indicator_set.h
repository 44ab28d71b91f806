/* All indicators of one series: their states, values and checkpoints.
 *
 * A state starts at the symbol's own first use, at the oldest bar kept: its *epoch*. It is advanced once per closed bar,
 * sources before what is made of them; values stand in columns beside the bars, so a view cut at an earlier bar is the
 * same pointer with a smaller count. Two checkpoints of all states, 64 bars apart, make a correction cheap; an older
 * correction rebuilds from the oldest bar kept and starts a new epoch, counted.
 * A column holds the newest values only: as many as corrections and what is made of it need, and the usual looks back.
 * Who looks further back asks for the whole (indicator_set_lengthen), which is computed anew from an anchor, a copy of
 * the state of long ago: the same bits as if nothing had been left out. What cannot be computed anew is the same for a
 * column that was whole all the time, NaN, so that a value never depends on what was read before. A column that nobody
 * has asked for during as many bars as are kept is cut again.
 * What rests on a slower series, on one of another symbol or on an author's own one is *deferred*: it is computed when
 * somebody who knows those to be complete asks for it (indicator_set_settle), and rebuilt from the oldest bar kept after
 * a correction. Its column and those of its sources, here and in other sets, are whole all the time.
 * Threads: the symbol's owner. Ownership: the set borrows the series and the registry. */
#pragma once
#include "indicator/kernel.h"
#include "market/kline_store.h"

/* REBUILD_BARS: values that are computed anew may begin so much later, behind the oldest bar kept, than their windows. */
enum { CHECKPOINT_BARS = 64, REBUILD_BARS = 256 };

typedef struct indicator_set indicator_set;

MUST_CHECK err indicator_set_new(kline_series *bars, const registry *r, indicator_set **out);
void indicator_set_free(indicator_set *set);
/* Asks for the memory that the next bar touches (base/prefetch.h): of the set itself, then of what it points to, then of
 * what that points to; each step when the one before has had time. */
void indicator_set_prefetch(const indicator_set *set, int32_t step);
/* The sets of all intervals of the symbol, NULL where there is none; borrowed for the life of the set. For `align`. */
void indicator_set_link(indicator_set *set, indicator_set *const sets[N_INTERVALS]);

/* The same of another symbol, by its number in the registry: what is aligned from it is at home there. NULL: it is not
 * there, and its series are NaN; so it is for one that was never linked. To be told again when a set has come, and
 * with NULL before they are freed. Other sets with the same bars may take their place at any time. Errors as
 * indicator_set_add. */
MUST_CHECK err indicator_set_link_reference(indicator_set *set, int32_t symbol, indicator_set *const sets[N_INTERVALS]);
/* All of them are gone, or belong to somebody else from now on. */
MUST_CHECK err indicator_set_unlink_references(indicator_set *set);

/* Make sure that `id` (and what it is made of) is computed here. `epoch_ms` > 0: the remembered epoch, used when the
 * bar is still there or still to come; otherwise the epoch is the oldest bar kept, or the first to come. ERR_TOO_BIG
 * when its window (with room for two checkpoints) is longer than the bars kept. ERR_NOT_FOUND: it rests on an interval
 * that is not linked. */
MUST_CHECK err indicator_set_add(indicator_set *set, int32_t id, int64_t epoch_ms);

/* After kline_series_close said KLINE_APPENDED: advance every state over the new bars. */
void indicator_set_advance(indicator_set *set);
/* After it said KLINE_REPLACED at `index`: rebuild what depends on that bar, here and in the sets linked to this one.
 * True when a new epoch had to begin. */
bool indicator_set_correct(indicator_set *set, int32_t index);
/* Values of the forming bar, element [count], without advancing anything; NaN of deferred ones that are not settled up to
 * it. What is aligned shows there what had closed last. ERR_NO_MEMORY. */
MUST_CHECK err indicator_set_peek(indicator_set *set);

/* Compute what is deferred up to the first `count` bars, as far as what it rests on is known. */
void indicator_set_settle(indicator_set *set, int32_t count);
bool indicator_set_has_deferred(const indicator_set *set);
/* An author's own series: index of the next bar that has no value yet; its value, which `put` sets and steps over. */
int32_t indicator_set_own_next(indicator_set *set, int32_t instance);
void indicator_set_own_put(indicator_set *set, int32_t instance, double value);
/* Its value at the forming bar, which nothing steps over; all bars before it have theirs. */
void indicator_set_own_peek(indicator_set *set, int32_t instance, double value);

/* The instance of `id`; -1 when it is not here. `hint`: where it was found last time (any number will do). */
int32_t indicator_set_find(const indicator_set *set, int32_t id, int32_t hint);
int32_t indicator_set_count(const indicator_set *set);
int32_t indicator_set_id(const indicator_set *set, int32_t instance);
/* Values of one output, parallel to the bars; there are some from the bar of index indicator_set_first() on, and a NaN
 * before it. Where they are changes with indicator_set_moves(), which also counts what may have taken bars away. */
const double *indicator_set_values(const indicator_set *set, int32_t instance, int32_t output);
int32_t indicator_set_first(const indicator_set *set, int32_t instance);
int64_t indicator_set_moves(const indicator_set *set);
/* Makes that 0: values for all bars kept. ERR_NO_MEMORY: it is as it was. */
MUST_CHECK err indicator_set_lengthen(indicator_set *set, int32_t instance);
/* Open time of the first bar that the state has seen; 0 while it has seen none. */
int64_t indicator_set_epoch(const indicator_set *set, int32_t instance);
/* How often a state has begun, ever; and an instance that has begun since it was last told of (marked as told; -1: none),
 * so that whoever stores epochs finds the new ones. */
int64_t indicator_set_begun(const indicator_set *set);
int32_t indicator_set_take_untold(indicator_set *set);
/* Bars that the state had seen when the series had `count` bars. */
int64_t indicator_set_seen_at(const indicator_set *set, int32_t instance, int32_t count);
int64_t indicator_set_new_epochs(const indicator_set *set); /* forced by old corrections, ever */
/* Bytes of values, states and checkpoints; those of the bars are in kline_series_bytes(). */
size_t indicator_set_bytes(const indicator_set *set);
