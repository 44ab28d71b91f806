/* The indicators themselves: arrays in, arrays out, with a state that is advanced once per closed bar.
 *
 * Conventions are Pine Script's, TA-Lib's for candlestick patterns (docs/trader-guide.md names each). A NaN input gives
 * NaN and does not advance a recursive state; in a windowed kind it restarts the window. A result that is not finite is
 * NaN. Values do not depend on where a windowed series began: rolling sums are re-summed at absolute bar numbers.
 * A family of kernels has a file of its own; this one is the table of all of them.
 * Pure: no Lua, no input or output, no allocation. */
#pragma once
#include "abi.h"
#include "indicator/average.h"
#include "indicator/bars.h"
#include "indicator/event.h"
#include "indicator/exponential.h"
#include "indicator/expression.h"
#include "indicator/mean_deviation.h"
#include "indicator/momentum.h"
#include "indicator/pattern.h"
#include "indicator/range.h"
#include "indicator/registry.h"
#include "indicator/rsi.h"
#include "indicator/statistic.h"
#include "indicator/trend.h"
#include "indicator/volume.h"

/* Every kernel: X(NAME, name) stands for the constant `kernel_name` of its family's file. */
#define KERNEL_LIST(X) \
    BARS_KERNELS(X) \
    EXPRESSION_KERNELS(X) \
    AVERAGE_KERNELS(X) \
    EXPONENTIAL_KERNELS(X) \
    RSI_KERNELS(X) \
    MOMENTUM_KERNELS(X) \
    MEAN_DEVIATION_KERNELS(X) \
    STATISTIC_KERNELS(X) \
    RANGE_KERNELS(X) \
    TREND_KERNELS(X) \
    VOLUME_KERNELS(X) \
    EVENT_KERNELS(X) \
    PATTERN_KERNELS(X)

#define KERNEL_ENUM(NAME, name) INDICATOR_##NAME,
enum indicator_kind { KERNEL_LIST(KERNEL_ENUM) N_INDICATOR_KINDS };
#undef KERNEL_ENUM

enum { LENGTH_MAX = 5000 };

/* A series of a slower interval or of another symbol, for `align`. */
typedef struct kernel_slow {
    const double *values;
    const int64_t *open_ms;
    int32_t count, interval;
} kernel_slow;

/* What a kernel reads. All arrays are parallel to the bars: [from, to) may reach the forming bar, element [-1] of a
 * field is NaN, and what lies before the oldest bar may not be read. `number` has those of [from, to) alone. */
typedef struct kernel_input {
    const double *source[INDICATOR_SOURCES];
    const double *open, *high, *low, *close, *volume, *quote_volume, *trades, *taker_base, *taker_quote;
    const int64_t *open_ms, *number; /* open time; absolute number of the bar, the same in every process */
    const double *param;
    int32_t interval;
    kernel_slow slow;
} kernel_input;

/* Advance `state` over bars [from, to) and write their values. The state is zero at the epoch; it is plain bytes that may
 * be copied, saved and restored, so it holds no pointers and no array indices (bars move when the window slides). */
typedef void (*kernel_fn)(void *state, const kernel_input *in, int32_t from, int32_t to,
                          double *const out[INDICATOR_OUTPUTS]);

typedef struct kernel_param {
    const char *name;
    double min, max;
    bool is_whole;
} kernel_param;

#define PARAM_LENGTH(name) \
    { name, 1, LENGTH_MAX, true }
#define PARAM_FLAG(name) \
    { name, 0, 1, true }

typedef struct kernel {
    const char *name;
    int32_t n_sources, n_params, n_outputs;
    kernel_param params[INDICATOR_PARAMS];
    kernel_fn run;
    int32_t (*depth)(const double *param, int32_t interval);           /* bars seen before the value counts */
    int32_t (*reach)(const double *param);                             /* see kernel_reach; NULL: 0 */
    int32_t (*reach_of_interval)(int32_t interval);                    /* besides, of windows by time; NULL: 0 */
    size_t state_bytes;                                                /* of every instance; a multiple of 8 */
    size_t (*more_state_bytes)(const double *param, int32_t interval); /* besides, by parameters; NULL: none */
    err (*check)(const double *param, diag *why); /* what the ranges of `params` do not say; NULL: nothing */
} kernel;

#define KERNEL_DECLARE(NAME, name) extern const kernel kernel_##name;
KERNEL_LIST(KERNEL_DECLARE)
#undef KERNEL_DECLARE

/* NULL outside the enum. */
const kernel *kernel_get(int32_t kind);
/* By name ("sma"); -1 when there is none. */
int32_t kernel_find(const char *name, size_t bytes);
/* How many bars back from the newest the kernel reads its sources or the bars (x[i - reach] at the most). */
int32_t kernel_reach(int32_t kind, const double *param, int32_t interval);
/* A state begins at such an address: what it holds in pairs of doubles may be aligned. */
enum { STATE_ALIGNMENT = 16 };
/* Bytes of one state, a multiple of STATE_ALIGNMENT. */
size_t kernel_state_bytes(int32_t kind, const double *param, int32_t interval);
/* Whether the parameters are allowed; the sentence says what was expected. */
MUST_CHECK err kernel_check(int32_t kind, const double *param, diag *why);

/* ---- what the families share ---- */

/* A part of a kernel that is made anew for each of its callers, with the caller's constants. */
#define KERNEL_INLINE static inline __attribute__((always_inline))

/* An infinite value counts as NaN. */
static inline double kernel_defined(double x) { return x + (x - x); }

/* Depths: the newest bar; with the one before; the first parameter; 10 or 25 times it, at least 250. */
int32_t kernel_depth_one(const double *param, int32_t interval);
int32_t kernel_depth_two(const double *param, int32_t interval);
int32_t kernel_depth_window(const double *param, int32_t interval);
int32_t kernel_depth_recursive(const double *param, int32_t interval);
int32_t kernel_depth_wilder(const double *param, int32_t interval);
/* At least 250 bars. */
int32_t kernel_depth_at_least(int32_t bars);
/* Reaches: the first parameter; one bar. */
int32_t kernel_reach_window(const double *param);
int32_t kernel_reach_one(const double *param);
