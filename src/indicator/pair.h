/* Two doubles at a time, which is what a register of every 64-bit machine holds: for loops that compilers leave scalar. The
 * operators of C work lane by lane, with the results that each lane alone would have.
 * Threads: pure. Ownership: plain data. */
#pragma once
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

typedef double pair __attribute__((vector_size(16)));
typedef int64_t pair_mask __attribute__((vector_size(16)));
typedef double loose_pair __attribute__((vector_size(16), aligned(8)));

static inline pair pair_load(const double *x) { return *(const loose_pair *)x; }
static inline void pair_store(double *x, pair v) { *(loose_pair *)x = v; }
/* To out[0] and, if `is_couple`, out[1]. */
static inline void pair_put(double *out, pair v, bool is_couple) {
    if (is_couple)
        pair_store(out, v);
    else
        *out = v[0];
}

/* The first, or the second, of each; the second of a and the first of b. */
#define PAIR_FIRST(a, b) __builtin_shufflevector(a, b, 0, 2)
#define PAIR_SECOND(a, b) __builtin_shufflevector(a, b, 1, 3)
#define PAIR_BETWEEN(a, b) __builtin_shufflevector(a, b, 1, 2)

static inline pair pair_root(pair v) { return (pair){sqrt(v[0]), sqrt(v[1])}; }
static inline pair pair_size(pair v) { return (pair)((pair_mask)v & INT64_MAX); }
/* NaN for what is infinite. */
static inline pair pair_defined(pair v) { return v + 0 * v; }
/* `v`, but zero where it is below `limit`. */
static inline pair pair_cut(pair v, pair limit) { return (pair)((pair_mask)v & ~(pair_mask)(v < limit)); }
/* a where the mask is set, b elsewhere */
static inline pair pair_choose(pair_mask is_a, pair a, pair b) {
    return (pair)(((pair_mask)a & is_a) | ((pair_mask)b & ~is_a));
}
/* b where one of them is NaN */
static inline pair pair_min(pair a, pair b) {
#ifdef __SSE2__
    return (pair)_mm_min_pd((__m128d)a, (__m128d)b);
#else
    return pair_choose((pair_mask)(a < b), a, b);
#endif
}
static inline pair pair_max(pair a, pair b) {
#ifdef __SSE2__
    return (pair)_mm_max_pd((__m128d)a, (__m128d)b);
#else
    return pair_choose((pair_mask)(a > b), a, b);
#endif
}

/* How many of n values are at or below x. */
static inline int64_t pair_count(const double *v, int32_t n, double x) {
    pair_mask a = {0, 0}, b = {0, 0};
    pair limit = {x, x};
    int64_t rest = 0;
    int32_t k = 0;
    for (; k + 4 <= n; k += 4) {
        a -= (pair_mask)(pair_load(v + k) <= limit);
        b -= (pair_mask)(pair_load(v + k + 2) <= limit);
    }
    for (; k < n; k++) rest += v[k] <= x;
    a += b;
    return a[0] + a[1] + rest;
}
