/* See pattern.h.
 *
 * Every setting averages the few bars before the one that it judges, so its sum is made anew at each bar: no state that
 * could drift, and the value depends on those bars alone. A running sum, TA-Lib's way, would keep a crumb of what has
 * left, and that crumb decides on a market that stands still. Bodies and ranges are differences of near numbers, hence
 * multiples of the last digit of a price, and such sums are exact. The comparisons are TA-Lib's to the last bit.
 *
 * The functions of one bar are free of branches, so that a loop over them is compiled to two bars at a time; over a long
 * range the sums come first, those of 10 bars made of those of 5, in the order of a single bar's, so the bits agree.
 * Where a few comparisons rule out nearly every bar, one branch after those is faster still. */
#include "indicator/pattern.h"
#include "indicator/kernel.h"
#include <math.h>

/* Fields from the first bar of a chunk on, and sums made in advance; NULL: each is made where it is asked for. */
typedef struct candles {
    const double *restrict open, *restrict high, *restrict low, *restrict close;
    const double *restrict bodies_10, *restrict ranges_10, *restrict ranges_5;
} candles;

#define INLINE static inline __attribute__((always_inline))

/* Without a branch, which bars taken at random would mispredict. */
INLINE int both(int a, int b) { return a & b; }
INLINE int either(int a, int b) { return a | b; }

/* ---- one candle ---- */

/* The larger and the smaller: fmax and fmin would care for NaN, which never comes here. */
INLINE double larger(double a, double b) { return a > b ? a : b; }
INLINE double smaller(double a, double b) { return a < b ? a : b; }

INLINE double body(const candles *c, int32_t i) { return fabs(c->close[i] - c->open[i]); }
INLINE double range(const candles *c, int32_t i) { return c->high[i] - c->low[i]; }
INLINE double top(const candles *c, int32_t i) { return larger(c->open[i], c->close[i]); }
INLINE double bottom(const candles *c, int32_t i) { return smaller(c->open[i], c->close[i]); }
INLINE double upper_shadow(const candles *c, int32_t i) { return c->high[i] - top(c, i); }
INLINE double lower_shadow(const candles *c, int32_t i) { return bottom(c, i) - c->low[i]; }
INLINE int is_white(const candles *c, int32_t i) { return c->close[i] >= c->open[i]; }
INLINE int is_black(const candles *c, int32_t i) { return c->close[i] < c->open[i]; }

INLINE int is_gap_up(const candles *c, int32_t i) { return bottom(c, i) > top(c, i - 1); }
INLINE int is_gap_down(const candles *c, int32_t i) { return top(c, i) < bottom(c, i - 1); }

/* ---- compared with the bars before it ---- */

enum { BODY_BARS = 10, SHADOW_BARS = 10, NEAR_BARS = 5 };

#define SUM_OF_5(f, c, i) ((f(c, (i)-1) + f(c, (i)-2)) + (f(c, (i)-3) + f(c, (i)-4)) + f(c, (i)-5))
#define SUM_OF_10(f, c, i) (SUM_OF_5(f, c, i) + SUM_OF_5(f, c, (i)-5))

/* Sums over the bars before i. */
INLINE double bodies_10(const candles *c, int32_t i) { return c->bodies_10 ? c->bodies_10[i] : SUM_OF_10(body, c, i); }
INLINE double ranges_10(const candles *c, int32_t i) { return c->ranges_10 ? c->ranges_10[i] : SUM_OF_10(range, c, i); }
INLINE double ranges_5(const candles *c, int32_t i) { return c->ranges_5 ? c->ranges_5[i] : SUM_OF_5(range, c, i); }

INLINE double mean_body(const candles *c, int32_t i) { return bodies_10(c, i) / BODY_BARS; }
INLINE int is_long(const candles *c, int32_t i) { return body(c, i) > mean_body(c, i); }
INLINE int is_short(const candles *c, int32_t i) { return body(c, i) < mean_body(c, i); }
INLINE int is_not_long(const candles *c, int32_t i) { return body(c, i) <= mean_body(c, i); }

/* What a doji's body and a very short shadow are held against; near; far. */
INLINE double tenth(const candles *c, int32_t i) { return 0.1 * (ranges_10(c, i) / SHADOW_BARS); }
INLINE double near(const candles *c, int32_t i) { return 0.2 * (ranges_5(c, i) / NEAR_BARS); }
INLINE double far(const candles *c, int32_t i) { return 0.6 * (ranges_5(c, i) / NEAR_BARS); }

/* ---- patterns that end at bar i ---- */

/* A bar by itself, of which no sums were made in advance: what costs next to nothing may save them. */
INLINE bool is_alone(const candles *c) { return !c->bodies_10 && !c->ranges_10; }

INLINE double up(int found) { return found ? 100 : 0; }
INLINE double down(int found) { return found ? -100 : 0; }
INLINE double color_of(const candles *c, int32_t i, int found) {
    double size = found ? 100 : 0;
    return is_white(c, i) ? size : 0 - size; /* never -0 */
}

INLINE double find_doji(const candles *c, int32_t i, const double *param) {
    (void)param;
    return up(body(c, i) <= tenth(c, i));
}

INLINE int is_hammer(const candles *c, int32_t i) {
    return is_short(c, i) & (lower_shadow(c, i) > body(c, i)) & (upper_shadow(c, i) < tenth(c, i));
}

INLINE double find_hammer(const candles *c, int32_t i, const double *param) {
    (void)param;
    if (is_alone(c) && !(lower_shadow(c, i) > body(c, i))) return 0;
    return up(is_hammer(c, i) & (bottom(c, i) <= c->low[i - 1] + near(c, i - 1)));
}

INLINE double find_hanging_man(const candles *c, int32_t i, const double *param) {
    (void)param;
    if (is_alone(c) && !(lower_shadow(c, i) > body(c, i))) return 0;
    return down(is_hammer(c, i) & (bottom(c, i) >= c->high[i - 1] - near(c, i - 1)));
}

INLINE int is_upside_down_hammer(const candles *c, int32_t i) {
    return is_short(c, i) & (upper_shadow(c, i) > body(c, i)) & (lower_shadow(c, i) < tenth(c, i));
}

INLINE double find_inverted_hammer(const candles *c, int32_t i, const double *param) {
    (void)param;
    return up(is_gap_down(c, i) && is_upside_down_hammer(c, i));
}

INLINE double find_shooting_star(const candles *c, int32_t i, const double *param) {
    (void)param;
    return down(is_gap_up(c, i) && is_upside_down_hammer(c, i));
}

/* 100 when the body of bar `inner` lies inside that of bar `outer`, 80 when it does and touches an end, else 0. */
INLINE double enclosed(const candles *c, int32_t outer, int32_t inner) {
    int is_inside = both(top(c, outer) >= top(c, inner), bottom(c, outer) <= bottom(c, inner));
    int touches = either(top(c, outer) == top(c, inner), bottom(c, outer) == bottom(c, inner));
    double size = touches ? 80 : 100;
    return is_inside ? size : 0;
}

INLINE double find_engulfing(const candles *c, int32_t i, const double *param) {
    (void)param;
    int is_same = both(top(c, i) == top(c, i - 1), bottom(c, i) == bottom(c, i - 1));
    double size = both(is_white(c, i) != is_white(c, i - 1), !is_same) ? enclosed(c, i, i - 1) : 0;
    return is_white(c, i) ? size : 0 - size;
}

INLINE double find_harami(const candles *c, int32_t i, const double *param) {
    (void)param;
    if (is_alone(c) && enclosed(c, i - 1, i) == 0) return 0;
    double size = is_long(c, i - 1) & is_not_long(c, i) ? enclosed(c, i - 1, i) : 0;
    return is_black(c, i - 1) ? size : 0 - size;
}

INLINE int is_star(const candles *c, int32_t i) { return is_long(c, i - 2) & is_not_long(c, i - 1) & is_long(c, i); }

INLINE double find_morning_star(const candles *c, int32_t i, const double *param) {
    int is_rise = is_black(c, i - 2) & is_gap_down(c, i - 1) & is_white(c, i) &
                  (c->close[i] > c->close[i - 2] + body(c, i - 2) * param[0]);
    return up(is_rise && is_star(c, i));
}

INLINE double find_evening_star(const candles *c, int32_t i, const double *param) {
    int is_fall = is_white(c, i - 2) & is_gap_up(c, i - 1) & is_black(c, i) &
                  (c->close[i] < c->close[i - 2] - body(c, i - 2) * param[0]);
    return down(is_fall && is_star(c, i));
}

/* Both open and close above those of the bar before. */
INLINE int is_higher(const candles *c, int32_t i) {
    return is_white(c, i) & (c->close[i] > c->close[i - 1]) & (c->open[i] > c->open[i - 1]);
}

/* Opens not far above the close before it, and its body is not far shorter. */
INLINE int is_next_soldier(const candles *c, int32_t i) {
    return both(upper_shadow(c, i) < tenth(c, i), c->open[i] <= c->close[i - 1] + near(c, i - 1)) &
           (body(c, i) > body(c, i - 1) - far(c, i - 1));
}

INLINE double find_three_white_soldiers(const candles *c, int32_t i, const double *param) {
    (void)param;
    int is_rise = is_white(c, i - 2) & is_higher(c, i - 1) & is_higher(c, i);
    return up(is_rise && ((upper_shadow(c, i - 2) < tenth(c, i - 2)) & is_next_soldier(c, i - 1) &
                          is_next_soldier(c, i) & is_long(c, i)));
}

/* Opens inside the body before it and closes lower. */
INLINE int is_lower(const candles *c, int32_t i) {
    return is_black(c, i) & (c->open[i] < c->open[i - 1]) & (c->open[i] > c->close[i - 1]) &
           (c->close[i] < c->close[i - 1]);
}

INLINE double find_three_black_crows(const candles *c, int32_t i, const double *param) {
    (void)param;
    int is_fall = is_white(c, i - 3) & is_black(c, i - 2) & (c->high[i - 3] > c->close[i - 2]) & is_lower(c, i - 1) &
                  is_lower(c, i);
    return down(is_fall && (both(lower_shadow(c, i - 2) < tenth(c, i - 2), lower_shadow(c, i - 1) < tenth(c, i - 1)) &
                            (lower_shadow(c, i) < tenth(c, i))));
}

INLINE double find_piercing(const candles *c, int32_t i, const double *param) {
    (void)param;
    int is_rise = is_black(c, i - 1) & is_white(c, i) & (c->open[i] < c->low[i - 1]) & (c->close[i] < c->open[i - 1]) &
                  (c->close[i] > c->close[i - 1] + body(c, i - 1) * 0.5);
    return up(is_rise && (is_long(c, i - 1) & is_long(c, i)));
}

INLINE double find_dark_cloud_cover(const candles *c, int32_t i, const double *param) {
    int is_fall = is_white(c, i - 1) & is_black(c, i) & (c->open[i] > c->high[i - 1]) & (c->close[i] > c->open[i - 1]) &
                  (c->close[i] < c->close[i - 1] - body(c, i - 1) * param[0]);
    return down(is_fall && is_long(c, i - 1));
}

INLINE double find_marubozu(const candles *c, int32_t i, const double *param) {
    (void)param;
    return color_of(c, i, is_long(c, i) & (larger(upper_shadow(c, i), lower_shadow(c, i)) < tenth(c, i)));
}

INLINE double find_spinning_top(const candles *c, int32_t i, const double *param) {
    (void)param;
    if (is_alone(c) && (!(upper_shadow(c, i) > body(c, i)) || !(lower_shadow(c, i) > body(c, i)))) return 0;
    return color_of(c, i, is_short(c, i) & (upper_shadow(c, i) > body(c, i)) & (lower_shadow(c, i) > body(c, i)));
}

INLINE double find_inside_bar(const candles *c, int32_t i, const double *param) {
    (void)param;
    return color_of(c, i, (c->high[i] < c->high[i - 1]) & (c->low[i] > c->low[i - 1]));
}

/* ---- running ---- */

enum { CHUNK = 64, LONG_ENOUGH = 16, MARGIN = 16, ROOM = MARGIN + CHUNK };

/* What a pattern asks for at most bars. */
enum { BODIES = 1, RANGES = 2, NEAR = 4 };

typedef struct pattern_state {
    int64_t n; /* defined bars in a row */
} pattern_state;

/* Whether no price of bars [from, to) is NaN or infinite: x - x has no bit set. */
INLINE int are_defined(const candles *c, int32_t from, int32_t to) {
    uint64_t all = 0;
    for (int32_t i = from; i < to; i++) {
        union {
            double number;
            uint64_t bits;
        } zero = {(c->open[i] + c->high[i]) + (c->low[i] + c->close[i])};
        zero.number -= zero.number;
        all |= zero.bits;
    }
    return all == 0;
}

/* Sums over the 5 and the 10 bars before each of [from, to); element MARGIN is bar 0. */
INLINE void add_up(double (*of)(const candles *, int32_t), const candles *c, int32_t from, int32_t to,
                   double *restrict five, double *restrict ten) {
    double one[ROOM], two[ROOM];
    for (int32_t k = MARGIN + from - 10; k < MARGIN + to - 1; k++) one[k] = of(c, k - MARGIN);
    for (int32_t k = MARGIN + from - 7; k < MARGIN + to; k++) two[k] = one[k - 1] + one[k - 2];
    for (int32_t k = MARGIN + from - 5; k < MARGIN + to; k++) five[k] = two[k] + two[k - 2] + one[k - 5];
    for (int32_t k = MARGIN + from; k < MARGIN + to; k++) ten[k] = five[k] + five[k - 5];
}

typedef double (*find_fn)(const candles *, int32_t, const double *);

INLINE void run_long(candles c, int32_t from, int32_t to, const double *param, double *restrict out, int32_t before,
                     int uses, find_fn find) {
    double body_5[ROOM], body_10[ROOM], range_5[ROOM], range_10[ROOM];
    int32_t first = from - (before - 10);
    if (uses & BODIES) add_up(body, &c, first, to, body_5, body_10);
    if (uses & (RANGES | NEAR)) add_up(range, &c, first, to, range_5, range_10);
    if (uses & BODIES) c.bodies_10 = body_10 + MARGIN;
    if (uses & RANGES) c.ranges_10 = range_10 + MARGIN;
    if (uses & NEAR) c.ranges_5 = range_5 + MARGIN;
    for (int32_t i = from; i < to; i++) out[i] = find(&c, i, param);
}

/* `find` for every bar that has `before` bars in front. */
INLINE void run(pattern_state *s, const kernel_input *in, int32_t from, int32_t to, double *restrict all,
                int32_t before, int uses, find_fn find) {
    const double param[] = {in->param[0]};
    while (from < to) {
        const candles c = {in->open + from, in->high + from, in->low + from, in->close + from, NULL, NULL, NULL};
        double *restrict out = all + from;
        int32_t n = to - from > CHUNK ? CHUNK : to - from, first = 0;
        if (!are_defined(&c, 0, n)) { /* bar by bar until what is undefined has passed */
            n = 1;
            if (!are_defined(&c, 0, n)) {
                out[0] = NAN;
                s->n = 0;
                from++;
                continue;
            }
        }
        if (s->n < before) first = n < before - s->n ? n : before - (int32_t)s->n;
        for (int32_t i = 0; i < first; i++) out[i] = NAN;
        if (uses && n - first >= LONG_ENOUGH)
            run_long(c, first, n, param, out, before, uses, find);
        else
            for (int32_t i = first; i < n; i++) out[i] = find(&c, i, param);
        s->n += n;
        from += n;
    }
}

/* ---- the table ---- */

/* `before`: bars in front of the newest that TA-Lib wants. */
#define PATTERN(pattern, before, uses, ...) \
    static void run_##pattern(void *state, const kernel_input *in, int32_t from, int32_t to, \
                              double *const out[INDICATOR_OUTPUTS]) { \
        run(state, in, from, to, out[0], before, uses, find_##pattern); \
    } \
    static int32_t depth_##pattern(const double *param, int32_t interval) { \
        return (void)param, (void)interval, (before) + 1; \
    } \
    static int32_t reach_##pattern(const double *param) { return (void)param, before; } \
    const kernel kernel_cdl_##pattern = {.name = "cdl_" #pattern, \
                                         .n_outputs = 1, \
                                         .run = run_##pattern, \
                                         .depth = depth_##pattern, \
                                         .reach = reach_##pattern, \
                                         .state_bytes = sizeof(pattern_state), \
                                         __VA_ARGS__}

#define PENETRATION .n_params = 1, .params = {{"penetration", 0, 10, false}}

PATTERN(doji, 10, RANGES, );
PATTERN(hammer, 11, BODIES | RANGES | NEAR, );
PATTERN(hanging_man, 11, BODIES | RANGES | NEAR, );
PATTERN(inverted_hammer, 11, 0, );
PATTERN(shooting_star, 11, 0, );
PATTERN(engulfing, 2, 0, );
PATTERN(harami, 11, BODIES, );
PATTERN(morning_star, 12, 0, PENETRATION);
PATTERN(evening_star, 12, 0, PENETRATION);
PATTERN(three_white_soldiers, 12, 0, );
PATTERN(three_black_crows, 13, 0, );
PATTERN(piercing, 11, 0, );
PATTERN(dark_cloud_cover, 11, 0, PENETRATION);
PATTERN(marubozu, 10, BODIES | RANGES, );
PATTERN(spinning_top, 10, BODIES, );
PATTERN(inside_bar, 1, 0, );
