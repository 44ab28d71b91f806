/* Klines of one symbol and interval in memory, oldest first: what files and pages of history are read into.
 * Threads: any; plain data owned by the caller. */
#pragma once
#include "abi.h"
#include "base/errors.h"

typedef struct kline_list {
    kline *bars; /* oldest first, open_ms strictly increasing */
    size_t count, capacity;
} kline_list;

void kline_list_free(kline_list *list); /* frees the bars, zeroes the list */
MUST_CHECK err kline_list_push(kline_list *list, const kline *bar);
/* The same values, whatever their open times. */
bool kline_has_same_values(const kline *a, const kline *b);
/* Index of the first bar that opens at or after `ms`; `count` when there is none. */
size_t kline_list_find(const kline_list *list, int64_t ms);
