/* Tulip Indicators as a peer of our kernels: its C sources out of npm's package `tulind` (bench/package-lock.json), built
 * by the same compiler with the same flags. Where they are not installed there is no peer: tulip_new says so.
 * Threads: none of its own. Ownership: a tulip owns its outputs; the bars are borrowed. */
#pragma once
#include "base/errors.h"

enum { TULIP_CALLS = 4, TULIP_OPTIONS = 4 };

/* One function of Tulip with its options, as `ti_NAME` takes them. */
typedef struct tulip_call {
    const char *name;
    double option[TULIP_OPTIONS];
} tulip_call;

typedef struct tulip_bars {
    int32_t count;
    const double *open, *high, *low, *close, *volume;
} tulip_bars;

typedef struct tulip tulip;

/* Whether Tulip is part of this build. */
bool tulip_is_there(void);
/* Calls that are made one after the other. What asks for a plain source reads the close in the first of them (the open, if
 * it asks for a second one), and the first output of the one before in the others. At most TULIP_CALLS; one without a name ends the list. ERR_NOT_FOUND: Tulip is not part of this
 * build. ERR_INVALID: it has no such function. */
MUST_CHECK err tulip_new(const tulip_call *calls, const tulip_bars *bars, tulip **out);
void tulip_free(tulip *t);
/* All calls over all bars. */
void tulip_run(const tulip *t);
/* "stochrsi 14; sma 3" and the version, for people. */
void tulip_describe(const tulip *t, char *out, size_t bytes);
