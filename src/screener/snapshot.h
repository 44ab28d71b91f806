/* One symbol as bytes: the bars of all its series, and the states of their indicators (indicator_set_save.h). What a
 * snapshot file has many of.
 * What storage knows is not in here: cursors, edge memory, epochs. So a snapshot may be older than the database or newer:
 * bars behind a cursor are not evaluated again, those before it are, each as of its close, and what is missing is fetched.
 * Threads: the symbol's owner. Ownership: the bytes are borrowed. */
#pragma once
#include "market/symbol.h"
#include "screener/timeframe.h"

/* Of what snapshot_write makes; the version of the indicators is INDICATOR_VERSION. */
enum { SNAPSHOT_VERSION = 1 };

typedef struct snapshot {
    char name[SYMBOL_BYTES];
    uint32_t intervals; /* bit per interval that is there */
    byte_reader bars[N_INTERVALS], sets[N_INTERVALS];
} snapshot;

/* `name`: the symbol's, or what tracked_copy_name says. Series without bars are left out. */
void snapshot_write(const char *name, timeframe *const frames[N_INTERVALS], byte_writer *w);
/* Finds the parts, which are read when they are asked for. ERR_INVALID. */
MUST_CHECK err snapshot_open(const void *data, size_t bytes, snapshot *out);
