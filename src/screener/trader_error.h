/* What went wrong with a trader, as kept in the table `trader_errors`: one row for all that is alike, with how often and
 * when. Plain data. */
#pragma once
#include "base/json_writer.h"
#include "screener/signal.h"

enum { TRADER_ERROR_MESSAGE_BYTES = 1024, TRADER_ERROR_TRACE_BYTES = 4096 };

/* ERROR: a filter, plot or series failed. KILL: it was over a limit and stopped, the trader is quarantined. LOAD: it did
 * not compile. FLOOD: too many signals, paused. */
typedef enum trader_error_kind {
    TRADER_ERROR_ERROR,
    TRADER_ERROR_KILL,
    TRADER_ERROR_LOAD,
    TRADER_ERROR_FLOOD
} trader_error_kind;

/* Alike: same trader, code, kind, line and message. */
typedef struct trader_error_row {
    char trader_id[ID_BYTES];
    char trader[TRADER_KEY_BYTES];
    char revision[REVISION_BYTES]; /* SHA-256 of code and inputs: `codeHash` in JSON */
    trader_error_kind kind;
    char symbol[SYMBOL_BYTES]; /* of the last one; empty: none */
    int64_t open_ms;           /* its bar; 0: none */
    char message[TRADER_ERROR_MESSAGE_BYTES];
    int32_t line; /* 0: unknown */
    char trace[TRADER_ERROR_TRACE_BYTES];
    uint64_t count;            /* in all */
    int64_t first_ms, last_ms; /* wall clock */
    int64_t resolved_ms;       /* since then it is past: the trader was changed or started anew; 0: it is not */
} trader_error_row;

/* "error", "kill", "load", "flood". */
const char *trader_error_kind_name(trader_error_kind kind);
/* By name; TRADER_ERROR_ERROR when it is none. */
trader_error_kind trader_error_kind_of(const char *name);
/* The line that a message names ("rsi.lua:14: ..."); 0: none. */
int32_t trader_error_line(const char *message);
/* One object: trader, traderId, kind, symbol, time (open of the bar, ms), message, line, trace, codeHash, count,
 * firstSeen, lastSeen, resolvedAt. What is unknown is null. */
void trader_error_write_json(json_writer *w, const trader_error_row *row);
