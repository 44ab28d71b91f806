/* All indicators of one series as bytes, and back: the states with their checkpoints and anchors, and the values that
 * cannot be computed anew from those. What comes back goes on as if nothing had happened, to the last bit.
 *
 *   save ── between two bars ──► bytes ──► load (a set on the loaded bars) ──► link (all sets of the symbol are loaded)
 *                                                                                  └──► finish
 *
 * A state is plain bytes of its kernel (kernel.h), so it is of use to the same kernel only: INDICATOR_VERSION grows with
 * every change of what a state holds or of what a kernel makes of it; besides, its size must be the same.
 * The bytes hold texts, numbers and states, no addresses and no padding of our own: the same run makes the same bytes,
 * however often it was taken up. (How a window lies in its state may depend on whether bars came one by one.)
 * Threads: the symbol's owner. */
#pragma once
#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "indicator/indicator_set.h"

enum { INDICATOR_VERSION = 1 };

typedef enum saved_epoch {
    SAVED_EPOCH_KNOWN,  /* storage has the same one */
    SAVED_EPOCH_NEW,    /* storage has none: it is told */
    SAVED_EPOCH_ANOTHER /* storage has another one: the state is of no use */
} saved_epoch;

typedef struct indicator_load {
    registry *registry;
    saved_epoch (*look_up)(void *context, const char *key, int64_t epoch_ms); /* NULL: all are new */
    void *context;
    bool leaves_out_deferred; /* take what rests on nothing but its own bars */
    int32_t n_left_out;       /* filled: states of no use here, which begin anew when they are asked for */
} indicator_load;

void indicator_set_save(const indicator_set *set, byte_writer *w);
/* `set` is new, on the bars that were saved with it. ERR_INVALID: no such bytes, or nothing that could be a set;
 * ERR_NO_MEMORY. Afterwards it is to be freed, or linked and finished. */
MUST_CHECK err indicator_set_load(indicator_set *set, byte_reader *r, indicator_load *how);
/* Once the other sets are loaded and linked. False: what something is aligned from is not there. */
bool indicator_set_load_link(indicator_set *set);
/* Computes the values that were not saved. ERR_NO_MEMORY. */
MUST_CHECK err indicator_set_load_finish(indicator_set *set);
/* Once references are linked: what is aligned from one that is not there begins anew when it comes. */
void indicator_set_load_end(indicator_set *set);

/* One of the saved indicators, as it stands in the bytes. */
typedef struct saved_indicator {
    char key[INDICATOR_KEY_BYTES];
    int64_t epoch_ms, life; /* life: bars up to here (exclusive) are in it */
    bool is_deferred;
} saved_indicator;

/* For listings: calls `each` for all of them, in their order. ERR_INVALID. */
MUST_CHECK err indicator_set_saved_each(byte_reader *r, void (*each)(void *context, const saved_indicator *item),
                                        void *context);
