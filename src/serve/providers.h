/* What the server asks the rest of the daemon for. Filled by the orchestrator; called on the loop's thread. */
#pragma once
#include "base/json_writer.h"
#include "serve/health.h"
#include "sync/storage.h"

/* Texts are borrowed until the next call. */
typedef struct serve_status {
    const char *status; /* provisioning, starting, running, paused, stopping, stopped, error */
    uint32_t cpus;
    int64_t uptime_ms;
    bool is_simulated; /* the market is none */
} serve_status;

typedef struct serve_metrics {
    int64_t n_active_signals, queue_depth; /* signals of the last hour; analyses that wait */
    double cpu_pct, memory_pct;            /* of all vCPUs, of the machine: 0..100 */
} serve_metrics;

/* How a request has ended, once, on the loop's thread. OK: `text` is a JSON object for the `ack`, or NULL; else a sentence. */
typedef void (*serve_answer_fn)(void *request, err e, const char *text);
/* What has come of something that was asked. */
typedef struct serve_outcome {
    int status;                /* 200, 201, 204, or that of a problem */
    json_writer *w;            /* below 300: the body, whose text is taken; NULL: none */
    const char *why;           /* of a problem: one sentence */
    const char *member, *json; /* of a problem: one more member, and its value; NULL: none */
} serve_outcome;

/* Whom to tell: exactly once, on the loop's thread, perhaps from inside the call that asked. What is passed is borrowed. */
typedef struct serve_reply {
    void (*done)(void *request, const serve_outcome *outcome);
    void *request;
} serve_reply;

/* A script that somebody brings. Borrowed for the call. */
typedef struct trader_draft {
    const char *key;     /* "": it says so itself */
    const char *source;  /* terminated */
    const char *inputs;  /* a JSON object; NULL: none */
    int32_t enabled;     /* 1, 0; -1: as it says */
    const char *version; /* the one that was edited; NULL: it is new */
} trader_draft;

enum { LOOK_BARS_MAX = 500, LOOK_SYMBOLS_MAX = 1000, KLINES_MAX = 2000, PLOT_BARS_MAX = 1000 };

typedef struct serve_look {
    trader_draft draft;
    char (*symbols)[SYMBOL_BYTES]; /* NULL: all that are screened */
    size_t n_symbols;
    int32_t n_bars;
} serve_look;

typedef struct serve_bars {
    char trader[TRADER_KEY_BYTES]; /* of plots: key or UUID */
    char symbol[SYMBOL_BYTES];
    int32_t interval;  /* -1: the trader's */
    int64_t before_ms; /* only bars that open before it; 0: all */
    uint32_t limit;
} serve_bars;

typedef struct serve_providers {
    void *context;
    void (*status)(void *context, serve_status *out);
    /* Number of components, at most HEALTH_MAX_COMPONENTS. */
    size_t (*health)(void *context, health_component *out);
    /* True when warm; else `why` says what is missing. */
    bool (*ready)(void *context, diag *why);
    /* More members for /api/v1/status; may be NULL. */
    void (*details)(void *context, json_writer *w);
    /* Members that tell of the workers. */
    void (*workers)(void *context, json_writer *w);
    /* The items of a list, each by trader_status_write_json. */
    void (*traders)(void *context, json_writer *w);
    /* As storage_query_signals, storage_query_trader_errors, storage_read. */
    err (*query_signals)(void *context, const signal_filter *filter, storage_signals_fn on_rows, void *rows_context);
    err (*query_trader_errors)(void *context, const trader_error_filter *filter, storage_errors_fn on_rows,
                               void *rows_context);
    err (*read)(void *context, storage_job_fn run, storage_job_done_fn on_done, void *job);
    /* Begin a change, and say why when they cannot: ERR_NOT_FOUND (no such trader), ERR_INVALID (not with these values),
     * ERR_UNSUPPORTED; anything else is "not now". `json` has `enabled` (a boolean), `inputs` (an object), or both; null: as
     * the file says. */
    err (*set_workers)(void *context, int32_t n, diag *why);
    err (*change_trader)(void *context, const char *key, const char *json, diag *why);
    /* What waits goes to where it is kept, now. Answers when it is there, or cannot be for the time being; may be NULL. */
    void (*force_sync)(void *context, serve_answer_fn answer, void *request);
    /* No trader is evaluated any more, or they go on. Answers when it is so, and is kept; may be NULL. */
    void (*set_paused)(void *context, bool is_paused, serve_answer_fn answer, void *request);
    /* Live bars of it are there: its id out. ERR_NOT_FOUND, ERR_UNSUPPORTED (this interval is not watched), and anything else
     * is "not now"; NULL: of nothing. */
    err (*find_klines)(void *context, const char *symbol, int32_t interval, uint32_t *id, diag *why);
    /* The text of /metrics, which is the caller's; ERR_NO_MEMORY. May be NULL. */
    err (*metrics)(void *context, char **text, size_t *bytes);
    /* Somebody says that traders have changed where they come from, and perhaps (`traders`, a JSON list; NULL: not) what of them.
     * Writes members of the answer; may be NULL. */
    void (*update_traders)(void *context, const char *traders, json_writer *w);

    /* What takes its time. Any of them may be NULL: not of this machine. The trader is named by key or UUID. */
    void (*get_trader)(void *context, const char *key, serve_reply reply);
    void (*create_trader)(void *context, const trader_draft *draft, serve_reply reply);
    void (*replace_trader)(void *context, const char *key, const trader_draft *draft, serve_reply reply);
    void (*remove_trader)(void *context, const char *key, serve_reply reply);
    void (*validate_trader)(void *context, const trader_draft *draft, serve_reply reply);
    void (*look)(void *context, const serve_look *look, serve_reply reply);
    void (*klines)(void *context, const serve_bars *bars, serve_reply reply);
    void (*plots)(void *context, const serve_bars *bars, serve_reply reply);
    void (*symbols)(void *context, serve_reply reply);
    /* By its id. */
    void (*analyze_signal)(void *context, const char *signal, serve_reply reply);
} serve_providers;
