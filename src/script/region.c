/* The region allocator: see region.h.
 *
 *   base |block|block|....|block|            untouched            | end
 *                               ^ top
 *
 * Classes: multiples of 16 up to 512 bytes, then four steps per doubling, so a block wastes at most a quarter. A freed
 * block goes to the list of its class; a request takes from its own list first, then, for large blocks, from the next
 * few classes above, then from the top. Blocks are not merged: a script that grows one string for ever meets the cap
 * sooner than with a general allocator, which is its problem and nobody else's. */
#include "script/region.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SMALL_STEP = 16, SMALL_CLASSES = 33, STEPS_PER_DOUBLING = 4, FIRST_LARGE_LOG = 9, MAX_CLASSES = SMALL_CLASSES + 4 * 40, SEARCH_CLASSES = 4 };

struct region {
    char *base;
    size_t top, cap, used;
    void *free_list[MAX_CLASSES];
};

err region_new(size_t cap_bytes, region **out) {
    region *r = calloc(1, sizeof *r);
    void *base;
    if (!r) return ERR_NO_MEMORY;
    base = mmap(NULL, cap_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        free(r);
        return ERR_NO_MEMORY;
    }
    r->base = base;
    r->cap = cap_bytes;
    *out = r;
    return OK;
}

void region_free(region *r) {
    if (!r) return;
    munmap(r->base, r->cap);
    free(r);
}

/* The class of a size, and the size of that class's blocks. */
static unsigned class_of(size_t bytes, size_t *block) {
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

static void *take(region *r, size_t bytes) {
    size_t block;
    unsigned c = class_of(bytes, &block);
    unsigned last = c < SMALL_CLASSES ? c : c + SEARCH_CLASSES;
    void *fresh;
    for (unsigned k = c; k <= last && k < MAX_CLASSES; k++)
        if (r->free_list[k]) {
            fresh = r->free_list[k];
            r->free_list[k] = *(void **)fresh;
            r->used += block;
            return fresh;
        }
    if (block > r->cap - r->top) return NULL;
    fresh = r->base + r->top;
    r->top += block;
    r->used += block;
    return fresh;
}

static void give(region *r, void *ptr, size_t bytes) {
    size_t block;
    unsigned c = class_of(bytes, &block);
    *(void **)ptr = r->free_list[c];
    r->free_list[c] = ptr;
    r->used -= block;
}

void *region_alloc(void *ud, void *ptr, size_t old_bytes, size_t new_bytes) {
    region *r = ud;
    size_t old_block = 0, new_block = 0;
    void *fresh;
    if (new_bytes == 0) {
        if (ptr && old_bytes) give(r, ptr, old_bytes);
        return NULL;
    }
    if (new_bytes > r->cap) return NULL;
    if (ptr && old_bytes) {
        class_of(old_bytes, &old_block);
        class_of(new_bytes, &new_block);
        if (old_block == new_block) return ptr;
    }
    fresh = take(r, new_bytes);
    if (!fresh) return new_bytes < old_bytes ? ptr : NULL; /* shrinking must not fail */
    if (ptr && old_bytes) {
        memcpy(fresh, ptr, old_bytes < new_bytes ? old_bytes : new_bytes);
        give(r, ptr, old_bytes);
    }
    return fresh;
}

size_t region_used(const region *r) { return r->used; }
size_t region_peak(const region *r) { return r->top; }
