/* The values of one indicator: of the newest bars of a series, or of all that are kept.
 *
 * A value is named by the life number of its bar (kline_series_dropped() + index). What has not been computed is NaN.
 * Threads: the symbol's owner. Ownership: a column owns its block. */
#pragma once
#include "indicator/registry.h"

typedef struct column {
    double *block; /* per output: a NaN, and `room` values */
    int32_t n_outputs, room;
    int64_t first; /* life number of the first value */
} column;

/* Blocks that have just been given up, one for each number of outputs, for the next column that is as large: columns are
 * made whole and cut, one after the other. Zero: none. */
typedef struct spare_blocks {
    double *block[INDICATOR_OUTPUTS];
    size_t n[INDICATOR_OUTPUTS]; /* values */
} spare_blocks;

void spare_blocks_deinit(spare_blocks *spare);
size_t spare_blocks_bytes(const spare_blocks *spare);

/* Values of the bars [from, to) are about to be set; all others are NaN. ERR_NO_MEMORY. */
MUST_CHECK err column_init(column *c, spare_blocks *spare, int32_t n_outputs, int32_t room, int64_t first, int64_t from,
                           int64_t to);
void column_deinit(column *c);
/* Where the values of an output would begin if there was one for every bar kept: element [i] belongs to the bar of index i.
 * Only those from `first` on may be touched, and the element before that, which is NaN. */
static inline double *column_values(const column *c, int32_t output, int64_t dropped) {
    double *first = c->block + (int64_t)output * (c->room + 1) + 1;
    return (double *)((uintptr_t)first - (uintptr_t)((c->first - dropped) * (int64_t)sizeof(double)));
}
/* Forgets what is older than `first`. */
void column_slide(column *c, int64_t first);
/* Forgets everything. */
void column_reset(column *c, int64_t first);
/* NaN for the bars before `life`. */
void column_blank(column *c, int64_t life);
/* Another length: the values that both have are kept. ERR_NO_MEMORY: it is as it was. */
MUST_CHECK err column_resize(column *c, spare_blocks *spare, int32_t room, int64_t first);
size_t column_bytes(const column *c);
