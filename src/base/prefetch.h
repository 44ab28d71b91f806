/* Asks for memory that is about to be used, so that many misses wait together and not one after the other.
 *
 * A bar closes after a minute of silence, and by then the caches have been lost to others: what an evaluation touches
 * lies in memory again, and each line of it costs as much as fifty when it is near. What is asked for here changes
 * nothing but time; an address that is not mapped is no fault. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { PREFETCH_LINE = 64 };

static inline void prefetch(const void *at, size_t bytes) {
    uintptr_t end = (uintptr_t)at + bytes;
    for (uintptr_t line = (uintptr_t)at & ~(uintptr_t)(PREFETCH_LINE - 1); line < end; line += PREFETCH_LINE)
        __builtin_prefetch((const void *)line);
}
