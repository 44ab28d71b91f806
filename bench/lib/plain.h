/* The yardstick of the screener's benches: the twenty filters of bench/traders in plain C, over plain arrays, with the
 * same arithmetic. Lengths are constants, every indicator is written for this workload alone, and there is no
 * sandbox, no window that slides, no correction, no other trader: what is left is about what the work itself costs.
 * Swings, divergences and volume nodes are those of indicator/structure.h, on both sides.
 * Threads: none of its own. Ownership: a plain owns its arrays. Out of memory ends the program. */
#pragma once
#include "abi.h"

enum { PLAIN_INTERVALS = 4, PLAIN_TRADERS = 20 };
extern const int32_t plain_interval[PLAIN_INTERVALS]; /* 1h, 15m, 5m, 1m */

/* One symbol with its bars and indicators. */
typedef struct plain plain;

plain *plain_new(int32_t most_bars);
void plain_free(plain *p);
/* A closed bar of plain_interval[u]; its indicators are not touched. */
void plain_append(plain *p, int32_t u, const kline *bar);
/* Computes the indicators of the bars that have been appended since. */
void plain_advance(plain *p);
/* Forgets all indicators: the next plain_advance computes them from the first bar on. */
void plain_restart(plain *p);

/* Place of a trader by its key, in alphabetical order; -1: there is no such filter. */
int32_t plain_find(const char *key);
/* Its answer at the newest bars. */
bool plain_match(const plain *p, int32_t trader);
