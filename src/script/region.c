/* The region allocator: see region.h.
 *
 *   base |block|block|....|block|            untouched            | end
 *                               ^ top
 *
 * Classes: multiples of 16 up to 512 bytes, then four steps per doubling, so a block wastes at most a quarter. A freed
 * block goes to the list of its class; a request takes from its own list first, then, for large blocks, from the next
 * few classes above, then from the top. Blocks are not merged: a script that grows one string for ever meets the cap
 * sooner than with a general allocator, which is its problem and nobody else's.
 *
 * Owners stand in a table of their own, one entry for each 16 bytes of the region, written where a block begins; its
 * pages are touched only where blocks are. */
#include "script/region.h"
#include "script/guard.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    SMALL_STEP = 16,
    SMALL_CLASSES = 33,
    STEPS_PER_DOUBLING = 4,
    FIRST_LARGE_LOG = 9,
    MAX_CLASSES = SMALL_CLASSES + 4 * 40,
    SEARCH_CLASSES = 4
};

struct region {
    char *base;
    size_t top, cap, used;
    uint64_t n_refused;
    uint32_t owner;
    uint16_t *owner_of; /* by block: offset / SMALL_STEP */
    void *free_list[MAX_CLASSES];
    size_t owned[REGION_OWNERS], grown[REGION_OWNERS], wanted[REGION_OWNERS];
};

static size_t owners_bytes(size_t cap_bytes) { return cap_bytes / SMALL_STEP * sizeof(uint16_t); }

static void *reserve(size_t bytes) {
    void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return base == MAP_FAILED ? NULL : base;
}

err region_new(size_t cap_bytes, region **out) {
    region *r = calloc(1, sizeof *r);
    if (!r) return ERR_NO_MEMORY;
    r->cap = cap_bytes;
    r->base = reserve(cap_bytes);
    r->owner_of = reserve(owners_bytes(cap_bytes));
    if (!r->base || !r->owner_of) {
        region_free(r);
        return ERR_NO_MEMORY;
    }
    *out = r;
    return OK;
}

void region_free(region *r) {
    if (!r) return;
    if (r->base) munmap(r->base, r->cap);
    if (r->owner_of) munmap(r->owner_of, owners_bytes(r->cap));
    free(r);
}

void region_set_owner(region *r, uint32_t owner) { r->owner = owner < REGION_OWNERS ? owner : REGION_OWNERS - 1; }

JUMPABLE static uint16_t *owner_of(region *r, const void *block) {
    return &r->owner_of[(size_t)((const char *)block - r->base) / SMALL_STEP];
}

/* The class of a size, and the size of that class's blocks. */
JUMPABLE static unsigned class_of(size_t bytes, size_t *block) {
    if (bytes <= SMALL_STEP * (SMALL_CLASSES - 1)) {
        unsigned c = (unsigned)((bytes + SMALL_STEP - 1) / SMALL_STEP);
        *block = (size_t)c * SMALL_STEP;
        return c;
    }
    unsigned log = 63 - (unsigned)__builtin_clzll(bytes - 1); /* 2^log < bytes <= 2^(log + 1) */
    size_t step = (size_t)1 << (log - 2);
    unsigned part = (unsigned)((bytes - ((size_t)1 << log) + step - 1) / step); /* 1..4 */
    *block = ((size_t)1 << log) + part * step;
    return SMALL_CLASSES + (log - FIRST_LARGE_LOG) * STEPS_PER_DOUBLING + part - 1;
}

JUMPABLE static void *charge(region *r, void *block, size_t bytes) {
    r->used += bytes;
    r->owned[r->owner] += bytes;
    *owner_of(r, block) = (uint16_t)r->owner;
    return block;
}

JUMPABLE static void discharge(region *r, void *block, size_t bytes) {
    r->used -= bytes;
    r->owned[*owner_of(r, block)] -= bytes;
}

JUMPABLE static void *take(region *r, size_t bytes) {
    size_t block;
    unsigned c = class_of(bytes, &block);
    unsigned last = c < SMALL_CLASSES ? c : c + SEARCH_CLASSES;
    void *fresh;
    for (unsigned k = c; k <= last && k < MAX_CLASSES; k++)
        if (r->free_list[k]) {
            fresh = r->free_list[k];
            r->free_list[k] = *(void **)fresh;
            __builtin_prefetch(r->free_list[k], 1); /* freed long ago, and asked for soon: most are of few sizes */
            return charge(r, fresh, block);
        }
    if (block > r->cap - r->top) return NULL;
    fresh = r->base + r->top;
    r->top += block;
    r->grown[r->owner] += block;
    return charge(r, fresh, block);
}

JUMPABLE static void give(region *r, void *ptr, size_t bytes) {
    size_t block;
    unsigned c = class_of(bytes, &block);
    *(void **)ptr = r->free_list[c];
    r->free_list[c] = ptr;
    discharge(r, ptr, block);
}

JUMPABLE static void *refuse(region *r, size_t bytes) {
    r->n_refused++;
    if (bytes > r->cap) bytes = r->cap;
    if (bytes > r->wanted[r->owner]) r->wanted[r->owner] = bytes;
    return NULL;
}

JUMPABLE void *region_alloc(void *ud, void *ptr, size_t old_bytes, size_t new_bytes) {
    region *r = ud;
    size_t old_block = 0, new_block = 0;
    void *fresh;
    if (new_bytes == 0) {
        if (ptr && old_bytes) give(r, ptr, old_bytes);
        return NULL;
    }
    if (new_bytes > r->cap) return refuse(r, new_bytes);
    if (ptr && old_bytes) {
        class_of(old_bytes, &old_block);
        class_of(new_bytes, &new_block);
        if (old_block == new_block) return ptr;
    }
    fresh = take(r, new_bytes);
    if (!fresh && new_bytes < old_bytes) { /* shrinking must not fail */
        discharge(r, ptr, old_block - new_block);
        return ptr;
    }
    if (!fresh) return refuse(r, new_bytes);
    if (ptr && old_bytes) {
        memcpy(fresh, ptr, old_bytes < new_bytes ? old_bytes : new_bytes);
        give(r, ptr, old_bytes);
    }
    return fresh;
}

size_t region_cap(const region *r) { return r->cap; }
size_t region_used(const region *r) { return r->used; }
size_t region_peak(const region *r) { return r->top; }
size_t region_owned(const region *r, uint32_t owner) { return owner < REGION_OWNERS ? r->owned[owner] : 0; }
size_t region_grown(const region *r, uint32_t owner) { return owner < REGION_OWNERS ? r->grown[owner] : 0; }
size_t region_wanted(const region *r, uint32_t owner) { return owner < REGION_OWNERS ? r->wanted[owner] : 0; }
uint64_t region_refused(const region *r) { return r->n_refused; }
