/* See structure.h and abi.h. What is here is what would be slow in a script: a few thousand steps over raw arrays. */
#include "indicator/structure.h"
#include <math.h>

static int32_t least(int32_t a, int32_t b) { return a < b ? a : b; }

/* ---- volume by price ---- */

typedef struct price_range {
    double low, high;
} price_range;

static price_range range_of(const double *high, const double *low, int32_t n) {
    price_range r = {INFINITY, -INFINITY};
    for (int32_t i = 0; i < n; i++) {
        if (high[i] > r.high) r.high = high[i];
        if (low[i] < r.low) r.low = low[i];
    }
    return r;
}

/* Volumes stand side by side while they are summed up. */
typedef struct bin_sums {
    double volume[VOLUME_BINS_MAX], bought[VOLUME_BINS_MAX];
} bin_sums;

static void spread(bin_sums *sums, int32_t from, int32_t to, double volume, double bought) {
    double share = volume, buy_share = bought;
    if (to > from) {
        share /= to - from + 1;
        buy_share /= to - from + 1;
    }
    for (int32_t k = from; k <= to; k++) {
        sums->volume[k] += share;
        sums->bought[k] += buy_share;
    }
}

bool structure_profile(const double *high, const double *low, const double *volume, const double *taker_base,
                       int32_t count, int32_t lookback, volume_bin *out, int32_t bins) {
    int32_t n = least(count, lookback), first = count - n;
    price_range r = range_of(high + first, low + first, n);
    double width = (r.high - r.low) / bins, most = 0;
    bin_sums sums;
    if (!(r.high - r.low > 1e-10 * fabs(r.high))) return false;
    for (int32_t k = 0; k < bins; k++) sums.volume[k] = sums.bought[k] = 0;
    for (int32_t i = first; i < count; i++) {
        if (!(high[i] >= low[i] && volume[i] > 0)) continue;
        /* The highest high is the end of the last bin, not the beginning of one more. */
        spread(&sums, least((int32_t)((low[i] - r.low) / width), bins - 1),
               least((int32_t)((high[i] - r.low) / width), bins - 1), volume[i], taker_base[i]);
    }
    for (int32_t k = 0; k < bins; k++)
        if (sums.volume[k] > most) most = sums.volume[k];
    for (int32_t k = 0; k < bins; k++)
        out[k] = (volume_bin){.low = r.low + k * width,
                              .high = r.low + (k + 1) * width,
                              .volume = sums.volume[k],
                              .buy_volume = sums.bought[k],
                              .strength = sums.volume[k] / most * 100};
    return most > 0;
}

static void sort(double *x, int32_t n) {
    for (int32_t i = 1; i < n; i++) {
        double value = x[i];
        int32_t k = i;
        for (; k > 0 && x[k - 1] > value; k--) x[k] = x[k - 1];
        x[k] = value;
    }
}

int32_t structure_nodes(const volume_bin *bin, int32_t bins, double percentile, double tolerance, double min_strength,
                        int32_t *out) {
    double sorted[VOLUME_BINS_MAX], threshold;
    int32_t n = 0;
    for (int32_t k = 0; k < bins; k++) sorted[k] = bin[k].volume;
    sort(sorted, bins);
    threshold = sorted[least((int32_t)(percentile / 100 * bins), bins - 1)];
    for (int32_t k = 0; k < bins; k++) {
        double volume = bin[k].volume, below = k > 0 ? bin[k - 1].volume : 0;
        double above = k + 1 < bins ? bin[k + 1].volume : 0, neighbour = above > below ? above : below;
        int32_t place = n;
        if (volume < threshold || !(volume > neighbour * (1 + tolerance)) || bin[k].strength < min_strength) continue;
        for (; place > 0 && bin[out[place - 1]].volume < volume; place--) out[place] = out[place - 1];
        out[place] = k;
        n++;
    }
    return n;
}

/* ---- divergences ---- */

/* Pairs of lows (`sign` -1: highs) of `a` that b does not follow: bit 0 when a newer one is lower in a and higher in b,
 * bit 1 when it is the other way round. */
static int32_t find_pairs(const double *a, const double *b, int32_t n, int32_t separation, double sign) {
    int32_t turn[DIVERGENCE_LOOKBACK_MAX / 2], n_turns = 0, found = 0;
    for (int32_t i = 1; i < n - 1; i++) {
        if (!(sign * a[i] < sign * a[i - 1] && sign * a[i] < sign * a[i + 1]) || isnan(b[i])) continue;
        for (int32_t k = 0; k < n_turns && i - turn[k] >= separation; k++) {
            double change_a = sign * (a[i] - a[turn[k]]), change_b = sign * (b[i] - b[turn[k]]);
            found |= (change_a < 0 && change_b > 0) | (change_a > 0 && change_b < 0) << 1;
        }
        turn[n_turns++] = i;
    }
    return found;
}

int32_t structure_divergence(const double *a, const double *b, int32_t count, int32_t lookback, int32_t separation) {
    int32_t n = least(count, lookback);
    int32_t lows = find_pairs(a + count - n, b + count - n, n, separation, 1);
    int32_t highs = find_pairs(a + count - n, b + count - n, n, separation, -1);
    if (lows & 1) return DIVERGENCE_BULLISH;
    if (highs & 1) return DIVERGENCE_BEARISH;
    if (lows & 2) return DIVERGENCE_HIDDEN_BULLISH;
    if (highs & 2) return DIVERGENCE_HIDDEN_BEARISH;
    return DIVERGENCE_NONE;
}

/* ---- swings ---- */

/* From the nearest neighbours outwards: few bars stand above many, so that most are given up at once. */
static bool is_swing(const double *x, int32_t left, int32_t right, double sign) {
    double top = sign * x[0];
    for (int32_t k = 1; k <= left || k <= right; k++) {
        if (k <= left && !(top > sign * x[-k])) return false;
        if (k <= right && !(top >= sign * x[k])) return false;
    }
    return true;
}

int32_t structure_swings(const double *x, int32_t count, int32_t lookback, int32_t left, int32_t right, bool is_high,
                         int32_t most, int32_t *out) {
    int32_t n = 0, oldest = count - least(count, lookback);
    for (int32_t i = count - 1 - right; i - left >= oldest && n < most; i--)
        if (is_swing(x + i, left, right, is_high ? 1 : -1)) out[n++] = count - 1 - i;
    return n;
}
