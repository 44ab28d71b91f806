/* Two sums over the newest `length` bars, side by side.
 *
 *   blocks of `length` bar numbers   | . . . . . . | . . . . . . | . . .
 *   the window of one bar                  [ older   |  prefix ]
 *                                             ^ from a table that is made when the block begins
 *
 * Bars are cut into blocks at absolute bar numbers. The sum of a window is what it holds of its newest block, summed as
 * the bars come, and what it holds of older ones, which a table gives for every number of bars. Nothing is ever
 * subtracted: a window of zeros sums to zero, and a sum follows from the bars of its window alone, to the last bit,
 * wherever the series began. A block has at most `length` bars (fewer where bars are missing), so a step is O(1),
 * amortised; the price is the table, 16 bytes a bar.
 * Threads: pure. Ownership: plain data. */
#pragma once
#include "indicator/kernel.h"
#include "indicator/stretch.h"
#include <math.h>

/* Both sums in one register: they are always added together. A state is aligned to 8 bytes. */
typedef double pair __attribute__((vector_size(16), aligned(8)));

typedef struct two_sums {
    int64_t n;          /* bars in a row without a NaN, counted up to `length` */
    int64_t end_number; /* first bar number after the newest block; 0: there is none yet */
    int64_t n_older;    /* how many bars the window has before the newest block, when it is full */
    pair prefix;
    pair table[]; /* [k]: sums of the k bars before the newest block; `length` of them */
} two_sums;

/* What the bars i .. i + n - 1 (at most a stretch) add; there is a bar before the first of them when `has_before`. */
typedef void (*two_sums_flow)(const kernel_input *in, int32_t i, int32_t n, bool has_before, double *restrict a,
                              double *restrict b);

static inline size_t two_sums_table_bytes(const double *param, int32_t interval) {
    return (void)interval, (size_t)param[0] * sizeof(pair);
}

static inline void two_sums_restart(two_sums *s) { *s = (two_sums){0}; }

/* The next n entries of the table, from what n bars add, the oldest first. Four at a time, so that not each addition has
 * to wait for the one before; hence n is a multiple of four, unless it is the last piece. An entry must not depend on
 * how many come behind it. */
static inline pair two_sums_fill(pair *table, pair sum, const double *a, const double *b, int32_t n) {
    int32_t k = 1;
    for (; k + 3 <= n; k += 4) {
        pair x = {a[n - k], b[n - k]}, y = {a[n - k - 1], b[n - k - 1]};
        pair z = {a[n - k - 2], b[n - k - 2]}, w = {a[n - k - 3], b[n - k - 3]};
        y += x, z += y, w += z;
        table[k] = sum + x;
        table[k + 1] = sum + y;
        table[k + 2] = sum + z;
        table[k + 3] = sum += w;
    }
    pair rest = {0, 0};
    for (; k <= n; k++) table[k] = sum + (rest += (pair){a[n - k], b[n - k]});
    return sum;
}

static inline int32_t two_sums_least(int32_t x, int32_t y) { return x < y ? x : y; }

/* The bar `i` is the first of a block, `n` bars before it are without a NaN, and what the newest `at_hand` of them add
 * stands before `a` and `b`. */
__attribute__((noinline)) static void two_sums_begin_block(two_sums *s, const kernel_input *in, int32_t i, int64_t n,
                                                           int32_t length, two_sums_flow flow, const double *a,
                                                           const double *b, int32_t at_hand) {
    int64_t number = in->number[i];
    int32_t n_before = n < length ? (int32_t)n : length - 1;
    int32_t more = at_hand >= n_before ? n_before : at_hand & ~3;
    /* A division is slow, and without a hole the next block is simply the following one. */
    bool is_following = s->end_number > 0 && number - s->end_number < length;
    pair sum = two_sums_fill(s->table, (pair){0, 0}, a - more, b - more, more);
    s->end_number = is_following ? s->end_number + length : (number / length + 1) * length;
    s->n_older = length;
    s->prefix = s->table[0] = (pair){0, 0};
    for (int32_t done = more; done < n_before; done += more) {
        double more_a[STRETCH], more_b[STRETCH];
        more = two_sums_least(n_before - done, STRETCH);
        flow(in, i - done - more, more, done + more < n, more_a, more_b);
        sum = two_sums_fill(s->table + done, sum, more_a, more_b, more);
    }
}

/* Takes the bars i .. i + count - 1 (at most a stretch), none of them NaN. sum[k] belongs to bar i + k; NaN while the
 * window is not full. */
static inline void two_sums_run(two_sums *s, const kernel_input *in, int32_t i, int32_t count, int32_t length,
                                two_sums_flow flow, pair *sum) {
    double a[STRETCH], b[STRETCH];
    pair prefix = s->prefix;
    int64_t end_number = s->end_number;
    const pair *older = s->table + s->n_older;
    flow(in, i, count, s->n > 0, a, b);
    for (int32_t k = 0; k < count; k++) {
        if (in->number[i + k] >= end_number) {
            two_sums_begin_block(s, in, i + k, s->n + k, length, flow, a + k, b + k, k);
            prefix = s->prefix;
            end_number = s->end_number;
            older = s->table + s->n_older;
        }
        prefix += (pair){a[k], b[k]};
        sum[k] = prefix + *--older;
    }
    s->prefix = prefix;
    s->n_older = older - s->table;
    for (int32_t k = 0; k < count && s->n + k + 1 < length; k++) sum[k] = (pair){NAN, NAN};
    s->n = s->n + count < length ? s->n + count : length;
}
