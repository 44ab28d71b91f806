/* What a model would be asked about one bar of a trader, if its filter matched there: for the verb analyze.
 *
 * The bars before are walked through as in a replay, so that the trader's own series are what they are there; at the bar the
 * filter, its conditions and plots, and then the prompt are asked, by the functions that the daemon calls.
 * Threads: the one that calls. */
#pragma once
#include "script/probe.h"

typedef struct prompting_request {
    script_limits limits; /* analysis counts as ANALYSIS_MANUAL */
    const trader_source *source;
    const char *data;   /* folder of recorded klines */
    const char *symbol; /* that has a file there */
    int64_t at_ms;      /* in the bar, by its open time; 0: the newest */
    double tick_size;   /* 0: unknown */
} prompting_request;

typedef struct prompting {
    char trader[TRADER_KEY_MAX];
    int32_t interval;
    int64_t open_ms, close_ms;
    double price;
    script_result result; /* outcome, side, score, stop, targets, prompt (never NULL) */
} prompting;

/* ERR_SCRIPT: the trader does not load, or its prompt fails; ERR_NOT_FOUND: no such bar, no file; ERR_INVALID: it ranks all
 * symbols, or is still warming up there; and what reading the klines gives. On failure `out` needs no deinit. */
MUST_CHECK err prompting_make(const prompting_request *request, prompting *out, diag *why);
void prompting_deinit(prompting *p);
