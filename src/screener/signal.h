/* A signal: a trader matched a symbol at a bar. Plain data; strings that vary in length belong to what holds the row: a
 * list on the heap (signal_row_deinit), or a pass.
 * Ids: UUIDv5(SIGNAL_NAMESPACE, "user|market|trader_id|revision|symbol|interval|open_ms|close"): same bars, same code,
 * same id, in any process, so every later step may be repeated safely. */
#pragma once
#include "abi.h"
#include "market/symbol.h"

#define SIGNAL_NAMESPACE "6d8f2f0c-3f0e-5b7a-9c55-7a1c1f0e9b42"
enum { ID_BYTES = 37, REVISION_BYTES = 65, TRADER_KEY_BYTES = 64, TRADER_NAME_BYTES = 128, SIGNAL_STATUS_BYTES = 16 };

typedef enum signal_side { SIDE_NONE, SIDE_LONG, SIDE_SHORT } signal_side;

/* CONFIRMED: of a bar's close. PROVISIONAL: of a forming bar; at its close it becomes CONFIRMED or WITHDRAWN, in place.
 * HISTORICAL: of the silent pass over the bars before a trader's start; shown, never notified or analysed. */
typedef enum signal_state { SIGNAL_CONFIRMED, SIGNAL_PROVISIONAL, SIGNAL_WITHDRAWN, SIGNAL_HISTORICAL } signal_state;

typedef struct signal_row {
    char id[ID_BYTES];
    char trader_id[ID_BYTES];      /* UUID */
    char trader[TRADER_KEY_BYTES]; /* its id field or file name without .lua: `trader` in JSON */
    char trader_name[TRADER_NAME_BYTES];
    char revision[REVISION_BYTES]; /* SHA-256 of code and inputs */
    char symbol[SYMBOL_BYTES];
    int32_t interval;
    int64_t open_ms;           /* `time` in JSON */
    int64_t close_ms;          /* end of the bar: open time of the next one */
    int64_t created_ms;        /* wall clock, for people */
    double price;              /* close of the bar */
    double change_pct, volume; /* rolling 24 h change in %, NaN when unknown; volume of the bar */
    double score, stop;        /* NaN when the trader gave none */
    double target[8];          /* NaN beyond n_targets */
    int32_t n_targets;
    signal_side side;
    signal_state state;
    char status[SIGNAL_STATUS_BYTES]; /* from storage: new, monitoring, ready, expired, archived; empty: as it begins */
    bool late;
    bool
        is_revised; /* from storage: its bar was corrected, or evaluated again with other values; these are the first */
    char *conditions; /* JSON array of texts; never NULL */
    char *tags;       /* JSON array of texts; never NULL */
    char *values;     /* JSON object {series: value at the bar} of what the conditions have read; NULL: none */
    char *plots;      /* JSON array of the trader's plots with their values at the bar; NULL: none */
    char *prompt; /* what an analysis is to be made of (script_result.prompt); NULL: none is wanted, or it follows */
    bool owes_prompt; /* it follows: see prompt_row */
} signal_row;

/* "confirmed", "provisional", "withdrawn", "historical". */
const char *signal_state_name(signal_state state);
/* How a signal of that state begins: "expired" when nobody is to act upon it, else "new". */
const char *signal_first_status(signal_state state);
/* By name; SIGNAL_CONFIRMED when it is none. */
signal_state signal_state_of(const char *name);
void signal_row_deinit(signal_row *s);
