/* What the actions of `trademind data` share: which series of the history store are meant. */
#pragma once
#include "cli/settings.h"
#include "market/history_folder.h"

enum { DATA_MARKETS = 2 };

typedef enum data_format { DATA_CSV, DATA_JSONL } data_format;

typedef struct data_call {
    settings settings;
    const char *action;
    bool as_json, of_snapshot;
    const char *symbols, *market; /* NULL: all */
    uint32_t intervals;           /* bits; 0: all */
    int64_t from_ms, to_ms;       /* INT64_MIN, INT64_MAX: all */
    data_format format;
    const char *out; /* folder; NULL: stdout */
} data_call;

typedef struct data_series {
    const char *market;
    history_series series;
    char folder[HISTORY_PATH_BYTES];
} data_series;

/* The series that are there and meant, by market, symbol and interval; free `*out`. ERR_INVALID (an option), ERR_NOT_FOUND
 * when there is none, ERR_IO, with a sentence. */
MUST_CHECK err data_choose(const data_call *call, const config *cfg, data_series **out, size_t *count, diag *why);

/* The actions; each returns the exit code. */
int data_list(const data_call *call, const config *cfg);
int data_verify(const data_call *call, const config *cfg);
int data_export(const data_call *call, const config *cfg);
int data_list_snapshot(const data_call *call, const config *cfg);
