/* Ranges of bars: see extreme.h. */
#include "indicator/extreme.h"

/* out[j] = the best of x[j], x[j + a], x[j + b], x[j + c]. */
KERNEL_INLINE void best_of_four(const double *restrict x, double *restrict out, int32_t n, int32_t a, int32_t b,
                                int32_t c, bool is_high) {
    /* x is full as far as x[n - 1 + c]. */
    for (int32_t j = 0; j < n; j++) /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage) */
        out[j] = extreme_better(extreme_better(x[j + c], x[j + b], is_high), extreme_better(x[j + a], x[j], is_high),
                                is_high);
}

KERNEL_INLINE void windows(const double *x, int32_t n, int32_t length, bool is_high, double *out) {
    double work[2][EXTREME_WORK];
    for (int32_t at = 0, part; at < n; at += part) {
        const double *of = x + at;
        int32_t width = 1, side = 0, rest;
        part = n - at < EXTREME_WORK - length + 1 ? n - at : EXTREME_WORK - length + 1;
        for (; width * 4 <= length; width *= 4, side ^= 1) {
            best_of_four(of, work[side], part + length - width * 4, width, width * 2, width * 3, is_high);
            of = work[side];
        }
        rest = length - width;
        best_of_four(of, out + at, part, width < rest ? width : rest, width * 2 < rest ? width * 2 : rest, rest,
                     is_high);
    }
}

void extreme_windows(const double *x, int32_t n, int32_t length, bool is_high, double *out) {
    if (is_high)
        windows(x, n, length, true, out);
    else
        windows(x, n, length, false, out);
}

/* A difference from itself is 0, or NaN, which a sum carries along. */
static bool all_finite(const double *x, int32_t n) {
    double sum[8] = {0};
    int32_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int32_t k = 0; k < 8; k++) sum[k] += x[i + k] - x[i + k];
    for (; i < n; i++) sum[0] += x[i] - x[i];
    return sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7] == 0;
}

int32_t extreme_n_steps(const extreme *e, const double *x, int32_t from, int32_t to, int32_t length) {
    int32_t n_steps = length - 1 - e->n;
    if (n_steps < 0) n_steps = 0;
    if (length > EXTREME_RANGE_MAX || to - from - n_steps < length + 8) return to - from;
    return all_finite(x + from, to - from) ? n_steps : to - from;
}

void extreme_skip(extreme *e, const double *x, int32_t i, int32_t length, extreme_order order) {
    switch (order) {
    case EXTREME_HIGH: extreme_renew(e, x, i, length, EXTREME_HIGH); break;
    case EXTREME_LOW: extreme_renew(e, x, i, length, EXTREME_LOW); break;
    case EXTREME_HIGH_NEWEST: extreme_renew(e, x, i, length, EXTREME_HIGH_NEWEST); break;
    case EXTREME_LOW_NEWEST: extreme_renew(e, x, i, length, EXTREME_LOW_NEWEST); break;
    }
    e->n = length;
}

KERNEL_INLINE void range(extreme *e, const double *x, int32_t from, int32_t to, int32_t length, extreme_order order,
                         double *out) {
    int32_t begin = from + extreme_n_steps(e, x, from, to, length);
    for (int32_t i = from; i < begin; i++) out[i - from] = extreme_step_value(e, x, i, length, order);
    if (begin == to) return;
    windows(x + begin - length + 1, to - begin, length, order == EXTREME_HIGH, out + begin - from);
    extreme_skip(e, x, to - 1, length, order);
}

void extreme_range_many(extreme *e, const double *x, int32_t from, int32_t to, int32_t length, extreme_order order,
                        double *out) {
    if (order == EXTREME_HIGH)
        range(e, x, from, to, length, EXTREME_HIGH, out);
    else
        range(e, x, from, to, length, EXTREME_LOW, out);
}

/* `out` has the extremes of the windows that end at x[0] .. and gets what is shown for their ages. An extreme stays where it
 * is until it is beaten or leaves. Then the next one lies further on: the search goes over each bar once. */
KERNEL_INLINE void show_ages(const double *restrict x, int32_t n, int32_t length, extreme_order order,
                             const double *restrict shown, double *restrict out) {
    int32_t at = -length;
    double best = NAN;
    for (int32_t i = 0; i < n; i++) {
        double value = out[i];
        if (extreme_beats(value, best, order)) {
            at = i;
        } else if (at <= i - length) {
            for (at = i - length + 1; x[at] != value;) at++;
        }
        best = value;
        out[i] = shown[i - at];
    }
}

KERNEL_INLINE void range_ages(extreme *e, const double *x, int32_t from, int32_t to, int32_t length,
                              extreme_order order, const double *shown, double *out) {
    int32_t begin = from + extreme_n_steps(e, x, from, to, length);
    for (int32_t i = from; i < begin; i++) {
        int32_t age = extreme_step(e, x, i, length, order);
        out[i - from] = age < 0 ? NAN : shown[age];
    }
    if (begin == to) return;
    windows(x + begin - length + 1, to - begin, length, order == EXTREME_HIGH, out + begin - from);
    show_ages(x + begin, to - begin, length, order, shown, out + begin - from);
    extreme_skip(e, x, to - 1, length, order);
}

void extreme_range_ages(extreme *e, const double *x, int32_t from, int32_t to, int32_t length, extreme_order order,
                        const double *shown, double *out) {
    if (order == EXTREME_HIGH)
        range_ages(e, x, from, to, length, EXTREME_HIGH, shown, out);
    else
        range_ages(e, x, from, to, length, EXTREME_LOW, shown, out);
}
