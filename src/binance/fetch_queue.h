/* What is to be fetched next: things with a rank, some of which may not be tried before a certain time. Taking the
 * first, adding and removing cost the logarithm of their number.
 * Threads: one. Ownership: items are the caller's, part of something larger, and stay where they are while queued. */
#pragma once
#include "base/errors.h"
#include <stdbool.h>
#include <stdint.h>

enum { FETCH_RANKS = 4 };

typedef struct fetch_item {
    int64_t rank[FETCH_RANKS]; /* the lower first, the first number that differs decides; constant while queued */
    int64_t not_before_ms;     /* monotonic; constant while queued */
    size_t place;              /* 1 + index in its heap; 0: not queued */
    bool is_delayed;
} fetch_item;

typedef struct fetch_heap {
    fetch_item **items;
    size_t n;
    bool is_by_time;
} fetch_heap;

typedef struct fetch_queue {
    fetch_heap ready, delayed;
    size_t n_reserved;
} fetch_queue;

void fetch_queue_init(fetch_queue *q);
void fetch_queue_deinit(fetch_queue *q);
/* Room for `n` items in all, so that adding cannot fail. ERR_NO_MEMORY. */
MUST_CHECK err fetch_queue_reserve(fetch_queue *q, size_t n);
/* Within what was reserved. */
void fetch_queue_add(fetch_queue *q, fetch_item *item);
void fetch_queue_remove(fetch_queue *q, fetch_item *item); /* one that is not queued is fine */
/* The lowest rank of those that may be tried at `now_ms`; NULL: none. It stays queued. */
fetch_item *fetch_queue_first(fetch_queue *q, int64_t now_ms);
/* When the next of the others may be tried, monotonic ms; -1: there is none. After fetch_queue_first. */
int64_t fetch_queue_due(const fetch_queue *q);
