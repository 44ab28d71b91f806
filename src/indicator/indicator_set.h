/* All indicators of one series: their states, values and checkpoints.
 *
 * A state starts at the symbol's own first use, at the oldest bar kept: its *epoch*. It is advanced once per closed bar,
 * sources before what is made of them; values stand in columns beside the bars, so a view cut at an earlier bar is the
 * same pointer with a smaller count. Two checkpoints of all states, 64 bars apart, make a correction cheap; an older
 * correction rebuilds from the oldest bar kept and starts a new epoch, counted.
 * Threads: the symbol's owner. Ownership: the set borrows the series and the registry; its columns belong to the series. */
#pragma once
#include "indicator/kernel.h"
#include "market/kline_store.h"

enum { CHECKPOINT_BARS = 64 };

typedef struct indicator_set indicator_set;

MUST_CHECK err indicator_set_new(kline_series *bars, const registry *r, indicator_set **out);
void indicator_set_free(indicator_set *set);

/* Make sure that `id` (and what it is made of) is computed here. `epoch_ms` > 0: the remembered epoch, used when the
 * bar is still there or still to come; otherwise the epoch is the oldest bar kept, or the first to come. ERR_TOO_BIG
 * when its window (with room for two checkpoints) is longer than the bars kept. */
MUST_CHECK err indicator_set_add(indicator_set *set, int32_t id, int64_t epoch_ms);

/* After kline_series_close said KLINE_APPENDED: advance every state over the new bars. */
void indicator_set_advance(indicator_set *set);
/* After it said KLINE_REPLACED at `index`: rebuild what depends on that bar. True when a new epoch had to begin. */
bool indicator_set_correct(indicator_set *set, int32_t index);

/* The instance of `id`; -1 when it is not here. `hint`: where it was found last time (any number will do). */
int32_t indicator_set_find(const indicator_set *set, int32_t id, int32_t hint);
int32_t indicator_set_count(const indicator_set *set);
int32_t indicator_set_id(const indicator_set *set, int32_t instance);
/* Values of one output, parallel to the bars. */
const double *indicator_set_values(const indicator_set *set, int32_t instance, int32_t output);
/* Open time of the first bar that the state has seen; 0 while it has seen none. */
int64_t indicator_set_epoch(const indicator_set *set, int32_t instance);
/* Bars that the state had seen when the series had `count` bars. */
int64_t indicator_set_seen_at(const indicator_set *set, int32_t instance, int32_t count);
int64_t indicator_set_new_epochs(const indicator_set *set); /* forced by old corrections, ever */
