/* See window.h.
 *
 * Adding 1.5 x 2^52 units to a value rounds it to whole units, and the low bits of the result are then their number. So
 * two such results differ, as integers, by the difference in units, and sums are made of integers. Bars are taken two or
 * four at a time (window_lanes.inc); whether the unit can hold a value is looked at once for a whole stretch. Where it
 * cannot, and where the unit is chosen anew, a bar is taken by itself; that is also what a step in the daemon does. */
#include "indicator/window.h"
#include "indicator/kernel.h"
#include <math.h>
#include <string.h>

enum {
    SUM_BITS = 51,     /* of a sum: what can be added to MAGIC */
    DECIMAL_BITS = 43, /* of a value in decimal units: so few that next to no other passes for a decimal */
    DECIMALS_MAX = 16,
    SPARE_BITS = 2, /* a value may be four times the largest one of the window before another unit is needed */
    RESUM_LEAST = 512,
    STRETCH = 256
};

#define MAGIC 0x1.8p52
/* Two roundings away from the double nearest to a decimal, such as (high + low) / 2, still count as that decimal. */
#define DECIMAL_ERROR 0x1p-51

bool window_two_lanes_only;

/* What is made of the sums. Those from WEIGHTED on use the weighted one. */
enum {
    MEAN,     /* sum / divisor */
    WEIGHTED, /* weighted sum / divisor */
    LINE,     /* sum x by_first + weighted sum x by_second */
    BOTH      /* weighted sum of the newest half_length x by_first + weighted sum x by_second */
};

/* Which unit there is must not show: a sum is divided by the units in 1 before anything else is rounded, or by a multiple
 * of it that is exact. */

typedef struct job {
    int32_t length, kind;
    double divisor, by_first, by_second;
    const double *x;
    const int64_t *number;
    double *out;
    window_sums *half; /* BOTH */
    int32_t half_length;
} job;

static inline uint64_t bits_at(double x) {
    uint64_t word;
    memcpy(&word, &x, sizeof word);
    return word;
}

#define LANES 2
#define TARGET
#include "indicator/window_lanes.inc"
#ifdef __x86_64__
#include <immintrin.h>
#define LANES 4
#define TARGET __attribute__((target("avx2")))
#include "indicator/window_lanes.inc"
#endif

static inline int32_t bits_of(int64_t x) { return x > 1 ? 64 - __builtin_clzll((uint64_t)x - 1) : 0; } /* x <= 2^bits */

static inline int64_t resum_mask(int32_t length) {
    return (INT64_C(1) << bits_of(length > RESUM_LEAST / 4 ? 4 * (int64_t)length : RESUM_LEAST)) - 1;
}

/* ---- the unit ---- */

static inline double larger(double size, double x) { return fabs(x) > size ? fabs(x) : size; }

static double largest_of(const double *x, int32_t n) {
    double a = 0, b = 0, c = 0, d = 0; /* one chain of comparisons would wait for itself */
    int32_t k = 0;
    for (; k + 3 < n; k += 4) {
        a = larger(a, x[k]);
        b = larger(b, x[k + 1]);
        c = larger(c, x[k + 2]);
        d = larger(d, x[k + 3]);
    }
    for (; k < n; k++) a = larger(a, x[k]);
    return larger(larger(a, b), larger(c, d));
}

static int32_t how_many_fit(const window *w, const double *x, int32_t n) {
    int32_t fit = 0;
    for (; fit < n; fit++) {
        double value = x[fit] * w->units, below = value - ((value + w->magic) - w->magic);
        if (!(fabs(value) <= w->limit) || (w->magic_rest == 0 && fabs(below) > fabs(value) * DECIMAL_ERROR)) break;
    }
    return fit;
}

/* A whole number of units as an integer; `magic` as in window. */
static inline int64_t to_integer(double sum, double magic) { return (int64_t)(bits_at(sum + magic) - bits_at(magic)); }

/* Adds x[0..n), in the places from `place` on; false when the unit cannot hold all of them. */
static inline bool add_up(window_sums *to, const window *w, const double *x, int32_t n, int32_t place,
                          bool is_weighted) {
    const double units = w->units, magic = w->magic, magic_rest = w->magic_rest;
    values_2 sum = {0, 0}, rest = {0, 0}, weighted = {0, 0}, weighted_rest = {0, 0}, at = {place, place + 1};
    words_2 limit = all_2(w->limit), bad = {0, 0};
    for (int32_t k = 0; k < n; k += 2, at += 2) {
        values_2 value = (k + 1 < n ? load_2(x + k) : (values_2){x[k], 0}) * units;
        values_2 whole = (value + magic) - magic, below = value - whole;
        words_2 size = size_of_2(value);
        bad |= limit - size;
        sum += whole;
        if (is_weighted) weighted += whole * at;
        if (magic_rest == 0) {
            bad |= (words_2)((values_2)size * DECIMAL_ERROR) - size_of_2(below);
        } else {
            below = (below + magic_rest) - magic_rest;
            rest += below;
            if (is_weighted) weighted_rest += below * at;
        }
    }
    to->sum += to_integer(sum[0] + sum[1], magic);
    to->rest += to_integer(rest[0] + rest[1], magic_rest);
    to->weighted += to_integer(weighted[0] + weighted[1], magic);
    to->weighted_rest += to_integer(weighted_rest[0] + weighted_rest[1], magic_rest);
    return (int64_t)(bad[0] | bad[1]) >= 0;
}

static bool sum_up(window_sums *to, const window *w, const job *j, int32_t first, int32_t length) {
    const double *x = j->x + first;
    *to = (window_sums){0};
    return j->kind >= WEIGHTED ? add_up(to, w, x, length, 1, true) : add_up(to, w, x, length, 1, false);
}

/* Whether the unit can hold the window that ends with bar i. */
static bool sum_up_all(window *w, const job *j, int32_t i) {
    if (!sum_up(&w->sums, w, j, i - j->length + 1, j->length)) return false;
    return j->kind != BOTH || sum_up(j->half, w, j, i - j->half_length + 1, j->half_length);
}

/* The finest unit that leaves room for SPARE_BITS, decimal if that will do. */
static void choose_unit(window *w, const job *j, int32_t i) {
    static const double powers[DECIMALS_MAX + 1] = {1e0, 1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7, 1e8,
                                                    1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16};
    double newest = j->x[i];
    int64_t total = j->kind >= WEIGHTED ? (int64_t)j->length * (j->length + 1) / 2 : j->length;
    int32_t value_bits = SUM_BITS - bits_of(total), exponent, decimals, most;
    int32_t decimal_bits = value_bits < DECIMAL_BITS ? value_bits : DECIMAL_BITS;
    frexp(largest_of(j->x + i - j->length + 1, j->length), &exponent);                          /* it is < 2^exponent */
    decimals = (int32_t)floor((decimal_bits - SPARE_BITS - exponent) * 0.30102999566398119521); /* log10(2) */
    most = (int32_t)((53 - bits_of(total)) / 2.32192809488736234787); /* log2(5): total x 5^n is exact */
    if (most > DECIMALS_MAX) most = DECIMALS_MAX;
    if (decimals >= 0) {
        w->units = powers[decimals > most ? most : decimals];
        w->magic = MAGIC;
        w->magic_rest = 0;
        w->limit = ldexp(1, decimal_bits);
        if (how_many_fit(w, &newest, 1) && sum_up_all(w, j, i)) return;
    }
    exponent += SPARE_BITS;
    if (exponent < -900) exponent = -900;
    w->units = 1;
    w->magic = ldexp(MAGIC, exponent - value_bits);
    w->magic_rest = ldexp(MAGIC, exponent - 2 * value_bits);
    w->limit = ldexp(1, exponent);
    sum_up_all(w, j, i);
}

/* ---- one bar ---- */

typedef struct in_units {
    double rounded, below; /* the magic numbers are still added */
} in_units;

/* In what follows `is_decimal` says that magic_rest is 0. */

/* False when the unit cannot hold the value. */
KERNEL_INLINE bool fits(const window *w, double x, in_units *u, bool is_decimal) {
    double value = x * w->units, below;
    u->rounded = value + w->magic;
    below = value - (u->rounded - w->magic);
    u->below = below + w->magic_rest;
    return fabs(value) <= w->limit && (!is_decimal || fabs(below) <= fabs(value) * DECIMAL_ERROR);
}

/* One value comes, one goes. */
KERNEL_INLINE void slide(window_sums *s, const window *w, const in_units *in, double y, int32_t length,
                         bool is_weighted, bool is_decimal) {
    double old = y * w->units, old_rounded = old + w->magic;
    if (is_weighted) s->weighted += to_integer((in->rounded - w->magic) * length, w->magic) - s->sum;
    s->sum += (int64_t)(bits_at(in->rounded) - bits_at(old_rounded));
    if (is_decimal) return;
    if (is_weighted) s->weighted_rest += to_integer((in->below - w->magic_rest) * length, w->magic_rest) - s->rest;
    s->rest += (int64_t)(bits_at(in->below) - bits_at((old - (old_rounded - w->magic)) + w->magic_rest));
}

/* In a full window x comes and y goes; false when the unit cannot hold x. */
static inline bool step(window *w, double x, double y, int32_t length, bool is_weighted) {
    bool is_decimal = w->magic_rest == 0;
    in_units in;
    if (!fits(w, x, &in, is_decimal)) return false;
    slide(&w->sums, w, &in, y, length, is_weighted, is_decimal);
    return true;
}

/* For BOTH: z goes from the shorter window. */
KERNEL_INLINE bool step_both(window *w, window_sums *half, double x, double y, double z, int32_t length,
                             int32_t half_length, bool is_decimal) {
    in_units in;
    if (!fits(w, x, &in, is_decimal)) return false;
    slide(&w->sums, w, &in, y, length, true, is_decimal);
    slide(half, w, &in, z, half_length, true, is_decimal);
    return true;
}

/* A sum as a double. */
KERNEL_INLINE double from_units(int64_t sum, int64_t rest, const window *w, bool is_decimal) {
    uint64_t word = bits_at(w->magic) + (uint64_t)sum, word_rest = bits_at(w->magic_rest) + (uint64_t)rest;
    double rounded, below;
    memcpy(&rounded, &word, sizeof rounded);
    memcpy(&below, &word_rest, sizeof below);
    return is_decimal ? rounded - w->magic : (rounded - w->magic) + (below - w->magic_rest);
}
static inline double sum_of(const window *w) { return from_units(w->sums.sum, w->sums.rest, w, w->magic_rest == 0); }
static inline double weighted_of(const window_sums *s, const window *w) {
    return from_units(s->weighted, s->weighted_rest, w, w->magic_rest == 0);
}

static double result(const window *w, const job *j) {
    double divisor = j->divisor * w->units;
    if (j->kind == MEAN) return sum_of(w) / divisor;
    if (j->kind == WEIGHTED) return weighted_of(&w->sums, w) / divisor;
    return (j->kind == BOTH ? weighted_of(j->half, w) : sum_of(w)) / w->units * j->by_first +
           weighted_of(&w->sums, w) / w->units * j->by_second;
}

/* A bar of any kind, whatever the window: full, filling, or to begin anew. */
static double take(window *w, const job *j, int32_t i) {
    double x = j->x[i];
    bool is_taken = false;
    if (w->n == j->length && !window_is_resum(j->number[i], j->length)) {
        double y = j->x[i - j->length];
        is_taken = j->kind == BOTH ? step_both(w, j->half, x, y, j->x[i - j->half_length], j->length, j->half_length,
                                               w->magic_rest == 0)
                                   : step(w, x, y, j->length, j->kind >= WEIGHTED);
    }
    if (!is_taken) {
        if (!(x - x == 0)) {
            w->n = 0;
            return NAN;
        }
        if (w->n < j->length && ++w->n < j->length) return NAN;
        choose_unit(w, j, i);
    }
    return result(w, j);
}

/* ---- many bars ---- */

/* How many of the bars [i, i + n) have been taken: all but a few, or none. */
static int32_t run_some(window *w, const job *j, int32_t i, int32_t n) {
#ifdef __x86_64__
    if (window_has_four_lanes()) return run_kind_4(w, j, i, n & ~3) ? n & ~3 : 0;
#endif
    return run_kind_2(w, j, i, n & ~1) ? n & ~1 : 0;
}

/* As many bars of a full window as can be taken at once: 0 when the first one needs care. */
static int32_t run_full(window *w, const job *j, int32_t i, int32_t to) {
    int32_t n = window_until_resum(j->number + i, to - i < STRETCH ? to - i : STRETCH, j->length), done;
    if (n < 4) return 0;
    done = run_some(w, j, i, n);
    if (done) return done;
    n = how_many_fit(w, j->x + i, n);
    return n < 4 ? 0 : run_some(w, j, i, n);
}

/* Bars that do not fill the window: how many of [i, to). */
static int32_t fill(window *w, const job *j, int32_t i, int32_t to) {
    int32_t n = w->n, k = i;
    for (; k < to && n < j->length - 1; k++) {
        double x = j->x[k];
        n = x - x == 0 ? n + 1 : 0;
        j->out[k] = NAN;
    }
    w->n = n;
    return k - i;
}

static void run(window *w, const job *j, int32_t n) {
    for (int32_t i = 0, done; i < n; i += done) {
        done = 0;
        if (w->n < j->length - 1)
            done = fill(w, j, i, n);
        else if (w->n == j->length && n - i >= 4)
            done = run_full(w, j, i, n);
        if (!done) {
            j->out[i] = take(w, j, i);
            done = 1;
        }
    }
}

/* ---- equal values ---- */

/* Whether x[k] equals the value before it, for k > -n_equal. */
static inline bool is_equal(const double *x, int32_t k, int32_t n_equal) {
    return k < 0 ? k > -n_equal : x[k] == x[k - 1];
}

/* Whether some `length` equal values end within x[0..n). Their length - 1 equalities in a row cover one of the places 0,
 * length - 1, 2 (length - 1)..., and with it one of the two places half their number away. */
static bool has_level(const double *x, int32_t n, int32_t length, int32_t n_equal) {
    int32_t stride = length - 1, half = (stride - 1) / 2;
    for (int32_t k = 0; k < n; k += stride)
        if (is_equal(x, k, n_equal) &&
            (is_equal(x, k - half, n_equal) || (k + half < n && is_equal(x, k + half, n_equal))))
            return true;
    return false;
}

/* At least one value has been before x[0]. */
static bool level_many(int32_t *n_equal, const double *x, int32_t n, int32_t length, double *out) {
    int32_t equal = *n_equal, last = n;
    bool has = length == 1 || has_level(x, n, length, equal);
    while (last > 0 && x[last - 1] == x[last - 2]) last--;
    *n_equal = last > 0 ? n - last + 1 : equal + n;
    for (int32_t k = 0; has && k < n; k++) {
        equal = x[k] == x[k - 1] ? equal + 1 : 1;
        if (equal >= length) out[k] = kernel_defined(x[k]);
    }
    return has;
}

bool window_level(int32_t *n_equal, const double *x, int32_t n, int32_t length, double *out) {
    bool has = false;
    if (n > 0 && (n == 1 || *n_equal == 0)) {
        has = window_level_one(n_equal, x, length, out);
        x++, out++, n--;
    }
    return (n > 0 && level_many(n_equal, x, n, length, out)) || has;
}

/* ---- where sums are made anew ---- */

bool window_is_resum(int64_t number, int32_t length) { return (number & resum_mask(length)) == 0; }

/* Numbers may jump over a hole. */
int32_t window_until_resum(const int64_t *number, int32_t n, int32_t length) {
    int64_t mask = resum_mask(length), next = (number[0] + mask) & ~mask;
    int32_t low = 0, high = n;
    if (number[n - 1] < next) return n;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (number[middle] < next)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- what is asked for ---- */

double window_step(window *w, const double *x, const int64_t *number, int32_t i, int32_t length) {
    double mean;
    window_run(w, x + i, number + i, 1, length, &mean);
    return mean;
}

/* Each of the following has its single step in a full window written out: that is what nearly every call of the daemon is,
 * and to make a job of it would cost more than the step. */
static inline bool is_step(const window *w, const int64_t *number, int32_t n, int32_t length) {
    return n == 1 && w->n == length && !window_is_resum(*number, length);
}

void window_run(window *w, const double *x, const int64_t *number, int32_t n, int32_t length, double *mean) {
    if (is_step(w, number, n, length) && step(w, x[0], x[-length], length, false))
        *mean = sum_of(w) / (length * w->units);
    else
        run(w, &(job){.length = length, .kind = MEAN, .divisor = length, .x = x, .number = number, .out = mean}, n);
    window_level(&w->n_equal, x, n, length, mean);
}

void window_weigh(window *w, const double *x, const int64_t *number, int32_t n, int32_t length, double *mean) {
    double total = length * (length + 1.0) / 2;
    if (is_step(w, number, n, length) && step(w, x[0], x[-length], length, true))
        *mean = weighted_of(&w->sums, w) / (total * w->units);
    else
        run(w, &(job){.length = length, .kind = WEIGHTED, .divisor = total, .x = x, .number = number, .out = mean}, n);
}

void window_line(window *w, const double *x, const int64_t *number, int32_t n, int32_t length, double by_sum,
                 double by_weighted, double *out) {
    if (is_step(w, number, n, length) && step(w, x[0], x[-length], length, true))
        *out = sum_of(w) / w->units * by_sum + weighted_of(&w->sums, w) / w->units * by_weighted;
    else
        run(w, &(job){length, LINE, 0, by_sum, by_weighted, x, number, out, .half = NULL}, n);
}

/* A step of both, from what comes and goes to the value; made for either kind of unit, which is asked for only once. */
KERNEL_INLINE bool value_both(window *w, window_sums *half, const double *x, int32_t length, int32_t half_length,
                              double by_half, double by_whole, double *out, bool is_decimal) {
    double of_half, of_whole;
    if (!step_both(w, half, x[0], x[-length], x[-half_length], length, half_length, is_decimal)) return false;
    of_half = from_units(half->weighted, half->weighted_rest, w, is_decimal);
    of_whole = from_units(w->sums.weighted, w->sums.weighted_rest, w, is_decimal);
    *out = of_half / w->units * by_half + of_whole / w->units * by_whole;
    return true;
}

void window_both(window *w, window_sums *half, const double *x, const int64_t *number, int32_t n, int32_t length,
                 int32_t half_length, double by_half, double by_whole, double *out) {
    if (is_step(w, number, n, length) &&
        (w->magic_rest == 0 ? value_both(w, half, x, length, half_length, by_half, by_whole, out, true)
                            : value_both(w, half, x, length, half_length, by_half, by_whole, out, false)))
        return;
    run(w, &(job){length, BOTH, 0, by_half, by_whole, x, number, out, .half = half, .half_length = half_length}, n);
}

/* ---- other weights ---- */

void window_dots(const double *weight, const double *x, int32_t n_weights, int32_t n, double *out) {
    int32_t i = 0;
    if (n >= 4) {
        i = n & ~3;
#ifdef __x86_64__
        if (window_has_four_lanes())
            run_dots_4(weight, x, n_weights - 1, i, out);
        else
#endif
            run_dots_2(weight, x, n_weights - 1, i, out);
    }
    for (; i < n; i++) out[i] = window_dot(weight, x + i, n_weights);
}
