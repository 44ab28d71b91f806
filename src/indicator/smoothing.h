/* Exponential averages seeded with the mean of the first `length` values: EMA with alpha = 2 / (length + 1), Wilder's
 * RMA with alpha = 1 / length. A NaN gives NaN and does not advance.
 * Threads: pure. Ownership: plain data. */
#pragma once
#include <math.h>
#include <stdint.h>

typedef struct smoothing {
    double value; /* sum while seeding */
    int64_t n;
} smoothing;

/* ---- kept as a distance ----
 *
 * The same averages as the distance from the newest value: gap' = keep (gap + change of the value), average = value - gap,
 * with keep = 1 - alpha. From bar to bar that is one operation less to wait for; rounding errors are those of the distance,
 * not of the price; in a market that stands still the average comes to be exactly the price; and the difference of two
 * averages of one series is the difference of their gaps. */
typedef struct trailing {
    double gap, last; /* while seeding: sum of the values in `last` */
    int64_t n;
} trailing;

/* The weight of the past, of an EMA and of an RMA; that of the newest value of an EMA. */
static inline double trailing_ema(int32_t length) { return (length - 1.0) / (length + 1.0); }
static inline double trailing_rma(int32_t length) { return (length - 1.0) / length; }
static inline double trailing_alpha(int32_t length) { return 2.0 / (length + 1.0); }

/* The average; NaN while there are fewer than `length` values. A NaN or an infinite value gives NaN and does not advance. */
static inline double trailing_step(trailing *a, double x, int32_t length, double keep) {
    if (!(x - x == 0)) return NAN;
    if (a->n == length) {
        a->gap = keep * (a->gap + (x - a->last));
    } else {
        a->last += x;
        if (++a->n < length) return NAN;
        a->gap = x - a->last / length;
    }
    a->last = x;
    return x - a->gap;
}
