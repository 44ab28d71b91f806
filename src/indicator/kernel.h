/* The indicators themselves: arrays in, arrays out, with a small state that is advanced once per closed bar.
 *
 * Conventions are Pine Script's (see docs/trader-guide.md): EMA, RMA seeded with the mean of the first n values, first
 * value at n - 1; population standard deviation; ATR from tr(true). A NaN input gives NaN and does not advance a
 * recursive state; in a windowed kind it restarts the window. A result that is not finite is NaN.
 * Rolling sums are re-summed at bars whose absolute number is a multiple of 64, so rounding never accumulates and
 * values do not depend on where a series began.
 * Pure: no Lua, no input or output, no allocation. */
#pragma once
#include "abi.h"
#include "indicator/registry.h"

/* name, text, sources, parameters, outputs, class of its depth. Kinds without a source read the bars themselves. */
#define INDICATOR_LIST(X) \
    X(HL2, hl2, 0, 0, 1, one)            /* (high + low) / 2 */ \
    X(HLC3, hlc3, 0, 0, 1, one)          /* (high + low + close) / 3 */ \
    X(OHLC4, ohlc4, 0, 0, 1, one)        /* (open + high + low + close) / 4 */ \
    X(TR, tr, 0, 1, 1, two)              /* true range; 1: the first bar gives high - low, 0: NaN */ \
    X(SMA, sma, 1, 1, 1, window)         /* length */ \
    X(EMA, ema, 1, 1, 1, recursive)      /* length */ \
    X(RMA, rma, 1, 1, 1, wilder)         /* length */ \
    X(RSI, rsi, 1, 1, 1, wilder)         /* length */ \
    X(MACD, macd, 1, 3, 3, macd)         /* fast, slow, signal -> macd, signal, hist */ \
    X(BB, bb, 1, 2, 3, window)           /* length, deviations -> basis, upper, lower */ \
    X(ATR, atr, 0, 1, 1, wilder)         /* length */ \
    X(HIGHEST, highest, 1, 1, 1, window) /* length */ \
    X(LOWEST, lowest, 1, 1, 1, window)   /* length */ \
    X(VWAP, vwap, 1, 1, 1, session)      /* anchor: 0 day, 1 week, 2 month (UTC) */

#define INDICATOR_ENUM(name, text, sources, params, outputs, depth) INDICATOR_##name,
enum indicator_kind { INDICATOR_LIST(INDICATOR_ENUM) N_INDICATOR_KINDS };
#undef INDICATOR_ENUM

/* What a kernel reads. All arrays are parallel to the bars. */
typedef struct kernel_input {
    const double *source[INDICATOR_SOURCES];
    const double *open, *high, *low, *close, *volume;
    const int64_t *open_ms, *number; /* open time; absolute number of the bar */
    const double *param;
    int32_t interval;
} kernel_input;

enum { KERNEL_STATE_BYTES = 96 };
/* Zeroed at the epoch; plain bytes, so it may be copied, saved and restored. Heap memory only. */
typedef struct kernel_state {
    double storage[KERNEL_STATE_BYTES / sizeof(double)];
} kernel_state;

/* Advance `state` over bars [from, to) and write their values. */
typedef void (*kernel_fn)(kernel_state *state, const kernel_input *in, int32_t from, int32_t to,
                          double *const out[INDICATOR_OUTPUTS]);

typedef struct kernel {
    const char *name;
    int32_t n_sources, n_params, n_outputs;
    kernel_fn run;
    int32_t (*depth)(const double *param, int32_t interval); /* own depth, bars */
} kernel;

/* NULL outside the enum. */
const kernel *kernel_get(int32_t kind);
/* By name ("sma"); -1 when there is none. */
int32_t kernel_find(const char *name, size_t bytes);
/* How many bars back from the newest the kernel reads its source; 0 when only the newest. */
int32_t kernel_reach(int32_t kind, const double *param);
/* Whether the parameters are allowed: lengths whole numbers 1..5000, and so on; the sentence says what was expected. */
MUST_CHECK err kernel_check(int32_t kind, const double *param, diag *why);
