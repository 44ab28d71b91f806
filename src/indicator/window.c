/* See window.h.
 *
 * Adding 1.5 x 2^52 units to a value rounds it to whole units, and the low bits of the result are then their number. So
 * two such results differ, as integers, by the difference in units, and sums are made of integers. Bars are taken two at a
 * time; whether the unit can hold a value is looked at once for a whole stretch. Where it cannot, and where the unit is
 * chosen anew, a bar is taken by itself; that is also what a step in the daemon does. */
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

typedef struct job {
    int32_t length;
    bool is_weighted;
    window_line line;
    window_source source;
    const int64_t *number;
    double *out;
} job;

static inline int32_t bits_of(int64_t x) { return x > 1 ? 64 - __builtin_clzll((uint64_t)x - 1) : 0; } /* x <= 2^bits */

static inline int64_t resum_mask(int32_t length) {
    return (INT64_C(1) << bits_of(length > RESUM_LEAST / 4 ? 4 * (int64_t)length : RESUM_LEAST)) - 1;
}

static inline double value_at(const window_source *s, int32_t i) {
    return s->factor ? s->x[i] * s->factor[i] : s->x[i];
}

/* The values at [i, i + n), n <= STRETCH. */
static const double *values_at(const window_source *s, int32_t i, int32_t n, double *room) {
    if (!s->factor) return s->x + i;
    for (int32_t k = 0; k < n; k++) room[k] = s->x[i + k] * s->factor[i + k];
    return room;
}

/* ---- two values at once ---- */

typedef double pair __attribute__((vector_size(16)));
typedef uint64_t bits __attribute__((vector_size(16)));

static inline pair load(const double *x) {
    pair p;
    memcpy(&p, x, sizeof p);
    return p;
}
static inline bits both(double x) { return (bits)(pair){x, x}; }
static inline bits size_of(pair x) { return (bits)x & (bits){INT64_MAX, INT64_MAX}; }
/* (a, b) -> (a, a + b): the first two of a running sum. */
static inline bits running(bits x) { return x + __builtin_shufflevector(x, (bits){0, 0}, 2, 0); }
static inline bits last_of(bits x) { return __builtin_shufflevector(x, x, 1, 1); }
/* The sums before each of two bars. */
static inline bits before(bits first, bits two) { return __builtin_shufflevector(first, two, 0, 2); }
/* The highest bit of a difference of two positive doubles, taken as integers, says which is larger; a NaN is larger than
 * any of them. */
static inline bool has_negative(bits x) { return (int64_t)(x[0] | x[1]) < 0; }

static inline uint64_t bits_at(double x) {
    uint64_t word;
    memcpy(&word, &x, sizeof word);
    return word;
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

/* Adds x[0..n), in the places from `place` on; false when the unit cannot hold all of them. */
static inline bool add_up(window *w, const double *x, int32_t n, int32_t place, bool is_weighted) {
    pair sum = {0, 0}, rest = {0, 0}, weighted = {0, 0}, weighted_rest = {0, 0}, at = {place, place + 1};
    bits limit = both(w->limit), bad = {0, 0};
    for (int32_t k = 0; k < n; k += 2, at += 2) {
        pair value = (k + 1 < n ? load(x + k) : (pair){x[k], 0}) * w->units, whole = (value + w->magic) - w->magic;
        pair below = value - whole;
        bits size = size_of(value);
        bad |= limit - size;
        sum += whole;
        if (is_weighted) weighted += whole * at;
        if (w->magic_rest == 0) {
            bad |= (bits)((pair)size * DECIMAL_ERROR) - size_of(below);
        } else {
            below = (below + w->magic_rest) - w->magic_rest;
            rest += below;
            if (is_weighted) weighted_rest += below * at;
        }
    }
    /* All of these are whole numbers of units, and small enough for doubles to be exact. */
    w->sum += (int64_t)(bits_at(sum[0] + sum[1] + w->magic) - bits_at(w->magic));
    w->weighted += (int64_t)(bits_at(weighted[0] + weighted[1] + w->magic) - bits_at(w->magic));
    w->rest += (int64_t)(bits_at(rest[0] + rest[1] + w->magic_rest) - bits_at(w->magic_rest));
    w->weighted_rest +=
        (int64_t)(bits_at(weighted_rest[0] + weighted_rest[1] + w->magic_rest) - bits_at(w->magic_rest));
    return !has_negative(bad);
}

static bool sum_up(window *w, const job *j, int32_t first) {
    double room[STRETCH];
    w->sum = w->rest = w->weighted = w->weighted_rest = 0;
    for (int32_t k = 0, n; k < j->length; k += n) {
        n = j->length - k < STRETCH ? j->length - k : STRETCH;
        const double *x = values_at(&j->source, first + k, n, room);
        if (!(j->is_weighted ? add_up(w, x, n, k + 1, true) : add_up(w, x, n, k + 1, false))) return false;
    }
    return true;
}

/* The finest unit that leaves room for SPARE_BITS, decimal if that will do. i: the newest bar. */
static void choose_unit(window *w, const job *j, int32_t i) {
    static const double powers[DECIMALS_MAX + 1] = {1e0, 1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7, 1e8,
                                                    1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16};
    double largest = 0, newest = value_at(&j->source, i), room[STRETCH];
    int32_t first = i - j->length + 1, exponent, decimals;
    int32_t value_bits = SUM_BITS - bits_of(j->is_weighted ? (int64_t)j->length * (j->length + 1) / 2 : j->length);
    int32_t decimal_bits = value_bits < DECIMAL_BITS ? value_bits : DECIMAL_BITS;
    for (int32_t k = 0, n; k < j->length; k += n) {
        n = j->length - k < STRETCH ? j->length - k : STRETCH;
        largest = larger(largest, largest_of(values_at(&j->source, first + k, n, room), n));
    }
    frexp(largest, &exponent); /* largest < 2^exponent */
    decimals = (int32_t)floor((decimal_bits - SPARE_BITS - exponent) * 0.30102999566398119521); /* log10(2) */
    if (decimals >= 0) {
        w->units = powers[decimals > DECIMALS_MAX ? DECIMALS_MAX : decimals];
        w->magic = MAGIC;
        w->magic_rest = 0;
        w->limit = ldexp(1, decimal_bits);
        if (how_many_fit(w, &newest, 1) && sum_up(w, j, first)) return;
    }
    exponent += SPARE_BITS;
    if (exponent < -900) exponent = -900;
    w->units = 1;
    w->magic = ldexp(MAGIC, exponent - value_bits);
    w->magic_rest = ldexp(MAGIC, exponent - 2 * value_bits);
    w->limit = ldexp(1, exponent);
    sum_up(w, j, first);
}

/* ---- one bar ---- */

/* A value comes and one goes; false when the unit cannot hold the new one. */
static inline bool slide(window *w, const job *j, double x, double y) {
    double value = x * w->units, old = y * w->units, rounded = value + w->magic, old_rounded = old + w->magic;
    double below = value - (rounded - w->magic), old_below = old - (old_rounded - w->magic);
    uint64_t zero = bits_at(w->magic), zero_rest = bits_at(w->magic_rest);
    if (!(fabs(value) <= w->limit)) return false;
    if (w->magic_rest == 0) {
        if (fabs(below) > fabs(value) * DECIMAL_ERROR) return false;
    } else {
        below += w->magic_rest;
        if (j->is_weighted)
            w->weighted_rest +=
                (int64_t)(bits_at((below - w->magic_rest) * j->length + w->magic_rest) - zero_rest) - w->rest;
        w->rest += (int64_t)(bits_at(below) - bits_at(old_below + w->magic_rest));
    }
    if (j->is_weighted) w->weighted += (int64_t)(bits_at((rounded - w->magic) * j->length + w->magic) - zero) - w->sum;
    w->sum += (int64_t)(bits_at(rounded) - bits_at(old_rounded));
    return true;
}

/* Whether the window is full. */
static inline bool take(window *w, const job *j, int32_t i) {
    double x = value_at(&j->source, i);
    if (w->n == j->length && !window_is_resum(j->number[i], j->length) &&
        slide(w, j, x, value_at(&j->source, i - j->length)))
        return true;
    if (!(x - x == 0)) {
        w->n = 0;
        return false;
    }
    if (w->n < j->length && ++w->n < j->length) return false;
    choose_unit(w, j, i);
    return true;
}

/* A sum of integers as a double; `magic` as in window. */
static inline double from_units(int64_t sum, double magic) {
    uint64_t word = bits_at(magic) + (uint64_t)sum;
    double rounded;
    memcpy(&rounded, &word, sizeof rounded);
    return rounded - magic;
}

static inline double result(const window *w, const job *j) {
    double sum = from_units(w->sum, w->magic), weighted = j->is_weighted ? from_units(w->weighted, w->magic) : 0;
    if (w->magic_rest != 0) {
        sum += from_units(w->rest, w->magic_rest);
        if (j->is_weighted) weighted += from_units(w->weighted_rest, w->magic_rest);
    }
    if (j->is_weighted) sum = j->line.sum == 0 ? weighted : j->line.sum * sum + j->line.weighted * weighted;
    return sum / (j->line.divisor * w->units);
}

/* ---- a stretch of bars ---- */

/* `n` bars (even) of a full window: values that come, values that go, results. The sums have the bits of the magic number
 * added, so that they are doubles near it. False, with the state as it was, when the unit cannot hold all values. */
static inline __attribute__((always_inline)) bool run_pairs(window *state, const job *j, const double *in,
                                                            const double *old, int32_t n, double *out,
                                                            const bool is_decimal, const bool is_weighted,
                                                            const bool is_line) {
    const window w = *state;
    const double magic = w.magic, magic_rest = w.magic_rest, length = j->length, divisor = j->line.divisor * w.units;
    const double by_sum = j->line.sum, by_weighted = j->line.weighted;
    const bits zero = both(magic), zero_rest = both(magic_rest), limit = both(w.limit);
    bits sum = zero + (uint64_t)w.sum, rest = zero_rest + (uint64_t)w.rest, bad = {0, 0};
    bits weighted = zero + (uint64_t)w.weighted, weighted_rest = zero_rest + (uint64_t)w.weighted_rest;
    for (int32_t k = 0; k < n; k += 2) {
        pair x = load(in + k), y = load(old + k), total, line = {0, 0}, rounded, old_rounded;
        if (is_decimal) x *= w.units, y *= w.units;
        rounded = x + magic;
        old_rounded = y + magic;
        bits size = size_of(x), change = running((bits)rounded - (bits)old_rounded), sums = sum + change;
        pair whole = rounded - magic;
        bad |= limit - size;
        if (is_weighted) {
            bits step = running((bits)(whole * length + magic) - before(sum, sums));
            line = (pair)(weighted + step);
            weighted += last_of(step);
        }
        total = (pair)sums;
        sum += last_of(change);
        if (is_decimal) {
            bad |= (bits)((pair)size * DECIMAL_ERROR) - size_of(x - whole);
            total -= magic;
            if (is_weighted) line -= magic;
        } else {
            pair below = (x - whole) + magic_rest, old_below = (y - (old_rounded - magic)) + magic_rest;
            bits change_rest = running((bits)below - (bits)old_below), rests = rest + change_rest;
            if (is_weighted) {
                bits step = running((bits)((below - magic_rest) * length + magic_rest) - before(rest, rests));
                line = (line - (magic + magic_rest)) + (pair)(weighted_rest + step);
                weighted_rest += last_of(step);
            }
            total = (total - (magic + magic_rest)) + (pair)rests; /* one rounding, like (sum - 0) + (rest - 0) */
            rest += last_of(change_rest);
        }
        if (is_line) line = total * by_sum + line * by_weighted;
        total = (is_weighted ? line : total) / divisor;
        memcpy(out + k, &total, sizeof total);
    }
    if (has_negative(bad)) return false;
    state->sum = (int64_t)(sum[0] - zero[0]);
    if (is_weighted) state->weighted = (int64_t)(weighted[0] - zero[0]);
    if (!is_decimal) state->rest = (int64_t)(rest[0] - zero_rest[0]);
    if (!is_decimal && is_weighted) state->weighted_rest = (int64_t)(weighted_rest[0] - zero_rest[0]);
    return true;
}

static bool run_stretch(window *w, const job *j, const double *in, const double *old, int32_t n, double *out) {
    if (w->magic_rest == 0) {
        if (!j->is_weighted) return run_pairs(w, j, in, old, n, out, true, false, false);
        if (j->line.sum == 0) return run_pairs(w, j, in, old, n, out, true, true, false);
        return run_pairs(w, j, in, old, n, out, true, true, true);
    }
    if (!j->is_weighted) return run_pairs(w, j, in, old, n, out, false, false, false);
    if (j->line.sum == 0) return run_pairs(w, j, in, old, n, out, false, true, false);
    return run_pairs(w, j, in, old, n, out, false, true, true);
}

/* As many bars as can be taken at once: 0 when the first one needs care. */
static int32_t stretch(window *w, const job *j, int32_t i, int32_t to) {
    double room[STRETCH], old_room[STRETCH];
    const double *in, *old;
    int32_t n = window_until_resum(j->number + i, to - i < STRETCH ? to - i : STRETCH, j->length) & ~1;
    if (n < 4) return 0;
    in = values_at(&j->source, i, n, room);
    old = values_at(&j->source, i - j->length, n, old_room);
    if (run_stretch(w, j, in, old, n, j->out + i)) return n;
    n = how_many_fit(w, in, n) & ~1;
    return n && run_stretch(w, j, in, old, n, j->out + i) ? n : 0;
}

/* Bars that do not fill the window: how many of [i, to) have been counted. */
static int32_t fill(window *w, const job *j, int32_t i, int32_t to) {
    int32_t n = w->n, k = i;
    for (; k < to && n < j->length - 1; k++) {
        double x = value_at(&j->source, k);
        n = x - x == 0 ? n + 1 : 0;
        j->out[k] = NAN;
    }
    w->n = n;
    return k - i;
}

static void run(window *w, const job *j, int32_t n) {
    for (int32_t i = 0; i < n;) {
        int32_t done = 0;
        if (w->n < j->length - 1)
            done = fill(w, j, i, n);
        else if (w->n == j->length && n - i >= 4)
            done = stretch(w, j, i, n);
        if (!done) {
            j->out[i] = take(w, j, i) ? result(w, j) : NAN;
            done = 1;
        }
        i += done;
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
static int32_t level_on(int32_t n_equal, const double *x, int32_t n, int32_t length, double *out) {
    int32_t last = n;
    if (n > 1 && length > 1 && !has_level(x, n, length, n_equal)) {
        while (last > 0 && x[last - 1] == x[last - 2]) last--;
        return last > 0 ? n - last + 1 : n_equal + n;
    }
    for (int32_t k = 0; k < n; k++) {
        n_equal = x[k] == x[k - 1] ? n_equal + 1 : 1;
        if (n_equal >= length) out[k] = kernel_defined(x[k]);
    }
    return n_equal;
}

void window_level(int32_t *n_equal, const double *x, int32_t n, int32_t length, double *out) {
    if (n > 0 && *n_equal == 0) {
        *n_equal = 1;
        if (length == 1) out[0] = kernel_defined(x[0]);
        window_level(n_equal, x + 1, n - 1, length, out + 1);
    } else if (n > 0) {
        *n_equal = level_on(*n_equal, x, n, length, out);
    }
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

void window_run(window *w, const double *x, const int64_t *number, int32_t n, int32_t length, double *mean) {
    window_mean(w, (window_source){x, NULL}, number, n, length, mean);
    window_level(&w->n_equal, x, n, length, mean);
}

void window_mean(window *w, window_source s, const int64_t *number, int32_t n, int32_t length, double *mean) {
    run(w, &(job){.length = length, .line.divisor = length, .source = s, .number = number, .out = mean}, n);
}

void window_weigh(window *w, const double *x, const int64_t *number, int32_t n, int32_t length, window_line line,
                  double *out) {
    run(w, &(job){length, true, line, {x, NULL}, number, out}, n);
    window_level(&w->n_equal, x, n, length, out);
}
