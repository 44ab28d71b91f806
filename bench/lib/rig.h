/* The screener with all that it needs around it: symbols of the seeded market, the traders of bench/traders, and a thread
 * (the caller's) that feeds it as the stream would.
 *
 * A minute is one closed 1m bar of every symbol, and the slower bars that close at the same instant. All traders run at
 * the minute's close and look at up to two other timeframes. Every minute is checked: one with an evaluation missing is
 * no figure, and ends the program.
 * Threads: the caller's alone; the workers are inside. Ownership: the rig owns everything that it has made. What goes
 * wrong ends the program with a sentence. */
#pragma once
#include "abi.h"

enum { RIG_INTERVALS = 4, RIG_VARIANTS = 5 };
/* 1h, 15m, 5m, 1m: bars that close at one instant come slowest first. */
extern const int32_t rig_interval[RIG_INTERVALS];

typedef struct rig_options {
    int32_t n_symbols, n_bars, n_workers;
    int32_t n_variants; /* of every trader, 1 .. RIG_VARIANTS: its input `shift` is 0, 1 .. */
} rig_options;

typedef struct rig rig;

/* Returns when history is in and evaluated. */
rig *rig_new(const rig_options *options);
void rig_free(rig *r);

int32_t rig_traders(const rig *r);
const char *rig_trader(const rig *r,
                       int32_t index); /* its key: the file's name, and "_SHIFT" behind it for a variant */

/* One minute: pushed bar by bar, until the barrier behind the last one. Wall time, and CPU time of all other threads. */
void rig_minute(rig *r, double *wall_ms, double *cpu_ms);
/* `minutes` of them, at most 20, that lie in the inboxes before the workers begin: no other thread works beside them.
 * Returns the wall time from then until the last worker is through, for one minute. */
double rig_minutes_inside(rig *r, int32_t minutes);

/* Whether a trader matched at the last minute: [trader * n_symbols + symbol]. As the passes have said. */
const bool *rig_matches(rig *r);
uint64_t rig_signals(const rig *r);
