/* The one contract between C and Lua: C compiles this file, LuaJIT's ffi.cdef reads the same bytes.
 * Structs, enums, prototypes and comments only; fixed-width integers, no bitfields, no unions. What is declared here
 * is what libtrademind exports; everything else is hidden. C files include <stdint.h>, <stddef.h> and <stdbool.h>
 * first (CMake forces it), since ffi.cdef knows those names by itself. */
#pragma once
#pragma GCC visibility push(default)

/* ---- market: bars and intervals ---- */

/* One bar. Times are Unix ms, UTC. Volumes are in the base asset unless named otherwise. */
typedef struct kline {
    int64_t open_ms;
    double open, high, low, close;
    double volume, quote_volume, trades, taker_base, taker_quote;
} kline;

enum interval {
    INTERVAL_1S,
    INTERVAL_1M,
    INTERVAL_3M,
    INTERVAL_5M,
    INTERVAL_15M,
    INTERVAL_30M,
    INTERVAL_1H,
    INTERVAL_2H,
    INTERVAL_4H,
    INTERVAL_6H,
    INTERVAL_8H,
    INTERVAL_12H,
    INTERVAL_1D,
    INTERVAL_3D,
    INTERVAL_1W,
    INTERVAL_1MO,
    N_INTERVALS
};

/* "1s" .. "1d", "3d", "1w", "1M"; NULL outside the enum. */
const char *interval_name(int32_t interval);
/* By name, `bytes` long; -1 when it is none. Case matters: "1m" is a minute, "1M" a month. */
int32_t interval_parse(const char *name, size_t bytes);
/* Open time of the bar that holds `ms`. */
int64_t interval_floor(int32_t interval, int64_t ms);
/* Open time of the bar after the one that opens at `open_ms` (= end of that bar). */
int64_t interval_next(int32_t interval, int64_t open_ms);
/* Open time of the bar that is `n` bars after (n < 0: before) the one that opens at `open_ms`. */
int64_t interval_add(int32_t interval, int64_t open_ms, int64_t n);
/* Number of bars that open in [from_ms, to_ms), both being open times. */
int64_t interval_count(int32_t interval, int64_t from_ms, int64_t to_ms);
/* True when every bar of `large` is made of whole bars of `small` (1w holds days but 1M does not hold weeks). */
bool interval_divides(int32_t small, int32_t large);
/* Length in ms; of a month the longest (31 days). */
int64_t interval_ms(int32_t interval);

/* ---- market: the kline series of one (symbol, interval) ---- */

enum kline_field {
    FIELD_OPEN,
    FIELD_HIGH,
    FIELD_LOW,
    FIELD_CLOSE,
    FIELD_VOLUME,
    FIELD_QUOTE_VOLUME,
    FIELD_TRADES,
    FIELD_TAKER_BASE,
    FIELD_TAKER_QUOTE,
    N_FIELDS
};

/* What became of a bar that was offered to a series. */
enum kline_outcome {
    KLINE_APPENDED, /* a new closed bar */
    KLINE_FORMING,  /* the forming bar was set */
    KLINE_REPLACED, /* a closed bar was there with other values: corrected */
    KLINE_SAME,     /* a closed bar was there with the same values, or the update was older than the last close */
    KLINE_OLDER,    /* older than the oldest bar kept, or in a hole between bars: refused */
    KLINE_GAP,      /* bars before it are not known yet: refused, ask for [known_to, open) */
    KLINE_BAD       /* its open time is not one of the interval: refused */
};

typedef struct kline_series kline_series;

/* `keep`: least bars kept once there are that many. `known_to_ms`: the open time at which the series begins: nothing
 * before it will be stored. NULL when out of memory. */
kline_series *kline_series_new(int32_t interval, int32_t keep, int64_t known_to_ms);
void kline_series_free(kline_series *s);
/* A final bar. `index` (may be NULL) gets its place when it was appended or replaced. */
int32_t kline_series_close(kline_series *s, const kline *bar, int32_t *index);
/* The bar in progress; becomes element [count]. */
int32_t kline_series_update(kline_series *s, const kline *bar);
/* Everything that opens in [known_to, to_ms) and is not stored does not exist: recorded as a hole. */
void kline_series_known(kline_series *s, int64_t to_ms);
int32_t kline_series_count(const kline_series *s);
bool kline_series_has_forming(const kline_series *s);
int64_t kline_series_known_to(const kline_series *s);
/* Bars that have left the window at its old end, ever; index + dropped is a bar's number for life. */
int64_t kline_series_dropped(const kline_series *s);
int64_t kline_series_holes(const kline_series *s); /* bars that exist nowhere, ever */
const int64_t *kline_series_open_ms(const kline_series *s);
/* Oldest first; element [count] is the forming bar when there is one, else NaN; element [-1] is NaN. Valid as long as the
 * series: its arrays never move. */
const double *kline_series_field(const kline_series *s, int32_t field);
/* Number of bars that had closed by `ms`. */
int32_t kline_series_count_at(const kline_series *s, int64_t ms);

/* ---- base: names ---- */

/* Version 5 UUID of `name` in the namespace `ns` (text form); `out` takes 37 bytes. 0, or -1 and an empty `out` when ns
 * is no UUID (or OpenSSL has no memory). */
int32_t uuid5(const char *ns, const void *name, size_t bytes, char *out);
/* SHA-256 in lower-case hex; `out` takes 65 bytes; empty when OpenSSL has no memory. */
void sha256_hex(const void *data, size_t bytes, char *out);

/* ---- script: texts of messages ---- */

/* Whether the names in double braces of a text can all be filled in (script/template.h). 0; -1 and one sentence in `why`, which
 * is cut to what it has room for. */
int32_t template_check(const char *text, size_t bytes, char *why, size_t why_bytes);

/* ---- indicator: values of one indicator over a list of bars ---- */

/* Values of an indicator by its canonical text, such as "sma(rsi(close,14),9)" or "macd.2(close,12,26,9)" (the third
 * output), over `n` closed bars of `interval`, oldest first; `out` takes n doubles, NaN in the warm-up. A bar that skips
 * others leaves a hole. Computed by the states that run in the daemon, one bar after the other. 0; -1: the text is no
 * indicator; -2: a bar is out of order; -3: out of memory or a window longer than 5,000. */
int32_t indicator_values(const char *text, int32_t interval, const kline *bars, size_t n, double *out);

/* ---- indicator: the structure of a market, for lua/stdlib ---- */

/* All of these look at the newest `lookback` of `count` bars (at all when there are fewer), oldest first. */

enum { VOLUME_BINS_MAX = 200, DIVERGENCE_LOOKBACK_MAX = 500 };

/* What was traded between two prices. buy_volume: by takers who bought; strength: in percent of the largest bin. */
typedef struct volume_bin {
    double low, high, volume, buy_volume, strength;
} volume_bin;

/* Cuts the prices from the lowest low to the highest high into `bins` equal bins (1 .. VOLUME_BINS_MAX) and spreads the
 * volume of each bar evenly over those that it spans. No volume is lost: the bins sum to the bars. False when
 * there are no prices to tell apart (a range below 1e-10 of the price), or no volume. */
bool structure_profile(const double *high, const double *low, const double *volume, const double *taker_base,
                       int32_t count, int32_t lookback, volume_bin *out, int32_t bins);
/* The bins that stand out: volume at or above the percentile's (0 .. 100), above both neighbours' x (1 + tolerance)
 * (outside there is none), and of at least min_strength. `out` takes `bins` places: strongest
 * first, of equal ones the lower price. Their number. */
int32_t structure_nodes(const volume_bin *bin, int32_t bins, double percentile, double tolerance, double min_strength,
                        int32_t *out);

enum divergence {
    DIVERGENCE_NONE,
    DIVERGENCE_BULLISH,
    DIVERGENCE_BEARISH,
    DIVERGENCE_HIDDEN_BULLISH,
    DIVERGENCE_HIDDEN_BEARISH
};

/* Compares the strict three-bar lows (highs) of `a` with `b` at the same bars, in pairs at least `separation` bars apart;
 * a NaN is no low and no high. lookback: at most DIVERGENCE_LOOKBACK_MAX. */
int32_t structure_divergence(const double *a, const double *b, int32_t count, int32_t lookback, int32_t separation);

/* Bars above the `left` bars before them and not below the `right` bars after them (lows: the other way round): how many
 * bars ago, newest first, at most `most`. All bars compared are within the look-back. Their number. */
int32_t structure_swings(const double *x, int32_t count, int32_t lookback, int32_t left, int32_t right, bool is_high,
                         int32_t most, int32_t *out);

/* ---- script: what lua/stdlib shares with the worker that runs it ---- */

/* One series as a script sees it: `count` values from `data`, oldest first. The worker sets `data` and `available`
 * before each evaluation and `count` to 0 (or -1, to learn whether it is asked for); asking for the series sets
 * count = available, so that a view kept from an earlier call reads as empty. `data` is never NULL and data[-1] is NaN:
 * what lies before the oldest bar is read like any bar, without a branch. `deepest`: how far back the script has read;
 * -1: not at all. `hidden`: older values that there may be, but not at `data`: a call that has read further back than
 * `available`, or has set `wanted` to more, does not count, and is made again with all of them there. */
typedef struct script_slot {
    const double *data;
    int32_t count, available;
    int32_t deepest, hidden, wanted, spare;
} script_slot;

/* The exchange's 24 h ticker of the symbol: m.ticker. */
typedef struct script_ticker {
    double last, change_pct, high, low, volume, quote_volume, bid, ask;
} script_ticker;

/* The symbol among all of the trader, and all of them: m.rank and m.universe. `median_change`: percent in 24 h. */
typedef struct script_rank {
    int32_t rank, count, advancing, declining, missing;
    double median_change;
} script_rank;

typedef struct script_context {
    script_slot *slots;
    int64_t open_ms, close_ms; /* the bar under evaluation: its open time, and the open time of the next one */
    const char *symbol, *base, *quote;
    double tick_size;
    const script_ticker *ticker; /* NULL: there is none */
    const script_rank *rank;     /* NULL: there is none */
    /* [-k]: open time of the bar k bars before the newest one of the trader's interval, k > 0. Only while a prompt is made. */
    const int64_t *bar_times;
    uint32_t symbol_id;
    int32_t trader;    /* index of the trader that runs */
    int32_t count;     /* bars of the trader's own interval */
    int32_t is_dry;    /* 1 while a trader is tried out at load */
    int32_t is_tick;   /* 1: the newest bar is the forming one */
    char message[256]; /* why script_series said no */
    char missing[160]; /* the last helper of this call that gave nil, and why; "": none */
} script_context;

enum { SCRIPT_TOO_MANY = -1, SCRIPT_BAD_PARAMETER = -2, SCRIPT_FULL = -3 };

/* The slot of a series for the running trader, made when it is the first to ask. `place`: where it is at home, see
 * script/trader.h. `kind`: a field (kind = -1 and `source0` the field) or an indicator by number. A source is the slot
 * of an earlier answer, or -1. Returns the slot, or one of the negative codes with a sentence in `message`. Never calls
 * Lua, never allocates. */
int32_t script_series(script_context *c, int32_t place, int32_t kind, int32_t source0, int32_t source1, int32_t source2,
                      double p0, double p1, double p2, double p3, int32_t output);
/* The slot of an own series of the running trader, by its place in the trader's list of them (from 0). */
int32_t script_own(script_context *c, int32_t number);
/* Number of an indicator kind by name; -1 when there is none. */
int32_t script_kind(const char *name);
/* False when the C stack is nearly used up: functions of C that call Lua back must not be entered any deeper. */
bool script_has_stack(const script_context *c);
/* About how many tokens a text is to a model, rather more than fewer: a digit, sign or line break is one each, a run of letters one
 * for each four, of other bytes one for each two; blanks are none. */
int32_t script_tokens(const char *text, size_t bytes);
/* True once the state has been refused memory: its script is about to be stopped. */
bool script_is_full(const script_context *c);

#pragma GCC visibility pop
