/* The memory of one LuaJIT state: one reservation of address space, which is also its cap.
 *
 * A killed script leaves its state half-way through anything, so nothing inside is ever repaired: the region is thrown
 * away whole. Size classes with free lists; Lua tells the old size, so blocks need no header.
 * Threads: the state's thread. */
#pragma once
#include "base/errors.h"
#include <stddef.h>

typedef struct region region;

/* `cap_bytes`: most that the state may hold. Pages are touched only when used. */
MUST_CHECK err region_new(size_t cap_bytes, region **out);
void region_free(region *r);
/* A lua_Alloc; `ud` is the region. NULL beyond the cap: Lua raises "not enough memory". */
void *region_alloc(void *ud, void *ptr, size_t old_bytes, size_t new_bytes);
size_t region_used(const region *r); /* bytes in live blocks, rounded up to their classes */
size_t region_peak(const region *r); /* bytes of the reservation ever touched */
