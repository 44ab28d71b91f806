/* Why a trader fired at a bar, or did not: the bars before are walked through with the memory of a replay, and at the bar
 * the script is looked into.
 * Threads: the one that calls. */
#pragma once
#include "script/probe.h"

typedef struct explanation_request {
    script_limits limits;
    const trader_source *source;
    const char *data;   /* folder of recorded klines */
    const char *symbol; /* that has a file there */
    int64_t at_ms;      /* in the bar, by its open time */
} explanation_request;

/* One JSON object:
 *   trader, symbol, interval, time, closeTime (ms), price
 *   outcome     "match", "no match", "warming up", "error", "skipped"
 *   have, need  bars, while it is warming up, else null
 *   error       the sentence, or null
 *   conditions  [{text, held (null: a text only), values: {series: number}}]
 *   comparisons [{line, column, text, kind, left, right, held}], in the order in which the filter came to them
 *   values      [{name, value, before}]: the series that the filter has read, at the bar and one before
 *   fires       true or false
 *   reason      one sentence
 * `warning`: why comparisons are missing, or NULL. Both are texts of the caller. ERR_SCRIPT: the trader does not load;
 * ERR_NOT_FOUND: there is no such bar, or no file of a reference; ERR_INVALID: the trader ranks all symbols; and what reading the klines gives. */
MUST_CHECK err explanation_make(const explanation_request *request, char **json, char **warning, diag *why);
