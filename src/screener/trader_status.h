/* How one trader fares, for people and programs. Plain data, borrowed texts; pure. */
#pragma once
#include "screener/trader_error.h"

/* PAUSED: it runs nowhere for the time being (switched off, or too many signals). FAILED: its script does not compile. */
typedef enum trader_state {
    TRADER_RUNNING,
    TRADER_WARMING,
    TRADER_QUARANTINED,
    TRADER_PAUSED,
    TRADER_FAILED
} trader_state;

typedef struct trader_status {
    const char *trader, *id, *name; /* key, UUID, what it calls itself */
    int32_t interval;
    bool is_enabled;
    const char *description; /* NULL: unknown */
    uint32_t timeframes;     /* bit per interval that it reads beside its own */
    const char *origin;      /* where it is kept: "builtin", "file", "local", "cloud"; NULL: nothing is known of that */
    bool is_editable;
    char version[65];       /* of its script as it is kept; "": unknown */
    const char *parameters; /* JSON list of its declarations; NULL: unknown */
    double cost_us;         /* of an evaluation; NaN: unknown */
    uint64_t n_signals;
    const char *error;  /* why its newest version does not run; NULL: it does */
    const char *inputs; /* JSON object of those that differ from the script's; NULL: unknown */
    trader_state state;
    int32_t have, need;            /* WARMING: bars of those that it needs; need 0: unknown */
    int64_t until_ms;              /* wall clock: end of the pause; 0: none, or unknown */
    uint32_t n_symbols, n_skipped; /* under watch: those that it looks at, and those outside of its `symbols` */
    const char *warning;           /* about symbols that it names; "" or NULL: none */
    uint64_t n_errors, n_kills;
    int64_t first_ms, last_ms;    /* of them, wall clock; 0: none */
    const trader_error_row *last; /* NULL: none */
} trader_status;

/* "running", "warming", "quarantined", "paused", "failed". */
const char *trader_state_name(trader_state state);
/* One object: trader, id, name, description, interval, timeframes, enabled, inputs, parameters, origin, editable, version, cost_us,
 * n_signals, error, state, until, warming {have, need}, symbols, skippedSymbols, warning, errors,
 * kills, firstError, lastErrorAt, lastError
 * {symbol, time, message, line, trace, codeHash}. What is unknown is null. */
void trader_status_write_json(json_writer *w, const trader_status *s);
