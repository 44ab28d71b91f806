/* Spans of time [from_ms, to_ms), in order and apart from each other: holes of a series, or what of it is missing.
 * Threads: any; plain data owned by the caller. */
#pragma once
#include "base/errors.h"

typedef struct span {
    int64_t from_ms, to_ms; /* from_ms < to_ms */
} span;

typedef struct span_list {
    span *items;
    size_t count, capacity;
} span_list;

void span_list_free(span_list *list); /* frees the spans, zeroes the list */
/* Adds a span; what it touches or overlaps becomes one with it. An empty one changes nothing. ERR_NO_MEMORY. */
MUST_CHECK err span_list_add(span_list *list, int64_t from_ms, int64_t to_ms);
/* Index of the first span that ends after `ms`; `count` when there is none. */
size_t span_list_find(const span_list *list, int64_t ms);
/* Nothing of [from_ms, to_ms) is in it any more. ERR_NO_MEMORY. */
MUST_CHECK err span_list_remove(span_list *list, int64_t from_ms, int64_t to_ms);
