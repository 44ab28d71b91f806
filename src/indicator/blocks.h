/* Sums and extremes over a rolling window from which nothing is ever taken away.
 *
 *      bars    ... |  block k-1  |   block k   | ...     blocks of `length` bars, cut at absolute bar numbers
 *      window             [ tail | head  ]
 *
 * The head is summed up as bars come; the tails of the block that has ended are summed up backwards once, when the next
 * one begins. A window is one of each. So there is no residue of what has left: a window of equal values has exactly the
 * sums of equal values, NaN and infinity are gone with the bar that brought them, 10 million bars are as exact as ten,
 * and the sums depend on the bars of the window alone, to the bit. O(1) amortised; 16 bytes a bar of the window.
 * What is summed up may be taken relative to the `origin`, the first bar of the block: it lies in every window that ends
 * in the block, so squares of differences from it never drown what they are to measure.
 * A hole in the bars upsets the blocks: the windows across it are summed up one by one.
 * Maxima are found in the same way, with "the larger of" for "plus". They do not hand on a NaN: see blocks_reset.
 * Two sums go together because two doubles are what a register holds.
 * Threads: pure. Ownership: plain data. */
#pragma once
#include "indicator/kernel.h"
#include "indicator/pair.h"
#include <math.h>

enum { BLOCKS_PAIRS = 3, BLOCKS_SUMS = 2 * BLOCKS_PAIRS };

typedef struct blocks {
    int64_t n, whole; /* bars seen; of them since the last hole */
    int64_t next;     /* number of the next bar, unless there is a hole */
    int64_t place;    /* its place in the block */
    double origin[2];
    double head[BLOCKS_SUMS];   /* couples of bars are added up first, which halves the chain of additions */
    double single[BLOCKS_SUMS]; /* of the last bar, when it has no partner yet */
    /* then the tails: at place p the sums of what stands behind p in the last block */
} blocks;

/* What is summed up, and where it goes. A constant for the compiler, which makes loops of its own for each. */
typedef struct blocks_job {
    int32_t pairs;     /* of sums */
    int32_t n_origins; /* sources, from the first on, whose origin is wanted; the others' is 0 */
    pair (*join)(pair, pair);
    double nothing; /* what joining leaves as it is */
    /* The terms of bars i and i + 1: terms[k] goes into sum k. Bar i - 1 is read at times for nothing; a lane must depend
     * on its own bar, and what comes before it, alone. */
    void (*terms)(const kernel_input *in, int32_t i, const double *origin, pair *terms);
    /* Takes the sums of the windows that end at bar i and, if `is_couple`, i + 1; else only lane 0 counts. */
    void (*put)(void *target, const kernel_input *in, const double *origin, int32_t i, const pair *sums,
                bool is_couple);
} blocks_job;

static inline pair blocks_plus(pair a, pair b) { return a + b; }
#define BLOCKS_SUM .join = blocks_plus, .nothing = 0
#define BLOCKS_MAX .join = pair_max, .nothing = -INFINITY

static inline size_t blocks_bytes(int32_t pairs, int32_t length) {
    return sizeof(blocks) + 2 * sizeof(double) * (size_t)pairs * (size_t)length;
}
/* The next bar is the first. */
static inline void blocks_reset(blocks *s) { s->n = s->whole = 0; }

#define BLOCKS_INLINE static inline __attribute__((always_inline))

/* From sums in lanes of bars to bars in lanes of sums: first[k] has sums 2k and 2k + 1 of the first bar. And back. */
BLOCKS_INLINE void blocks_turn(int32_t pairs, const pair *sums, pair *first, pair *second) {
    for (int32_t k = 0; k < pairs; k++) {
        first[k] = PAIR_FIRST(sums[2 * k], sums[2 * k + 1]);
        second[k] = PAIR_SECOND(sums[2 * k], sums[2 * k + 1]);
    }
}
BLOCKS_INLINE void blocks_turn_back(int32_t pairs, const pair *first, const pair *second, pair *sums) {
    for (int32_t k = 0; k < pairs; k++) {
        sums[2 * k] = PAIR_FIRST(first[k], second[k]);
        sums[2 * k + 1] = PAIR_SECOND(first[k], second[k]);
    }
}

/* Terms of one bar. */
BLOCKS_INLINE void blocks_one(const blocks_job *job, const kernel_input *in, int32_t i, const double *origin,
                              pair *one) {
    pair both[BLOCKS_SUMS], other[BLOCKS_PAIRS];
    job->terms(in, i - 1, origin, both);
    blocks_turn(job->pairs, both, other, one);
}

BLOCKS_INLINE void blocks_begin(blocks *s, const blocks_job *job, const kernel_input *in, int32_t i, int32_t length) {
    const int32_t pairs = job->pairs;
    double origin[2]; /* not read from the state in the loop: the tails that are written might be it */
    double *tail = (double *)(s + 1) + 2 * pairs * (length - 1);
    int32_t n = s->whole < length - 1 ? (int32_t)s->whole : length - 1, at = 1;
    pair sum[BLOCKS_PAIRS], both[BLOCKS_SUMS], older[BLOCKS_PAIRS], newer[BLOCKS_PAIRS];
    for (int32_t o = 0; o < 2; o++) s->origin[o] = origin[o] = o < job->n_origins ? in->source[o][i] : 0;
    for (int32_t k = 0; k < pairs; k++) {
        sum[k] = (pair){job->nothing, job->nothing};
        pair_store(s->head + 2 * k, sum[k]);
        pair_store(tail + 2 * k, sum[k]);
    }
    for (; at + 1 <= n; at += 2) {
        job->terms(in, i - at - 1, origin, both);
        blocks_turn(pairs, both, older, newer);
        tail -= 4 * pairs;
        for (int32_t k = 0; k < pairs; k++) {
            pair_store(tail + 2 * (pairs + k), job->join(sum[k], newer[k]));
            sum[k] = job->join(sum[k], job->join(newer[k], older[k]));
            pair_store(tail + 2 * k, sum[k]);
        }
    }
    if (at != n) return;
    blocks_one(job, in, i - at, origin, newer);
    for (int32_t k = 0; k < pairs; k++) pair_store(tail + 2 * (k - pairs), job->join(sum[k], newer[k]));
}

/* A window across a hole, or none as yet. */
BLOCKS_INLINE void blocks_direct(const blocks *s, const blocks_job *job, const kernel_input *in, int32_t i, int32_t n,
                                 int32_t length, pair *sums) {
    pair one[BLOCKS_PAIRS], sum[BLOCKS_PAIRS];
    double first = n < length ? NAN : job->nothing;
    for (int32_t k = 0; k < job->pairs; k++) sum[k] = (pair){first, first};
    for (int32_t at = i - length + 1; n >= length && at <= i; at++) {
        blocks_one(job, in, at, s->origin, one);
        for (int32_t k = 0; k < job->pairs; k++) sum[k] = job->join(sum[k], one[k]);
    }
    blocks_turn_back(job->pairs, sum, sum, sums);
}

/* Of m bars, all in one block. */
BLOCKS_INLINE void blocks_sum(blocks *s, const blocks_job *job, const kernel_input *in, int32_t i, int32_t m,
                              void *target) {
    const int32_t pairs = job->pairs, end = i + m;
    const double origin[2] = {s->origin[0], s->origin[1]}, *tail = (double *)(s + 1) + 2 * pairs * s->place;
    pair head[BLOCKS_PAIRS], first[BLOCKS_PAIRS], second[BLOCKS_PAIRS], sums[BLOCKS_SUMS];
    for (int32_t k = 0; k < pairs; k++) head[k] = pair_load(s->head + 2 * k);
    if (s->place % 2 == 1) {
        blocks_one(job, in, i, origin, second);
        for (int32_t k = 0; k < pairs; k++) {
            head[k] = job->join(head[k], job->join(pair_load(s->single + 2 * k), second[k]));
            second[k] = job->join(head[k], pair_load(tail + 2 * k));
        }
        blocks_turn_back(pairs, second, second, sums);
        job->put(target, in, origin, i, sums, false);
        tail += 2 * pairs;
        i++;
    }
    for (; i < end - 1; i += 2, tail += 4 * pairs) {
        job->terms(in, i, origin, sums);
        blocks_turn(pairs, sums, first, second);
        for (int32_t k = 0; k < pairs; k++) {
            pair both = job->join(first[k], second[k]);
            first[k] = job->join(job->join(head[k], first[k]), pair_load(tail + 2 * k));
            head[k] = job->join(head[k], both);
            second[k] = job->join(head[k], pair_load(tail + 2 * (pairs + k)));
        }
        blocks_turn_back(pairs, first, second, sums);
        job->put(target, in, origin, i, sums, true);
    }
    if (i < end) {
        blocks_one(job, in, i, origin, first);
        for (int32_t k = 0; k < pairs; k++) {
            pair_store(s->single + 2 * k, first[k]);
            first[k] = job->join(job->join(head[k], first[k]), pair_load(tail + 2 * k));
        }
        blocks_turn_back(pairs, first, first, sums);
        job->put(target, in, origin, i, sums, false);
    }
    for (int32_t k = 0; k < pairs; k++) pair_store(s->head + 2 * k, head[k]);
}

/* m bars have been summed up, the last of them with this number. */
BLOCKS_INLINE void blocks_pass(blocks *s, int32_t m, int64_t number, int32_t length) {
    s->n += m;
    s->whole += m;
    s->place = s->place + m == length ? 0 : s->place + m;
    s->next = number + 1;
}

/* Puts the sums of the windows that end at the bars from `i` on, up to the end of the block or to `to`; NaN while there
 * are fewer than `length` bars. Gives how many. */
BLOCKS_INLINE int32_t blocks_advance(blocks *s, const blocks_job *job, const kernel_input *in, int32_t i, int32_t to,
                                     int32_t length, void *target) {
    const int64_t *number = in->number + i;
    int32_t m = to - i;
    if (number[0] != s->next) {
        s->whole = 0;
        s->place = number[0] % length;
    }
    if (s->place == 0 || s->whole == 0) blocks_begin(s, job, in, i, length);
    if (m > length - s->place) m = (int32_t)(length - s->place);
    while (number[m - 1] - number[0] != m - 1) m--;
    blocks_sum(s, job, in, i, m, target);
    for (int32_t j = 0; j < m && s->whole + j + 1 < length; j++) {
        pair sums[BLOCKS_SUMS];
        blocks_direct(s, job, in, i + j, (int32_t)(s->n < length ? s->n : length) + j + 1, length, sums);
        job->put(target, in, s->origin, i + j, sums, false);
    }
    blocks_pass(s, m, number[m - 1], length);
    return m;
}

/* Whether the window that ends with bar i is full and without a hole: nearly every step of the daemon. */
BLOCKS_INLINE bool blocks_is_plain(const blocks *s, const kernel_input *in, int32_t i, int32_t length) {
    return s->whole >= length && in->number[i] == s->next;
}

/* Takes the terms of such a bar, whose block has begun; gives the sums of the window that ends there. Both in lanes of
 * sums. */
BLOCKS_INLINE void blocks_step(blocks *s, const blocks_job *job, const pair *own, int64_t number, int32_t length,
                               pair *window) {
    const double *tail = (double *)(s + 1) + 2 * job->pairs * s->place;
    bool is_second = s->place % 2 == 1;
    for (int32_t k = 0; k < job->pairs; k++) {
        pair head = pair_load(s->head + 2 * k);
        if (is_second) {
            head = job->join(head, job->join(pair_load(s->single + 2 * k), own[k]));
            pair_store(s->head + 2 * k, head);
        } else {
            pair_store(s->single + 2 * k, own[k]);
            head = job->join(head, own[k]);
        }
        window[k] = job->join(head, pair_load(tail + 2 * k));
    }
    blocks_pass(s, 1, number, length);
}

/* The same over all of [from, to). */
BLOCKS_INLINE void blocks_run(blocks *s, const blocks_job *job, const kernel_input *in, int32_t from, int32_t to,
                              int32_t length, void *target) {
    if (to - from == 1 && s->place > 0 && blocks_is_plain(s, in, from, length)) {
        pair own[BLOCKS_PAIRS], window[BLOCKS_PAIRS], sums[BLOCKS_SUMS];
        blocks_one(job, in, from, s->origin, own);
        blocks_step(s, job, own, in->number[from], length, window);
        blocks_turn_back(job->pairs, window, window, sums);
        job->put(target, in, s->origin, from, sums, false);
        return;
    }
    for (int32_t i = from; i < to; i += blocks_advance(s, job, in, i, to, length, target)) {}
}

/* ---- one sum of differences from the origin, bar by bar: slower over a range, shorter for a step ---- */

/* Of all windows of a kernel. */
typedef struct blocks_clock {
    int64_t n, whole, next; /* as in blocks; the bar itself included */
} blocks_clock;

typedef struct blocks_bar {
    int64_t place;
    double origin, head;
    double tail[]; /* [length] */
} blocks_bar;

static inline size_t blocks_bar_bytes(int32_t length) { return sizeof(blocks_bar) + sizeof(double) * (size_t)length; }

/* Bar i comes. */
static inline void blocks_tick(blocks_clock *c, const kernel_input *in, int32_t i) {
    c->whole = in->number[i] == c->next ? c->whole + 1 : 1;
    c->next = in->number[i] + 1;
    c->n++;
}

/* Begins the block that begins with the bar of this number, whose value is *x. Afterwards s->origin is that of the bar.
 * Couples of values are added up first, which halves the chain of additions. */
BLOCKS_INLINE void blocks_bar_prepare(blocks_bar *s, const blocks_clock *c, const double *x, int64_t number,
                                      int32_t length) {
    int32_t n = c->whole < length ? (int32_t)c->whole : length, k = 1;
    double sum = 0, origin = *x, *tail = s->tail + length - 1;
    if (c->whole == 1) s->place = number % length;
    if (s->place != 0 && c->whole != 1) return;
    s->origin = origin;
    s->head = tail[0] = 0;
    for (; k + 1 < n; k += 2) {
        double newer = x[-k] - origin, older = x[-k - 1] - origin;
        tail[-k] = sum + newer;
        sum += newer + older;
        tail[-k - 1] = sum;
    }
    if (k < n) tail[-k] = sum + (x[-k] - origin);
}

/* The sum of the window that ends at *x; relative to s->origin, NaN while there are fewer than `length` bars. */
BLOCKS_INLINE double blocks_bar_next(blocks_bar *s, const blocks_clock *c, const double *x, int32_t length) {
    int64_t place = s->place;
    double own = *x - s->origin,
           sum = (s->head + s->tail[place]) + own; /* what was there before does not wait for *x */
    s->head += own;
    s->place = place + 1 == length ? 0 : place + 1;
    if (c->whole >= length) return sum;
    if (c->n < length) return NAN;
    sum = 0;
    for (int32_t k = length - 1; k >= 0; k--) sum += x[-k] - s->origin;
    return sum;
}
