/* Runs one trader in the sandbox in all the ways in which a mistake shows, and writes down what was seen.
 *
 *   forward      every bar in order: errors, matches, cost
 *   prefix       some bars again, each in a fresh state that knows no later bar: the answers must have the same bits
 *   later start  fewer bars of history: the answers must be the same, and no comparison may have one side that differs
 *   NaN          bars without a number: no match
 *   watched      the rewritten script (check/reader.h): which comparisons are never decided
 *   kept         what the script's variables hold before and after some calls
 *
 * Threads: the one that calls; it gets a watchdog of its own for the time. */
#pragma once
#include "check/reader.h"
#include "script/probe.h"

typedef struct trial_options {
    script_limits limits;
    double cost_limit_us; /* of one evaluation, median */
    const char *data;     /* folder of recorded klines to run on besides; NULL: none */
} trial_options;

/* The facts that lua/check/main.lua makes findings of, as JSON; a text of the caller. `watched` NULL: what needs it is left
 * out. ERR_NO_MEMORY, or ERR_NOT_FOUND and the like with a sentence when `data` cannot be read. What is wrong with the
 * trader is no error but a fact. */
MUST_CHECK err trial_run(const trial_options *options, const trader_source *source, const char *watched, char **facts,
                         diag *why);
