/* The bars over which `check` runs a trader: two symbols of the market model, recorded klines, and bars of which every
 * number is NaN.
 *
 *            older                history               evaluated
 *   own   [ . . . . . . . | . . . . . . . . . | x x x x x x x x x x ]
 *   1h    [ .   .   .   . |   .     .     .   | x         x         ]      every interval in the same spans of time
 *
 * The whole is known to a run; one that starts later does not know the oldest part, which must change no answer.
 * Threads: any. Ownership: the caller's. */
#pragma once
#include "script/probe.h"

typedef struct sample {
    symbol_info symbol;
    probe_bars bars;
    probe_references references;
    probe_cut later; /* without the oldest part */
    int32_t from;    /* index of the first bar of the own interval that is evaluated */
} sample;

enum { SAMPLE_BARS = 600, SAMPLE_GRACE = 500 };

/* What a trader needs of one. */
typedef struct sample_order {
    int32_t interval;
    uint32_t mask;
    char *const *references; /* names of other symbols */
    int32_t n_references;
    int32_t history[N_INTERVALS]; /* bars that it must know before an evaluation counts */
} sample_order;

/* Symbol number `which` of the model; references are other ones, under their own names. ERR_NO_MEMORY. */
MUST_CHECK err sample_generate(const sample_order *order, int which, sample *out);
/* All its numbers are NaN, of references, too; the symbol is that of `which`. */
MUST_CHECK err sample_undefined(const sample_order *order, int which, sample *out);
/* `symbol` of a folder of kline files, which has those of the references, too. ERR_NOT_FOUND and a sentence when its bars
 * are too few or too coarse. */
MUST_CHECK err sample_read(const sample_order *order, const char *folder, const char *symbol, sample *out, diag *why);
void sample_free(sample *s);
