/* A kernel as the daemon runs it, in pieces of any length, and where two such runs differ. */
#pragma once
#include "indicator/kernel.h"
#include "spec/c/random.h"
#include <math.h>
#include <string.h>

/* Bars [from, to), in pieces of at most `piece` bars (0: of random lengths). */
static inline void run_in_pieces(const kernel *k, const kernel_input *in, void *state,
                                 double *const out[INDICATOR_OUTPUTS], int32_t from, int32_t to, int32_t piece) {
    for (int32_t i = from, n; i < to; i += n) {
        n = piece ? piece : 1 + (int32_t)(300 * uniform() * uniform());
        if (n > to - i) n = to - i;
        k->run(state, in, i, i + n, out);
    }
}

/* The first bar of [from, n) at which two lists differ in a bit; n when there is none. Any NaN equals any other. */
static inline int32_t first_difference(const double *a, const double *b, int32_t from, int32_t n) {
    for (int32_t i = from; i < n; i++)
        if (memcmp(&a[i], &b[i], sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i]))) return i;
    return n;
}

static inline int32_t n_defined(const double *x, int32_t n) {
    int32_t count = 0;
    for (int32_t i = 0; i < n; i++) count += !isnan(x[i]);
    return count;
}
