/* A sum, and a product, over all bars since the epoch.
 *
 *   bars     | 16 bars | 16 bars | ... | the newest, up to 16 |
 *   value     base                      + part
 *
 * Sixteen bars are summed on the side before they are added to the base. In one long chain each bar would wait for the
 * one before; and since the base sees a sixteenth of the additions, it can afford to carry what each has lost into the
 * next (Kahan's): ten million bars round like a few. Where a group ends follows from the bars counted since the epoch,
 * so one bar at a time gives the same bits as many.
 * Threads: pure. Ownership: plain data. */
#pragma once
#include <stdint.h>

enum { TOTAL_GROUP = 16 };

typedef struct total {
    double base, lost, part;
    int64_t n; /* bars in the part */
} total;

static inline void total_close_group(total *t) {
    double x = t->part + t->lost, sum = t->base + x, back = sum - t->base;
    t->lost = (t->base - (sum - back)) + (x - back);
    t->base = sum;
    t->part = 0;
    t->n = 0;
}

static inline double total_step(total *t, double x) {
    double value = t->base + (t->part += x);
    if (++t->n == TOTAL_GROUP) total_close_group(t);
    return value;
}

/* Adds `count` values; out[k] is the sum up to x[k]. The arrays are not the same. */
static inline void total_run(total *state, const double *restrict x, int32_t count, double *restrict out) {
    total t = *state;
    int32_t k = 0;
    for (; k < count && t.n; k++) out[k] = total_step(&t, x[k]);
    for (; k + TOTAL_GROUP <= count; k += TOTAL_GROUP) {
        for (int j = 0; j < TOTAL_GROUP; j++) out[k + j] = t.base + (t.part += x[k + j]);
        total_close_group(&t);
    }
    for (; k < count; k++) out[k] = total_step(&t, x[k]);
    *state = t;
}

/* A product likewise. A state of zero bytes is a product of nothing, which is 1. */
typedef struct product {
    double base, part;
    int64_t n, is_begun;
} product;

static inline double product_step(product *p, double x) {
    double value = p->base * (p->part *= x);
    if (++p->n == TOTAL_GROUP) *p = (product){.base = value, .part = 1, .is_begun = 1};
    return value;
}

static inline void product_run(product *state, const double *restrict x, int32_t count, double *restrict out) {
    product p = state->is_begun ? *state : (product){.base = 1, .part = 1, .is_begun = 1};
    int32_t k = 0;
    for (; k < count && p.n; k++) out[k] = product_step(&p, x[k]);
    for (; k + TOTAL_GROUP <= count; k += TOTAL_GROUP) {
        double part = 1;
        for (int j = 0; j < TOTAL_GROUP; j++) out[k + j] = p.base * (part *= x[k + j]);
        p.base *= part;
    }
    for (; k < count; k++) out[k] = product_step(&p, x[k]);
    *state = p;
}
