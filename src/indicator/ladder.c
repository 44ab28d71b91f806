/* See ladder.h. A rung is made for all bars before the next one is. */
#include "indicator/ladder.h"
#include "indicator/kernel.h"
#include "indicator/lanes.h"

enum { FEW = 8 }; /* pairs: below, a plain loop is there first */

KERNEL_INLINE void plus_loop(int32_t n, const double *a, const double *b, double *restrict out) {
    for (int32_t k = 0; k < n; k++) out[k] = a[k] + b[k];
}
LANES(plus, (int32_t n, const double *a, const double *b, double *restrict out), (n, a, b, out))

KERNEL_INLINE void gain_loop(int32_t n, const double *b, double *restrict out) {
    for (int32_t k = 0; k < n; k++) out[k] += b[k];
}
LANES(gain, (int32_t n, const double *b, double *restrict out), (n, b, out))

/* A rung for the bars of a stretch, and its ring for what was before. */
typedef struct rung {
    const double *now;
    double *ring;
    int64_t first; /* the number of the stretch's first bar */
    int32_t size, n;
} rung;

/* out[k] = a[k] + b[k]; a may be the same as out. */
static inline void add_pairs(int32_t n, const double *a, const double *b, double *out) {
    if (n <= FEW)
        for (int32_t k = 0; k < n; k++) pair_store(out + 2 * k, pair_load(a + 2 * k) + pair_load(b + 2 * k));
    else if (a == out)
        gain(2 * n, b, out);
    else
        plus(2 * n, a, b, out);
}

/* out = a + what the rung was `back` bars ago, at most its size. */
static void add_past(const rung *r, int32_t back, const double *a, double *out) {
    int32_t n_past = back < r->n ? back : r->n, at = (int32_t)((r->first - back) & (r->size - 1));
    int32_t n_first = n_past < r->size - at ? n_past : r->size - at;
    add_pairs(n_first, a, r->ring + 2 * at, out);
    add_pairs(n_past - n_first, a + 2 * n_first, r->ring, out + 2 * n_first);
    add_pairs(r->n - n_past, a + 2 * n_past, r->now, out + 2 * n_past);
}

typedef double two_pairs __attribute__((vector_size(32)));
typedef double loose_pairs __attribute__((vector_size(32), aligned(8)));

/* The rung of 4 from that of 1, for bars whose rung of 2 is asked for by nobody: it stays in registers. x[-1] is there; of
 * the rung of 2 the two before the first bar are in `before`, and the newest two come to be there. */
KERNEL_INLINE void rung_of_four_loop(int32_t n, const double *x, const double *last, double *restrict before,
                                     double *restrict out) {
    two_pairs twos = *(const loose_pairs *)before, ones = {0, 0, last[0], last[1]};
    int32_t k = 0;
    for (; k + 2 <= n; k += 2) {
        two_pairs now = *(const loose_pairs *)(x + 2 * k);
        two_pairs next = now + __builtin_shufflevector(ones, now, 2, 3, 4, 5);
        *(loose_pairs *)(out + 2 * k) = next + twos;
        ones = now;
        twos = next;
    }
    if (k < n) {
        pair next = pair_load(x + 2 * k) + (pair){ones[2], ones[3]};
        pair_store(out + 2 * k, next + (pair){twos[0], twos[1]});
        twos = (two_pairs){twos[2], twos[3], next[0], next[1]};
    }
    *(loose_pairs *)before = twos;
}
LANES(rung_of_four, (int32_t n, const double *x, const double *last, double *restrict before, double *restrict out),
      (n, x, last, before, out))

/* The newest of the stretch into the ring. */
static void keep(const rung *r) {
    int32_t n = r->n < r->size ? r->n : r->size, at = (int32_t)((r->first + r->n - n) & (r->size - 1));
    int32_t n_first = n < r->size - at ? n : r->size - at;
    const double *from = r->now + 2 * (r->n - n);
    memcpy(r->ring + 2 * at, from, 2 * sizeof(double) * (size_t)n_first);
    memcpy(r->ring, from + 2 * n_first, 2 * sizeof(double) * (size_t)(n - n_first));
}

/* Adds the rung to the sums that it is a part of. `begun`: what there is of each. */
static void climb(const rung *r, const int32_t *length, int32_t n_lengths, const double **begun, double *const *sums) {
    for (int32_t k = 0; k < n_lengths; k++) {
        int32_t newer = length[k] & (r->size - 1);
        if (!(length[k] & r->size)) continue;
        if (newer) {
            add_past(r, newer, begun[k], sums[k]);
            begun[k] = sums[k];
        } else if (r->now == sums[k] || (r->size == 1 && length[k] > 1)) {
            begun[k] = r->now;
        } else {
            memcpy(sums[k], r->now, 2 * sizeof(double) * (size_t)r->n);
            begun[k] = sums[k];
        }
    }
}

/* Where to make the rung: in place of the sums that begin with it, if there are any. */
static double *room_for(int32_t size, const int32_t *length, int32_t n_lengths, double *const *sums, double *room) {
    for (int32_t k = 0; k < n_lengths; k++)
        if ((length[k] & -length[k]) == size) return sums[k];
    return room;
}

/* Two rungs at once, where the first is no part of any sum. False, with nothing done, where it is, or the bars are few. */
static bool climb_two(rung *r, int32_t longest, const int32_t *length, int32_t n_lengths, double *const *sums,
                      const double **begun, double *room) {
    double before[4], *twos = r->ring + 2, *next;
    int64_t odd = r->first & 1;
    if (longest < 4 || r->n < 4) return false;
    for (int32_t k = 0; k < n_lengths; k++)
        if (length[k] & 2) return false;
    climb(r, length, n_lengths, begun, sums);
    next = room_for(4, length, n_lengths, sums, room);
    pair_store(before, pair_load(twos + 2 * odd));
    pair_store(before + 2, pair_load(twos + 2 * !odd));
    rung_of_four(r->n, r->now, r->ring, before, next);
    keep(r);
    odd = (r->first + r->n) & 1;
    pair_store(twos + 2 * odd, pair_load(before));
    pair_store(twos + 2 * !odd, pair_load(before + 2));
    r->now = next;
    r->ring += 2 + 4;
    r->size = 4;
    return true;
}

void ladder_run(ladder *s, const double *x, int32_t n, int32_t longest, const int32_t *length, int32_t n_lengths,
                double *const *sums) {
    _Alignas(64) double room[2][2 * STRETCH];
    const double *begun[LADDER_LENGTHS];
    rung r = {x, s->rung, s->n, 1, n};
    int side = climb_two(&r, longest, length, n_lengths, sums, begun, room[0]);
    for (;; side = !side) {
        climb(&r, length, n_lengths, begun, sums);
        if (r.size > longest / 2) break;
        double *next = room_for(2 * r.size, length, n_lengths, sums, room[side]);
        add_past(&r, r.size, r.now, next);
        keep(&r);
        r.now = next;
        r.ring += 2 * r.size;
        r.size *= 2;
    }
    if (longest > r.size) keep(&r);
    s->n += n;
}
