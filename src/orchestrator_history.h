/* How far the loading of history is: one line at the terminal that is written again and again, or now and then a line
 * in the log; and the numbers for /api/v1/status.
 * Threads: the loop's. Ownership: plain data. */
#pragma once
#include "base/json_writer.h"
#include "binance/feed.h"

typedef struct orchestrator_history {
    bool is_terminal; /* stderr is one, and the log is written for people */
    bool is_shown;    /* a line stands at the terminal, unfinished */
    int64_t began_ms; /* of the loading that `told_percent` is about */
    int64_t next_ms;  /* monotonic: of the next line */
    int told_percent;
} orchestrator_history;

enum { HISTORY_LINE_BYTES = 160 };

/* Call it often; it says something at most four times a second at a terminal, else at every tenth of the way, at most
 * every 2 s. What is over within a second is not worth a word. */
void orchestrator_history_show(orchestrator_history *h, const backfill_progress *p, size_t n_under_way, int64_t now_ms);
/* "history: 120 of 400 ranges, 36000 of 120000 bars (30 %), about 12 s left". */
void orchestrator_history_describe(const backfill_progress *p, int64_t now_ms, char out[HISTORY_LINE_BYTES]);
/* Members of the object that is being written. */
void orchestrator_history_write(const feed *f, int64_t now_ms, json_writer *w);
