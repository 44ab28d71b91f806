/* A trader or an expression over the bars of one symbol, outside of the screener: for the verbs check, eval and explain.
 *
 * All bars are known from the start, and each evaluation sees them cut at the close of its own bar. It is the evaluation
 * of the daemon (script_state_evaluate) on the daemon's indicators; only who decides when to evaluate is another.
 *
 *   probe p = {0};
 *   probe_open(&p, &limits, &why);                     watchdog, guard, registry, state
 *   script_state_load(p.state, 0, source, &spec, &why);
 *   probe_bars_read(&bars, path, interval, mask, &why);
 *   probe_market_new(p.registry, &symbol, 0, &bars, NULL, &market);
 *   for (int32_t i = 0; i < probe_market_count(market, interval); i++) {
 *       probe_market_view(market, interval, i, &view);
 *       script_state_evaluate(p.state, 0, &view, &result, &why);
 *   }
 *
 * Threads: the one that opened the probe. Ownership: everything is the caller's. */
#pragma once
#include "market/kline_file.h"
#include "script/state.h"

/* ---- where scripts run ---- */

typedef struct probe {
    watchdog *dog;
    guard *guard;
    registry *registry;
    script_limits limits;
    script_state *state;
} probe;

/* A zeroed probe becomes usable, or needs probe_close all the same. */
MUST_CHECK err probe_open(probe *p, const script_limits *limits, diag *why);
void probe_close(probe *p);
/* Another state in place of the present one: traders have to be loaded again, ids of indicators stay. */
MUST_CHECK err probe_renew(probe *p, diag *why);

/* ---- bars ---- */

/* Closed bars of one symbol by interval; a list that is not in `mask` is empty. */
typedef struct probe_bars {
    kline_list lists[N_INTERVALS];
    uint32_t mask;
} probe_bars;

/* The bars of a file of `interval`, and those of the larger intervals of `mask` made of them. ERR_INVALID and a sentence
 * when an interval cannot be made. */
MUST_CHECK err probe_bars_read(probe_bars *out, const char *path, int32_t interval, uint32_t mask, diag *why);
void probe_bars_free(probe_bars *bars);

/* Other symbols that a trader refers to, in its order. */
typedef struct probe_references {
    symbol_info symbols[REFERENCES_MAX];
    probe_bars bars[REFERENCES_MAX];
    int32_t count;
} probe_references;

/* Of each name the bars of its file with the smallest interval in `folder`. ERR_NOT_FOUND and a sentence: one has none. */
MUST_CHECK err probe_references_read(probe_references *out, const char *folder, char *const *names, int32_t count,
                                     uint32_t mask, diag *why);
void probe_references_free(probe_references *r);

/* What a trader needs of a folder of kline files: `symbol` by its name, its bars from the file of its smallest interval, those
 * of the references. ERR_NOT_FOUND and a sentence: there is no such file; else as the two above. */
MUST_CHECK err probe_folder_read(const char *folder, const char *symbol, const trader_spec *spec, symbol_info *info,
                                 probe_bars *bars, probe_references *references, diag *why);

/* ---- a market ---- */

typedef struct probe_market probe_market;

/* What part of the bars is known; by default all. */
typedef struct probe_cut {
    int64_t from_ms[N_INTERVALS]; /* bars that open before it are not */
    int64_t to_ms;                /* bars that close after it are not; 0: no end */
} probe_cut;

/* `symbol` is borrowed; `symbol_id`: another one for each symbol that a state sees. `cut` NULL: all bars. ERR_NO_MEMORY,
 * ERR_TOO_BIG. */
MUST_CHECK err probe_market_new(const registry *r, const symbol_info *symbol, uint32_t symbol_id,
                                const probe_bars *bars, const probe_cut *cut, probe_market **out);
/* Its views get these as references, with the same part of the bars. Errors as probe_market_new. */
MUST_CHECK err probe_market_refer(probe_market *m, const registry *r, const probe_references *references,
                                  const probe_cut *cut);
void probe_market_free(probe_market *m);
int32_t probe_market_count(const probe_market *m, int32_t interval);
int64_t probe_market_open_ms(const probe_market *m, int32_t interval, int32_t index);
const kline_series *probe_market_bars(const probe_market *m, int32_t interval);
/* The view at the close of one bar. */
void probe_market_view(probe_market *m, int32_t interval, int32_t index, script_view *view);
/* A timeframe of `mask`, or any bar of a reference, that closes together with the view, but exists nowhere: the daemon
 * does not evaluate there. Its interval, or -1. `symbol` (may be NULL): of the reference; NULL: the market's own. */
int32_t probe_market_stale(const probe_market *m, uint32_t mask, const script_view *view, const char **symbol);
