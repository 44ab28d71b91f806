/* See plain.h. One function for each indicator, over a range of bars: a whole series, or the one bar that is new.
 * Values in the warm-up are 0; nobody looks at them, the series are long enough. */
#include "bench/lib/plain.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const int32_t plain_interval[PLAIN_INTERVALS] = {INTERVAL_1H, INTERVAL_15M, INTERVAL_5M, INTERVAL_1M};
enum { HOUR, QUARTER, FIVE, MINUTE };
enum { DAY_MS = 86400000 };

/* Arrays of a frame: bars, then indicators; each frame uses some of them. */
typedef enum column {
    OPEN,
    HIGH,
    LOW,
    CLOSE,
    VOLUME,
    TAKER,
    RSI,
    STOCH_INDEX,
    STOCH_PLACE,
    STOCH_K,
    STOCH_D,
    MACD,
    MACD_SIGNAL,
    EMA_9,
    EMA_10,
    EMA_20,
    EMA_21,
    EMA_50,
    SMA_50,
    SMA_200,
    VOLUME_5,
    VOLUME_10,
    VOLUME_20,
    VOLUME_30,
    VOLUME_50,
    ATR,
    ADX,
    BB_BASIS,
    BB_UPPER,
    BB_LOWER,
    STOCH,
    HIGHEST,
    LOWEST,
    VWAP,
    VWAP_UPPER,
    PVI,
    PVI_50,
    N_COLUMNS
} column;

typedef struct average { /* exponential */
    double value;        /* sum of the first ones while there are fewer than its length */
    int32_t n;
} average;

typedef struct rsi_state {
    double up, down, value;
    int32_t n;
} rsi_state;

typedef struct day_state {
    double sum, volume, mean, squares, base;
    int64_t day;
    bool is_anchored;
} day_state;

typedef struct states {
    rsi_state rsi, stoch_rsi;
    average fast, slow, signal, ema[N_COLUMNS], atr, plus, minus, range, strength;
    double sum[N_COLUMNS]; /* of a moving average; squares of the band's */
    double bb_sum, bb_squares, bb_origin;
    day_state day;
} states;

typedef struct frame {
    int32_t count, done;
    int64_t *open_ms;
    double *c[N_COLUMNS];
    states s;
} frame;

struct plain {
    frame frames[PLAIN_INTERVALS];
    int32_t most_bars;
};

/* ---- indicators ---- */

static inline double step(average *a, double x, int32_t length, double alpha) {
    if (a->n >= length) return a->value += alpha * (x - a->value);
    a->value += x;
    if (++a->n == length) a->value /= length;
    return a->value;
}

static void ema(frame *f, column out, column source, int32_t length, int32_t from, int32_t to) {
    average a = f->s.ema[out];
    for (int32_t i = from; i < to; i++) f->c[out][i] = step(&a, f->c[source][i], length, 2.0 / (length + 1));
    f->s.ema[out] = a;
}

static void sma(frame *f, column out, column source, int32_t length, int32_t from, int32_t to) {
    const double *x = f->c[source];
    double sum = f->s.sum[out];
    for (int32_t i = from; i < to; i++) {
        sum += x[i] - (i >= length ? x[i - length] : 0);
        f->c[out][i] = sum / length;
    }
    f->s.sum[out] = sum;
}

/* To the last bit as the kernel does it: where the stochastic RSI stands still, rounding decides whether it has risen. */
static void rsi(frame *f, rsi_state *state, column out, int32_t length, int32_t from, int32_t to) {
    const double *x = f->c[CLOSE], alpha = 1.0 / length, keep = 1 - alpha;
    rsi_state s = *state;
    for (int32_t i = from; i < to; i++) {
        double change = i ? x[i] - x[i - 1] : 0, gain = change > 0 ? change : 0;
        if (s.n <= length) {
            s.up += gain;
            s.down += gain - change;
            if (s.n++ == length) s.up /= length, s.down /= length, s.value = 100 * (s.up / (s.up + s.down));
        } else {
            s.up = keep * s.up + alpha * gain;
            s.down = keep * s.down + alpha * (gain - change);
            if (change != 0) s.value = 100 * (s.up / (s.up + s.down)); /* a still bar must not move it */
        }
        f->c[out][i] = s.value;
    }
    *state = s;
}

static double highest(const double *x, int32_t i, int32_t length) {
    double most = x[i];
    for (int32_t k = i >= length ? i - length + 1 : 0; k < i; k++) most = x[k] > most ? x[k] : most;
    return most;
}

static double lowest(const double *x, int32_t i, int32_t length) {
    double least = x[i];
    for (int32_t k = i >= length ? i - length + 1 : 0; k < i; k++) least = x[k] < least ? x[k] : least;
    return least;
}

static inline double place(double x, double low, double high) { return 100 * ((x - low) / (high - low)); }

/* Around the newest value; to the last bit as the kernel does it, too. */
static inline double mean_of_3(const double *x, int32_t i) {
    return i < 2 ? 0 : x[i] + ((x[i - 1] - x[i]) + (x[i - 2] - x[i])) * (1.0 / 3);
}

static void stochrsi(frame *f, int32_t length, int32_t from, int32_t to) {
    const int32_t first = 2 * length - 1; /* bar with a whole window of indices */
    rsi(f, &f->s.stoch_rsi, STOCH_INDEX, length, from, to);
    for (int32_t i = from > first ? from : first; i < to; i++) {
        const double *x = f->c[STOCH_INDEX];
        f->c[STOCH_PLACE][i] = place(x[i], lowest(x, i, length), highest(x, i, length));
        f->c[STOCH_K][i] = i < first + 2 ? 0 : mean_of_3(f->c[STOCH_PLACE], i);
        f->c[STOCH_D][i] = i < first + 4 ? 0 : mean_of_3(f->c[STOCH_K], i);
    }
}

static void macd(frame *f, int32_t from, int32_t to) {
    average fast = f->s.fast, slow = f->s.slow, signal = f->s.signal;
    for (int32_t i = from; i < to; i++) {
        double line = step(&fast, f->c[CLOSE][i], 12, 2.0 / 13) - step(&slow, f->c[CLOSE][i], 26, 2.0 / 27);
        if (i < 25) continue;
        f->c[MACD][i] = line;
        f->c[MACD_SIGNAL][i] = step(&signal, line, 9, 2.0 / 10);
    }
    f->s.fast = fast, f->s.slow = slow, f->s.signal = signal;
}

static inline double true_range(const frame *f, int32_t i) {
    double before = f->c[CLOSE][i ? i - 1 : 0];
    if (i == 0) return f->c[HIGH][0] - f->c[LOW][0];
    return fmax(f->c[HIGH][i], before) - fmin(f->c[LOW][i], before);
}

static void atr(frame *f, int32_t length, int32_t from, int32_t to) {
    average a = f->s.atr;
    for (int32_t i = from; i < to; i++) f->c[ATR][i] = step(&a, true_range(f, i), length, 1.0 / length);
    f->s.atr = a;
}

static void adx(frame *f, int32_t length, int32_t from, int32_t to) {
    states *s = &f->s;
    for (int32_t i = from > 1 ? from : 1; i < to; i++) {
        double up = f->c[HIGH][i] - f->c[HIGH][i - 1], down = f->c[LOW][i - 1] - f->c[LOW][i];
        double plus = step(&s->plus, up > down && up > 0 ? up : 0, length, 1.0 / length);
        double minus = step(&s->minus, down > up && down > 0 ? down : 0, length, 1.0 / length);
        double sum = plus + minus;
        (void)step(&s->range, true_range(f, i), length, 1.0 / length); /* the lines that nobody looks at here */
        if (i < length) continue;
        f->c[ADX][i] = 100 * step(&s->strength, sum > 0 ? fabs(plus - minus) / sum : 0, length, 1.0 / length);
    }
}

/* Squares around the first close, which costs no digits. */
static void bands(frame *f, int32_t length, double mult, int32_t from, int32_t to) {
    const double *x = f->c[CLOSE];
    double sum = f->s.bb_sum, squares = f->s.bb_squares, origin = x[0];
    for (int32_t i = from; i < to; i++) {
        double now = x[i] - origin, old = i >= length ? x[i - length] - origin : 0, mean, width;
        sum += now - old;
        squares += now * now - old * old;
        mean = sum / length;
        width = mult * sqrt(fmax(squares / length - mean * mean, 0));
        f->c[BB_BASIS][i] = origin + mean;
        f->c[BB_UPPER][i] = origin + mean + width;
        f->c[BB_LOWER][i] = origin + mean - width;
    }
    f->s.bb_sum = sum, f->s.bb_squares = squares;
}

static void day_average(frame *f, double mult, int32_t from, int32_t to) {
    day_state s = f->s.day;
    for (int32_t i = from; i < to; i++) {
        double x = (f->c[HIGH][i] + f->c[LOW][i] + f->c[CLOSE][i]) / 3, volume = f->c[VOLUME][i], off;
        int64_t day = f->open_ms[i] / DAY_MS;
        if (day != s.day) s = (day_state){.day = day, .is_anchored = s.day || f->open_ms[i] % DAY_MS == 0, .base = x};
        if (!s.is_anchored) continue;
        off = x - s.base - s.mean;
        s.squares += off * off * (volume * (s.volume / (s.volume + volume)));
        s.sum += (x - s.base) * volume;
        s.volume += volume;
        s.mean = s.sum / s.volume;
        f->c[VWAP][i] = s.base + s.mean;
        f->c[VWAP_UPPER][i] = s.base + s.mean + mult * sqrt(s.squares / s.volume);
    }
    f->s.day = s;
}

static void positive_volume(frame *f, int32_t from, int32_t to) {
    const double *close = f->c[CLOSE], *volume = f->c[VOLUME];
    if (from == 0) f->c[PVI][from++] = 1;
    for (int32_t i = from; i < to; i++)
        f->c[PVI][i] = f->c[PVI][i - 1] * (volume[i] > volume[i - 1] ? close[i] / close[i - 1] : 1);
}

/* ---- what each timeframe is asked for ---- */

static void advance_hour(frame *f, int32_t from, int32_t to) {
    ema(f, EMA_9, CLOSE, 9, from, to);
    ema(f, EMA_10, CLOSE, 10, from, to);
    ema(f, EMA_20, CLOSE, 20, from, to);
    ema(f, EMA_21, CLOSE, 21, from, to);
    ema(f, EMA_50, CLOSE, 50, from, to);
    adx(f, 14, from, to);
}

static void advance_quarter(frame *f, int32_t from, int32_t to) {
    rsi(f, &f->s.rsi, RSI, 14, from, to);
    macd(f, from, to);
    bands(f, 20, 2, from, to);
    sma(f, SMA_50, CLOSE, 50, from, to);
    sma(f, SMA_200, CLOSE, 200, from, to);
    for (int32_t i = from; i < to; i++) {
        f->c[STOCH][i] = place(f->c[CLOSE][i], lowest(f->c[LOW], i, 14), highest(f->c[HIGH], i, 14));
        f->c[HIGHEST][i] = highest(f->c[HIGH], i, 24);
        f->c[LOWEST][i] = lowest(f->c[LOW], i, 24);
    }
}

static void advance_five(frame *f, int32_t from, int32_t to) {
    rsi(f, &f->s.rsi, RSI, 14, from, to);
    stochrsi(f, 14, from, to);
    macd(f, from, to);
    ema(f, EMA_9, CLOSE, 9, from, to);
    ema(f, EMA_21, CLOSE, 21, from, to);
    ema(f, EMA_50, CLOSE, 50, from, to);
    sma(f, VOLUME_5, VOLUME, 5, from, to);
    sma(f, VOLUME_20, VOLUME, 20, from, to);
    bands(f, 20, 2, from, to);
    day_average(f, 2, from, to);
    positive_volume(f, from, to);
    ema(f, PVI_50, PVI, 50, from, to);
    for (int32_t i = from; i < to; i++) f->c[HIGHEST][i] = highest(f->c[HIGH], i, 20);
}

static void advance_minute(frame *f, int32_t from, int32_t to) {
    rsi(f, &f->s.rsi, RSI, 14, from, to);
    stochrsi(f, 14, from, to);
    macd(f, from, to);
    ema(f, EMA_9, CLOSE, 9, from, to);
    ema(f, EMA_20, CLOSE, 20, from, to);
    ema(f, EMA_21, CLOSE, 21, from, to);
    ema(f, EMA_50, CLOSE, 50, from, to);
    sma(f, VOLUME_10, VOLUME, 10, from, to);
    sma(f, VOLUME_20, VOLUME, 20, from, to);
    sma(f, VOLUME_30, VOLUME, 30, from, to);
    sma(f, VOLUME_50, VOLUME, 50, from, to);
    atr(f, 14, from, to);
}

void plain_advance(plain *p) {
    static void (*const advance[PLAIN_INTERVALS])(frame *, int32_t, int32_t) = {advance_hour, advance_quarter,
                                                                                advance_five, advance_minute};
    for (int32_t u = 0; u < PLAIN_INTERVALS; u++) {
        frame *f = &p->frames[u];
        if (f->done < f->count) advance[u](f, f->done, f->count);
        f->done = f->count;
    }
}

void plain_restart(plain *p) {
    for (int32_t u = 0; u < PLAIN_INTERVALS; u++) {
        p->frames[u].done = 0;
        memset(&p->frames[u].s, 0, sizeof p->frames[u].s);
    }
}

/* ---- bars ---- */

static void *allocate(size_t n, size_t bytes) {
    void *memory = calloc(n, bytes);
    if (!memory) {
        fprintf(stderr, "plain: out of memory\n");
        exit(1);
    }
    return memory;
}

plain *plain_new(int32_t most_bars) {
    plain *p = allocate(1, sizeof *p);
    p->most_bars = most_bars;
    for (int32_t u = 0; u < PLAIN_INTERVALS; u++) {
        p->frames[u].open_ms = allocate((size_t)most_bars, sizeof(int64_t));
        for (int c = 0; c < N_COLUMNS; c++) p->frames[u].c[c] = allocate((size_t)most_bars, sizeof(double));
    }
    return p;
}

void plain_free(plain *p) {
    for (int32_t u = 0; u < PLAIN_INTERVALS; u++) {
        free(p->frames[u].open_ms);
        for (int c = 0; c < N_COLUMNS; c++) free(p->frames[u].c[c]);
    }
    free(p);
}

void plain_append(plain *p, int32_t u, const kline *bar) {
    frame *f = &p->frames[u];
    int32_t i = f->count++;
    if (i >= p->most_bars) {
        fprintf(stderr, "plain: more bars than there is room for\n");
        exit(1);
    }
    f->open_ms[i] = bar->open_ms;
    f->c[OPEN][i] = bar->open;
    f->c[HIGH][i] = bar->high;
    f->c[LOW][i] = bar->low;
    f->c[CLOSE][i] = bar->close;
    f->c[VOLUME][i] = bar->volume;
    f->c[TAKER][i] = bar->taker_base;
}

/* ---- filters ---- */

static inline double at(const frame *f, column c, int32_t ago) { return f->c[c][f->count - 1 - ago]; }
static inline double now(const frame *f, column c) { return at(f, c, 0); }
static inline bool crosses(const frame *f, column a, column b) {
    return now(f, a) > now(f, b) && at(f, a, 1) <= at(f, b, 1);
}
static inline double hist(const frame *f, int32_t ago) { return at(f, MACD, ago) - at(f, MACD_SIGNAL, ago); }
static bool is_divergent(const frame *f) {
    return structure_divergence(f->c[CLOSE], f->c[RSI], f->count, 30, 5) == DIVERGENCE_BULLISH;
}

static bool bollinger_squeeze(const plain *p) {
    const frame *f = &p->frames[QUARTER];
    double width = (now(f, BB_UPPER) - now(f, BB_LOWER)) / now(f, BB_BASIS);
    double before = (at(f, BB_UPPER, 5) - at(f, BB_LOWER, 5)) / at(f, BB_BASIS, 5);
    return width > before && before < 0.03 && now(f, CLOSE) > now(f, BB_UPPER);
}

static bool donchian_breakout(const plain *p) {
    const frame *f = &p->frames[FIVE];
    return now(f, CLOSE) > at(f, HIGHEST, 1) && now(f, VOLUME) > 1.5 * now(f, VOLUME_20);
}

static bool is_low(const frame *f) { return now(f, STOCH_K) < 30 && now(f, STOCH_K) > at(f, STOCH_K, 1); }

static bool dual_stochrsi(const plain *p) {
    const frame *m = &p->frames[MINUTE], *f = &p->frames[FIVE];
    return is_low(m) && is_low(f) && now(m, CLOSE) > now(f, VWAP) && now(m, VOLUME) > now(m, VOLUME_20);
}

static bool ema_momentum(const plain *p) {
    const frame *m = &p->frames[MINUTE];
    return crosses(m, EMA_9, EMA_21) && hist(m, 0) > 0 && now(m, CLOSE) > now(&p->frames[FIVE], VWAP);
}

static bool is_stacked(const frame *f) { return now(f, EMA_9) > now(f, EMA_21) && now(f, EMA_21) > now(f, EMA_50); }

static bool ema_stack(const plain *p) {
    return is_stacked(&p->frames[MINUTE]) && is_stacked(&p->frames[FIVE]) && is_stacked(&p->frames[HOUR]);
}

static bool engulfing(const plain *p) {
    const frame *f = &p->frames[FIVE];
    double open = now(f, OPEN), close = now(f, CLOSE), open_before = at(f, OPEN, 1), close_before = at(f, CLOSE, 1);
    bool engulfs = close_before < open_before && close > open && close >= open_before && open <= close_before;
    return engulfs && at(f, LOW, 1) <= at(f, BB_LOWER, 1);
}

static bool golden_cross(const plain *p) { return crosses(&p->frames[QUARTER], SMA_50, SMA_200); }

static bool macd_cross(const plain *p) {
    const frame *f = &p->frames[FIVE];
    return crosses(f, MACD, MACD_SIGNAL) && now(f, VOLUME) > now(f, VOLUME_20);
}

static bool points_up(const frame *f) { return now(f, RSI) > 50 && hist(f, 0) > 0; }

static bool momentum_alignment(const plain *p) {
    return points_up(&p->frames[MINUTE]) && points_up(&p->frames[FIVE]) && points_up(&p->frames[QUARTER]);
}

static bool reversal(const plain *p) {
    const frame *f = &p->frames[QUARTER];
    double high, low, support;
    if (!(now(f, RSI) < 35 && now(f, STOCH) < 20)) return false;
    high = at(f, HIGHEST, 1), low = at(f, LOWEST, 1);
    support = 2 * (high + low + at(f, CLOSE, 1)) / 3 - high;
    return is_divergent(f) || fabs(now(&p->frames[MINUTE], CLOSE) / support - 1) < 0.005;
}

static bool rsi_divergence(const plain *p) {
    const frame *m = &p->frames[MINUTE];
    return is_divergent(m) && now(m, VOLUME) > now(m, VOLUME_20) && now(&p->frames[QUARTER], RSI) < 60;
}

static bool rsi_oversold_bounce(const plain *p) {
    const frame *m = &p->frames[MINUTE];
    return now(m, RSI) < 30 && now(m, RSI) > at(m, RSI, 1);
}

static bool stochrsi_cross(const plain *p) {
    const frame *m = &p->frames[MINUTE], *f = &p->frames[FIVE];
    return crosses(m, STOCH_K, STOCH_D) && now(m, STOCH_K) < 50 && hist(f, 0) > hist(f, 1) &&
           now(m, ATR) / now(m, CLOSE) > 0.0005;
}

static bool structure_break(const plain *p) {
    const frame *f = &p->frames[FIVE];
    int32_t highs[2], lows[2];
    int32_t n_highs = structure_swings(f->c[HIGH], f->count, 250, 5, 5, true, 2, highs);
    int32_t n_lows = structure_swings(f->c[LOW], f->count, 250, 5, 5, false, 2, lows);
    if (n_highs < 2 || n_lows < 2) return false;
    return at(f, HIGH, highs[0]) > at(f, HIGH, highs[1]) && at(f, LOW, lows[0]) > at(f, LOW, lows[1]) &&
           now(f, CLOSE) > at(f, HIGH, highs[0]) && now(f, VOLUME_5) > 1.5 * now(f, VOLUME_20);
}

static bool trend_strength(const plain *p) {
    const frame *h = &p->frames[HOUR], *m = &p->frames[MINUTE];
    return now(h, ADX) > 25 && now(h, EMA_10) > now(h, EMA_20) && now(h, EMA_20) > now(h, EMA_50) &&
           now(m, CLOSE) > now(m, EMA_20);
}

static bool volume_node_bounce(const plain *p) {
    const frame *m = &p->frames[MINUTE], *f = &p->frames[QUARTER];
    volume_bin bin[30];
    int32_t node[30], n;
    if (!(now(m, VOLUME) > now(m, VOLUME_30))) return false;
    if (!structure_profile(f->c[HIGH], f->c[LOW], f->c[VOLUME], f->c[TAKER], f->count, 250, bin, 30)) return false;
    n = structure_nodes(bin, 30, 70, 0.05, 50, node);
    for (int32_t i = 0; i < n; i++) {
        double price = (bin[node[i]].low + bin[node[i]].high) / 2;
        if (fabs(now(m, LOW) - price) < 0.5 * now(m, ATR) && now(m, CLOSE) > price) return true;
    }
    return false;
}

static bool volume_spike(const plain *p) {
    const frame *m = &p->frames[MINUTE];
    return now(m, VOLUME) > 3 * now(m, VOLUME_20) && now(m, CLOSE) > now(m, OPEN);
}

static bool volume_trend(const plain *p) {
    const frame *m = &p->frames[MINUTE];
    return crosses(&p->frames[FIVE], PVI, PVI_50) && now(m, VOLUME_10) > now(m, VOLUME_50);
}

static bool vwap_band(const plain *p) {
    const frame *f = &p->frames[FIVE];
    return crosses(f, CLOSE, VWAP_UPPER);
}

static bool vwap_bounce(const plain *p) {
    const frame *m = &p->frames[MINUTE], *f = &p->frames[FIVE];
    double vwap = now(f, VWAP);
    return now(f, EMA_9) > now(f, EMA_21) && now(m, LOW) <= vwap && now(m, CLOSE) > vwap &&
           now(m, CLOSE) > now(m, OPEN) && now(m, VOLUME) > 1.2 * now(m, VOLUME_20);
}

#define FILTER(name) \
    { #name, name }
static const struct {
    const char *key;
    bool (*match)(const plain *p);
} filters[PLAIN_TRADERS] = {
    FILTER(bollinger_squeeze),  FILTER(donchian_breakout), FILTER(dual_stochrsi),  FILTER(ema_momentum),
    FILTER(ema_stack),          FILTER(engulfing),         FILTER(golden_cross),   FILTER(macd_cross),
    FILTER(momentum_alignment), FILTER(reversal),          FILTER(rsi_divergence), FILTER(rsi_oversold_bounce),
    FILTER(stochrsi_cross),     FILTER(structure_break),   FILTER(trend_strength), FILTER(volume_node_bounce),
    FILTER(volume_spike),       FILTER(volume_trend),      FILTER(vwap_band),      FILTER(vwap_bounce),
};

int32_t plain_find(const char *key) {
    for (int32_t i = 0; i < PLAIN_TRADERS; i++)
        if (strcmp(filters[i].key, key) == 0) return i;
    return -1;
}

bool plain_match(const plain *p, int32_t trader) { return filters[trader].match(p); }
