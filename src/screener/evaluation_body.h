/* The inside of an evaluation, shared by evaluation.c, signal_making.c and late_prompt.c and by nobody else.
 * Threads: the worker's. */
#pragma once
#include "screener/evaluation.h"
#include <stdatomic.h>

/* The worker is the only writer of its counters: no locked instruction needed. */
#define EVALUATION_COUNT(e, field, n) \
    atomic_store_explicit(&(e)->stats->field, atomic_load_explicit(&(e)->stats->field, memory_order_relaxed) + (n), \
                          memory_order_relaxed)

/* A trader has failed on the symbol of `t`: it is told, and stopped when it is time. `kind` says how. */
void evaluation_fault(evaluation *e, int32_t index, const tracked *t, const script_view *view, const diag *why,
                      trader_error_kind kind);
/* Compiles the trader into this worker's state when it is not there yet: it is new, or was stopped when the state was
 * made. What does not compile here did elsewhere a moment ago; it is told and stopped like any failure: ERR_SCRIPT, or
 * ERR_RUNAWAY. */
MUST_CHECK err evaluation_load(evaluation *e, tracked *t, int32_t index, const script_view *view);
