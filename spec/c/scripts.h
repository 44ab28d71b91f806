/* A script_state for the specs of scripts: registry, watchdog and guard of their own, and a market to look at.
 *
 *   scripts s;
 *   scripts_open(&s, NULL);
 *   scripts_load(&s, 0, "a", "return trader {filter = function(m) return m.close[0] > 0 end}");   -> OK, ERR_...
 *   scripts_run(&s, 0);                                                          -> outcome; s.why has the sentence
 *   scripts_close(&s);
 *
 * The market is the one of dry evaluations: 400 bars of a seeded random walk in each interval.
 * Threads: a scripts belongs to the thread that opened it; any number may share a watchdog. */
#pragma once
#include "script/calls.h"
#include "script/dry_market.h"
#include "script/state.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SCRIPTS_MAX = 32, SCRIPTS_MEMORY = 64 << 20 };

typedef struct scripts {
    watchdog *own_dog;
    registry *registry;
    guard *guard;
    script_limits limits;
    script_state *state;
    dry_market *market;
    trader_source *sources[SCRIPTS_MAX];
    trader_spec *specs[SCRIPTS_MAX];
    script_result result;
    diag why;
} scripts;

static inline void scripts_demand(err e, const char *what) {
    if (e == OK) return;
    printf("Bail out! %s: %s\n", what, error_text(e));
    exit(1);
}

static inline void scripts_new_state(scripts *s) {
    scripts_demand(script_state_new(s->registry, s->guard, &s->limits, &s->state, &s->why), s->why.text);
}

/* `dog` NULL: one of its own. */
static inline void scripts_open(scripts *s, watchdog *dog) {
    uint32_t all = (1u << INTERVAL_1M) | (1u << INTERVAL_5M) | (1u << INTERVAL_1H);
    memset(s, 0, sizeof *s);
    s->limits = (script_limits){
        .cpu_ms = 20, .load_cpu_ms = 500, .memory_bytes = SCRIPTS_MEMORY, .default_interval = INTERVAL_5M};
    if (!dog) scripts_demand(watchdog_start(&s->own_dog), "watchdog");
    scripts_demand(guard_attach(dog ? dog : s->own_dog, &s->guard), "guard");
    scripts_demand(registry_new(&s->registry), "registry");
    scripts_demand(dry_market_new(s->registry, INTERVAL_5M, all, &s->market), "market");
    scripts_new_state(s);
}

/* A fresh state, as the worker makes one after a kill. Traders have to be loaded again. */
static inline void scripts_renew(scripts *s) {
    script_state_free(s->state);
    s->state = NULL;
    scripts_new_state(s);
}

static inline void scripts_close(scripts *s) {
    script_result_deinit(&s->result);
    script_state_free(s->state);
    for (int i = 0; i < SCRIPTS_MAX; i++) {
        trader_spec_free(s->specs[i]);
        trader_source_free(s->sources[i]);
    }
    dry_market_free(s->market);
    registry_free(s->registry);
    guard_detach(s->guard);
    watchdog_stop(s->own_dog);
}

static inline err scripts_load_bytes(scripts *s, int32_t index, const char *chunk, const char *code, size_t bytes,
                                     const char *inputs, bool is_dry) {
    trader_spec_free(s->specs[index]);
    trader_source_free(s->sources[index]);
    s->specs[index] = NULL;
    s->sources[index] = NULL;
    s->why.text[0] = 0;
    err e = trader_source_new("spec", chunk, code, bytes, inputs, &s->sources[index], &s->why);
    if (e != OK) return e;
    return script_state_load(s->state, index, s->sources[index], is_dry ? &s->specs[index] : NULL, &s->why);
}

/* With the dry evaluation. */
static inline err scripts_load(scripts *s, int32_t index, const char *chunk, const char *code) {
    return scripts_load_bytes(s, index, chunk, code, strlen(code), NULL, true);
}

/* Compiled only: for filters that would not survive the dry evaluation. */
static inline err scripts_compile(scripts *s, int32_t index, const char *chunk, const char *code) {
    return scripts_load_bytes(s, index, chunk, code, strlen(code), NULL, false);
}

/* One evaluation at the bar that is `back` before the newest. */
static inline err scripts_run_at(scripts *s, int32_t index, int32_t back) {
    script_view view;
    dry_market_view(s->market, back, &view);
    s->why.text[0] = 0;
    script_result_deinit(&s->result);
    return script_state_evaluate(s->state, index, &view, &s->result, &s->why);
}

static inline err scripts_run(scripts *s, int32_t index) { return scripts_run_at(s, index, 0); }

static inline bool scripts_matches(scripts *s, int32_t index) {
    return scripts_run(s, index) == OK && s->result.outcome == SCRIPT_MATCH;
}

static inline int64_t scripts_cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
