/* The values of a window in the order of size: the k-th smallest, how many are at or below x, and their sum.
 *
 *     root            [ 130 ]               numbers of values, summed up pairwise (and the sums of the values)
 *                  [ 96 ] [ 34 ]
 *     leaves    [ 50 ] [ 46 ] [ 34 ]        smallest values of the leaves: found by bisection
 *     values   1 2 3..  7 8..  11 ..        sorted, at most ORDER_LEAF in a leaf
 *
 * A leaf that is full is split, two neighbours that hold little are merged. So a value comes, goes or is looked up in
 * O(log n), and what is touched lies together: a tree with a value in each node would miss the cache at every level.
 * The sums of the values are exact (indicator/cut.h), so they do not depend on what was in the window before.
 * Threads: pure. Ownership: plain bytes in the caller's memory, with no pointers; all zero is an empty one of length 0,
 * so call order_reset first. Values must be finite. */
#pragma once
#include "indicator/cut.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ORDER_LEAF = 64 };

typedef struct order {
    int64_t length, n, n_leaves, n_free, width; /* values at most and now; leaves; unused ones; leaves at most */
    cut cut;                                    /* of the sums */
    /* then, of `width` leaves: */
} order;

/* What stands at or below a value. The sum is high + low. */
typedef struct order_part {
    int64_t n;
    double high, low;
} order_part;

size_t order_bytes(int32_t length);
void order_reset(order *o, int32_t length);
void order_add(order *o, double x);
/* `x` must be there. */
void order_remove(order *o, double x);
/* Takes in *x, a value of a series, and lets go of x[-length] when that is due, so that what is kept are the newest values
 * since the last that was no number, `length` at the most. Calls order_reset where it must. False if *x is no number. */
bool order_keep(order *o, const double *x, int32_t length);
/* k from 0 to n - 1. */
double order_select(const order *o, int64_t k);
int64_t order_count(const order *o, double x);
/* The parts are relative to the cut of the moment: order_split gives those of another number. */
order_part order_below(const order *o, double x);
order_part order_all(const order *o);
void order_split(const order *o, double x, double *high, double *low);
