/* What the traders of one state print: `print` and `log`.
 *
 * A call of a trader is run again when it has asked for a series that was not there yet, and what the earlier run printed
 * came of missing values. So lines are held until the run is known to be the last one: then they are written, else dropped.
 * Threads: belongs to the thread of its state. */
#pragma once
#include "base/log.h"

enum { PRINTOUT_LINES = 10, PRINTOUT_BYTES = 1001 };

typedef struct printout {
    int32_t n_held; /* of this run, also those beyond the room for them */
    struct {
        log_level level;
        char text[PRINTOUT_BYTES];
    } held[PRINTOUT_LINES];
    int64_t second; /* of the monotonic clock; at most PRINTOUT_LINES are written in it */
    int32_t n_in_second;
} printout;

void printout_hold(printout *p, log_level level, const char *text);
void printout_drop(printout *p);
/* Writes what is held: "WHO SYMBOL: text". */
void printout_write(printout *p, int64_t now_ms, const char *who, const char *symbol);
