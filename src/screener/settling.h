/* What a worker does with a symbol after bars have been applied: evaluate, let bars in that had to wait, ask for what is missing.
 * Threads: the worker's. Running out of memory makes the worker fail. */
#pragma once
#include "screener/worker_body.h"

/* An evaluation as of now. */
evaluation settling_begin(worker *w, int64_t received_ns);
/* All of them, with a new state whenever one is killed. */
void settling_evaluate(worker *w, evaluation *all, tracked *const *symbols, int32_t n);
void settling_look_at_forming(worker *w, tracked *t, int32_t interval, int64_t received_ns);
/* One of the prompts that are owed; false: none is. */
bool settling_make_prompt(worker *w);
/* Those that need what is about to change; the others can wait. */
void settling_make_prompts(worker *w, bool (*concerns)(const owed_prompt *one, const void *what), const void *what);
void settling_settle(worker *w, tracked *t, int64_t received_ns);
/* The second half of settling_settle, when the symbol has been evaluated. */
void settling_follow(worker *w, tracked *t, int64_t received_ns);
/* Symbols that wait for something. */
void settling_wake(worker *w, int64_t received_ns);
/* What waits in the batch is evaluated. */
void settling_end_batch(worker *w);
/* From which bar on a bar of the symbol must wait. Past bars come in bulk, and fill a gap that others wait behind. */
int64_t settling_hold_ms(const worker *w, const tracked *t, int32_t interval, bool is_past);
void settling_send_wants(worker *w, tracked *t);
/* What the symbol costs, for whoever spreads the symbols over the workers. */
void settling_charge(worker *w, const tracked *t, int64_t spent_ns);
void settling_charge_since(worker *w, const tracked *t, int64_t start_ns);
