/* States of long ago: of every ANCHOR_BARS-th bar that is kept, so that values further back than a column holds can be
 * computed anew.
 *
 * An anchor is named by the life number up to which (exclusive) bars are in its states; those are multiples of
 * ANCHOR_BARS. Threads: the symbol's owner. */
#pragma once
#include "base/errors.h"

enum { ANCHOR_BARS = 128 };

typedef struct anchors {
    int64_t *life; /* by life / ANCHOR_BARS % n; -1: none */
    char *states;  /* n times `room` bytes */
    int32_t n;
    size_t used, room;
} anchors;

/* For `bars` bars; all that there can be after `life` bars are there, with no states in them. ERR_NO_MEMORY. */
MUST_CHECK err anchors_init(anchors *a, int32_t bars, int64_t life);
void anchors_deinit(anchors *a);
/* Room for one more state in each, all zero; where it begins. ERR_NO_MEMORY: nothing has changed. */
MUST_CHECK err anchors_add(anchors *a, size_t bytes, size_t *at);
/* The states of the anchor at `life`; NULL when there is none. anchors_put makes one, of any states, in place of the
 * oldest. */
char *anchors_get(const anchors *a, int64_t life);
char *anchors_put(anchors *a, int64_t life);
/* Life number of the oldest that is not before `life`; INT64_MAX when there is none. */
int64_t anchors_from(const anchors *a, int64_t life);
/* Those after `life` are void. */
void anchors_void(anchors *a, int64_t life);
size_t anchors_bytes(const anchors *a);
