/* Highest or lowest of the newest `length` values of a series, and how many bars ago it was.
 *
 * One value at a time: the window is an old part and a fresh part. Of the fresh part the extreme so far is known; of the
 * old part, for each number of values that are still inside, where the extreme of those is. A step adds one value to the
 * fresh part, takes one from the old part and compares the two extremes. When the old part is used up, the whole window
 * becomes the old part, from its newest value backwards:
 *
 *     values of the window     4  7  2  5  3 | 6  1        old | fresh: 6 is best, 1 bar ago
 *     highest from here on     7  7  5  5  3 |             of the old part, kept as distances from its end: 3 3 1 1 0
 *
 * So each value is looked at three times, whatever the length and whatever the market does, and no branch depends on the
 * values: a monotonic deque also is O(1) amortised, but what it drops cannot be predicted, which makes it twice as slow.
 * A place takes 2 bytes and is no array index (bars slide); the values are read from the series: its reach is `length`.
 *
 * A range of bars: windows of 4, 16, 64 ... values are each the best of four smaller ones, and one of `length` the best
 * of four that overlap. No step waits for another, so it is a few vector instructions a bar. Values and ages are the same
 * to the last bit as by single steps.
 *
 * A NaN or an infinite value gives none and begins the window anew.
 * Threads: pure. Ownership: plain data inside the state of a kernel. */
#pragma once
#include "indicator/kernel.h"
#include <math.h>

/* Of equal values the oldest is the extreme (Pine's highestbars), or the newest. */
typedef enum extreme_order { EXTREME_HIGH, EXTREME_LOW, EXTREME_HIGH_NEWEST, EXTREME_LOW_NEWEST } extreme_order;

enum { EXTREME_WORK = 1024, EXTREME_RANGE_MAX = EXTREME_WORK / 2 }; /* longer windows go step by step */
_Static_assert(LENGTH_MAX < UINT16_MAX, "a place in an extreme has 16 bits");

/* All zero: nothing seen. */
typedef struct extreme {
    double value;         /* extreme of the fresh part */
    int32_t n;            /* finite values in a row, counted up to `length` */
    uint16_t fresh, best; /* how many are fresh; bars since their extreme */
    uint16_t old[];       /* old[k]: of the k + 1 newest of the old part, the extreme; counted from the newest */
} extreme;

/* Bytes for windows of up to `length`; a multiple of 8, so that one may follow another. */
static inline size_t extreme_bytes(int32_t length) {
    return (sizeof(extreme) + (size_t)length * sizeof(uint16_t) + 7) & ~(size_t)7;
}
/* What follows `e` in a state. */
static inline void *extreme_after(extreme *e, int32_t length) { return (char *)e + extreme_bytes(length); }

KERNEL_INLINE bool extreme_is_high(extreme_order order) {
    return order == EXTREME_HIGH || order == EXTREME_HIGH_NEWEST;
}

KERNEL_INLINE bool extreme_beats(double newer, double older, extreme_order order) {
    switch (order) {
    case EXTREME_HIGH: return newer > older;
    case EXTREME_LOW: return newer < older;
    case EXTREME_HIGH_NEWEST: return newer >= older;
    default: return newer <= older;
    }
}

/* The better of two; of equal ones (0 and -0) the older. */
KERNEL_INLINE double extreme_better(double newer, double older, bool is_high) {
    return is_high ? (newer > older ? newer : older) : (newer < older ? newer : older);
}

/* The window that ends at x[i], all of it old. */
KERNEL_INLINE void extreme_renew(extreme *e, const double *x, int32_t i, int32_t length, extreme_order order) {
    double best = x[i];
    int32_t place = 0;
    for (int32_t k = 0; k < length; k++) {
        double older = x[i - k];
        place = extreme_beats(best, older, order) ? place : k;
        best = extreme_better(best, older, extreme_is_high(order));
        e->old[k] = (uint16_t)place;
    }
    e->fresh = 0;
}

/* Takes in x[i], which is finite; the window that ends there holds `length` values: any number up to that for which the
 * memory was made, but at most one more than at the step before (windows by time). The age of the extreme: 0 when it is
 * x[i] itself. */
KERNEL_INLINE int32_t extreme_push(extreme *e, const double *x, int32_t i, int32_t length, extreme_order order) {
    int32_t fresh = e->fresh + 1, rest = length - fresh, best = 0, old;
    double value = x[i];
    if (rest < 0) {
        extreme_renew(e, x, i, length, order);
        return e->old[length - 1];
    }
    if (fresh > 1) {
        /* By a mask: a branch could not be foretold. */
        best = (e->best + 1) & -(int32_t)!extreme_beats(value, e->value, order);
        value = extreme_better(value, e->value, extreme_is_high(order));
    }
    e->value = value;
    e->fresh = (uint16_t)fresh;
    e->best = (uint16_t)best;
    if (rest == 0) return best;
    old = fresh + e->old[rest - 1];
    return old ^ ((old ^ best) & -(int32_t)extreme_beats(value, x[i - old], order));
}

/* Begins anew: nothing seen. */
static inline void extreme_clear(extreme *e) {
    e->n = 0;
    e->fresh = 0;
}

/* Takes in x[i]. The age of the extreme of the window that ends there; -1 while the window is not full. */
KERNEL_INLINE int32_t extreme_step(extreme *e, const double *x, int32_t i, int32_t length, extreme_order order) {
    if (!(x[i] - x[i] == 0)) {
        extreme_clear(e);
        return -1;
    }
    if (e->n < length) e->n++;
    int32_t age = extreme_push(e, x, i, e->n, order);
    return e->n < length ? -1 : age;
}

/* The extreme itself; NaN while the window is not full. */
KERNEL_INLINE double extreme_step_value(extreme *e, const double *x, int32_t i, int32_t length, extreme_order order) {
    int32_t age = extreme_step(e, x, i, length, order);
    return age < 0 ? NAN : x[i - age];
}

/* ---- a range of bars: see extreme.c ---- */

void extreme_range_many(extreme *e, const double *x, int32_t from, int32_t to, int32_t length, extreme_order order,
                        double *out);
/* Takes in the bars [from, to): out[k] is the extreme of the window that ends at x[from + k]; NaN while it is not full.
 * `order` is EXTREME_HIGH or EXTREME_LOW. */
KERNEL_INLINE void extreme_range(extreme *e, const double *x, int32_t from, int32_t to, int32_t length,
                                 extreme_order order, double *out) {
    if (to - from == 1)
        out[0] = extreme_step_value(e, x, from, length, order);
    else
        extreme_range_many(e, x, from, to, length, order, out);
}

/* The same with what is made of the age in place of the value: shown[age], for each age below `length`. Of equal values the
 * oldest. */
void extreme_range_ages(extreme *e, const double *x, int32_t from, int32_t to, int32_t length, extreme_order order,
                        const double *shown, double *out);

/* For kernels that find values of their own in windows. How many of the bars [from, to) must go step by step: those before
 * the window is full, or all of them when that is faster or not all are finite. */
int32_t extreme_n_steps(const extreme *e, const double *x, int32_t from, int32_t to, int32_t length);
/* out[j] = the extreme of x[j] .. x[j + length - 1] for j in [0, n), where all values are finite; length up to
 * EXTREME_RANGE_MAX. */
void extreme_windows(const double *x, int32_t n, int32_t length, bool is_high, double *out);
/* The state after bars that were not stepped through: the window that ends at x[i] is full. */
void extreme_skip(extreme *e, const double *x, int32_t i, int32_t length, extreme_order order);
