/* The memory of one LuaJIT state: one reservation of address space, which is also its cap.
 *
 * A killed script leaves its state half-way through anything, so nothing inside is ever repaired: the region is thrown
 * away whole. Size classes with free lists; Lua tells the old size, so blocks need no header.
 * Each block is on the account of the owner that was set when it was made: several traders share a state, and when it
 * is full the one that filled it is to be named, not the one that ran.
 * Threads: the state's thread. */
#pragma once
#include "base/errors.h"
#include <stddef.h>

typedef struct region region;

enum { REGION_OWNERS = 1024 }; /* owners from this one on share its account */

/* `cap_bytes`: most that the state may hold. Pages are touched only when used. */
MUST_CHECK err region_new(size_t cap_bytes, region **out);
void region_free(region *r);
/* A lua_Alloc; `ud` is the region. NULL beyond the cap: Lua raises "not enough memory". */
void *region_alloc(void *ud, void *ptr, size_t old_bytes, size_t new_bytes);
/* On whose account blocks are made from now on, 0 .. REGION_OWNERS - 1; 0 at first. */
void region_set_owner(region *r, uint32_t owner);

size_t region_cap(const region *r);
size_t region_used(const region *r); /* bytes in live blocks, rounded up to their classes */
size_t region_peak(const region *r); /* bytes of the reservation ever touched */
/* Of region_used, the bytes of this owner. */
size_t region_owned(const region *r, uint32_t owner);
/* Of region_peak, the bytes that this owner was the first to need. */
size_t region_grown(const region *r, uint32_t owner);
/* The largest request of this owner that was refused (the cap when it was even larger); 0: none. */
size_t region_wanted(const region *r, uint32_t owner);
uint64_t region_refused(const region *r); /* requests that the cap forbade, ever */
