/* The lab: one thread on which scripts run that people only try (`check`, first looks, plots, whether a new one compiles), so
 * that neither the loop nor the workers wait for them.
 *
 *   visitor ── enter ──► (waits for its turn) ──► begin ──► step, step, ... (on the lab's thread, done on the loop) ──► leave
 *
 * One visitor at a time, so that the lab costs no more than one thread and one script's memory; between two steps it may wait
 * for something of the loop.
 * Threads: the loop's, but for what a step runs. Ownership: a visitor belongs to whoever entered it, until its end. */
#pragma once
#include "base/errors.h"
#include <uv.h>

typedef struct orchestrator_lab orchestrator_lab;

enum { LAB_WAITING_MAX = 8 };

typedef struct lab_visitor {
    struct lab_visitor *next;              /* the lab's */
    void (*begin)(struct lab_visitor *v);  /* its turn has come */
    void (*cancel)(struct lab_visitor *v); /* it does not come, or there is no next step: the lab closes */
    /* After cancel: frees it. On the lab's thread when its turn had come, so that what belongs to that thread ends there. */
    void (*dispose)(struct lab_visitor *v);
} lab_visitor;

/* While signals are blocked. */
MUST_CHECK err orchestrator_lab_new(uv_loop_t *loop, orchestrator_lab **out);
/* ERR_FULL: too many wait. ERR_CLOSED. Its turn may come within the call. */
MUST_CHECK err orchestrator_lab_enter(orchestrator_lab *l, lab_visitor *v);
/* The visitor whose turn it is: `run` on the lab's thread, then `done` on the loop (or cancel). */
void orchestrator_lab_step(orchestrator_lab *l, void (*run)(lab_visitor *v), void (*done)(lab_visitor *v));
void orchestrator_lab_leave(orchestrator_lab *l);
/* Visitors are cancelled, the one whose step runs when that has ended; then it is freed. May be NULL. */
void orchestrator_lab_close(orchestrator_lab *l);
