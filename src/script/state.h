/* One sandboxed LuaJIT state with the compiled traders of a worker. Calls into Lua are in state.c and loader.c only.
 *
 * The state holds code and nothing that must last: bars, indicator states and edge memory belong to the symbols. A
 * script over its limits kills the state (ERR_RUNAWAY): free it, make a new one, load the traders again; nothing is lost.
 * Threads: one state belongs to one thread, the one that attached the guard.
 * Ownership: the state borrows registry, guard and sources. */
#pragma once
#include "indicator/indicator_set.h"
#include "market/symbol.h"
#include "script/guard.h"
#include "script/trader.h"

typedef struct script_state script_state;

/* ASKED: of traders that have a `prompt` or an `analysis`. Those that say when = "manual" have none in either mode. MANUAL: of all.
 * When they ask for a score, in each of them only of matches that have it. */
typedef enum script_analysis { ANALYSIS_OFF, ANALYSIS_ASKED, ANALYSIS_ALL, ANALYSIS_MANUAL } script_analysis;

typedef struct script_limits {
    int64_t cpu_ms, load_cpu_ms;
    size_t memory_bytes;
    int32_t default_interval; /* of traders that name none */
    bool forces_interval;     /* that one also of those that name another */
    bool is_quiet;            /* what scripts print is dropped */
    script_analysis analysis; /* whose matches are given a prompt */
} script_limits;

/* Where the series of one trader are on one symbol and its references. Made by script_state_evaluate in the place that
 * the view names and kept there for the next call, until columns move; to be freed no later than the series of any of
 * them. */
typedef struct script_binding script_binding;

void script_binding_free(script_binding *b);
/* An evaluation is near: its binding is fetched into the caches; then, once that is there, the newest values of its
 * series. `bars`: of the symbol. NULL: nothing. */
void script_binding_fetch(const script_binding *b);
void script_binding_fetch_values(const script_binding *b, kline_series *const bars[N_INTERVALS]);

/* The series of another symbol, which a trader names in `references`. */
typedef struct script_market {
    kline_series *bars[N_INTERVALS];
    indicator_set *sets[N_INTERVALS];
    const symbol_info *symbol;
    uint32_t symbol_id;
} script_market;

/* What an evaluation looks at: one symbol as of the instant `close_ms`. Only the intervals of the trader are needed.
 *
 * A tick looks at the forming bar, element [count] of the trader's own interval: `open_ms` and `close_ms` are its open
 * time and its end. All other series show their last closed bar. */
typedef struct script_view {
    kline_series *bars[N_INTERVALS];
    indicator_set *sets[N_INTERVALS];
    const symbol_info *symbol;
    uint32_t symbol_id;
    /* In the order of trader_spec.references. NULL: not there, its series read as empty and nothing waits for them. */
    const script_market *references[REFERENCES_MAX];
    int64_t open_ms, close_ms;   /* the bar under evaluation */
    int32_t closed[N_INTERVALS]; /* bars of the symbol that had closed by close_ms, when they have been counted */
    bool has_counted, is_tick;
    const script_ticker *ticker; /* m.ticker; NULL: nil */
    const script_rank *rank;     /* m.rank and m.universe; NULL: nil */
    bool ignores_warmup;         /* dry evaluations */
    bool is_repeat;              /* of an evaluation that has been: what scripts print has been printed */
    script_binding **binding;    /* of this trader on this symbol; NULL: none is kept */
} script_view;

typedef enum script_outcome { SCRIPT_NO_MATCH, SCRIPT_MATCH, SCRIPT_WARMING } script_outcome;

enum { SCRIPT_TARGETS = 8 };

typedef struct script_result {
    script_outcome outcome;
    int32_t have, need; /* SCRIPT_WARMING: bars seen of bars needed, of the series that lacks most */
    int32_t side;       /* 0 none, 1 long, 2 short */
    double score, stop; /* NaN: none */
    double target[SCRIPT_TARGETS];
    int32_t n_targets;
    /* JSON, or NULL; freed by script_result_deinit. conditions, tags: lists of texts when the filter gave its own, or the
     * conditions have functions (then those that held). values: {series: its value at the bar} of what the conditions
     * have read. plots: the trader's plots with their values at the bar. */
    char *conditions, *tags, *values, *plots;
    /* What an analysis is to be made of (script_state_prompt): {system, text, model, temperature, atr, tick, price, side, score,
     * stop, targets, stopPct, targetPct, maxPerDay}; NULL: none is wanted. */
    char *prompt;
    bool gave_table; /* the filter's answer was a table */
    char *fault;     /* what went wrong in script_state_describe: a sentence, or NULL */
} script_result;

void script_result_deinit(script_result *r);

MUST_CHECK err script_state_new(registry *r, guard *g, const script_limits *limits, script_state **out, diag *why);
void script_state_free(script_state *s);

/* Compile a trader at place `index` (>= 0, dense). With `spec` also run it dry over generated bars, so that its
 * indicators are registered and its needs known. ERR_SCRIPT: the sentence says where and why, the state is fine.
 * ERR_RUNAWAY: over the limits, the state is dead. */
MUST_CHECK err script_state_load(script_state *s, int32_t index, const trader_source *source, trader_spec **spec,
                                 diag *why);

/* What the dry evaluation of another state has found out about trader `index`: it waits for all of that on each symbol,
 * whatever it has asked for in this state so far. `spec` is borrowed. Right after script_state_load. */
void script_state_expect(script_state *s, int32_t index, const trader_spec *spec);

/* Traceback of the last ERR_SCRIPT. */
const char *script_state_trace(const script_state *s);
/* After ERR_RUNAWAY: the trader that is to blame; not always the one that ran (memory). */
int32_t script_state_guilty(const script_state *s);
bool script_state_is_dead(const script_state *s);
size_t script_state_memory(const script_state *s); /* bytes in use */
