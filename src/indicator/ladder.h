/* Two sums over the newest `length` bars, side by side, for one length or several.
 *
 *   rung 0   of 1 bar                 [i]
 *   rung 1   of 2 bars    [i - 1 ...   i]        rung 0 now + rung 0 one bar ago
 *   rung 2   of 4 bars    [i - 3 ...   i]        rung 1 now + rung 1 two bars ago
 *   ...
 *   of 13    1 + 4 + 8:   rung 0 now + rung 2 one bar ago + rung 3 five bars ago
 *
 * Each rung is the sum of two of the one below, and a window is cut into rungs as a number is written in bits. Nothing is
 * ever subtracted: a window of zeros sums to zero, and a sum follows from the bars of its window alone, to the last bit,
 * wherever the series began. Additions are few, so are roundings: as many as the length has bits. A bar does not wait for
 * the one before, so a range of them is added many at a time, and a step has no bar on which it takes longer. The price is
 * what the rungs were: at most 32 bytes a bar of the longest window.
 * Threads: pure. Ownership: plain data; all zero has seen no bar. */
#pragma once
#include "indicator/pair.h"
#include "indicator/stretch.h"
#include <stddef.h>

enum { LADDER_LENGTHS = 3, LADDER_LONGEST = 5000 };

typedef struct ladder {
    int64_t n; /* bars in a row */
    /* The rings of the rungs, one behind the other: rung r has its newest 2^r sums, the one of bar n in place n mod 2^r.
     * What they hold of bars before the first is not read for a window that is full. */
    double rung[];
} ladder;

/* The largest power of two that is no more than the length. */
static inline int32_t ladder_top(int32_t length) { return 1 << (31 - __builtin_clz((uint32_t)length)); }

static inline size_t ladder_bytes(int32_t longest) {
    int32_t top = ladder_top(longest), pairs = longest > top ? 2 * top - 1 : top - 1;
    return sizeof(ladder) + 2 * sizeof(double) * (size_t)pairs;
}

/* The next bar is the first. */
static inline void ladder_restart(ladder *s) { s->n = 0; }

#define LADDER_INLINE __attribute__((always_inline)) static inline

/* What is under way up a ladder: the bar's number, and its sum in the rung that is reached. */
typedef struct ladder_climb {
    int64_t n;
    pair x;
} ladder_climb;

/* Adds the rung of this size to a sum, if it is a part of it. */
LADDER_INLINE void ladder_add(const ladder_climb *at, const double *ring, int32_t size, int32_t length, pair *sum) {
    int32_t newer = length & (size - 1);
    if (!(length & size)) return;
    *sum = newer ? *sum + pair_load(ring + 2 * ((at->n - newer) & (size - 1))) : at->x;
}

/* Adds the rung of this size to the sums it is a part of, and makes the next one. False at the top. */
LADDER_INLINE bool ladder_rung(ladder *s, ladder_climb *at, int32_t size, int32_t longest, const int32_t *length,
                               int32_t n_lengths, pair *sums) {
    double *ring = s->rung + 2 * (size - 1), *place = ring + 2 * (at->n & (size - 1));
    /* No loop: of an array that is gone through the compiler would make one in memory. */
    ladder_add(at, ring, size, length[0], &sums[0]);
    if (n_lengths > 1) ladder_add(at, ring, size, length[1], &sums[1]);
    if (n_lengths > 2) ladder_add(at, ring, size, length[2], &sums[2]);
    if (longest < 2 * size) {
        if (longest > size) pair_store(place, at->x);
        return false;
    }
    pair before = pair_load(place);
    pair_store(place, at->x);
    at->x += before;
    return true;
}

/* Takes one bar. sums[k] belongs to length[k]: no sum while s->n is below that. The sizes are written out, so that they
 * are constants. */
LADDER_INLINE void ladder_step(ladder *s, pair x, int32_t longest, const int32_t *length, int32_t n_lengths,
                               pair *sums) {
    ladder_climb at = {s->n++, x};
#define RUNG(size) ladder_rung(s, &at, size, longest, length, n_lengths, sums)
    _Static_assert(LADDER_LONGEST < 2 * 4096, "a rung more is needed");
    (void)(RUNG(1) && RUNG(2) && RUNG(4) && RUNG(8) && RUNG(16) && RUNG(32) && RUNG(64) && RUNG(128) && RUNG(256) &&
           RUNG(512) && RUNG(1024) && RUNG(2048) && RUNG(4096));
#undef RUNG
}

/* The same for `n` bars, at most a stretch, and at most LADDER_LENGTHS: x has two values a bar, and so has sums[k]. Each sum is the same to the last
 * bit. None may be the same array as another. */
void ladder_run(ladder *s, const double *x, int32_t n, int32_t longest, const int32_t *length, int32_t n_lengths,
                double *const *sums);
